"""Dollars as columns keep them: NULL where a DECIMAL(38, …) can't hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

from aggregator.model.assets import AssetId
from aggregator.model.positions import Position
from aggregator.model.readings import Quote
from aggregator.pricing import values


def value_usd(position: Position, marks: Mapping[AssetId, Quote]) -> Decimal | None:
    """A position's value with 8 decimals; None where a mark is missing or it is beyond DECIMAL(38,8)."""
    value = values.value_usd(position, marks)
    return None if value is None else _fitting(value, decimals=values.USD_DECIMALS)


def price_usd(quote: Quote) -> Decimal | None:
    """A quote with 18 decimals, or None beyond DECIMAL(38,18)."""
    return _fitting(values.rounded(quote.usd, 18), decimals=18)


def dollars(value: float) -> Decimal:
    """A computed number of dollars with 8 decimals; raises ValueError where it is none, or too large."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number of dollars")
    found = _fitting(values.rounded(Decimal(repr(value)), values.USD_DECIMALS), decimals=values.USD_DECIMALS)
    if found is None:
        raise ValueError(f"{value} dollars are more than a column holds")
    return found or found.copy_abs()  # a column has no negative zero


def _fitting(value: Decimal, *, decimals: int) -> Decimal | None:
    return value if value.copy_abs() < Decimal(10) ** (38 - decimals) else None
