"""What a candidate costs by how much of it is done: sampled from the exact rules and markets."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from aggregator.planning.candidates import Candidate, Done
from aggregator.planning.halving import largest
from aggregator.planning.limits import Charges
from aggregator.planning.program import Segment, Variable
from aggregator.planning.worth import worth_usd
from aggregator.risk.copies import Copy

SMALLEST_USD = 100.0
STEPS = 4.0
"""Each sample is so many times the one before."""

APART = 1.01
"""Times the one before is the least next sample."""

NOTHING_USD = 0.005
"""What rounding makes of a cost that is none."""

SAME_SLOPE = 1e-7

_FREE = ("repay", "deposit", "withdraw", "transfer")


def variable(
    start: Copy, one: Candidate, charges: Charges, *, bundled: bool = False, near: Iterable[float] = ()
) -> Variable:
    """A candidate as a variable in USD: its costs are convex and linear between samples, its gas is fixed.

    `bundled`: what is taken out and sold is part of a bundle, and its gas with it. Where a market is too
    small for all of it, what it takes is the most. What is refused today by any amount costs its gas alone:
    other steps may make it possible. `near` are amounts in USD that are sampled too.
    """
    chain = start.accounts[one.account_id].chain
    gas = 0.0 if bundled and one.kind in ("withdraw", "swap") else charges.gas(chain)
    samples = [] if one.kind in _FREE else _samples(start, one, near)
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


def _samples(start: Copy, one: Candidate, near: Iterable[float]) -> list[tuple[float, float]]:
    """Amounts and costs in USD, smallest first: of what the venue takes today, with margin enough."""
    found: list[tuple[float, float]] = []
    start = one.prepared(start)
    for raw in _amounts(one, near):
        cost = _cost(start, one, raw)
        if cost is not None:
            found.append((raw * one.unit_usd, cost))
        elif found:
            most = largest(partial(_is_taken, start, one), raw)
            cost = _cost(start, one, most)
            if cost is not None and most * one.unit_usd > found[-1][0]:
                found.append((most * one.unit_usd, cost))
            break
    return found


def _amounts(one: Candidate, near: Iterable[float]) -> list[int]:
    wanted = {one.most, *(max(1, one.raw(usd)) for usd in near)}
    usd = SMALLEST_USD
    while usd < one.most_usd:
        wanted.add(max(1, one.raw(usd)))
        usd *= STEPS
    # Of what is nearly the same only one: between two, rounding would be a slope.
    apart: list[int] = []
    for raw in sorted(wanted):
        if not apart or raw > apart[-1] * APART:
            apart.append(raw)
        elif raw == one.most:
            apart[-1] = raw
    return apart


def _cost(start: Copy, one: Candidate, raw: int) -> float | None:
    after = start.fork()
    return cost_usd(start, after) if isinstance(one.do(after, raw), Done) else None


def _is_taken(start: Copy, one: Candidate, raw: int) -> bool:
    return isinstance(one.do(start.fork(), raw), Done)


def _fixed(samples: list[tuple[float, float]]) -> float:
    """What is paid however little is done: what a line through the first two leaves at nothing."""
    if len(samples) < 2:
        return 0.0
    (first, cost), (second, more) = samples[:2]
    at_nothing = cost - first * (more - cost) / (second - first)
    return at_nothing if at_nothing > NOTHING_USD else 0.0
