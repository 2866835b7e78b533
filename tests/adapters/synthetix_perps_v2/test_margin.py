"""The exact rule, its stored form, and its fast form."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.synthetix_perps_v2.family import PerpsV2Family
from adapters.synthetix_perps_v2.margin import PerpsV2Rule
from aggregator.contract import Shocked
from aggregator.model.errors import UnusablePrice
from aggregator.model.fixed_point import multiply
from aggregator.model.rules import WAD, JsonValue, Oracle, Rule, prices_of
from tests.adapters.synthetix_perps_v2.strategies import DAY, ETH, NOW, prices, rules

FAMILY = PerpsV2Family()


class OtherRule:
    """A rule of no family that is known here."""

    family = "other"


@given(rules(), prices(), st.integers(0, 30 * DAY))
def test_liquidatable_where_power_does_not_exceed_the_requirement(
    rule: PerpsV2Rule, price: int, later: int
) -> None:
    """Or where the position is flagged; the ratio is rounded down."""
    found = rule.health({ETH: price}, NOW + later)
    assert found.liquidatable == (rule.flagged or found.power <= found.requirement)
    if found.requirement:
        assert found.health == found.power * WAD // found.requirement
    else:
        assert found.health is None


@given(rules(), prices(), st.integers(0, 30 * DAY), st.integers(1, 10**24))
def test_margin_adds_to_power_one_to_one(rule: PerpsV2Rule, price: int, later: int, more: int) -> None:
    """And leaves the requirement alone."""
    before = rule.health({ETH: price}, NOW + later)
    after = replace(rule, margin=rule.margin + more).health({ETH: price}, NOW + later)
    assert (after.power, after.requirement) == (before.power + more, before.requirement)


@given(rules(), prices())
def test_liquidation_fee_stays_within_its_bounds(rule: PerpsV2Rule, price: int) -> None:
    """The minimum wins where the bounds contradict each other, as in the contract."""
    market = rule.market
    fee = market.liquidation_fee(rule.size, price)
    assert fee >= market.min_keeper_fee
    assert fee <= max(market.max_keeper_fee, market.min_keeper_fee)


@given(rules(), prices(), st.integers(0, 30 * DAY))
def test_opposite_positions_receive_opposite_funding(rule: PerpsV2Rule, price: int, later: int) -> None:
    """What longs pay, shorts get."""
    opposite = replace(rule, size=-rule.size)
    assert opposite.accrued_funding(price, NOW + later) == -rule.accrued_funding(price, NOW + later)


@given(rules())
def test_funding_velocity_is_capped(rule: PerpsV2Rule) -> None:
    """However far the skew exceeds its scale."""
    market = replace(rule.market, skew=10**30)
    assert market.funding_velocity() == market.max_funding_velocity
    assert replace(market, skew=-(10**30)).funding_velocity() == -market.max_funding_velocity


@given(rules(), prices(), st.integers(0, 30 * DAY))
def test_without_a_position_nothing_is_required(rule: PerpsV2Rule, price: int, later: int) -> None:
    """The margin is all there is; nobody can liquidate it."""
    found = replace(rule, size=0).health({ETH: price}, NOW + later)
    assert (found.power, found.requirement, found.health) == (rule.margin, 0, None)
    assert not found.liquidatable


@given(rules(), st.integers(-(10**20), 0))
def test_unusable_price_is_refused(rule: PerpsV2Rule, price: int) -> None:
    """Zero and below value nothing."""
    with pytest.raises(UnusablePrice):
        rule.health({ETH: price}, NOW)


def test_time_before_the_last_funding_is_refused() -> None:
    """Funding can't be taken back."""
    rule = _rule()
    with pytest.raises(ValueError, match="recomputed"):
        rule.health(prices_of(rule), rule.market.funding_time - 1)


def test_skew_scale_of_zero_is_refused() -> None:
    """The contract could not divide by it either."""
    with pytest.raises(ValueError, match="skew scale"):
        replace(_rule().market, skew_scale=0)


@given(rules())
def test_stored_rule_is_the_same_rule(rule: PerpsV2Rule) -> None:
    """Through JSON text and back."""
    assert FAMILY.load(json.loads(json.dumps(rule.to_json()))) == rule


@pytest.mark.parametrize(
    "change",
    [
        {"family": "aave_v3"},
        {"size": 5},
        {"size": "five"},
        {"flagged": 1},
        {"flagged": None},
        {"market": None},
        {"market": {}},
        {"oracle": "dream"},
        {"price_decimals": True},
    ],
)
def test_data_of_another_shape_is_refused(change: dict[str, JsonValue]) -> None:
    """Wrong family, types, or missing parts."""
    with pytest.raises(ValueError):  # noqa: PT011  # int() and the enum word theirs
        FAMILY.load({**_rule().to_json(), **change})


def test_rule_of_another_family_is_refused() -> None:
    """Columns would be read from the wrong fields."""
    others: list[Rule] = [OtherRule()]  # type: ignore[list-item]  # the point of the test
    with pytest.raises(TypeError, match="OtherRule"):
        FAMILY.columns(others)


@given(
    st.lists(rules(), min_size=1, max_size=6),
    st.lists(prices(), min_size=1, max_size=4),
    st.integers(0, 30 * DAY),
)
def test_fast_form_agrees_with_the_exact_one(
    accounts: list[PerpsV2Rule], shocks: list[int], later: int
) -> None:
    """To 1e-9 of the gross amounts that add up to the margin, on every account and scenario."""
    accounts = [replace(accounts[0], size=0), *accounts]
    columns = FAMILY.columns(accounts)
    shocked = Shocked.in_usd(np.array([[price / WAD for price in shocks]] * len(accounts)), NOW + later)
    power, required = FAMILY.margin(columns, shocked)
    assert list(columns.feeds) == [rule.feeds[0] for rule in accounts]
    assert power.shape == required.shape == (len(accounts), len(shocks))
    for i, rule in enumerate(accounts):
        for j, price in enumerate(shocks):
            exact = rule.health({ETH: price}, NOW + later)
            assert abs(power[i, j] - exact.power / WAD) <= 1e-9 * _gross(rule, price, NOW + later)
            assert required[i, j] == pytest.approx(exact.requirement / WAD, rel=1e-9, abs=1e-12)


def test_fast_form_of_no_accounts_is_empty() -> None:
    """A portfolio without perps."""
    power, required = FAMILY.margin(FAMILY.columns([]), Shocked.in_usd(np.empty((0, 3)), NOW))
    assert power.shape == required.shape == (0, 3)


def _gross(rule: PerpsV2Rule, price: int, time: int) -> float:
    size, market = abs(rule.size), rule.market
    funding = abs(rule.settled_funding) + abs(market.unrecorded_funding(price, time))
    premium = market.liquidation_premium(rule.size, price)
    parts = rule.margin + premium + multiply(size, price + rule.last_price + funding)
    return max(parts / WAD, 1e-6)


def _rule() -> PerpsV2Rule:
    return FAMILY.load(
        {
            "family": "synthetix_perps_v2",
            "asset": ETH,
            "oracle": Oracle.MARKET.value,
            "price": str(2000 * WAD),
            "price_decimals": 18,
            "price_origin": "assetPrice()@0xaa",
            "market": {
                "skew": str(-15 * WAD),
                "skew_scale": str(10**6 * WAD),
                "max_funding_velocity": str(9 * WAD),
                "funding_rate": "0",
                "funding_time": NOW,
                "premium_multiplier": str(WAD),
                "buffer_ratio": str(WAD // 400),
                "fee_ratio": str(WAD // 1000),
                "min_keeper_fee": str(2 * WAD),
                "max_keeper_fee": str(1000 * WAD),
                "keeper_liquidation_fee": str(WAD),
            },
            "size": str(-20 * WAD),
            "margin": str(5000 * WAD),
            "last_price": str(2000 * WAD),
            "settled_funding": "0",
            "flagged": False,
        }
    )
