"""A little of a candidate, tried in a state for its slopes."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.planning.candidates import Candidate, Done
from aggregator.planning.prices import NOTHING_USD, cost_usd
from aggregator.risk.copies import Copy

SHARE = 1e-4
"""Of what there can be at most: how much is tried."""

DEPOSIT_SHARE = 1e-2
"""Of a deposit more: the first of a new asset may cost a basis point of all, where a mean is rounded down."""

LARGER = (10.0, 100.0, 1_000.0)
"""Times as much is tried where a venue takes no less."""

SMALLER = (0.1, 0.01, 0.001)
"""Times as much is tried of a deposit where a venue takes no more, below a cap."""

LEAST_USD, MOST_USD = 0.01, 1_000.0

_TRADES = ("reduce", "hedge")


@dataclass(frozen=True, eq=False, slots=True)
class Trial:
    """So many dollars more of a candidate lead from the state `base` to `there`; less than 0: so many less.

    `base` is the state in which it was asked for, or one with margin enough where a venue asks for more.
    """

    usd: float
    there: Copy
    base: Copy


def trial(at: Copy, one: Candidate) -> Trial | None:
    """How a candidate changes a state, or one near it; None where it can't be done.

    What is paid however little is done is no slope: where there is some, the two states are those after a
    little and after twice as much.
    """
    found = _little(at, one)
    if found is None or one.kind not in _TRADES or found.usd < 0.0:
        return found
    further = found.base.fork()
    if not isinstance(one.do(further, 2 * round(found.usd / one.unit_usd)), Done):
        return found
    fixed_usd = 2.0 * cost_usd(found.base, found.there) - cost_usd(found.base, further)
    return Trial(found.usd, further, found.there) if fixed_usd > NOTHING_USD else found


def _little(at: Copy, one: Candidate) -> Trial | None:
    """A little more of a candidate, or a little less of its counterpart; None where neither can be."""
    share = DEPOSIT_SHARE if one.kind == "deposit" else SHARE
    wanted = min(max(share * one.most_usd, LEAST_USD), MOST_USD)
    raw = max(1, one.raw(wanted))
    there = at.fork()
    if isinstance(one.do(there, raw), Done):
        return Trial(raw * one.unit_usd, there, at)
    counterpart = one.counterpart
    if counterpart is not None and isinstance(counterpart.do(there, raw), Done):
        return Trial(-raw * one.unit_usd, there, at)
    base = at if one.margin is None else one.prepared(at)
    there = base.fork()
    times = LARGER if base is at else (1.0, *LARGER)
    for other in (*times, *SMALLER) if one.kind == "deposit" else times:
        raw = max(1, one.raw(wanted * other))
        if isinstance(one.do(there, raw), Done):
            return Trial(raw * one.unit_usd, there, base)
    return None
