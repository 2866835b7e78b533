"""Dollars as columns keep them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from aggregator.model.positions import Debt, Holding
from aggregator.model.readings import Quote
from aggregator.store.derived import price_usd, value_usd
from tests.store.samples import SUSD, WETH


def test_a_value_beyond_its_column_is_null() -> None:
    """DECIMAL(38,8) ends below 10^30 on both sides of zero; nothing is cut to fit."""
    mark = {WETH.id: Quote(WETH.id, 1, 0, "o")}
    whole = replace(SUSD, id=WETH.id, decimals=0)
    assert value_usd(Holding(whole, 10**30 - 1, "o"), mark) == Decimal(10**30 - 1)
    assert value_usd(Holding(whole, 10**30, "o"), mark) is None
    assert value_usd(Debt(whole, 10**30, "variable", "o"), mark) is None
    assert value_usd(Holding(whole, 1, "o"), {}) is None


def test_price_usd() -> None:
    """18 decimals, NULL beyond the column's range."""
    assert price_usd(Quote(WETH.id, 10**36 + 5 * 10**17, 36, "o")) == Decimal("1.000000000000000000")
    assert price_usd(Quote(WETH.id, 10**20 - 1, 0, "o")) == Decimal(10**20 - 1)
    assert price_usd(Quote(WETH.id, 10**20, 0, "o")) is None
    assert price_usd(Quote(WETH.id, 2**256 - 1, 0, "o")) is None
