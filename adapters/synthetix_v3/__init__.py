"""Synthetix V3 perps: accounts as NFTs, each with several markets and collaterals, margined together."""
