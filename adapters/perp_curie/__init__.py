"""Perpetual Protocol Curie: cross-margined perpetuals on virtual Uniswap V3 pools, takers and makers."""
