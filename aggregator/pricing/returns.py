"""Daily returns of underlyings: what volatilities, correlations and historical simulation are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class DailyReturns:
    """Log returns from day to day, oldest first, one row for every day.

    `values` (days, assets), NaN where an asset has no price for one of the two days; `last_day` is the last
    row's day, in days since 1970-01-01 UTC; `source` names, per asset, where its prices are from.
    """

    assets: tuple[str, ...]
    values: NDArray[np.float64]
    last_day: int
    source: tuple[str, ...]
