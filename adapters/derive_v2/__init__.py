"""Derive V2: subaccounts of options, perps and collateral under three margin rules."""
