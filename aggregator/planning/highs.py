"""HiGHS, kept warm: a model in, amounts and duals out. Only this module knows `highspy`, and imports it late.

https://ergo-code.github.io/HiGHS/; one thread and a fixed seed, and limits on nodes, never on time: the same
programs in the same order have the same answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import highspy
    from numpy.typing import NDArray

TOLERANCE = 1e-9
_BY_COLUMNS, _BY_ROWS, _MINIMISE, _FEASIBLE = 1, 2, 1, 2
_OPTIONS: dict[str, bool | int | float | str] = {
    "output_flag": False,
    "threads": 1,
    "parallel": "off",
    "random_seed": 1,
    "primal_feasibility_tolerance": TOLERANCE,
    "dual_feasibility_tolerance": TOLERANCE,
    "mip_feasibility_tolerance": TOLERANCE,
    "mip_rel_gap": TOLERANCE,
    "mip_abs_gap": TOLERANCE,
    "mip_max_nodes": 20_000,
    "small_matrix_value": 1e-12,
    "simplex_strategy": 1,
    # Programs arrive scaled.
    "simplex_scale_strategy": 0,
}
# How to try again, one after another, where HiGHS ends without an answer.
_OTHERWISE: tuple[dict[str, int | str], ...] = (
    {"presolve": "off"},
    {"presolve": "on", "simplex_scale_strategy": 2},
    {"presolve": "off", "simplex_strategy": 4},
)


class Model(NamedTuple):
    """Minimise costs times y, with y and rows between bounds; the matrix by rows (`of_rows`) or columns.

    `inner` are the columns of entries by rows, or the rows of those by columns. Nobody writes into arrays.
    """

    costs: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    starts: NDArray[np.int32]
    inner: NDArray[np.int32]
    values: NDArray[np.float64]
    whole: NDArray[np.int32]
    of_rows: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Answer:
    """What HiGHS found: columns, within their bounds to the last bit.

    Without whole columns also reduced costs and duals of rows; with them a lower `bound` of the objective,
    and whether the search stopped at its limit, so that there may be a better one (`limited`).
    """

    columns: NDArray[np.float64]
    reduced: NDArray[np.float64]
    duals: NDArray[np.float64]
    bound: float = -inf
    limited: bool = False


class Highs:
    """One HiGHS model, solved again and again from its last basis."""

    def __init__(self, kind: Literal["linear", "mixed"]) -> None:
        import highspy  # noqa: PLC0415 - 0.24 s that no check of an account should pay

        self._highspy = highspy
        # The bindings below the modelling layer: nothing of that is used, and it starts slower.
        self._highs = highspy._core._Highs()  # noqa: SLF001
        self._mixed = kind == "mixed"
        self._basis: highspy.HighsBasis | None = None
        self._shape = (0, 0)
        self.solves = 0
        statuses = highspy.HighsModelStatus
        self._optimal, self._limit = statuses.kOptimal, statuses.kSolutionLimit
        self._nothing = (statuses.kInfeasible, statuses.kUnboundedOrInfeasible)
        self._known = (self._optimal, self._limit, *self._nothing)
        # Linear programs have the basis of the last solve, which does more than presolve.
        self._options = {**_OPTIONS, "presolve": "choose" if self._mixed else "off"}
        for name, value in self._options.items():
            self._set(name, value)

    def _set(self, name: str, value: bool | float | str) -> None:
        if self._highs.setOptionValue(name, value) != self._highspy.HighsStatus.kOk:
            raise ValueError(f"HiGHS takes no {name} = {value}: install highspy 1.11 or later")

    def solve(self, model: Model) -> Answer | None:
        """The optimum, or None where there is none. Raises ArithmeticError where HiGHS doesn't know."""
        if not len(model.costs):
            # HiGHS has no word on a program without columns.
            holds = bool((model.least <= TOLERANCE).all() and (model.most >= -TOLERANCE).all())
            nothing = np.zeros(0)
            return Answer(nothing, nothing, np.zeros(len(model.least)), 0.0) if holds else None
        status = self._run(model)
        if status not in self._known:
            # A basis, or what presolve leaves, may lead into a corner where numbers are bad: from nothing.
            for other in _OTHERWISE:
                self._basis = None
                for name, value in {**self._options, **other}.items():
                    self._set(name, value)
                status = self._run(model)
                if status in self._known:
                    break
            for name, value in self._options.items():
                self._set(name, value)
        limited = status != self._optimal
        if limited:
            if status in self._nothing:
                return None
            if status != self._limit or self._info("primal_solution_status") != _FEASIBLE:
                raise ArithmeticError(
                    f"HiGHS ends with {self._highs.modelStatusToString(status)}: "
                    "the program's numbers are too far apart"
                )
        found = self._highs.getSolution()
        columns = np.minimum(np.maximum(np.array(found.col_value), model.lower), model.upper)
        if self._mixed:
            nothing = np.zeros(0)
            return Answer(columns, nothing, nothing, self._info("mip_dual_bound"), limited)
        return Answer(columns, np.array(found.col_dual), np.array(found.row_dual))

    def _info(self, name: str) -> float:
        return float(self._highs.getInfoValue(name)[1])

    def _run(self, model: Model) -> highspy.HighsModelStatus:
        passed = self._highs.passModel(
            len(model.costs),
            len(model.least),
            len(model.values),
            _BY_ROWS if model.of_rows else _BY_COLUMNS,
            _MINIMISE,
            0.0,
            model.costs,
            model.lower,
            model.upper,
            model.least,
            model.most,
            model.starts,
            model.inner,
            model.values,
            model.whole,
        )
        if passed == self._highspy.HighsStatus.kError:
            raise ArithmeticError("HiGHS refuses the program: its numbers are too far apart")
        if self._basis is not None:
            self._highs.setBasis(self._extended(self._basis, (len(model.costs), len(model.least))))
        self.solves += 1
        self._highs.run()
        if not self._mixed:
            basis = self._highs.getBasis()
            self._basis = basis if basis.valid else None
            self._shape = (len(model.costs), len(model.least))
        return self._highs.getModelStatus()

    def _extended(self, basis: highspy.HighsBasis, shape: tuple[int, int]) -> highspy.HighsBasis:
        """The last basis, with what is new beside it: columns at zero, rows that don't bind."""
        if shape != self._shape:
            statuses, (columns, rows) = self._highspy.HighsBasisStatus, self._shape
            basis.col_status = [*basis.col_status, *[statuses.kLower] * (shape[0] - columns)]
            basis.row_status = [*basis.row_status, *[statuses.kBasic] * (shape[1] - rows)]
        return basis
