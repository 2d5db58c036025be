"""Strings and numbers to integer arrays. NumPy only, no torch."""
