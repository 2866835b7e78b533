"""Prices without I/O: one market mark per asset, and option values."""
