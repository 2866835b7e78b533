"""Units in which a program's rows and columns are near 1, so that one tolerance fits $10 and $10 bn.

The solver's tolerances are absolute. A row that asks for something is measured in what it asks for; a column
in what rows ask of it, as geometric means along the rows that join columns (A. R. Curtis, J. K. Reid, On the
automatic scaling of matrices for Gaussian elimination, 1972), and in no more than it can be. Units are powers
of two: scaling rounds nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDS = 6
# A row is measured in no less than this part of its largest term: below it, rounding is seen.
_LEAST_PART = 2.0**-14


class Units:
    """The units of a matrix, kept while its numbers stay within a factor of two of where they were."""

    def __init__(self) -> None:
        self._near: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._most = np.zeros(0)
        self._units: tuple[NDArray[np.float64], NDArray[np.float64]] = (np.zeros(0), np.zeros(0))

    def of(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        values: NDArray[np.float64],
        least: NDArray[np.float64],
        most: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """As `units`, of entries in the same places as before; `most` is kept, not copied."""
        numbers = np.concatenate((values, least))
        same = most is self._most or (len(most) == len(self._most) and _within(most, _range(self._most)))
        if self._near is None or not same or not _within(numbers, self._near):
            self._near, self._most = _range(numbers), most
            self._units = units(rows, columns, values, least, most)
        return self._units


def _range(numbers: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From half to twice of each number, on its own side of zero; zeros and infinities stay what they are."""
    half, twice = 0.5 * numbers, 2.0 * numbers
    return np.minimum(half, twice), np.maximum(half, twice)


def _within(numbers: NDArray[np.float64], near: tuple[NDArray[np.float64], NDArray[np.float64]]) -> bool:
    return bool((numbers >= near[0]).all() and (numbers <= near[1]).all())


def units(
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    values: NDArray[np.float64],
    least: NDArray[np.float64],
    most: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The units of rows and columns: entries are at `rows`, `columns`, none of them zero.

    `least` is what each row asks for, `most` what each column can be (inf: anything). Both answers are
    positive: divide a row by its unit, and an amount by its column's.
    """
    size = np.log2(np.abs(values))
    with np.errstate(divide="ignore"):
        asked, bound = np.log2(np.abs(least)), np.log2(most)
    # What a column would be if it alone met a row: needs first, then slack, which is the only size that is
    # left.
    unit = np.full(len(most), np.inf)
    for wanted in (least > 0, least < 0):
        met, entries = np.full(len(most), np.inf), wanted[rows]
        np.minimum.at(met, columns[entries], asked[rows[entries]] - size[entries])
        unit = np.where(np.isinf(unit), met, unit)
    unit = np.where(np.isinf(unit), np.where(np.isfinite(bound), bound, 0.0), unit)
    needs = least > 0
    in_row = np.bincount(rows, minlength=len(least))
    in_column = np.bincount(columns, minlength=len(most))
    need = np.where(needs, asked, 0.0)
    for _ in range(_ROUNDS):
        total = np.bincount(rows, size + unit[columns], len(least)) + need
        mean = total / np.maximum(in_row + needs, 1)
        met = np.bincount(columns, mean[rows] - size, len(most)) / np.maximum(in_column, 1)
        unit = np.where(in_column > 0, met, unit)
    unit = np.round(np.where(np.isfinite(bound), np.minimum(unit, bound), unit))
    largest = np.full(len(least), -np.inf)
    np.maximum.at(largest, rows, size + unit[columns])
    largest = np.where(np.isinf(largest), np.where(least != 0, asked, 0.0), largest)
    row = np.where(needs, np.maximum(asked, largest + np.log2(_LEAST_PART)), largest)
    return np.exp2(np.round(row)), np.exp2(unit)


def money(costs: NDArray[np.float64]) -> float:
    """What to multiply an objective with: its least part is above the tolerance if the largest allows it."""
    parts = np.abs(costs[costs != 0.0])
    if not len(parts):
        return 1.0
    return float(min(1e5 / parts.max(), max(1.0 / parts.max(), 1e-6 / parts.min())))
