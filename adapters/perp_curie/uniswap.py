"""What ranges of liquidity hold, and the root price after a price has moved.

Source: LiquidityAmounts.sol of npm `@uniswap/v3-periphery`, rounding included.
"""

from __future__ import annotations

from math import isqrt

from aggregator.pricing.concentrated import MAX_ROOT, MIN_ROOT, Q96


def moved(root: int, price: int, present: int) -> int:
    """The root price after the price went from `present` (> 0) to `price`; within what a pool can have."""
    if price == present:
        return root
    return max(MIN_ROOT, min(MAX_ROOT - 1, isqrt(root * root * price // present)))


def base_amount(root: int, lower: int, upper: int, liquidity: int) -> int:
    """Base that a range holds where the pool is at `root`: what is above it (`getAmount0ForLiquidity`)."""
    start = max(root, lower)
    if start >= upper:
        return 0
    return (liquidity << 96) * (upper - start) // upper // start


def quote_amount(root: int, lower: int, upper: int, liquidity: int) -> int:
    """Quote that a range holds where the pool is at `root`: what is below it (`getAmount1ForLiquidity`)."""
    end = min(root, upper)
    if end <= lower:
        return 0
    return liquidity * (end - lower) // Q96
