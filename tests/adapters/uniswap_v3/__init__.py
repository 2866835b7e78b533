"""Tests of the exchange uniswap_v3."""
