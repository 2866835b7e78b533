"""Prices and amounts of Uniswap V3 ranges, in its integers: root prices have 96 binary places.

Sources: TickMath.sol of npm `@uniswap/v3-core` 1.0.1 and LiquidityAmounts.sol of `@uniswap/v3-periphery`,
rounding included.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import cache
from math import isqrt, log

Q96 = 2**96
MAX_TICK = 887_272
MIN_ROOT, MAX_ROOT = 4_295_128_739, 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342


@cache
def _steps() -> tuple[int, ...]:
    """1.0001^(-2^i / 2) with 128 binary places, to the nearest: what TickMath multiplies with."""
    with localcontext() as context:
        context.prec = 100
        factor = 1 / Decimal("1.0001").sqrt()
        steps = []
        for _ in range(20):
            steps.append(round(factor * 2**128))
            factor *= factor
        return tuple(steps)


@cache
def root_at_tick(tick: int) -> int:
    """The root price at a tick (`getSqrtRatioAtTick`); raises ValueError beyond the outermost ticks."""
    if abs(tick) > MAX_TICK:
        raise ValueError(f"tick {tick} is beyond {MAX_TICK}")
    ratio = 2**128
    for i, step in enumerate(_steps()):
        if abs(tick) >> i & 1:
            ratio = ratio * step >> 128
    if tick > 0:
        ratio = (2**256 - 1) // ratio
    return -(-ratio >> 32)


def tick_at_root(root: int) -> int:
    """The greatest tick whose root price is not above this one (`getTickAtSqrtRatio`).

    Raises ValueError beyond what a pool can have.
    """
    if not MIN_ROOT <= root < MAX_ROOT:
        raise ValueError(f"a root price of {root}")
    tick = max(-MAX_TICK, min(MAX_TICK - 1, round(log(root / Q96) * 2 / log(1.0001))))
    while root_at_tick(tick) > root:
        tick -= 1
    while root_at_tick(tick + 1) <= root:
        tick += 1
    return tick


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
