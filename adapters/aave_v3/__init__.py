"""Aave V3 and its forks: supplied and borrowed assets, and the pool's own health factor."""
