"""What a venue lets out of an account beside its health, such as beyond an initial margin, as linear rows.

That may be cash, or room below a cap, on which other accounts of a plan draw, too: then their steps are in
the row.

How much of a withdrawal it takes is asked of its rule, by halving, in the state that a solution leads to, and
again with a little more of every other step of the account: closing a part of a perp, a deposit or a
repayment may make room. That is concave where requirements are convex, so that a row bounds it from above.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from aggregator.model.shared import RoomRule
from aggregator.planning.candidates import Candidate
from aggregator.planning.cuts import NO_SLOPE, NO_USD, are_parallel
from aggregator.planning.following import Stopped, is_taken
from aggregator.planning.goals import CUSHION
from aggregator.planning.halving import largest
from aggregator.planning.lending import AssetCandidate
from aggregator.planning.program import Constraint
from aggregator.planning.trials import trial
from aggregator.risk.copies import Copy

PUT_IN = (1, 10, 100)
"""Times all that an account has of an asset: what is put in where nothing is let out, to see how much less
would do."""


@dataclass
class Rooms:
    """The rows made so far, by the step that each bounds; `start` is today's state."""

    start: Copy
    candidates: Sequence[Candidate]
    rows: dict[str, list[Constraint]] = field(default_factory=dict)

    def of(self, opened: Iterable[str]) -> list[Constraint]:
        """Those that hold whatever is taken out, and those of `opened` withdrawals."""
        known = set(opened)
        return [row for name, rows in self.rows.items() for row in rows if name in known or row.least <= 0.0]

    def row(self, stopped: Stopped) -> Constraint | None:
        """The row through a state in which a withdrawal, or a deposit, is refused; None of anything else, and
        where the rule does not tell.

        A deposit has none where no other account draws on the same room: what is left is its bound.
        It asks for more than nothing where today nothing is let out: it holds only of plans that withdraw.
        One that is parallel to an earlier row of the withdrawal has that one's name, and takes its place.
        """
        one, at = stopped.one, stopped.at
        others = [other for other in self.candidates if _share_room(at, one, other)]
        room = _room_usd(at, one) if one.kind == "withdraw" or (one.kind == "deposit" and others) else None
        if room is None:
            return None
        slopes: dict[str, float] = {}
        own = [other for other in self.candidates if other is not one and one.account_id in other.touches]
        for other in (*own, *others):
            # Where nothing of a shared room is left, how others draw on it is seen today.
            tried = trial(at, other) or (None if other in own else trial(self.start, other))
            if tried is None:
                continue
            before = room if tried.base is at else _room_usd(tried.base, one)
            after = _room_usd(tried.there, one)
            if before is not None and after is not None:
                slopes[other.name] = (after - before) / tried.usd
        if one.kind == "deposit" and all(abs(slopes.get(other.name, 0.0)) <= NO_SLOPE for other in others):
            return None
        terms = [slope * stopped.amounts.get(name, 0.0) for name, slope in slopes.items()]
        least = sum(terms) - room + CUSHION * (abs(room) + sum(map(abs, terms)))
        known = self.rows.setdefault(one.name, [])
        made = Constraint(
            name=f"room {one.name} #{len(known)}",
            coefficients={**{n: s for n, s in slopes.items() if abs(s) > NO_SLOPE}, one.name: -1.0},
            least=least if abs(least) > NO_USD else 0.0,
        )
        for i, row in enumerate(known):
            if are_parallel(row.coefficients, made.coefficients):
                known[i] = replace(row, least=max(row.least, made.least))
                return known[i]
        known.append(made)
        return made


def _room_usd(at: Copy, one: Candidate) -> float | None:
    """How much of a withdrawal a venue takes; below zero, how much must be put in first; None: none ever."""
    free = _most(at, one, one.most)
    if free or one.counterpart is None:
        return free * one.unit_usd
    known = 0
    for times in PUT_IN:
        put_in = one.counterpart.taken(at, times * one.most)
        if put_in == known:
            return None
        there, known = at.fork(), put_in
        one.counterpart.do(there, put_in)
        if free := _most(there, one, put_in):
            return (free - put_in) * one.unit_usd
    return None


def _share_room(at: Copy, one: Candidate, other: Candidate) -> bool:
    """Whether another account's step may draw on the same room: in the same asset, at the same protocol."""
    if not isinstance(one, AssetCandidate) or not isinstance(other, AssetCandidate):
        return False
    first, second = at.accounts[one.account_id], at.accounts[other.account_id]
    return (
        first.id != second.id
        and one.asset == other.asset
        and (first.protocol, first.chain) == (second.protocol, second.chain)
        and isinstance(first.rule, RoomRule)
    )


def _most(at: Copy, one: Candidate, wanted: int) -> int:
    return wanted if is_taken(at, one, wanted) else largest(partial(is_taken, at, one), wanted)
