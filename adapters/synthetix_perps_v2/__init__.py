"""Synthetix Perps V2, the engine of Kwenta: isolated margin accounts, one per market and wallet."""
