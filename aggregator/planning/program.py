"""The mathematical program of a plan: how much of each candidate move, at the least cost, so that all holds.

A move's cost is convex and piecewise-linear in its amount, plus a fixed part once it is used at all.
Constraints are linear. Nothing here knows protocols, prices or steps; `solver` solves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite, isnan
from typing import Literal

# The name under which a Solution tells that the limit on the cost binds.
MOST_COST = "most_cost"
# What a USD of volume adds to what is minimised, and to no cost: of plans that cost the same the smaller one.
TIE_BREAK = 1e-6
# Widths are sums of floats: so much less than `most` still covers it.
_COVERED = 1e-12


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a convex piecewise-linear cost: `width` of the move's units, at `slope` USD a unit.

    A width is positive, and may be infinite. A slope may be negative, where a move earns.
    Raises ValueError for anything else.
    """

    width: float
    slope: float

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise ValueError(f"a segment's width is {self.width}: give a positive number")
        if not isfinite(self.slope):
            raise ValueError(f"a segment's slope is {self.slope}: give a finite number")


@dataclass(frozen=True, slots=True)
class Variable:
    """A candidate move: its amount x is 0 <= x <= `most`, in the move's own units.

    `segments` cover 0 to `most` with slopes that never fall; without segments it costs nothing. `fixed` is
    USD once the move is used at all (gas). `volume` is USD a unit, and breaks ties: 1e-6 of it is added to
    what is minimised, not to the cost. `most` may be infinite; where `fixed` is not zero, or the variable is
    exclusive with others, constraints must bound it then. Raises ValueError for what is none of this.
    """

    name: str
    most: float
    segments: tuple[Segment, ...]
    fixed: float = 0.0
    volume: float = 1.0

    def __post_init__(self) -> None:
        if not self.most >= 0:
            raise ValueError(f"variable {self.name}: at most {self.most}: give 0 or more")
        for what, value in (("fixed cost", self.fixed), ("volume", self.volume)):
            if not (value >= 0 and isfinite(value)):
                raise ValueError(
                    f"variable {self.name}: its {what} is {value}: give a finite number, 0 or more"
                )
        if any(after.slope < before.slope for before, after in pairwise(self.segments)):
            raise ValueError(
                f"variable {self.name}: its slopes fall, so its cost is not convex: order the segments by "
                "slope, or make a move of its own of what gets cheaper"
            )
        if self.segments:
            covered = sum(segment.width for segment in self.segments)
            if covered < self.most * (1 - _COVERED):
                raise ValueError(
                    f"variable {self.name}: segments cover {covered} of {self.most}: add one, or lower `most`"
                )
            if self.most == inf and self.segments[-1].slope + TIE_BREAK * self.volume < 0:
                raise ValueError(f"variable {self.name} earns without end: give it a finite `most`")

    def widths(self) -> list[float]:
        """Of each segment (one where there is none), what of it lies below `most`."""
        widths, left = [], self.most
        for segment in self.segments or (Segment(inf, 0.0),):
            widths.append(min(segment.width, left))
            left = left if left == inf else max(left - segment.width, 0.0)
        return widths


@dataclass(frozen=True, eq=False, slots=True)
class Constraint:
    """The sum of coefficient times amount is at least `least`, over variables by name.

    It must hold where `weight` is None. Otherwise it may fall short where no solution reaches all, and the
    sum of weight times shortfall is as small as can be. Constraints of one `target` fall short together: the
    largest of their weights times shortfalls counts, once. Raises ValueError for numbers that are not finite,
    for weights that are not positive, and for a target of what must hold.
    """

    name: str
    coefficients: Mapping[str, float]
    least: float
    weight: float | None = None
    target: str | None = None

    def __post_init__(self) -> None:
        if self.name == MOST_COST:
            raise ValueError(f"{MOST_COST} is the limit on the cost: give the constraint another name")
        if not isfinite(self.least):
            raise ValueError(f"constraint {self.name}: at least {self.least}: give a finite number")
        if not all(map(isfinite, self.coefficients.values())):
            wrong = next(name for name, value in self.coefficients.items() if not isfinite(value))
            raise ValueError(
                f"constraint {self.name}: the coefficient of {wrong} is {self.coefficients[wrong]}: "
                "give a finite number"
            )
        if self.weight is not None and not (self.weight > 0 and isfinite(self.weight)):
            raise ValueError(
                f"constraint {self.name}: its weight is {self.weight}: give a positive number, "
                "or None: it must hold"
            )
        if self.weight is None and self.target is not None:
            raise ValueError(f"constraint {self.name} must hold, and falls short of no {self.target}")


@dataclass(frozen=True, eq=False, slots=True)
class Program:
    """What is to be solved: first the least weighted shortfall, then the least cost at that shortfall.

    `most_cost` is a limit on the cost in USD, which must hold (None: no limit). Of each group in `exclusive`
    at most one variable is used. Raises ValueError for names that are unknown or given twice.
    """

    variables: tuple[Variable, ...]
    constraints: tuple[Constraint, ...]
    most_cost: float | None = None
    exclusive: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        names = {variable.name for variable in self.variables}
        if len(names) < len(self.variables):
            raise ValueError("two variables have the same name: names tell them apart")
        for group in self.exclusive:
            if unknown := sorted(set(group) - names):
                raise ValueError(f"exclusive: no variable is called {', '.join(unknown)}")
            if len(set(group)) < len(group):
                raise ValueError(f"exclusive: a variable is twice in the group {', '.join(group)}")
        if self.most_cost is not None and (isnan(self.most_cost) or self.most_cost == -inf):
            raise ValueError(f"the most that it may cost is {self.most_cost}: give a number of USD, or None")


@dataclass(frozen=True, slots=True)
class Solution:
    """Amounts by variable, all of them, and what they cost in USD, without what breaks ties.

    `short`: all that must hold does, but no amounts reach every target; `shortfalls` has those that are
    missed, by constraint, in its units, and `shortfall` what they weigh, that of a target once. `impossible`:
    what must hold contradicts itself, the limit on the cost included; there are no amounts then, and the cost
    is NaN. `binding` names the constraints that are tight and keep the cost (where short: the shortfall) from
    being less, with the moves that are used; largest effect first, each per its own scale. `gap` is how much
    less than `cost` the least cost may be, as a part of it; of a short one, also of the shortfall. `solves`
    is how often the solver ran.
    """

    status: Literal["optimal", "short", "impossible"]
    amounts: Mapping[str, float]
    cost: float
    shortfalls: Mapping[str, float]
    shortfall: float
    binding: tuple[str, ...]
    gap: float
    solves: int
