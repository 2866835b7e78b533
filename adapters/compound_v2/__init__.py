"""Compound V2, Venus' core pool and forks of them."""
