"""A little of a candidate, tried in a state for its slopes."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.planning.candidates import Candidate, Done
from aggregator.planning.prices import NOTHING_USD, cost_usd
from aggregator.risk.copies import Copy

SHARE = 1e-4
"""Of what there can be at most: how much is tried."""

LARGER = (10.0, 100.0, 1_000.0)
"""Times as much is tried where a venue takes no less."""

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
    wanted = min(max(SHARE * one.most_usd, LEAST_USD), MOST_USD)
    raw = max(1, one.raw(wanted))
    there = at.fork()
    if isinstance(one.do(there, raw), Done):
        return Trial(raw * one.unit_usd, there, at)
    counterpart = one.counterpart
    if counterpart is not None and isinstance(counterpart.do(there, raw), Done):
        return Trial(-raw * one.unit_usd, there, at)
    base = at if one.margin is None else one.prepared(at)
    there = base.fork()
    for more in LARGER if base is at else (1.0, *LARGER):
        raw = max(1, one.raw(wanted * more))
        if isinstance(one.do(there, raw), Done):
            return Trial(raw * one.unit_usd, there, base)
    return None
