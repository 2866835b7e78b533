"""HiGHS, kept warm: a model in, amounts and duals out. The only module that knows `highspy`, which it imports late.

https://ergo-code.github.io/HiGHS/; one thread and a fixed seed, and limits on nodes, never on time: the same
programs in the same order have the same answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import highspy
    from numpy.typing import NDArray

TOLERANCE = 1e-9
_BY_ROWS, _MINIMISE = 2, 1
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
    # Programs arrive scaled. A basis from the last solve does more than presolve.
    "simplex_scale_strategy": 0,
    "presolve": "off",
}


@dataclass(frozen=True, eq=False, slots=True)
class Model:
    """Minimise costs times y, with 0 <= y <= upper (or lower) and rows between bounds; the matrix by rows."""

    costs: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    starts: NDArray[np.int32]
    columns: NDArray[np.int32]
    values: NDArray[np.float64]
    whole: NDArray[np.int32]


@dataclass(frozen=True, eq=False, slots=True)
class Answer:
    """What HiGHS found: the columns, the duals of rows (of a program without whole columns), a lower bound."""

    columns: NDArray[np.float64]
    duals: NDArray[np.float64]
    bound: float


class Highs:
    """One HiGHS model, solved again and again from its last basis."""

    def __init__(self, kind: Literal["linear", "mixed"]) -> None:
        import highspy  # noqa: PLC0415 - 0.24 s that no check of an account should pay

        self._highspy = highspy
        # The bindings below the modelling layer: nothing of that is used, and it starts slower.
        self._highs = highspy._core._Highs()  # noqa: SLF001
        self._mixed = kind == "mixed"
        self._basis: highspy.HighsBasis | None = None
        self.solves = 0
        for name, value in _OPTIONS.items():
            self._set(name, value)
        if self._mixed:
            self._set("presolve", "choose")

    def _set(self, name: str, value: bool | float | str) -> None:
        if self._highs.setOptionValue(name, value) != self._highspy.HighsStatus.kOk:
            raise ValueError(f"HiGHS takes no {name} = {value}: install highspy 1.11 or later")

    def solve(self, model: Model) -> Answer | None:
        """The optimum, or None where there is none. Raises ArithmeticError where HiGHS doesn't know."""
        statuses = self._highspy.HighsModelStatus
        status = self._run(model)
        if not self._mixed and status not in {statuses.kOptimal, statuses.kInfeasible}:
            # A basis may lead into a corner where numbers are bad: once more from nothing.
            self._basis = None
            status = self._run(model)
        if status in {statuses.kInfeasible, statuses.kUnboundedOrInfeasible}:
            return None
        info = self._highs.getInfo()
        limited = status == statuses.kSolutionLimit and info.primal_solution_status == 2
        if status != statuses.kOptimal and not limited:
            raise ArithmeticError(
                f"HiGHS ends with {self._highs.modelStatusToString(status)}: the program's numbers are too far apart"
            )
        found = self._highs.getSolution()
        columns = np.array(found.col_value)
        bound = info.mip_dual_bound if self._mixed else info.objective_function_value
        return Answer(columns, np.array([] if self._mixed else found.row_dual), bound)

    def _run(self, model: Model) -> object:
        passed = self._highs.passModel(
            len(model.costs),
            len(model.least),
            len(model.values),
            _BY_ROWS,
            _MINIMISE,
            0.0,
            model.costs,
            model.lower,
            model.upper,
            model.least,
            model.most,
            model.starts,
            model.columns,
            model.values,
            model.whole,
        )
        if passed == self._highspy.HighsStatus.kError:
            raise ArithmeticError("HiGHS refuses the program: its numbers are too far apart")
        if self._basis is not None:
            self._highs.setBasis(self._extended(self._basis, len(model.costs), len(model.least)))
        self.solves += 1
        self._highs.run()
        if not self._mixed:
            basis = self._highs.getBasis()
            self._basis = basis if basis.valid else None
        return self._highs.getModelStatus()

    def _extended(self, basis: highspy.HighsBasis, columns: int, rows: int) -> highspy.HighsBasis:
        """The last basis, with what is new beside it: columns at zero, rows that don't bind."""
        statuses = self._highspy.HighsBasisStatus
        if new := columns - len(basis.col_status):
            basis.col_status = [*basis.col_status, *[statuses.kLower] * new]
        if new := rows - len(basis.row_status):
            basis.row_status = [*basis.row_status, *[statuses.kBasic] * new]
        return basis
