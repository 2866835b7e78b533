"""Which moves are used: a mixed-integer program proposes, the linear program of what it uses has the word.

In a mixed-integer program a move that is "not used" may still do a billionth of the most that it can, within
the tolerance of whole numbers: beside $10 bn that is a whole account of $10. So each proposal is solved again
without the moves that it does not use. If it was better than that, it has used something unpaid: the two
cases of that move, used and not, are then searched apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from aggregator.planning import scaling
from aggregator.planning.highs import TOLERANCE, Highs, Model
from aggregator.planning.linear import Found, Goal, Linear
from aggregator.planning.matrix import Matrix
from aggregator.planning.scaled import COST, Scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A proposal's bound and its own linear program agree to this part.
_AGREED = 1e-8
_MOST_PROPOSALS = 64


class Chooser:
    """Solves a matrix for goals, warm."""

    def __init__(self, matrix: Matrix, exclusive: Sequence[Sequence[str]]) -> None:
        self._matrix = matrix
        self._linear = Linear(matrix)
        self._mixed = Highs("mixed") if matrix.choices else None
        place = {variable: i for i, variable in enumerate(matrix.choices)}
        self._groups = [[place[matrix.index[n]] for n in group] for group in exclusive if len(group) > 1]
        self._fixed = np.array([matrix.variables[i].fixed for i in matrix.choices], float)
        columns = [np.arange(matrix.first[i], matrix.first[i] + matrix.counts[i]) for i in matrix.choices]
        self._columns = np.concatenate(columns) if columns else np.zeros(0, np.int64)
        self._choice = np.repeat(np.arange(len(columns)), [len(some) for some in columns])
        self._single = np.ones(len(columns), bool)
        self._single[[i for group in self._groups for i in group]] = False

    @property
    def solves(self) -> int:
        """How often the solver has run."""
        return self._linear.solves + (self._mixed.solves if self._mixed else 0)

    def best(self, goal: Goal, known: Found | None = None) -> Found | None:
        """The best of all choices, or None where nothing is allowed. Raises ArithmeticError, see `Highs`.

        `known` is allowed, if perhaps not the best.
        """
        scaled = self._matrix.scaled()
        if self._mixed is None:
            return self._linear.best(scaled, goal, self._columns, 0.0)
        everything = np.ones(len(self._fixed), bool)
        free = not goal.fixed and self._matrix.most_cost == inf
        if free and not self._groups:
            return self._used(scaled, goal, everything)
        best = None if known is None else self._used(scaled, goal, self._marks(known))
        numbers = count()
        nodes: list[tuple[float, int, Mapping[int, int]]] = [(-inf, next(numbers), {})]
        floor = inf
        for _ in range(_MOST_PROPOSALS):
            if not nodes or (best is not None and nodes[0][0] >= best.value - _near(best.value)):
                break
            bound, _, fixed = heappop(nodes)
            proposed = self._proposal(self._mixed, scaled, goal, fixed)
            if proposed is None:
                continue
            lower, amounts, marks, limited = proposed
            lower = max(lower, bound)
            used = marks > 0.5
            # Where use costs nothing, what may be used is: no tolerance decides on it.
            found = self._used(scaled, goal, used | self._single if free else used)
            if found is not None and (best is None or found.value < best.value):
                best = found
            if found is not None and found.value <= lower + _near(found.value):
                floor = min(floor, lower)
                continue
            unpaid = np.zeros(len(used))
            np.add.at(unpaid, self._choice, amounts[self._columns])
            unpaid[used] = 0.0
            unpaid[list(fixed)] = -1.0
            split = int(np.argmax(unpaid))
            if limited and unpaid[split] <= 0:
                floor = min(floor, lower)
            elif len(fixed) < len(used):
                for case in (0, 1):
                    heappush(nodes, (lower, next(numbers), {**fixed, split: case}))
        if best is None:
            if nodes or floor < inf:
                raise ArithmeticError("no choice of moves was found: the program's numbers are too far apart")
            return None
        bound = min(best.value, floor, nodes[0][0] if nodes else inf)
        return Found(best.value, bound, best.columns, best.duals)

    def _marks(self, found: Found) -> NDArray[np.bool_]:
        """Which choices are used."""
        amounts = np.zeros(len(self._fixed))
        np.add.at(amounts, self._choice, found.columns[self._columns])
        return amounts > 0

    def _used(self, scaled: Scaled, goal: Goal, used: NDArray[np.bool_]) -> Found | None:
        unused = self._columns[~used[self._choice]]
        return self._linear.best(scaled, goal, unused, float(self._fixed[used].sum()))

    def _proposal(
        self, mixed: Highs, scaled: Scaled, goal: Goal, known: Mapping[int, int]
    ) -> tuple[float, NDArray[np.float64], NDArray[np.float64], bool] | None:
        """A lower bound, columns, marks of choices, whether the search stopped early; None: none allowed."""
        size, choices = len(goal.costs), len(self._fixed)
        columns, of = self._columns, self._choice
        fixed = self._fixed if goal.fixed else np.zeros(choices)
        costs = np.concatenate((goal.costs, fixed))
        scale = scaling.money(costs)
        upper = goal.upper(scaled, self._matrix.segments)
        marks = np.array([[known.get(i, 0), known.get(i, 1)] for i in range(choices)], float)
        # A choice's columns are at most their bound times its mark, and of a group one is marked. Costs of
        # use come first in the row of the cost.
        paid = np.flatnonzero(self._fixed) if self._matrix.most_cost < inf else np.zeros(0, np.int64)
        links = np.empty((len(columns), 2))
        links[:, 0], links[:, 1] = 1.0, -upper[columns]
        linked = np.empty((len(columns), 2), np.int64)
        linked[:, 0], linked[:, 1] = columns, size + of
        grouped = np.array([size + i for group in self._groups for i in group], np.int64)
        lengths = [2] * len(columns) + [len(group) for group in self._groups]
        order = np.argsort(scaled.entry_rows, kind="stable")
        ends = np.cumsum(np.bincount(scaled.entry_rows, minlength=len(scaled.least))) + len(paid)
        answer = mixed.solve(
            Model(
                costs=costs * scale,
                lower=np.concatenate((np.zeros(size), marks[:, 0])),
                upper=np.concatenate((upper, marks[:, 1])),
                least=np.concatenate((scaled.least, np.full(len(lengths), -inf))),
                most=np.concatenate(
                    (
                        goal.rows(scaled, self._matrix.most_cost),
                        np.zeros(len(columns)),
                        np.ones(len(self._groups)),
                    )
                ),
                starts=np.concatenate(([0], ends, ends[-1] + np.cumsum(lengths))).astype(np.int32),
                inner=np.concatenate((size + paid, scaled.columns[order], linked.ravel(), grouped)).astype(
                    np.int32
                ),
                values=np.concatenate(
                    (
                        self._fixed[paid] / scaled.row_unit[COST],
                        scaled.values[order],
                        links.ravel(),
                        np.ones(len(grouped)),
                    )
                ),
                whole=np.concatenate((np.zeros(size), np.ones(choices))).astype(np.int32),
                of_rows=True,
            )
        )
        if answer is None:
            return None
        return answer.bound / scale, answer.columns[:size], answer.columns[size:], answer.limited


def _near(value: float) -> float:
    return _AGREED * abs(value) + TOLERANCE
