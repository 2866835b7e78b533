"""Compound V3 (Comet): one base asset to lend or borrow, collateral beside it."""
