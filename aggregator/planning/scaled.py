"""A program in units near 1, as the solver takes it: `matrix` builds it, `linear` and `choices` read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COST, SHORTFALL, FIRST = 0, 1, 2
"""Row 0 is the cost, row 1 the weighted shortfall, and after them come the constraints."""


class Scaled(NamedTuple):
    """Columns and rows in their units; `unit` and `row_unit` turn them back.

    Columns: `upper` in units, what a whole unit of a segment costs (`slopes`, USD), with ties broken
    (`costs`), and what a unit of shortfall weighs (`weights`). `values` are by columns, at
    `entry_rows` and `columns`. Where only the numbers of constraints have changed, `least` and `values` are
    new, and all else is the same arrays as before: nobody writes into them.
    """

    unit: NDArray[np.float64]
    upper: NDArray[np.float64]
    slopes: NDArray[np.float64]
    costs: NDArray[np.float64]
    weights: NDArray[np.float64]
    row_unit: NDArray[np.float64]
    least: NDArray[np.float64]
    starts: NDArray[np.int32]
    entry_rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    values: NDArray[np.float64]
