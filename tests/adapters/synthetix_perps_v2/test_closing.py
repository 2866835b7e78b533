"""Close-outs and liquidation prices of any rule: what adds up, what is nearest, what is stored."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from adapters.synthetix_perps_v2.closing import ClosablePerpsV2Rule
from adapters.synthetix_perps_v2.family import PerpsV2Family
from adapters.synthetix_perps_v2.margin import PerpsV2Rule
from aggregator.model.assets import index_id
from aggregator.model.close_outs import ClosableRule, CloseOut, LossBearer
from aggregator.model.errors import UnusablePrice
from aggregator.model.flips import FURTHEST, flips
from aggregator.model.rules import WAD, JsonValue, Refused
from tests.adapters.synthetix_perps_v2.strategies import DAY, ETH, NOW, closable_rules, prices

FAMILY = PerpsV2Family()


@given(closable_rules(), prices(), st.integers(0, 30 * DAY))
def test_a_close_out_adds_up(rule: ClosablePerpsV2Rule, price: int, later: int) -> None:
    """What there was, deposits included, is what was paid less what nobody paid; nothing else is left."""
    found, time = rule.close_out({ETH: price}, NOW + later), NOW + later
    health, closing = rule.health({ETH: price}, time), rule.closing
    if isinstance(found, Refused):
        assert not health.liquidatable or closing.suspension or not closing.endorsed
        return
    there = health.power + rule.market.liquidation_premium(rule.size, price)
    if not rule.flagged:
        there += closing.commit_deposit + closing.keeper_deposit
    paid = sum(fee.amount.raw for fee in found.fees) + sum(one.raw for one in found.forfeited)
    assert there == paid - sum(one.raw for one in found.bad_debt)
    amounts = [fee.amount for fee in found.fees] + [*found.forfeited, *found.bad_debt]
    assert all(amount.raw > 0 and amount.asset == closing.settlement for amount in amounts)
    assert (found.returned, found.successor) == ((), None)


@limited(max_examples=30)
@given(closable_rules(), st.integers(0, 3 * DAY))
def test_liquidation_prices_are_the_nearest(rule: ClosablePerpsV2Rule, later: int) -> None:
    """They fail, their neighbours on the way do not; trying prices finds the same or farther ones."""
    rule, time = replace(rule, flagged=False), NOW + later
    price = rule.feed.price
    below, above = rule.liquidation_prices({ETH: price}, time, ETH)

    def fails(at: int) -> bool:
        return rule.health({ETH: at}, time).liquidatable

    if fails(price):
        assert (below, above) == (price, price)
        return
    tried = flips(rule, {ETH: price}, time, ETH)
    for found, other, side, end in ((below, tried[0], -1, 1), (above, tried[1], 1, price * FURTHEST)):
        if found is None:
            assert other is None
            assert not fails(end)
            continue
        assert fails(found)
        assert not fails(found - side)
        if other is not None and other != found:
            assert (found - other) * side <= abs(found) // 10**9 + WAD // 10**9


def test_a_narrow_range_between_the_bounds_of_the_fee_is_found() -> None:
    """With funding that nearly eats the profit, the fee's share decides: equal steps would miss it."""
    rule = closable_by_hand()
    market = replace(
        rule.market,
        skew=0,
        funding_rate=0,
        fee_ratio=WAD // 2,
        buffer_ratio=0,
        min_keeper_fee=0,
        max_keeper_fee=10 * WAD,
        keeper_liquidation_fee=0,
        premium_multiplier=0,
    )
    # A long of 1 at 100: the margin is 9 + p - 100 above a fee of at most 10.
    long = replace(rule, market=market, size=WAD, margin=9 * WAD, last_price=100 * WAD)
    assert long.liquidation_prices({ETH: 120 * WAD}, NOW, ETH) == (101 * WAD, None)
    assert long.liquidation_prices({ETH: 90 * WAD}, NOW, ETH) == (90 * WAD, 90 * WAD)
    other = index_id("BTC")
    assert long.liquidation_prices({ETH: 120 * WAD, other: 5}, NOW, other) == (None, None)
    assert long.liquidation_prices({ETH: 90 * WAD, other: 5}, NOW, other) == (5, 5)


def test_it_is_a_closable_rule_whose_losses_are_the_debt_pools() -> None:
    """By the protocol's own type; the older stored rule is none."""
    rule = closable_by_hand()
    assert isinstance(rule, ClosableRule)
    assert rule.loss_bearers == (LossBearer.POOL,)
    old = FAMILY.load({name: value for name, value in rule.to_json().items() if name != "closing"})
    assert type(old) is PerpsV2Rule
    assert not isinstance(old, ClosableRule)
    assert old.health({ETH: 2000 * WAD}, NOW) == rule.health({ETH: 2000 * WAD}, NOW)


def test_other_markets_and_empty_positions_are_refused() -> None:
    """A rule is one position; without one nothing can be flagged."""
    rule = replace(closable_by_hand(), flagged=True)
    assert isinstance(rule.close_out({ETH: WAD}, NOW, "sETHPERP"), CloseOut)
    assert rule.close_out({ETH: WAD}, NOW, "sBTCPERP") == Refused("no position in sBTCPERP")
    assert isinstance(replace(rule, size=0).close_out({ETH: WAD}, NOW), Refused)


@pytest.mark.parametrize("price", [0, -1])
def test_unusable_prices_are_refused(price: int) -> None:
    """Never a close-out at nothing."""
    rule = closable_by_hand()
    with pytest.raises(UnusablePrice):
        rule.close_out({ETH: price}, NOW)
    with pytest.raises(UnusablePrice):
        rule.liquidation_prices({ETH: price}, NOW, ETH)


@given(closable_rules())
def test_stored_rule_is_the_same_rule(rule: ClosablePerpsV2Rule) -> None:
    """Through JSON text and back."""
    assert FAMILY.load(json.loads(json.dumps(rule.to_json()))) == rule


@pytest.mark.parametrize(
    "change",
    [
        {"market": 5},
        {"settlement": None},
        {"max_delta": 5},
        {"max_skew": "much"},
        {"endorsed": 1},
        {"suspension": 0},
        {"commit_deposit": None},
        {"keeper_deposit": True},
    ],
)
def test_stored_terms_of_another_shape_are_refused(change: dict[str, JsonValue]) -> None:
    """Wrong types; and what is missing."""
    data = closable_by_hand().to_json()
    terms = data["closing"]
    assert isinstance(terms, dict)
    with pytest.raises(ValueError):  # noqa: PT011  # int() words its own
        FAMILY.load({**data, "closing": {**terms, **change}})
    [name] = change
    with pytest.raises(ValueError, match=name):
        FAMILY.load({**data, "closing": {key: value for key, value in terms.items() if key != name}})


def closable_by_hand() -> ClosablePerpsV2Rule:
    """A short of 20 at 2000 with a margin of 5000, below both limits."""
    market: dict[str, JsonValue] = {
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
    }
    rule = FAMILY.load(
        {
            "family": "synthetix_perps_v2",
            "asset": ETH,
            "oracle": "market",
            "price": str(2000 * WAD),
            "price_decimals": 18,
            "price_origin": "assetPrice()@0xaa",
            "market": market,
            "size": str(-20 * WAD),
            "margin": str(5000 * WAD),
            "last_price": str(2000 * WAD),
            "settled_funding": "0",
            "flagged": False,
            "closing": {
                "market": "sETHPERP",
                "settlement": "10:0x6666666666666666666666666666666666666666",
                "max_delta": str(WAD // 1000),
                "max_skew": str(WAD // 500),
                "endorsed": False,
                "suspension": None,
                "commit_deposit": "0",
                "keeper_deposit": str(2 * WAD),
            },
        }
    )
    assert isinstance(rule, ClosablePerpsV2Rule)
    return rule
