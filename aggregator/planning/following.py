"""Where a solution leads, step by step, until a venue refuses a part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from aggregator.planning.candidates import Candidate, Done
from aggregator.planning.halving import largest
from aggregator.planning.ordering import in_order, is_refused_later
from aggregator.risk.copies import Copy


@dataclass(frozen=True, eq=False, slots=True)
class Stopped:
    """Where a solution can't be followed: a candidate is refused in a state, after these amounts in USD."""

    one: Candidate
    raw: int
    at: Copy
    amounts: Mapping[str, float]

    @property
    def most_usd(self) -> float:
        """What is taken of it there."""
        return self.one.at_most(largest(partial(is_taken, self.at, self.one), self.raw))


def follow(start: Copy, candidates: Sequence[Candidate], wanted: Mapping[str, float]) -> Copy | Stopped:
    """The state to which a solution leads, wherever money comes from; or where a venue refuses a part."""
    copy, done = start.fork(), dict[str, float]()
    for one in in_order(candidates):
        raw = one.raw(wanted.get(one.name, 0.0))
        if not raw:
            continue
        there = copy.fork()
        if not _is_done(copy, there, one, raw):
            return Stopped(one, raw, copy, done)
        copy, done[one.name] = there, raw * one.unit_usd
    return copy


def is_taken(at: Copy, one: Candidate, raw: int) -> bool:
    """Whether a venue takes so much in a state, now and some minutes later."""
    return _is_done(at, at.fork(), one, raw)


def _is_done(at: Copy, there: Copy, one: Candidate, raw: int) -> bool:
    """As `is_taken`; it is done in the copy `there`."""
    done = one.do(there, raw)
    return isinstance(done, Done) and not is_refused_later(at, one, done)
