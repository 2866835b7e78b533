"""The linear program of the moves that are used, which alone says what they cost and leave short.

The least cost at the least shortfall is sought where the shortfall stays the least: on the face of its
optima, with all that has a reduced cost or a dual held where it is. A limit on the sum would lose $10 beside
$10 bn.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from operator import is_not
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from aggregator.planning import scaling
from aggregator.planning.highs import TOLERANCE, Answer, Highs, Model
from aggregator.planning.matrix import Matrix
from aggregator.planning.scaled import COST, FIRST, SHORTFALL, Scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

# More than this beyond a row, in its unit and against its terms, is no rounding.
_BROKEN = 1e-7
# Two sums of the same shortfalls differ by no more than this part.
_SAME = 1e-12


@dataclass(frozen=True, eq=False, slots=True)
class Goal:
    """What to minimise: `costs` of columns in their units, and whether the `fixed` costs of choices count.

    `short`: constraints may fall short, by at most `limit` in all (weighted); otherwise by nothing.
    """

    costs: NDArray[np.float64]
    fixed: bool
    short: bool
    limit: float = inf

    def rows(self, scaled: Scaled, most_cost: float) -> NDArray[np.float64]:
        """The most that each row may be, in its unit, with USD for what the cost may be."""
        most = np.full(len(scaled.least), inf)
        most[COST] = most_cost / scaled.row_unit[COST]
        most[SHORTFALL] = self.limit / scaled.row_unit[SHORTFALL]
        return most

    def upper(self, scaled: Scaled, segments: int) -> NDArray[np.float64]:
        """The most that each column may be, in its unit."""
        upper = scaled.upper.copy()
        upper[segments:] = inf if self.short else 0.0
        return upper


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """The best: its value, what no other can be below, columns in their own units, duals of scaled rows."""

    value: float
    bound: float
    columns: NDArray[np.float64]
    duals: NDArray[np.float64]


class _Kept(NamedTuple):
    """The last model, in which numbers change: what it was made `of`, by identity, and for which goal."""

    of: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]
    goal: tuple[bool, float]
    model: Model


class Linear:
    """Solves a matrix without what is not used, warm."""

    def __init__(self, matrix: Matrix) -> None:
        self._matrix = matrix
        self._highs = Highs("linear")
        self._priced: tuple[NDArray[np.float64], NDArray[np.float64]] = (np.zeros(0), np.zeros(0))
        self._kept: _Kept | None = None

    @property
    def solves(self) -> int:
        """How often the solver has run."""
        return self._highs.solves

    def best(self, scaled: Scaled, goal: Goal, unused: NDArray[np.int64], paid: float) -> Found | None:
        """The optimum without the columns `unused`, with `paid` USD for the use of the others.

        None where nothing is allowed. Raises ArithmeticError where what the solver found does not hold.
        """
        model = self._model(scaled, goal, unused, paid)
        if goal.limit < inf:
            first = self._solve(model._replace(costs=self._costs(scaled.weights)), scaled)
            if first is None or scaled.weights @ first.columns > goal.limit * (1 + _SAME):
                return None
            model = _face(model, first)
        answer = self._solve(model, scaled)
        if answer is None:
            return None
        value = float(goal.costs @ answer.columns) + (paid if goal.fixed else 0.0)
        return Found(value, value, answer.columns * scaled.unit, answer.duals)

    def _model(self, scaled: Scaled, goal: Goal, unused: NDArray[np.int64], paid: float) -> Model:
        kept = self._kept
        of = scaled.upper, scaled.row_unit, goal.costs, unused
        if kept is None or any(map(is_not, kept.of, of)) or kept.goal != (goal.short, paid):
            upper = goal.upper(scaled, self._matrix.segments)
            upper[unused] = 0.0
            most = goal.rows(scaled, self._matrix.most_cost - paid)
            most[SHORTFALL] = inf
            size = len(goal.costs)
            model = Model(
                costs=self._costs(goal.costs),
                lower=np.zeros(size),
                upper=upper,
                least=scaled.least,
                most=most,
                starts=scaled.starts,
                inner=scaled.entry_rows,
                values=scaled.values,
                whole=np.zeros(size, np.int32),
            )
            kept = self._kept = _Kept(of, (goal.short, paid), model)
        return kept.model._replace(least=scaled.least, values=scaled.values)

    def _costs(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The objective in a unit of money that suits the solver's tolerance."""
        if costs is not self._priced[0]:
            self._priced = costs, costs * scaling.money(costs)
        return self._priced[1]

    def _solve(self, model: Model, scaled: Scaled) -> Answer | None:
        answer = self._highs.solve(model)
        if answer is None:
            return None
        terms = model.values * answer.columns.take(scaled.columns)
        rows = len(model.least)
        activity = np.bincount(scaled.entry_rows, terms, rows)
        beyond = np.maximum(model.least - activity, activity - model.most)
        if beyond.max(initial=0.0) <= _BROKEN:
            return answer
        worst = beyond / (1.0 + np.bincount(scaled.entry_rows, np.abs(terms), rows))
        row = int(np.argmax(worst))
        if not worst[row] <= _BROKEN:
            name = "the limit on the cost" if row == COST else self._matrix.names[row - FIRST]
            raise ArithmeticError(
                f"the solver's answer breaks {name}: the program's numbers are too far apart"
            )
        return answer


def _face(model: Model, answer: Answer) -> Model:
    """The model where its objective stays what it is in `answer`."""
    reduced, duals = answer.reduced, answer.duals
    up, down = reduced < -TOLERANCE, reduced > TOLERANCE
    high, low = duals < -TOLERANCE, duals > TOLERANCE
    return model._replace(
        lower=np.where(up, model.upper, model.lower),
        upper=np.where(down, model.lower, model.upper),
        least=np.where(high, model.most, model.least),
        most=np.where(low, model.least, model.most),
    )
