"""What holds in any state: flag and ratio agree, a close-out loses nothing, more collateral is safer."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapters.gmx_v2.family import GmxFamily
from adapters.gmx_v2.position import remaining
from aggregator.contract import Shocked
from aggregator.model.close_outs import CloseOut
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import WAD
from tests.adapters.gmx_v2.drawn import drawn
from tests.volume import volume

seeds = st.integers(0, 10**9)


@given(seeds)
def test_liquidatable_is_health_below_one(seed: int) -> None:
    """And a power of nothing is liquidatable whatever is required."""
    one = drawn(seed)
    health = one.rule.health(one.prices, one.time)
    assert health.health is not None
    assert health.liquidatable == (health.health < WAD) == (health.power < health.requirement)
    assert not (health.power <= 0 and not health.liquidatable)


@given(seeds, st.integers(1, 10**24))
def test_more_collateral_is_worth_its_lower_price(seed: int, more: int) -> None:
    """No other figure depends on how much there is."""
    one = drawn(seed)
    position = one.rule.position
    richer = replace(one.rule, position=replace(position, collateral=position.collateral + more))
    price = one.rule.collateral_token.pair(one.prices).low
    gain = richer.health(one.prices, one.time).power - one.rule.health(one.prices, one.time).power
    assert gain == more * price


@given(seeds)
@settings(max_examples=volume(25, 100))
def test_a_close_out_loses_nothing(seed: int) -> None:
    """What was there is fees, payout, what is kept, and the loss and funding that others have got."""
    one = drawn(seed)
    rule = one.rule
    done = rule.close_out(one.prices, one.time)
    assume(isinstance(done, CloseOut))
    assert isinstance(done, CloseOut)
    pairs = rule.market.prices(one.prices)
    found = remaining(rule.market, rule.position, pairs, one.time)
    price = rule.collateral_token.pair(one.prices).low
    named = [*(fee.amount for fee in done.fees), *done.returned, *done.forfeited]
    assert all(amount.asset == rule.collateral and amount.raw > 0 for amount in named)
    paid = sum(amount.raw for amount in named) * price
    gains = max(found.pnl_usd, 0) + rule.position.size_usd // 100
    losses = max(-found.pnl_usd, 0) + found.costs.funding * price
    assert paid <= found.collateral_usd + gains
    if not done.bad_debt:
        impact = rule.position.size_usd // 50
        assert paid + losses + impact + 5 * price >= found.collateral_usd
    else:
        assert not done.returned


@given(seeds)
def test_prices_of_nothing_are_refused(seed: int) -> None:
    """As every price that the rule depends on may be."""
    one = drawn(seed)
    for feed in one.rule.feeds:
        for price in (0, -1):
            with pytest.raises(UnusablePrice):
                one.rule.health({**one.prices, feed.asset: price}, one.time)
    with pytest.raises(ValueError, match="as of"):
        one.rule.health(one.prices, one.rule.time - 1)


@given(st.lists(seeds, min_size=1, max_size=5))
@settings(max_examples=volume(20, 100))
def test_the_fast_form_and_the_stored_rule_are_the_rule(numbers: list[int]) -> None:
    """For any mix of positions."""
    every = [drawn(seed) for seed in numbers]
    family, rules = GmxFamily(), [one.rule for one in every]
    assert [family.load(json.loads(json.dumps(rule.to_json()))) for rule in rules] == rules
    columns = family.columns(rules)
    time = max(one.time for one in every)
    prices = [[one.prices[feed.asset] / 10**feed.decimals] for one in every for feed in one.rule.feeds]
    power, required = family.margin(columns, Shocked.in_usd(np.array(prices), time))
    for i, one in enumerate(every):
        exact = one.rule.health(one.prices, time)
        unit = one.prices[one.rule.collateral_token.feed.asset] / 1e30
        near = 1e-9 * one.rule.position.size_usd / 1e30 + 4 * unit + 1e-5
        assert power[i, 0] == pytest.approx(exact.power / 1e30, rel=1e-9, abs=near)
        assert required[i, 0] == pytest.approx(exact.requirement / 1e30, rel=1e-12)
