"""A program as columns and rows in units near 1; rebuilt from what has changed.

A variable has a column per segment of its cost: slopes never fall, so the cheaper ones fill first by
themselves. What may fall short has a column for its shortfall, which constraints of one target share.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from aggregator.planning import scaling
from aggregator.planning.pattern import Pattern, Row
from aggregator.planning.program import TIE_BREAK, Constraint, Program
from aggregator.planning.scaled import FIRST, Scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class _Frame:
    """What changes of numbers leave alone while units are kept: `like`, and where and how values enter it."""

    like: Scaled
    units: tuple[NDArray[np.float64], NDArray[np.float64]]
    source: NDArray[np.int64]
    place: NDArray[np.int64]
    factor: NDArray[np.float64]


class Matrix:
    """The variables and constraints of a program, which may be added to and changed."""

    def __init__(self, program: Program) -> None:
        self.variables = list(program.variables)
        self.most_cost = inf if program.most_cost is None else program.most_cost
        self.index = {variable.name: i for i, variable in enumerate(self.variables)}
        together = set(chain.from_iterable(group for group in program.exclusive if len(group) > 1))
        # Variables that are used or not, which alone make the program a mixed-integer one.
        self.choices = [
            i for i, variable in enumerate(self.variables) if variable.fixed > 0 or variable.name in together
        ]
        self.counts = np.array([max(len(v.segments), 1) for v in self.variables], np.int64)
        self.first = np.cumsum(self.counts) - self.counts
        self.segments = int(self.counts.sum())
        self._of = np.repeat(np.arange(len(self.variables)), self.counts)
        slopes = [[s.slope for s in v.segments] or [0.0] for v in self.variables]
        self.slopes = np.array(list(chain.from_iterable(slopes)), float)
        self._volumes = np.array([v.volume for v in self.variables], float)
        self._upper = np.array(list(chain.from_iterable(v.widths() for v in self.variables)), float)
        self.most = np.array([v.most for v in self.variables], float)
        self._rows: dict[str, Row] = {}
        self._pattern: Pattern | None = None
        self._frame: _Frame | None = None
        self._units = scaling.Units()
        self._scaled: Scaled | None = None
        self.add(program.constraints)

    @property
    def constraints(self) -> list[Constraint]:
        """All constraints, in the order of their rows."""
        return [row.constraint for row in self._rows.values()]

    @property
    def names(self) -> list[str]:
        """What the constraints are called, in the order of their rows."""
        return list(self._rows)

    def add(self, constraints: Iterable[Constraint]) -> None:
        """More rows. Raises ValueError for names that are taken or unknown; nothing is added then."""
        new: dict[str, Row] = {}
        for constraint in constraints:
            if constraint.name in self._rows or constraint.name in new:
                raise ValueError(
                    f"there is a constraint {constraint.name} already: change it, or name it apart"
                )
            new[constraint.name] = self._row(constraint)
        self._rows.update(new)
        self._pattern = self._frame = self._scaled = None

    def change(self, constraints: Sequence[Constraint]) -> None:
        """Other numbers in rows that are there. Raises ValueError for others; nothing is changed then."""
        new: dict[str, Row] = {}
        for constraint in constraints:
            old = self._rows.get(constraint.name)
            if old is None:
                raise ValueError(f"there is no constraint {constraint.name} to change: add it")
            was = old.constraint
            if was.weight != constraint.weight:
                if None in (was.weight, constraint.weight):
                    raise ValueError(
                        f"constraint {constraint.name} can't begin or cease to be one that must hold"
                    )
                self._frame = None
            if was.target != constraint.target:
                raise ValueError(f"constraint {constraint.name} can't change its target")
            row = new[constraint.name] = self._row(constraint, old)
            if row.variables is not old.variables:
                self._pattern = None
        self._rows.update(new)
        self._scaled = None

    def bound(self, variable: str, most: float) -> None:
        """Another `most` of a variable. Raises ValueError as Variable does, and for an unknown name."""
        if variable not in self.index:
            raise ValueError(f"there is no variable {variable}")
        i = self.index[variable]
        changed = self.variables[i] = replace(self.variables[i], most=most)
        self.most = self.most.copy()
        self.most[i] = most
        self._upper[self.first[i] : self.first[i] + self.counts[i]] = changed.widths()
        self._frame = self._scaled = None

    def _row(self, constraint: Constraint, like: Row | None = None) -> Row:
        names = tuple(constraint.coefficients)
        if like is not None and names == like.names:
            return Row(constraint, names, like.variables)
        try:
            variables = np.array([self.index[name] for name in names], np.int64)
        except KeyError as unknown:
            raise ValueError(
                f"constraint {constraint.name}: no variable is called {unknown.args[0]}"
            ) from None
        return Row(constraint, names, variables)

    def scaled(self) -> Scaled:
        """Everything, of now. Raises ValueError where a choice has no bound."""
        if self._scaled is None:
            self._scaled = self._build()
        return self._scaled

    def _build(self) -> Scaled:
        rows = list(self._rows.values())
        values = np.fromiter(chain.from_iterable([r.constraint.coefficients.values() for r in rows]), float)
        least = np.array([row.constraint.least for row in rows], float)
        pattern = self._pattern
        if pattern is None or not pattern.fits(values):
            priced = self.most_cost < inf
            pattern = self._pattern = Pattern.of(rows, values, self.counts, priced=priced)
            self._units = scaling.Units()
        if not pattern.full:
            values = values[pattern.used]
        units = self._units.of(pattern.of_row, pattern.variables, values, least, self.most)
        frame = self._frame
        if frame is None or frame.units is not units:
            frame = self._framed(rows, pattern, units)
            # Bounds that follow from other rows follow their changes, too.
            self._frame = None if self._unbounded() else frame
        like = frame.like
        entries = like.values.copy()
        entries[frame.place] = values.take(frame.source) * frame.factor
        asked = like.least.copy()
        asked[FIRST:] = least / units[0]
        return like._replace(least=asked, values=entries)

    def _framed(
        self,
        rows: Sequence[Row],
        pattern: Pattern,
        units: tuple[NDArray[np.float64], NDArray[np.float64]],
    ) -> _Frame:
        row_unit, unit = units
        upper = self._bounded(rows)
        with np.errstate(divide="ignore"):
            widths = np.where((upper > 0) & np.isfinite(upper), np.exp2(np.floor(np.log2(upper))), inf)
        unit = np.minimum(unit[self._of], widths)
        soft, column = pattern.soft, pattern.column
        # What a row weighs where it falls short by its unit; the unit of a column is the mean of its rows'.
        weight = np.array([rows[i].constraint.weight for i in soft.tolist()], float) * row_unit[soft]
        sharing = np.bincount(column)
        weights = np.exp2(np.round(np.bincount(column, np.log2(weight), len(sharing)) / sharing))
        slopes = self.slopes * unit
        limit, limited = (0.0, np.zeros(0)) if self.most_cost == inf else (abs(self.most_cost), slopes)
        cost_unit = max(limit, 1e-4 * np.abs(limited).max(initial=0.0)) or 1.0
        short_unit = float(weights.max(initial=0.0)) or 1.0
        # Entries that don't follow from coefficients come first and last, before all are in order of columns.
        before, between = len(limited) + len(weights), len(pattern.source)
        fixed = (limited / cost_unit, weights / short_unit, np.zeros(between), weights[column] / weight)
        place = np.flatnonzero((pattern.order >= before) & (pattern.order < before + between))
        entries = pattern.order[place] - before
        none = np.zeros(len(weights))
        like = Scaled(
            unit=np.concatenate((unit, weights)),
            upper=np.concatenate((upper / unit, np.full(len(weights), inf))),
            slopes=np.concatenate((slopes, none)),
            costs=np.concatenate((slopes + TIE_BREAK * self._volumes[self._of] * unit, none)),
            weights=np.concatenate((np.zeros(self.segments), weights)),
            row_unit=np.concatenate(([cost_unit, short_unit], row_unit)),
            least=np.full(FIRST + len(row_unit), -inf),
            starts=pattern.starts,
            entry_rows=pattern.entry_rows,
            columns=pattern.columns,
            values=np.concatenate(fixed)[pattern.order],
        )
        factor = unit[pattern.segment] / row_unit[pattern.row]
        return _Frame(like, units, pattern.source[entries], place, factor[entries])

    def _unbounded(self) -> list[int]:
        return [i for i in self.choices if self.most[i] == inf]

    def _bounded(self, rows: Sequence[Row]) -> NDArray[np.float64]:
        """What columns can be, with choices that have no bound bounded by what must hold."""
        unbounded = self._unbounded()
        if not unbounded:
            return self._upper
        upper, reach = self._upper.copy(), self.most.copy()
        must = [row for row in rows if row.constraint.weight is None]
        for _ in self.variables:
            before = reach.copy()
            for row in must:
                values = np.array(list(row.constraint.coefficients.values()), float)
                up, down = values > 0, values < 0
                room = (values[up] * reach[row.variables[up]]).sum() - row.constraint.least
                against = row.variables[down]
                reach[against] = np.minimum(reach[against], np.maximum(room, 0.0) / -values[down])
            if (before == reach).all():
                break
        for i in unbounded:
            if reach[i] == inf:
                raise ValueError(
                    f"variable {self.variables[i].name} is used or not, and nothing bounds it: "
                    "give it a finite `most`"
                )
            columns = slice(self.first[i], self.first[i] + self.counts[i])
            upper[columns] = replace(self.variables[i], most=float(reach[i])).widths()
        return upper
