"""Price impact of closing a position whole.

Source: PositionPricingUtils.sol and PricingUtils.sol of github gmx-io/gmx-synthetics.
"""

from __future__ import annotations

from adapters.gmx_v2.accrual import elapsed
from adapters.gmx_v2.fixed_point import apply_exponent, apply_factor
from adapters.gmx_v2.state import Impact, Market, Pair, Prices


def closing_impact(
    market: Market,
    index: Pair,
    is_long: bool,
    size_usd: int,
    size_tokens: int,
) -> tuple[int, bool]:
    """What closing adds to (> 0) or takes from a position in USD, and whether the balance improves.

    Not limited yet: see `limited`.
    """
    closed = size_tokens * index.mid if market.tokens_for_balance else size_usd
    longs, shorts = market.balance(True, index.mid), market.balance(False, index.mid)  # noqa: FBT003
    own, improved = _impact(market.impact, longs, shorts, is_long, closed)
    virtual = market.impact.virtual
    if own >= 0 or virtual is None:
        return own, improved
    usd = virtual * index.mid if market.tokens_for_balance else virtual
    # Both are raised by what is closed, which changes no difference.
    longs, shorts = max(0, -usd) + closed, max(0, usd) + closed
    shared, shared_improved = _impact(market.impact, longs, shorts, is_long, closed)
    return (shared, shared_improved) if shared < own else (own, improved)


def _impact(
    terms: Impact,
    longs: int,
    shorts: int,
    is_long: bool,
    closed: int,
) -> tuple[int, bool]:
    next_longs = max(0, longs - closed) if is_long else longs
    next_shorts = shorts if is_long else max(0, shorts - closed)
    before, after = abs(longs - shorts), abs(next_longs - next_shorts)
    improved = after < before
    positive = min(terms.positive_factor, terms.negative_factor)
    exponent = min(terms.positive_exponent, terms.negative_exponent)
    if (longs <= shorts) == (next_longs <= next_shorts):
        if not improved:
            positive, exponent = terms.negative_factor, terms.negative_exponent
        change = abs(_powered(before, positive, exponent) - _powered(after, positive, exponent))
        return (change if improved else -change), improved
    gained = _powered(before, positive, exponent)
    lost = _powered(after, terms.negative_factor, terms.negative_exponent)
    return gained - lost, improved


def _powered(imbalance: int, factor: int, exponent: int) -> int:
    return apply_factor(apply_exponent(imbalance, exponent), factor)


def limited(terms: Impact, impact: int, size_usd: int) -> int:
    """An impact of closing whose gain is no more than a part of the size."""
    most = apply_factor(size_usd, min(terms.max_positive, terms.max_negative))
    return min(impact, most) if impact >= 0 else impact


def pending_usd(amount: int, index: Pair) -> int:
    """The impact of opening, kept in index tokens, which is paid on closing: to the owner's disadvantage."""
    return amount * (index.low if amount > 0 else index.high)


def impact_pool(market: Market, time: int) -> int:
    """The pool of price impact, in index tokens, after what is handed to the pool as time goes by."""
    pool = market.pool
    if not pool.impact_rate or pool.impact_amount <= pool.impact_minimum:
        return pool.impact_amount
    handed = apply_factor(elapsed(pool.impact_distributed_at, time), pool.impact_rate)
    return pool.impact_amount - min(handed, pool.impact_amount - pool.impact_minimum)


def payable(market: Market, prices: Prices, impact: int, size_usd: int, time: int) -> int:
    """Of a gain from closing and opening together what is paid: limited, and no more than there is for it."""
    pool = market.pool
    gain = limited(market.impact, impact, size_usd)
    there = impact_pool(market, time) * prices.index.low
    if gain <= there:
        return gain
    worth = market.pool_usd(True, prices) + market.pool_usd(False, prices)  # noqa: FBT003
    most = min(apply_factor(worth, pool.lendable_factor), pool.lendable_usd)
    return min(gain, there + max(0, most - pool.impact_lent * prices.index.high))
