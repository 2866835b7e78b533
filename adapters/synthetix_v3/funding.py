"""When a market's funding was last recomputed, worked out from its latest events.

No view tells it, but a liquidation price needs it: what accrued since then follows the price, what accrued
before does not. Funding is recomputed where an order is committed, whose event says the time, and where a
trade or liquidation is done, whose event says the rate: the rate since has grown by its velocity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from adapters.synthetix_v3 import calls
from adapters.synthetix_v3.calls import Summary
from adapters.synthetix_v3.market import DAY_SECONDS
from aggregator.contract import Log
from aggregator.model.fixed_point import divide, multiply
from aggregator.model.rules import WAD


class Recomputed(NamedTuple):
    """The funding rate per day as recomputed at a time; `known` is False where no event tells."""

    rate: int
    time: int
    known: bool


class Latest(NamedTuple):
    """What the last event of a market says: the time, or the rate, of the recomputation."""

    time: int | None
    rate: int | None


def latest_of(updated: Sequence[Log], committed: Sequence[Log]) -> dict[int, Latest]:
    """The last event of each market; raises MalformedReply on a log that is none of the two events."""
    found: dict[int, tuple[tuple[int, int], Latest]] = {}
    marks = [
        (log, Latest(None, (e := calls.MARKET_UPDATED.decode(log)).funding_rate), e.market) for log in updated
    ]
    marks += [
        (log, Latest((o := calls.ORDER_COMMITTED.decode(log)).commitment_time, None), o.market)
        for log in committed
    ]
    for log, latest, market in marks:
        place = (log.block_number, log.log_index)
        if market not in found or place > found[market][0]:
            found[market] = (place, latest)
    return {market: latest for market, (_, latest) in found.items()}


def recomputed(summary: Summary, latest: Latest | None, time: int) -> Recomputed:
    """The last recomputation before `time`; where none is known, as if it were now."""
    rate, velocity = summary.funding_rate, summary.funding_velocity
    now = Recomputed(rate, time, known=rate == 0 and velocity == 0)
    if latest is None:
        return now
    if latest.time is not None:
        if not 0 < latest.time <= time:
            return now
        days = divide(time - latest.time, DAY_SECONDS)
        return Recomputed(rate - multiply(velocity, days), latest.time, known=True)
    # With less than a unit a second the rate does not tell one second from another.
    if latest.rate is None or abs(velocity) < DAY_SECONDS:
        return now
    days = (rate - latest.rate) * WAD // velocity
    seconds = round(days * DAY_SECONDS / WAD)
    # With the velocity of another time the seconds would not lead back to the rate.
    if (
        not 0 <= seconds <= time
        or abs(latest.rate + multiply(velocity, divide(seconds, DAY_SECONDS)) - rate) > 1
    ):
        return now
    return Recomputed(latest.rate, time - seconds, known=True)
