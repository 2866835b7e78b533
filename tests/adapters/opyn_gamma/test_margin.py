"""The rule of naked vaults: fast against exact, stored and read back, prices at which it fails."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.opyn_gamma.closing import ClosableNakedVaultRule
from adapters.opyn_gamma.family import OpynFamily
from adapters.opyn_gamma.requirement import NO_LEG
from aggregator.contract import Shocked
from aggregator.model.close_outs import ClosableRule
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import WAD, prices_of
from tests.adapters.opyn_gamma.strategies import NOW, UNDERLYING, vault, vaults

FAMILY = OpynFamily()
later = st.integers(0, 100 * 86_400)


@given(
    st.lists(vaults(), min_size=1, max_size=4), st.lists(st.floats(0.02, 20), min_size=1, max_size=3), later
)
def test_the_fast_form_agrees_with_the_exact_one(
    rules: list[ClosableNakedVaultRule], moves: list[float], seconds: int
) -> None:
    """To 1e-9 and the unit that the contract rounds up, before and after expiry."""
    columns, time = FAMILY.columns(rules), NOW + seconds
    exact = [[int(feed.price * move) or 1 for move in moves] for feed in columns.feeds]
    shocked = Shocked.in_usd(np.array(exact, dtype=np.float64) / 10**8, time)
    power, requirement = FAMILY.margin(columns, shocked)
    row = 0
    for i, rule in enumerate(rules):
        own = exact[row : row + len(rule.feeds)]
        row += len(rule.feeds)
        for j in range(len(moves)):
            prices = {feed.asset: at[j] for feed, at in zip(rule.feeds, own, strict=True)}
            health = rule.health(prices, time)
            unit = prices[rule.collateral_feed.asset] / 10 ** (rule.collateral_decimals + 8)
            scale = 10**health.decimals
            # A payoff is a difference of prices, an option's share of one.
            size = rule.leg.size / 10**8 * max(rule.leg.strike, *prices.values()) / 10**8
            gross = size * max(1.0, prices[rule.collateral_feed.asset] / 10**8)
            assert power[i, j] == pytest.approx(health.power / scale, rel=1e-9)
            assert requirement[i, j] == pytest.approx(
                health.requirement / scale, rel=1e-9, abs=1.001 * unit + 1e-12 * gross
            )


@given(vaults())
def test_a_stored_rule_is_the_same_rule(rule: ClosableNakedVaultRule) -> None:
    """Through JSON text, as the database keeps it."""
    assert FAMILY.load(json.loads(json.dumps(rule.to_json()))) == rule
    assert isinstance(rule, ClosableRule)


@given(vaults(), st.integers(0, 5_000_000))
def test_liquidatable_is_health_below_one_until_expiry(rule: ClosableNakedVaultRule, seconds: int) -> None:
    """The flag and the ratio never contradict each other; from expiry on nothing can be liquidated."""
    health = rule.health(prices_of(rule), NOW + seconds)
    fails = health.health is not None and health.health < WAD
    assert health.liquidatable == (fails and NOW + seconds < rule.expiry)


@settings(max_examples=25)
@given(vaults())
def test_liquidation_prices_are_where_the_flag_flips(rule: ClosableNakedVaultRule) -> None:
    """A put fails below, a call above; one unit nearer it holds. No other price matters before expiry."""
    prices = prices_of(rule)
    present = prices[UNDERLYING]
    below, above = rule.liquidation_prices(prices, NOW, UNDERLYING)
    if rule.health(prices, NOW).liquidatable:
        assert (below, above) == (present, present)
        return
    assert (above if rule.is_put else below) is None
    for found, nearer in ((below, 1), (above, -1)):
        if found is not None:
            assert rule.health({**prices, UNDERLYING: found}, NOW).liquidatable
            assert not rule.health({**prices, UNDERLYING: found + nearer}, NOW).liquidatable
    for asset in prices:
        if asset != UNDERLYING:
            assert rule.liquidation_prices(prices, NOW, asset) == (None, None)


@given(vaults())
def test_unusable_prices_have_a_name(rule: ClosableNakedVaultRule) -> None:
    """Any of them, whether or not it matters now."""
    for feed in rule.feeds:
        for price in (0, -1):
            with pytest.raises(UnusablePrice, match=feed.asset):
                rule.health({**prices_of(rule), feed.asset: price}, NOW)


@given(vaults())
def test_a_time_without_a_bound_is_refused(rule: ClosableNakedVaultRule) -> None:
    """Before the rule was read: neither form guesses one."""
    early = rule.expiry - rule.bounds[-1].seconds - 1
    with pytest.raises(ValueError, match="no upper bound"):
        rule.health(prices_of(rule), early)
    columns = FAMILY.columns([rule])
    prices = np.array([[feed.price / 10**8] for feed in rule.feeds])
    with pytest.raises(ValueError, match="no upper bound"):
        FAMILY.margin(columns, Shocked.in_usd(prices, early))


@given(vaults())
def test_without_options_nothing_is_required(rule: ClosableNakedVaultRule) -> None:
    """As after a liquidation."""
    health = replace(rule, leg=NO_LEG).health(prices_of(rule), NOW)
    assert (health.requirement, health.health, health.liquidatable) == (0, None, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("family", "lyra_v1"),
        ("is_put", 1),
        ("size", 5),
        ("strike", "1.5"),
        ("collateral_decimals", "6"),
        ("bounds", [["60", "1"]]),
        ("bounds", {}),
        ("underlying_feed", None),
        ("auction", None),
        ("auction", {"market": 1}),
    ],
)
def test_stored_rules_of_another_shape_are_refused(name: str, value: Any) -> None:
    """Nothing is read into them."""
    stored = vault().to_json()
    FAMILY.load(stored)
    with pytest.raises(ValueError, match=r".+"):
        FAMILY.load({**stored, name: value})
