"""Daily closes and returns of underlyings: of them are volatilities, correlations, historical simulation."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DAY_S = 86_400
LAST_DAY = 100_000
"""No later day is known: some 270 years after 1970."""
_LONGEST = 200
_LARGEST = 70.0
"""Between the lowest and the highest price that a feed may have lie 69; beyond it a recording is damaged."""


@dataclass(frozen=True, slots=True)
class Close:
    """The price in USD at the end of a day (00:00 UTC of the next one), above 0; None where there is none."""

    day: int
    price: Decimal | None


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

    def to_json(self) -> dict[str, Any]:
        """Data for `load_returns`: null where there is no return."""
        return {
            "assets": list(self.assets),
            "source": list(self.source),
            "last_day": self.last_day,
            "values": [[None if math.isnan(x) else x for x in row] for row in self.values.tolist()],
        }

    @property
    def hash(self) -> str:
        """SHA-256 of all of it, in hex."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


def daily_returns(
    closes: Mapping[str, Sequence[Close]], sources: Mapping[str, str], last_day: int, days: int
) -> DailyReturns | None:
    """The returns of up to `days` days that end with `last_day`, assets in the order of `closes`.

    Later closes than that take no part. None where no asset has a return.
    """
    import numpy as np  # noqa: PLC0415  # not for those who only keep closes

    prices = np.full((days + 1, len(closes)), np.nan)
    for column, of_asset in enumerate(closes.values()):
        for close in of_asset:
            row = days - (last_day - close.day)
            if 0 <= row <= days and close.price is not None:
                prices[row, column] = float(close.price)
    values = np.diff(np.log(prices), axis=0)
    known = np.flatnonzero(np.isfinite(values).any(axis=1))
    if not len(known):
        return None
    source = tuple(sources[asset] for asset in closes)
    return DailyReturns(tuple(closes), values[known[0] :], last_day, source)


def load_returns(data: object) -> DailyReturns:
    """What `to_json` wrote; raises ValueError on anything else."""
    import numpy as np  # noqa: PLC0415

    if not isinstance(data, dict) or set(data) != {"assets", "source", "last_day", "values"}:
        raise ValueError("a price history has assets, source, last_day and values")
    assets, source, rows, last_day = data["assets"], data["source"], data["values"], data["last_day"]
    if type(last_day) is not int or not 0 <= last_day <= LAST_DAY:
        raise ValueError("the last day of a price history is no day")
    for texts in (assets, source):
        if not isinstance(texts, list) or not all(map(_is_name, texts)):
            raise ValueError("assets and sources of a price history are short texts")
    if not assets or len(set(assets)) != len(assets) or len(source) != len(assets):
        raise ValueError("the assets of a price history are not told apart, or have no source each")
    if not isinstance(rows, list) or not 0 < len(rows) <= LAST_DAY:
        raise ValueError("a price history has a row for every day")
    for row in rows:
        if not isinstance(row, list) or len(row) != len(assets) or not all(map(_is_return, row)):
            raise ValueError("a day of a price history has a return for every asset")
    values = np.array([[np.nan if x is None else x for x in row] for row in rows], dtype=np.float64)
    return DailyReturns(tuple(assets), values, last_day, tuple(source))


def _is_return(value: object) -> bool:
    return value is None or (type(value) in (int, float) and abs(value) <= _LARGEST)  # type: ignore[arg-type]


def _is_name(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= _LONGEST and text.isprintable()


def day_text(day: int) -> str:
    """A day for people: 2026-11-28."""
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day):%Y-%m-%d}"


def ended_day(timestamp: int) -> int:
    """The last day that has ended at a time in Unix seconds."""
    return timestamp // DAY_S - 1
