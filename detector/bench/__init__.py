"""
Measures the detector: false incidents, delays beside a clairvoyant's and beside rivals', cost.

Nothing in the product imports this package (checked by import-linter).
"""
