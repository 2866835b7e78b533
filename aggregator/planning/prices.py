"""What a candidate costs by how much of it is done: sampled from the exact rules and markets."""

from __future__ import annotations

from aggregator.planning.candidates import Candidate, Done
from aggregator.planning.limits import Charges
from aggregator.planning.program import Segment, Variable
from aggregator.planning.worth import worth_usd
from aggregator.risk.copies import Copy

SMALLEST_USD = 100.0
STEPS = 4.0
"""Each sample is so many times the one before."""

NOTHING_USD = 0.005
"""What rounding makes of a cost that is none."""

SAME_SLOPE = 1e-7

_FREE = ("repay", "deposit", "withdraw", "transfer")


def variable(start: Copy, one: Candidate, charges: Charges, *, bundled: bool = False) -> Variable:
    """A candidate as a variable in USD: its costs are convex and linear between samples, its gas is fixed.

    `bundled`: what is taken out and sold is part of a bundle, and its gas with it. What is sampled is refused
    beyond some amount where a market is too small: that is the most of it then.
    """
    chain = start.accounts[one.account_id].chain
    gas = 0.0 if bundled and one.kind in ("withdraw", "swap") else charges.gas(chain)
    samples = [] if one.kind in _FREE else _samples(start, one)
    if not samples:
        return Variable(one.name, one.most_usd, (Segment(one.most_usd, 0.0),), gas)
    fixed = _fixed(samples)
    segments: list[Segment] = []
    done, paid, steepest = 0.0, fixed, 0.0
    for usd, cost in samples:
        slope = (cost - paid) / (usd - done)
        if segments and slope <= steepest + SAME_SLOPE:  # the same to rounding, or less by it
            segments[-1] = Segment(segments[-1].width + usd - done, steepest)
        else:
            steepest = max(slope, steepest)
            segments.append(Segment(usd - done, steepest))
        done, paid = usd, cost
    return Variable(one.name, done, tuple(segments), gas + fixed)


def cost_usd(before: Copy, after: Copy) -> float:
    """What is missing of the accounts that a step touches, at their marks; what rounding leaves is none."""
    touched = {name for name, account in after.accounts.items() if before.accounts.get(name) is not account}
    lost = worth_usd(before, touched) - worth_usd(after, touched)
    return lost if abs(lost) > 1e-9 else 0.0


def _samples(start: Copy, one: Candidate) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    usd = min(SMALLEST_USD, one.most_usd)
    while True:
        raw = max(1, one.raw(usd))
        after = start.fork()
        if not isinstance(one.do(after, raw), Done):
            return found
        found.append((raw * one.unit_usd, cost_usd(start, after)))
        if raw >= one.most or usd >= one.most_usd:  # a float of all of it may be a unit less
            return found
        usd = min(one.most_usd, usd * STEPS)


def _fixed(samples: list[tuple[float, float]]) -> float:
    """What is paid however little is done: what a line through the first two leaves at nothing."""
    if len(samples) < 2:
        return 0.0
    (first, cost), (second, more) = samples[:2]
    at_nothing = cost - first * (more - cost) / (second - first)
    return at_nothing if at_nothing > NOTHING_USD else 0.0
