"""What a trade depends on: a market's terms in round 2, its pool and the ticks within reach in round 3."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

from adapters.perp_curie import calls
from adapters.perp_curie.calls import MarketInfo, TickInfo
from adapters.perp_curie.pool import TICK_SECONDS, Pool
from adapters.perp_curie.swap import Depth
from adapters.perp_curie.system import System
from aggregator.contract import Read, attempt, both
from aggregator.model.errors import MalformedReply, ReadError
from aggregator.model.readings import Block
from aggregator.model.rules import WAD
from aggregator.model.units import Address
from aggregator.pricing.concentrated import MAX_ROOT, MAX_TICK, MIN_ROOT, Q96, tick_at_root

MARGIN = 1_000
"""The pool may be so many ticks (10%) from the mark price: ticks around that are asked for with the pool."""
MOST_TICKS_READ = 500
SPACINGS = {500: 10, 3_000: 60, 10_000: 200}
"""Ticks between which a pool of a fee may have liquidity, by what Uniswap's factory began with."""


def pool(at: System, wallet: Address, base: Address, block: Block) -> Read[Pool | None]:
    """A market's terms of trade; None where they can't be told.

    So it is where a contract does not answer, where a pool has more ticks within reach than are read, or is
    further from the mark price. An account is read without them, for its own health does not depend on them.
    Raises MalformedReply where they contradict each other.
    """
    [info], [most, mark] = yield from both(
        attempt([calls.OWN_MARKET_INFO.at(at.registry, wallet, base)]),
        attempt([calls.MOST_TICKS.at(at.exchange, base), calls.MARK_PRICE.at(at.account_balance, base)]),
    )
    if isinstance(info, ReadError) or isinstance(most, ReadError) or isinstance(mark, ReadError):
        return None
    known, spacing = _reach(mark, most), SPACINGS.get(info.uniswap_fee_ratio)
    if known is None or spacing is None or (known[1] - known[0]) // spacing > MOST_TICKS_READ:
        return None
    ticks = range(-(-known[0] // spacing) * spacing, known[1] + 1, spacing)
    ([slot], [liquidity, found, index]), ([observed], replies) = yield from both(
        both(
            attempt([calls.SLOT.at(info.pool)]),
            attempt(
                [
                    calls.LIQUIDITY.at(info.pool),
                    calls.TICK_SPACING.at(info.pool),
                    calls.INDEX_PRICE.at(base, 0),
                ]
            ),
        ),
        both(
            attempt([calls.OBSERVE.at(info.pool, tuple(range(TICK_SECONDS + 1)))]),
            attempt([calls.TICK.at(info.pool, tick) for tick in ticks]),
        ),
    )
    if isinstance(slot, ReadError) or isinstance(liquidity, ReadError) or isinstance(index, ReadError):
        return None
    told = [one for one in replies if not isinstance(one, ReadError)]
    if found != spacing or len(told) != len(replies) or not known[0] <= slot.tick <= known[1]:
        return None
    recent = None if isinstance(observed, ReadError) else _recent(observed[0], slot.tick, block.timestamp)
    try:
        depth = Depth(slot.tick, liquidity, spacing, *known, _crossings(ticks, told))
        return _pool(info, depth, most, index, recent)
    except ValueError as error:
        raise MalformedReply(calls.SLOT.at(info.pool).origin, str(error)) from error


def _pool(
    info: MarketInfo, depth: Depth, most: int, index: int, recent: tuple[tuple[int, int], ...] | None
) -> Pool:
    return Pool(
        depth=depth,
        exchange_fee=info.exchange_fee_ratio,
        uniswap_fee=info.uniswap_fee_ratio,
        insurance_share=info.insurance_fee_ratio,
        most_ticks=most,
        most_spread=info.max_price_spread_ratio,
        index=index,
        recent=recent,
    )


def _recent(cumulative: Sequence[int], present: int, time: int) -> tuple[tuple[int, int], ...] | None:
    """The ticks before each of the last seconds, other than the present one, with the last such second."""
    if len(cumulative) != TICK_SECONDS + 1:
        return None
    last: dict[int, int] = {}
    for i in range(TICK_SECONDS):
        last.setdefault(cumulative[i] - cumulative[i + 1], time - i)
    last.pop(present, None)
    return tuple(sorted(last.items()))


def _reach(mark: int, most: int) -> tuple[int, int] | None:
    """The ticks that are asked for, from and to; None for a mark price that no pool can have."""
    root = isqrt(mark * Q96**2 // WAD)
    if not MIN_ROOT <= root < MAX_ROOT:
        return None
    tick = tick_at_root(root)
    return max(-MAX_TICK, tick - most - MARGIN), min(MAX_TICK, tick + most + MARGIN)


def _crossings(ticks: range, replies: Sequence[TickInfo]) -> tuple[tuple[int, int], ...]:
    return tuple((tick, one.net) for tick, one in zip(ticks, replies, strict=True) if one.initialized)
