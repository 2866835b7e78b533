"""Prices without I/O: one market mark per asset; options, their volatilities and smiles."""
