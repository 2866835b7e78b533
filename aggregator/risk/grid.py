"""Stress multiples: the grid on which survival is searched, and the first point where it ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STANDARD = np.arange(21) / 20.0
"""0 to one standard stress: where the requirement is taken."""

BLOCKS = (STANDARD, np.arange(21, 41) / 20.0, np.arange(41, 101) / 20.0, np.arange(21, 81) / 4.0)
"""The whole grid, 0, .05, .. 5, 5.25, .. 20, in blocks, so that a weak book is not followed to the end."""


@dataclass(frozen=True, eq=False, slots=True)
class Branch:
    """What portfolios count at least at each of some `levels`: `whole` (portfolios, levels) is U.

    `counted` (accounts, levels) is what accounts count there. `ray` (portfolios, levels) is where that is;
    None where it is a mean over draws.
    """

    levels: NDArray[np.float64]
    whole: NDArray[np.float64]
    counted: NDArray[np.float64]
    ray: NDArray[np.intp] | None


def first_crossing(levels: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where values (rows, levels) first fall below 0, linear between grid points, shape (rows,).

    0 where the first value is negative, inf where none is, and strictly below 1 where the value at 1 is
    negative, so that rounding can't declare a standard stress survived.
    """
    negative = values < 0.0
    at = negative.argmax(axis=1)
    rows = np.arange(len(values))
    before = np.maximum(at - 1, 0)
    low, high = values[rows, before], values[rows, at]
    share = np.divide(low, low - high, out=np.zeros(len(values)), where=(at > 0) & negative[rows, at])
    crossing = levels[before] + share * (levels[at] - levels[before])
    by_one = levels[at] <= 1.0
    crossing = np.where(by_one, np.minimum(crossing, np.nextafter(1.0, 0.0)), crossing)
    return np.where(negative[rows, at], crossing, np.inf)
