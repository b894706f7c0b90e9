"""The official status pages: one file for each form that they have."""
