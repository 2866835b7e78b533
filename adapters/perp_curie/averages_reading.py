"""What the averages behind marks and collateral prices are made of: sums over time in round 3."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.perp_curie import calls
from adapters.perp_curie.averages import MARK_SECONDS, STEP, Averages, Track
from adapters.perp_curie.system import System
from aggregator.contract import Read, ask, attempt, both
from aggregator.model.errors import CallReverted, MalformedReply, ReadError
from aggregator.model.readings import Block
from aggregator.model.units import Address

INDEX_STEP = 30
"""Seconds between two sums of an index, each of which is a call."""
MOST_STRETCHES = 120
"""So many stretches are asked for at most, however long a mean is."""


def averages(at: System, base: Address, block: Block) -> Read[Averages | None]:
    """A market's averages; None where a contract does not tell them, as of a market that is too young.

    Raises MalformedReply where they contradict each other.
    """
    [config], [interval, rate], [info] = yield from _settings(at, base)
    if isinstance(config, CallReverted):
        return None
    if isinstance(config, ReadError):
        raise config.with_traceback(None)
    market, premium = config
    if min(market, premium, interval) <= 0:
        return None
    ago = _ago(max(market, premium, interval), STEP, (*range(MARK_SECONDS), market, premium, interval))
    index_ago = _ago(max(premium, interval), INDEX_STEP, (0, premium, interval))
    ([slot], [observed]), prices = yield from both(
        both(attempt([calls.SLOT.at(info)]), attempt([calls.OBSERVE.at(info, tuple(ago))])),
        attempt([calls.INDEX_PRICE.at(base, seconds) for seconds in index_ago]),
    )
    known = _all(prices)
    if isinstance(slot, ReadError) or isinstance(observed, ReadError) or known is None:
        return None
    if len(observed[0]) != len(ago):
        where = calls.OBSERVE.at(info, ()).origin
        raise MalformedReply(where, f"{len(observed[0])} sums of {len(ago)}")
    ticks = Track(_sums(block, ago, observed[0]), slot.tick).stepped()
    try:
        index = track(block, index_ago, known)
        return Averages(ticks, index, slot.root, market, premium, interval, rate)
    except ValueError as error:
        raise MalformedReply(calls.INDEX_PRICE.at(base, 0).origin, str(error)) from error


def _settings(
    at: System, base: Address
) -> Read[tuple[list[tuple[int, int] | ReadError], list[int], list[Address]]]:
    config, (shared, [info]) = yield from both(
        attempt([calls.MARK_INTERVALS.at(at.config)]),
        both(
            ask([calls.TWAP_INTERVAL.at(at.config), calls.MAX_FUNDING_RATE.at(at.config)]),
            ask([calls.MARKET_INFO.at(at.registry, base)]),
        ),
    )
    return config, shared, [info.pool]


def collateral(at: System, token: Address, seconds: int, block: Block) -> Read[Track | None]:
    """The price of a collateral over so many seconds; None where its feed does not tell it."""
    ago = _ago(seconds, INDEX_STEP, (0, seconds))
    prices = yield from attempt([calls.COLLATERAL_PRICE.at(at.collateral_manager, token, one) for one in ago])
    known = _all(prices)
    return None if known is None else track(block, ago, known)


def track(block: Block, ago: Sequence[int], means: Sequence[int]) -> Track:
    """A price from its means of so many seconds, the first of none: the last price."""
    sums = _sums(block, ago, [-one * mean for one, mean in zip(ago, means, strict=True)])
    return Track(sums, means[0]).stepped()


def _ago(longest: int, step: int, also: Sequence[int]) -> list[int]:
    """Seconds before the block, from none on."""
    step = max(step, -(-longest // MOST_STRETCHES))
    return sorted({*also, *range(0, longest, step), longest})


def _sums(block: Block, ago: Sequence[int], sums: Sequence[int]) -> tuple[tuple[int, int], ...]:
    told = zip(ago, sums, strict=True)
    return tuple(sorted((block.timestamp - one, total) for one, total in told))


def _all(replies: Sequence[int | ReadError]) -> list[int] | None:
    """The replies; None where one was refused. Raises what else failed."""
    known: list[int] = []
    for one in replies:
        if isinstance(one, CallReverted):
            return None
        if isinstance(one, ReadError):
            raise one.with_traceback(None)
        known.append(one)
    return known
