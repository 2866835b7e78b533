"""Daily returns: made of closes, told apart by their hash, and read back from a recording or refused."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.pricing.returns import Close, DailyReturns, daily_returns, day_text, ended_day, load_returns

SOURCES = {"ETH": "one", "BTC": "two"}


def closes(first: int, *prices: str | None) -> list[Close]:
    """Closes of consecutive days."""
    return [Close(first + i, None if price is None else Decimal(price)) for i, price in enumerate(prices)]


def test_returns_are_from_day_to_day() -> None:
    """A gap costs both its days; days before the first return fall away, later closes take no part."""
    of = {"ETH": closes(10, None, "100", "110", "110", "55", "999"), "BTC": closes(12, "5", None, "10")}
    found = daily_returns(of, SOURCES, 14, 30)
    assert found is not None
    assert (found.assets, found.source, found.last_day) == (("ETH", "BTC"), ("one", "two"), 14)
    expected = [[math.log(1.1), math.nan], [0.0, math.nan], [math.log(0.5), math.nan]]
    np.testing.assert_allclose(found.values, expected)
    shorter = daily_returns(of, SOURCES, 14, 2)
    assert shorter is not None
    np.testing.assert_allclose(shorter.values, expected[1:])


def test_one_price_alone_has_no_return() -> None:
    """Nor do prices with a gap between each two."""
    assert daily_returns({"ETH": closes(1, "5", None, "6")}, SOURCES, 3, 30) is None
    assert daily_returns({}, {}, 3, 30) is None


def test_days() -> None:
    """The day of midnight has just begun: the one before it has ended."""
    assert (ended_day(86_400 * 20_000), ended_day(86_400 * 20_000 - 1)) == (19_999, 19_998)
    assert day_text(0) == "1970-01-01"
    assert day_text(20_785) == "2026-11-28"


RETURNS = st.lists(
    st.tuples(*[st.one_of(st.none(), st.floats(-70.0, 70.0))] * 2).map(list), min_size=1, max_size=20
)


@given(RETURNS)
def test_what_is_recorded_is_read_back(rows: list[list[float | None]]) -> None:
    """To the last bit, by way of JSON text, and with the same hash; another return is another hash."""
    values = np.array([[math.nan if x is None else x for x in row] for row in rows])
    given_ = DailyReturns(("ETH", "BTC"), values, 20_000, ("one", "two"))
    again = load_returns(json.loads(json.dumps(given_.to_json())))
    np.testing.assert_array_equal(again.values, values)
    assert (again.assets, again.source, again.last_day) == (given_.assets, given_.source, 20_000)
    assert again.hash == given_.hash
    changed = values.copy()
    changed[0, 0] = 1.0 if values[0, 0] != 1.0 else 2.0
    assert DailyReturns(given_.assets, changed, 20_000, given_.source).hash != given_.hash


GOOD: dict[str, Any] = {"assets": ["ETH"], "source": ["one"], "last_day": 5, "values": [[0.1], [None]]}


@pytest.mark.parametrize(
    "change",
    [
        {"assets": ["ETH", "ETH"], "source": ["a", "b"], "values": [[0.1, 0.1]]},
        {"assets": []},
        {"assets": ["\x1b[31m"]},
        {"assets": ["E" * 300]},
        {"assets": "ETH"},
        {"source": []},
        {"source": [1]},
        {"last_day": -1},
        {"last_day": 5.0},
        {"last_day": True},
        {"last_day": 10**9},
        {"values": []},
        {"values": [[0.1, 0.2]]},
        {"values": [[True]]},
        {"values": [["0.1"]]},
        {"values": [[math.nan]]},
        {"values": [[1e9]]},
        {"values": {"0": [0.1]}},
        {"more": 1},
    ],
)
def test_a_damaged_history_is_refused(change: dict[str, Any]) -> None:
    """Whatever is not as it was written."""
    load_returns(GOOD)
    with pytest.raises(ValueError, match="history"):
        load_returns(GOOD | change)


@pytest.mark.parametrize("data", [None, [], "x", {}])
def test_what_is_no_history(data: object) -> None:
    """Of another shape altogether."""
    with pytest.raises(ValueError, match="history"):
        load_returns(data)
