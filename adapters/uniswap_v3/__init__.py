"""Uniswap V3: pools of two tokens in which liquidity is concentrated, and exact swaps in them."""
