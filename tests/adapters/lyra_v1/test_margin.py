"""The exact rule, its stored form, and its fast form."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.lyra_v1.collateral import OptionType
from adapters.lyra_v1.family import LyraFamily
from aggregator.contract import Shocked
from aggregator.model.assets import index_id
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import prices_of
from tests.adapters.lyra_v1.strategies import DAY, NOW, WAD, rules

if TYPE_CHECKING:
    from adapters.lyra_v1.margin import ShortOptionRule

FAMILY = LyraFamily()
ETH = index_id("ETH")


@given(rules(), st.integers(0, 30 * DAY))
def test_health_is_power_over_requirement(rule: ShortOptionRule, later: int) -> None:
    """The ratio is the collateral's in its own asset, and the flag is its being below one."""
    found = rule.health(prices_of(rule), NOW + later)
    assert found.health == found.power * WAD // found.requirement
    assert found.liquidatable == (found.power < found.requirement)


@given(rules(), st.integers(1, 10**24))
def test_more_collateral_is_healthier(rule: ShortOptionRule, more: int) -> None:
    """And asks for no more."""
    before = rule.health(prices_of(rule), NOW)
    after = replace(rule, collateral=rule.collateral + more).health(prices_of(rule), NOW)
    assert after.requirement == before.requirement
    assert after.power > before.power


@given(rules(), st.integers(101, 300))
def test_calls_fear_a_rise_and_puts_a_fall(rule: ShortOptionRule, percent: int) -> None:
    """The minimum in the collateral's own asset moves against the writer.

    Only the last digit may move the other way, by the contract's rounding.
    """
    up = rule.spot.price * percent // 100
    low, high = (rule.health({ETH: price}, NOW) for price in (rule.spot.price, up))
    in_base = rule.kind is OptionType.SHORT_CALL_BASE
    asked = [
        low.requirement // (rule.spot.price if in_base else WAD),
        high.requirement // (up if in_base else WAD),
    ]
    slack = rule.amount // 10**15 + 2
    if rule.kind.is_call:
        assert asked[1] >= asked[0] - slack
    else:
        assert asked[1] <= asked[0] + slack


@given(rules())
def test_json_round_trip(rule: ShortOptionRule) -> None:
    """Through text and back, with no integer that JSON readers would round."""
    text = json.dumps(rule.to_json())
    assert FAMILY.load(json.loads(text)) == rule
    assert all(abs(value) < 2**53 for value in json.loads(text).values() if isinstance(value, int))


@pytest.mark.parametrize(
    "change",
    [
        {"family": "aave_v3"},
        {"kind": "LONG_PUT"},
        {"amount": 5},
        {"amount": "five"},
        {"parameters": None},
        {"parameters": {}},
        {"price_decimals": "18"},
        {"oracle": "moon"},
    ],
)
@given(rule=rules())
def test_other_data_is_refused(rule: ShortOptionRule, change: dict[str, object]) -> None:
    """ValueError, never another rule."""
    with pytest.raises(ValueError, match=r".+"):
        FAMILY.load({**rule.to_json(), **change})  # type: ignore[dict-item]  # wrong on purpose


@pytest.mark.parametrize("price", [0, -1, 1])
@given(rule=rules())
def test_unusable_prices_raise(rule: ShortOptionRule, price: int) -> None:
    """Zero, negative, and 1e-18: the contract's logarithm reverts there."""
    with pytest.raises(UnusablePrice):
        rule.health({ETH: price}, NOW)


def agrees(exact: int, fast: float, decimals: int) -> bool:
    """Within 1e-9, or 0.01 bp where the contract rounds a number of few digits."""
    return fast == pytest.approx(exact / 10**decimals, rel=1e-9, abs=1e-15)


@given(
    st.lists(rules(), min_size=1, max_size=5),
    st.lists(st.integers(20, 500), min_size=1, max_size=4),
    st.integers(0, 400 * DAY),
)
def test_fast_form_agrees_with_the_exact_one(
    shorts: list[ShortOptionRule], percents: list[int], later: int
) -> None:
    """Every account in every scenario, before, at and after expiry."""
    columns = FAMILY.columns(shorts)
    assert [feed.price for feed in columns.feeds] == [rule.spot.price for rule in shorts]
    prices = [[rule.spot.price * percent // 100 for percent in percents] for rule in shorts]
    shocked = Shocked.in_usd(prices=np.array(prices, dtype=np.float64) / WAD, time=NOW + later)
    power, requirement = FAMILY.margin(columns, shocked)
    assert power.shape == requirement.shape == (len(shorts), len(percents))
    for i, rule in enumerate(shorts):
        for j, price in enumerate(prices[i]):
            exact = rule.health({ETH: price}, NOW + later)
            assert agrees(exact.power, power[i, j], exact.decimals)
            assert agrees(exact.requirement, requirement[i, j], exact.decimals)


@given(rules())
def test_fast_form_at_the_instant_of_expiry_and_around_the_slope(rule: ShortOptionRule) -> None:
    """The corners that random times miss."""
    p = rule.parameters
    for seconds in (0, 1, p.point_a, p.point_a + 1, p.point_b, p.point_b + 1):
        at = replace(rule, expiry=NOW + seconds)
        shocked = Shocked.in_usd(prices=np.array([[rule.spot.price / WAD]]), time=NOW)
        _, requirement = FAMILY.margin(FAMILY.columns([at]), shocked)
        exact = at.health(prices_of(at), NOW)
        assert agrees(exact.requirement, requirement[0, 0], exact.decimals)


def test_no_rules_give_no_rows() -> None:
    """A book without such accounts may still ask."""
    shocked = Shocked.in_usd(prices=np.empty((0, 3)), time=NOW)
    power, requirement = FAMILY.margin(FAMILY.columns([]), shocked)
    assert power.shape == requirement.shape == (0, 3)
