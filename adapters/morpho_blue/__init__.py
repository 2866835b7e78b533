"""Morpho Blue: isolated lending markets of one collateral and one loan asset each."""
