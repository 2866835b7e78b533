"""Kwenta's smart margin accounts: contracts that hold perpetuals of Synthetix Perps V2 for an owner."""
