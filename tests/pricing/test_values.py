"""Dollars of positions, derived from exact integers and rounded once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from aggregator.model.readings import Quote
from aggregator.pricing.values import value_usd
from tests.store.samples import DERIVATIVES, SUSD, USDC, WETH

PERP, CALL, UNMARKED = DERIVATIVES.positions
MARKS = {
    WETH.id: Quote(WETH.id, 2_091_12345678, 8, "o"),
    USDC.id: Quote(USDC.id, 99_990_000, 8, "o"),
    SUSD.id: Quote(SUSD.id, 10**18, 18, "o"),
}


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (Holding(WETH, 1, "o"), "0E-8"),
        (Holding(WETH, 10**18, "o"), "2091.12345678"),
        (Supply(WETH, 5 * 10**9, is_collateral=True, origin="o"), "0.00001046"),  # 0.0000104556
        (Debt(USDC, 61_000 * 10**6, "variable", "o"), "-60993.90000000"),
        (PERP, "-263.50000000"),  # -275 profit, +12 funding; 3 wei round away
        (CALL, "-1234.56789012"),  # 10 written at 123.456789012345678901
        (UNMARKED, None),
        (Holding(replace(SUSD, id=WETH.id, decimals=0), 10**77, "o"), f"209112345678{'0' * 69}.00000000"),
    ],
)
def test_value_usd(position: Position, value: str | None) -> None:
    """Signs by kind, rounding half to even in the eighth decimal, NULL where there is no number."""
    assert value_usd(position, MARKS) == (None if value is None else Decimal(value))


def test_without_a_mark_there_is_no_value() -> None:
    """A missing price is NULL, never zero."""
    assert isinstance(PERP, Perp)
    assert isinstance(CALL, Option)
    for position in (Holding(WETH, 1, "o"), PERP, CALL):
        assert value_usd(position, {}) is None


def test_half_rounds_to_even() -> None:
    """0.5 of the last digit goes to the even neighbour, on both sides of zero."""
    mark = {SUSD.id: Quote(SUSD.id, 1, 0, "o")}
    assert value_usd(Holding(SUSD, 25 * 10**9, "o"), mark) == Decimal("2E-8")
    assert value_usd(Debt(SUSD, 35 * 10**9, "variable", "o"), mark) == Decimal("-4E-8")
