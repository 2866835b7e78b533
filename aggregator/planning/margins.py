"""How much margin must be posted for a trade that a venue refuses without it, as a row of the program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial

from aggregator.planning.candidates import Candidate, Done
from aggregator.planning.ordering import is_refused_later, largest
from aggregator.planning.program import Constraint
from aggregator.risk.copies import Copy

MORE = Fraction(1, 20)
"""So much more is posted than a venue asks for: prices move until a keeper, or a block, comes."""


def margin_row(copy: Copy, one: Candidate, raw: int, amounts: Mapping[str, float]) -> Constraint | None:
    """What must be posted for so much of a trade, in a state in which it is refused; None: nothing helps.

    A straight line (USD of each) through what the present deposit allows and what this amount takes, never
    above nothing at nothing: a venue's fixed least margin is spread over the amount. `amounts` (USD, by
    candidate) have led to the state.
    """
    margin = one.margin
    if margin is None:
        return None
    more = least(partial(_is_enough, copy, one, raw), margin.most)
    if more is None:
        return None
    posted = amounts.get(margin.name, 0.0)
    needed = posted + float(more * (1 + MORE)) * margin.unit_usd
    wanted = raw * one.unit_usd
    allowed = largest(lambda part: part == 0 or _is_enough(copy, one, part, 0), raw) * one.unit_usd
    slope = (needed - posted) / (wanted - allowed)
    at_nothing = posted - slope * allowed
    if at_nothing > 0.0:
        slope, at_nothing = needed / wanted, 0.0
    return Constraint(f"margin {one.name}", {margin.name: 1.0, one.name: -slope}, at_nothing)


def least(possible: Callable[[int], bool], most: int) -> int | None:
    """The least up to `most` that is possible, by halving; what is possible is so for any more."""
    if not possible(most):
        return None
    low, high = 0, most
    while high - low > max(1, high // 10**6):
        middle = (low + high) // 2
        low, high = (low, middle) if possible(middle) else (middle, high)
    return high


def _is_enough(copy: Copy, one: Candidate, raw: int, posted: int) -> bool:
    before = copy.fork()
    if posted and (one.margin is None or not isinstance(one.margin.do(before, posted), Done)):
        return False
    done = one.do(before.fork(), raw)
    return isinstance(done, Done) and not is_refused_later(before, one, done)
