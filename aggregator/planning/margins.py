"""How much margin must be posted for a trade that a venue refuses without it, as rows of the program."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

from aggregator.planning.candidates import Candidate, Done
from aggregator.planning.following import Stopped, is_taken
from aggregator.planning.halving import largest, least
from aggregator.planning.program import Constraint
from aggregator.risk.copies import Copy

MORE = Fraction(1, 20)
"""So much more is posted than a venue asks for: prices move until a keeper, or a block, comes."""

TIMES = 8
"""How often it is looked up what margin a venue asks for a trade, before there can't be more of that."""


@dataclass
class Margins:
    """The rows made so far, one for each trade, by their names; and how often each was asked for."""

    rows: dict[str, Constraint] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    def row(self, stopped: Stopped) -> Constraint | None:
        """What must be posted for so much of a trade, in a state in which it is refused; None: nothing helps.

        A straight line (USD of each) through what the present deposit allows and what this amount takes,
        never above nothing at nothing: a venue's fixed least margin is spread over the amount.
        """
        one, copy, margin = stopped.one, stopped.at, stopped.one.margin
        if margin is None:
            return None
        self.asked[one.name] += 1
        if self.asked[one.name] > TIMES:
            return None
        raw, most = stopped.raw, margin.taken(copy, margin.most)
        more = least(partial(_is_enough, copy, one, raw), most)
        if more is None:  # all the margin that its venue takes allows a part of it
            raw, more = largest(lambda part: _is_enough(copy, one, part, most), raw), most
            if raw * one.unit_usd <= stopped.most_usd:
                return None
        posted = stopped.amounts.get(margin.name, 0.0)
        needed = posted + float(more * (1 + MORE)) * margin.unit_usd
        wanted = raw * one.unit_usd
        slope = (needed - posted) / (wanted - stopped.most_usd)
        at_nothing = posted - slope * stopped.most_usd
        if at_nothing > 0.0:
            slope, at_nothing = needed / wanted, 0.0
        row = Constraint(f"margin {one.name}", {margin.name: 1.0, one.name: -slope}, at_nothing)
        self.rows[row.name] = row
        return row


def _is_enough(copy: Copy, one: Candidate, raw: int, posted: int) -> bool:
    before = copy.fork()
    if posted and (one.margin is None or not isinstance(one.margin.do(before, posted), Done)):
        return False
    return is_taken(before, one, raw)
