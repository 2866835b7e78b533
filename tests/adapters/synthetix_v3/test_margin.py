"""The rule by itself: its fast form, its data, and what holds of any liquidation."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.synthetix_v3.calls import Summary
from adapters.synthetix_v3.family import SynthetixV3Family
from adapters.synthetix_v3.funding import Latest, recomputed
from adapters.synthetix_v3.margin import PositionState, SynthetixV3Rule
from adapters.synthetix_v3.market import Market
from adapters.synthetix_v3.rewards import Rewards
from aggregator.contract import Shocked
from aggregator.model.assets import index_id
from aggregator.model.close_outs import ClosableRule, CloseOut, LossBearer
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import WAD, Feed, Oracle, Refused, prices_of
from tests.adapters.synthetix_v3.strategies import NOW, USD, rules

FAMILY = SynthetixV3Family()
moves = st.lists(st.floats(0.2, 5), min_size=1, max_size=3)
later = st.integers(0, 200_000)


@given(st.lists(rules, min_size=1, max_size=4), moves, later)
def test_the_fast_form_agrees_with_the_exact_one(
    many: list[SynthetixV3Rule], factors: list[float], seconds: int
) -> None:
    """To 1e-9 of the notional and collateral that are in the sum."""
    columns = FAMILY.columns(many)
    prices = [[int(feed.price * factor) for factor in factors] for feed in columns.feeds]
    usd = np.array(prices, dtype=np.float64).reshape(len(prices), len(factors)) / WAD
    power, required = FAMILY.margin(columns, Shocked.in_usd(usd, NOW + seconds))
    row = 0
    for i, rule in enumerate(many):
        for j in range(len(factors)):
            at = {feed.asset: prices[row + k][j] for k, feed in enumerate(rule.feeds)}
            exact = rule.health(at, NOW + seconds)
            held = [abs(one.size) * max(at[one.feed.asset], one.entry_price) for one in rule.positions]
            held += [one.amount * at[one.feed.asset] for one in rule.collaterals]
            scale = 1 + (rule.usd_amount + rule.debt) / WAD + sum(held) / WAD**2
            assert power[i, j] == pytest.approx(exact.power / WAD, abs=1e-9 * scale)
            assert required[i, j] == pytest.approx(exact.requirement / WAD, rel=1e-9, abs=1e-12)
        row += len(rule.feeds)


@given(rules)
def test_a_stored_rule_is_the_same_rule(rule: SynthetixV3Rule) -> None:
    """Through JSON text, as the database keeps it."""
    assert FAMILY.load(json.loads(json.dumps(rule.to_json()))) == rule
    assert isinstance(rule, ClosableRule)


@given(rules, later)
def test_what_is_liquidated_adds_up(rule: SynthetixV3Rule, seconds: int) -> None:
    """Nothing appears or vanishes: neither sizes nor dollars."""
    prices, time = prices_of(rule), NOW + seconds
    health, step = rule.health(prices, time), rule.close_out(prices, time)
    if not health.liquidatable:
        assert isinstance(step, Refused)
        return
    assert isinstance(step, CloseOut)
    closed = {one.market: one.size_raw for one in step.closed}
    left = step.successor.positions if isinstance(step.successor, SynthetixV3Rule) else ()
    remaining = {one.name: one.size for one in left}
    for one in rule.positions:
        assert closed.get(one.name, 0) + remaining.get(one.name, 0) == one.size
    realised = sum(
        rule.profit(one, prices[one.feed.asset], time) for one in rule.positions if one.name in closed
    )
    paid = sum(fee.amount.raw for fee in step.fees)
    kept = sum(one.raw for one in step.forfeited) - sum(one.raw for one in step.bad_debt)
    assert rule.collateral_value(prices) + realised - rule.debt == paid + kept
    assert step.borne_by == ((LossBearer.POOL,) if step.bad_debt else ())
    assert step.returned == ()
    if step.successor is not None:
        # What was not touched goes on with its profit.
        power = step.successor.health(prices, time).power
        untouched = sum(
            rule.profit(one, prices[one.feed.asset], time) for one in rule.positions if one.name not in closed
        )
        assert abs(power - untouched) <= 10_000_000
        assert step.successor.health(prices, time).liquidatable


@given(rules)
def test_a_price_of_zero_values_nothing(rule: SynthetixV3Rule) -> None:
    """Each feed by itself."""
    for feed in rule.feeds:
        with pytest.raises(UnusablePrice):
            rule.health({**prices_of(rule), feed.asset: 0}, NOW)
        with pytest.raises(UnusablePrice):
            rule.close_out({**prices_of(rule), feed.asset: -1}, NOW)


@given(rules)
def test_before_the_block_there_is_no_answer(rule: SynthetixV3Rule) -> None:
    """Funding and interest are not known backwards."""
    if rule.positions:
        with pytest.raises(ValueError, match="is asked for"):
            rule.health(prices_of(rule), NOW - 1_000_000)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("family",), "synthetix_perps_v2"),
        (("debt",), 5),
        (("flagged",), 1),
        (("interest_time",), "1"),
        (("positions",), [7]),
        (("collaterals",), {}),
        (("rewards", "flag_costs"), []),
        (("rewards", "flag_costs"), [1]),
        (("rewards", "minimum"), None),
        (("positions", 0, "market", "liquidated"), [[1]]),
        (("positions", 0, "market", "liquidated"), [["1", "2"]]),
        (("positions", 0, "market", "funding_time"), "1"),
        (("positions", 0, "feed"), "ETH"),
    ],
)
def test_data_of_another_shape_is_refused(path: tuple[Any, ...], value: Any) -> None:
    """By ValueError, whatever part of it."""
    data: Any = json.loads(json.dumps(_example().to_json()))
    inner = data
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(ValueError):  # noqa: PT011  # the text differs by part
        FAMILY.load(data)


def test_a_rule_of_another_family_has_no_columns() -> None:
    """It can't be mistaken for one of ours."""
    with pytest.raises(TypeError):
        FAMILY.columns([object()])  # type: ignore[list-item]
    assert len(FAMILY.columns([]).feeds) == 0


@given(
    st.integers(-WAD, WAD),
    st.one_of(st.integers(-WAD, WAD), st.integers(-200_000, 200_000)),
    st.integers(0, 10_000_000),
)
@example(WAD // 10, 1, 80_000)
@example(-WAD // 10, -3, 100_000)
def test_the_time_of_funding_is_worked_back_from_its_rate(rate: int, velocity: int, seconds: int) -> None:
    """To the second where the velocity is large enough to tell; where it is not, it is not known.

    A balanced market moves its rate by units only, which no second shows in, while the rate itself is large.
    """
    days = seconds * WAD // 86_400
    exact = abs(velocity) * days // WAD
    grown = rate + (exact if velocity > 0 else -exact)
    summary = Summary(0, 0, 0, grown, velocity, WAD)
    found = recomputed(summary, Latest(None, rate), NOW)
    if abs(velocity) > 10**6:
        assert found == (rate, NOW - seconds, True)
    if found.known and (rate or velocity):
        assert abs(found.time - (NOW - seconds)) <= 1
    from_order = recomputed(summary, Latest(NOW - seconds, None), NOW)
    assert from_order == (rate, NOW - seconds, True)
    if velocity or grown:
        assert not recomputed(summary, None, NOW).known
        # A rate that its velocity does not lead to is of other parameters.
        assert not recomputed(summary, Latest(None, grown + (WAD if velocity >= 0 else -WAD)), NOW).known


def _example() -> SynthetixV3Rule:
    market = Market(WAD, WAD, WAD, 0, NOW, WAD, WAD, WAD, 0, 0, WAD, WAD, 30, 0, ((NOW, 5),))
    price = Feed(index_id("ETH"), Oracle.MARKET, WAD, 18, "a price")
    held = PositionState("ETH", price, market, WAD, WAD, 0, 0)
    return SynthetixV3Rule(USD, 1, 2, (), (held,), Rewards(1, 2, 3, 4, 5, (6, 7), 8), 0, NOW, flagged=False)
