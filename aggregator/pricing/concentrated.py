"""Concentrated liquidity in the integers of Uniswap V3: ticks, amounts of ranges, one step of a swap.

A root price is the root of token 1 per token 0, in their smallest units, with 96 binary places. Source:
TickMath.sol, SqrtPriceMath.sol and SwapMath.sol of npm `@uniswap/v3-core` 1.0.1, rounding included.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cache
from math import floor, log

Q96 = 2**96
MILLION = 10**6
MAX_TICK = 887_272
MIN_ROOT, MAX_ROOT = 4_295_128_739, 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342
"""The root prices at the outermost ticks: a pool's is at least the first and below the second."""
_WORD = 2**256


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
    """The last tick whose root price is not above (`getTickAtSqrtRatio`); ValueError where no pool's is."""
    if not MIN_ROOT <= root < MAX_ROOT:
        raise ValueError(f"a root price of {root} is none of a pool")
    tick = max(-MAX_TICK, min(MAX_TICK - 1, floor(2 * log(root / Q96) / log(1.0001))))
    while root_at_tick(tick) > root:
        tick -= 1
    while root_at_tick(tick + 1) <= root:
        tick += 1
    return tick


def amount_0(lower: int, upper: int, liquidity: int, *, up: bool = False) -> int:
    """Token 0 between two root prices, 0 < lower <= upper (`getAmount0Delta`)."""
    product = (liquidity << 96) * (upper - lower)
    return _ceil(_ceil(product, upper), lower) if up else product // upper // lower


def amount_1(lower: int, upper: int, liquidity: int, *, up: bool = False) -> int:
    """Token 1 between two root prices, lower <= upper (`getAmount1Delta`)."""
    product = liquidity * (upper - lower)
    return _ceil(product, Q96) if up else product // Q96


def root_after(root: int, liquidity: int, paid: int, *, sells_0: bool) -> int:
    """The root price once so much more of a token is in the range (`getNextSqrtPriceFromInput`).

    `liquidity` > 0. Rounded so that the pool keeps enough.
    """
    if not sells_0:
        return root + (paid << 96) // liquidity
    if paid == 0:
        return root
    held, product = liquidity << 96, paid * root
    if product < _WORD and held + product < _WORD:
        return _ceil(held * root, held + product)
    return _ceil(held, held // root + paid)  # where the contract's product would overflow


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a swap: where the price is then, and what was paid, received and kept as a fee."""

    root: int
    paid: int
    received: int
    fee: int


def swap_step(root: int, target: int, liquidity: int, left: int, fee: int) -> Step:
    """Sell at most `left` while the root price goes to `target` at most (`computeSwapStep`, exact input).

    Token 0 is sold where `target` is not above `root`. `fee` in millionths, below one; it is not part of
    `paid`, and takes what is left where the target is not reached.
    """
    sells_0 = target <= root
    net = left * (MILLION - fee) // MILLION
    if sells_0:
        whole = amount_0(target, root, liquidity, up=True)
    else:
        whole = amount_1(root, target, liquidity, up=True)
    reached = target if net >= whole else root_after(root, liquidity, net, sells_0=sells_0)
    if sells_0:
        paid = whole if reached == target else amount_0(reached, root, liquidity, up=True)
        received = amount_1(reached, root, liquidity)
    else:
        paid = whole if reached == target else amount_1(root, reached, liquidity, up=True)
        received = amount_0(root, reached, liquidity)
    kept = _ceil(paid * fee, MILLION - fee) if reached == target else left - paid
    return Step(reached, paid, received, kept)


def _ceil(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
