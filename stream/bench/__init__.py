"""Measurements of the running system, by `outcry bench`; nothing of the product imports them."""
