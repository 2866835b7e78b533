"""Solves the program of a plan: the least weighted shortfall first, then the least cost at that shortfall."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import nan
from typing import TYPE_CHECKING, Literal

import numpy as np

from aggregator.planning.choices import Chooser
from aggregator.planning.highs import TOLERANCE
from aggregator.planning.linear import Found, Goal
from aggregator.planning.matrix import Matrix
from aggregator.planning.program import MOST_COST, Constraint, Program, Solution
from aggregator.planning.scaled import COST, FIRST

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Duals below this part of the largest are rounding.
_NO_DUAL = 1e-9


class Solver:
    """A program that is solved, added to or changed, and solved again from where the solver was.

    The order of calls is part of what is given: of several optima, the one near the last is found.
    """

    def __init__(self, program: Program) -> None:
        """Take a program. Raises ValueError for names that are unknown or given twice."""
        self._matrix = Matrix(program)
        self._chooser = Chooser(self._matrix, program.exclusive)

    def add(self, constraints: Iterable[Constraint]) -> None:
        """More constraints (cuts), of new names. Raises ValueError, and adds none, where one is wrong."""
        self._matrix.add(constraints)

    def change(self, constraints: Sequence[Constraint]) -> None:
        """Other coefficients, bounds or weights of constraints that are there, by name.

        Raises ValueError, and changes none, where one is not, or where it must hold and did not have to (or
        the other way round).
        """
        self._matrix.change(constraints)

    def bound(self, variable: str, most: float) -> None:
        """Another `most` of a variable; 0 forbids it. Raises ValueError as `Variable` does."""
        self._matrix.bound(variable, most)

    def solve(self) -> Solution:
        """The best amounts, see `Solution`.

        Raises ValueError where a variable that is used or not has no bound; ArithmeticError where numbers are
        so far apart that no answer can be vouched for.
        """
        before = self._chooser.solves
        scaled = self._matrix.scaled()
        best = self._chooser.best(Goal(scaled.costs, fixed=True, short=False))
        if best is not None:
            return self._solution(best, best.duals, _gap(best), before)
        least = None
        if scaled.weights.any():
            least = self._chooser.best(Goal(scaled.weights, fixed=False, short=True))
        if least is None:
            return Solution("impossible", {}, nan, {}, nan, (), 0.0, self._chooser.solves - before)
        best = self._chooser.best(Goal(scaled.costs, fixed=True, short=True, limit=least.value), least)
        if best is None:
            raise ArithmeticError(
                "the least shortfall is not reached again: the program's numbers are too far apart"
            )
        # What keeps the shortfall from being less matters more than what it costs.
        return self._solution(best, least.duals, max(_gap(best), _gap(least)), before)

    def _solution(self, best: Found, duals: NDArray[np.float64], gap: float, before: int) -> Solution:
        matrix, scaled = self._matrix, self._matrix.scaled()
        columns = best.columns[: matrix.segments]
        sums = np.add.reduceat(columns, matrix.first) if matrix.variables else np.zeros(0)
        # A bound in its unit and back is the bound to the last bit but one.
        found = np.minimum(sums, matrix.most).tolist()
        amounts = dict(zip(matrix.index, found, strict=True))
        cost = float(matrix.slopes @ columns)
        cost += sum(matrix.variables[i].fixed for i in matrix.choices if found[i] > 0)
        shortfalls: dict[str, float] = {}
        weighed: dict[tuple[str | None, str], float] = {}
        for i, constraint in enumerate(matrix.constraints):
            if constraint.weight is None:
                continue
            terms = (value * amounts[name] for name, value in constraint.coefficients.items())
            missing = constraint.least - sum(terms)
            if missing > 4 * TOLERANCE * scaled.row_unit[FIRST + i]:
                shortfalls[constraint.name] = missing
                target = constraint.target
                owner = target, constraint.name if target is None else target
                weighed[owner] = max(weighed.get(owner, 0.0), constraint.weight * missing)
        status: Literal["optimal", "short"] = "short" if shortfalls else "optimal"
        return Solution(
            status,
            amounts,
            cost,
            shortfalls,
            sum(weighed.values()),
            self._binding(duals),
            gap,
            self._chooser.solves - before,
        )

    def _binding(self, duals: NDArray[np.float64]) -> tuple[str, ...]:
        # A few numbers, for which arrays take longer.
        sizes = [abs(dual) for dual in duals.tolist()]
        least = _NO_DUAL * max(sizes, default=0.0)
        tight = sorted((i for i, size in enumerate(sizes) if size > least), key=lambda i: -sizes[i])
        names = self._matrix.names
        return tuple([MOST_COST if row == COST else names[row - FIRST] for row in tight])


def _gap(found: Found) -> float:
    return (found.value - found.bound) / abs(found.value) if found.value != 0.0 else 0.0
