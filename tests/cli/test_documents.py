"""Values of positions as documents print them: exact up to the last step, whatever their size."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aggregator.model.positions import Holding
from aggregator.model.readings import Quote
from cli import documents
from tests.risk.builders import COINS, portfolio, wallet


@pytest.mark.parametrize(
    ("raw", "price", "value"),
    [
        (10**50, 10**8, "100000000000000000000000000000000"),
        (2**256 - 1, 2**256 - 1, None),
        (15 * 10**9, 10**8, "0.00000002"),  # half of a unit goes to the even one
        (25 * 10**9, 10**8, "0.00000002"),
    ],
)
def test_no_amount_breaks_a_value(raw: int, price: int, value: str | None) -> None:
    """A token may have any supply and its oracle any price: neither ends the command."""
    asset = COINS["ETH"].asset
    ours = portfolio(wallet(Holding(asset, raw, "holding")))
    ours = replace(ours, marks={**ours.marks, asset.id: Quote(asset.id, price, 8, "quote")})
    [row] = documents.positions(ours)["accounts"][0]["positions"]
    assert row["raw"] == str(raw)
    if value is None:
        whole, _, cents = row["value_usd"].partition(".")
        assert (int(whole), len(cents)) == (raw * price // 10**26, 8)
    else:
        assert row["value_usd"] == value
