"""Instadapp: DeFi smart accounts (DSA) and their authorities."""
