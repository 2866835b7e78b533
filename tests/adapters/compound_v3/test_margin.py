"""The rule by itself: published formulas, exact against fast, JSON, properties that solvency must have."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.compound_v3.collateral import Collateral
from adapters.compound_v3.family import CometFamily
from adapters.compound_v3.interest import INDEX_SCALE, Accrual, apr
from adapters.compound_v3.margin import CometRule
from aggregator.contract import Shocked
from aggregator.model.assets import AssetId, token_id
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import (
    WAD,
    Amount,
    Feed,
    LiquidatableRule,
    Liquidated,
    Oracle,
    Refused,
    Repayment,
    Rule,
    prices_of,
)
from aggregator.model.units import Address
from tests.adapters.compound_v3.kit import BASE, CHAIN, START, rules, seconds

ETH = token_id(CHAIN, Address("0x" + "e" * 40))
BTC = token_id(CHAIN, Address("0x" + "c" * 40))
STILL = Accrual(INDEX_SCALE, INDEX_SCALE, 0, 0, START)
ALL = Repayment(Amount(BASE, 2**256 - 1), None)


def loan(*, ether: int, dollars: int, accrual: Accrual = STILL) -> CometRule:
    """Ether at 2,000 that counts for 90% and is credited at 95%, against a debt of dollars."""
    collateral = Collateral(
        Feed(ETH, Oracle.MARKET, 2_000 * 10**8, 8, "eth"), 18, ether, 9 * WAD // 10, 95 * WAD // 100
    )
    return CometRule(
        Feed(BASE, Oracle.MARKET, 10**8, 8, "usd"), 6, -dollars, accrual, (collateral,), absorb_paused=False
    )


def liquidated(rule: CometRule, prices: dict[AssetId, int] | None = None, time: int = START) -> Liquidated:
    """What absorbing an account does."""
    outcome = rule.liquidate(prices or prices_of(rule), time, ALL)
    assert isinstance(outcome, Liquidated)
    return outcome


def test_plain_loan_has_the_health_that_one_works_out() -> None:
    """10 ETH at 2000 and 90% against 12,000 USD: 18,000 / 12,000."""
    rule = loan(ether=10 * 10**18, dollars=12_000 * 10**6)
    health = rule.health(prices_of(rule), START)
    assert (health.power, health.requirement, health.decimals) == (18_000 * 10**8, 12_000 * 10**8, 8)
    assert (health.health, health.liquidatable) == (1_500_000_000_000_000_000, False)


def test_an_even_account_is_not_liquidatable() -> None:
    """A comet asks for less than nothing: one unit of the price below."""
    even = loan(ether=10 * 10**18, dollars=18_000 * 10**6)
    assert not even.health(prices_of(even), START).liquidatable
    assert even.health({ETH: 2_000 * 10**8 - 1, BASE: 10**8}, START).liquidatable


def test_supply_of_base_is_no_power_and_requires_nothing() -> None:
    """Beside a collateral it does not count."""
    rule = replace(loan(ether=10**18, dollars=0), principal=5_000 * 10**6)
    health = rule.health(prices_of(rule), START)
    assert (health.power, health.requirement, health.health) == (1_800 * 10**8, 0, None)
    assert not health.liquidatable


def test_published_formula_of_interest() -> None:
    """index += index * rate * seconds / 1e18, once and not compounded; a year at 5% and 8%."""
    year = 31_536_000
    rates = (5 * WAD // 100 // year, 8 * WAD // 100 // year)
    accrual = Accrual(INDEX_SCALE * 11 // 10, INDEX_SCALE * 12 // 10, *rates, START)
    now = accrual.at(START + year)
    assert now.supply_index == floor(Fraction(11, 10) * INDEX_SCALE * (1 + Fraction(rates[0] * year, WAD)))
    assert now.borrow_index == floor(Fraction(12, 10) * INDEX_SCALE * (1 + Fraction(rates[1] * year, WAD)))
    assert now.supply_index / INDEX_SCALE == pytest.approx(1.155, rel=1e-9)
    assert accrual.at(START) == accrual
    assert [apr(rate) for rate in rates] == pytest.approx([0.05, 0.08], rel=1e-9)


def test_published_formula_of_balances() -> None:
    """Principal times index, down for both signs; three units at an index of one and a half are four."""
    accrual = replace(STILL, supply_index=3 * INDEX_SCALE // 2, borrow_index=3 * INDEX_SCALE // 2)
    assert (accrual.supplied(3), accrual.owed(3), accrual.supplied(-3), accrual.owed(-3)) == (4, 0, 0, 4)
    assert accrual.principal_of_supply(4) == 2


@given(rules(), seconds(300), st.integers(20, 300))
def test_published_formula_of_the_test(rule: CometRule, later: int, percent: int) -> None:
    """By fractions: liquidatable iff sum(amount * price * factor) < debt * price, each cut to 8 decimals."""
    prices = {feed.asset: max(1, feed.price * percent // 100) for feed in rule.feeds}
    prices[BASE] = rule.base.price
    stored = Fraction(rule.accrual.borrow_index)
    seconds_since = START + later - rule.accrual.updated_at
    index = floor(stored + stored * rule.accrual.borrow_rate * seconds_since / WAD)
    owed = floor(max(-rule.principal, 0) * Fraction(index, INDEX_SCALE))
    liquidity = -floor(owed * Fraction(prices[BASE], 10**rule.base_decimals))
    for held in rule.collaterals:
        value = floor(held.balance * Fraction(prices[held.feed.asset], 10**held.decimals))
        liquidity += floor(value * Fraction(held.liquidate_factor, WAD))
    health = rule.health(prices, START + later)
    if rule.principal < 0:
        assert health.power - health.requirement == liquidity
        assert health.liquidatable == (liquidity < 0)
        assert health.health is None or health.liquidatable == (health.health < WAD)
    else:
        assert not health.liquidatable


def test_published_formula_of_an_absorption() -> None:
    """10 ETH at 1,900, credited at 95%, are 18,050 USD against 18,000: 50 USD are supply of base."""
    rule = loan(ether=10 * 10**18, dollars=18_000 * 10**6)
    outcome = liquidated(rule, {ETH: 1_900 * 10**8, BASE: 10**8})
    assert outcome.repaid == (Amount(BASE, 18_000 * 10**6),)
    assert outcome.seized == (Amount(ETH, 10 * 10**18),)
    assert (outcome.fees, outcome.bad_debt) == ((), ())
    after = outcome.successor
    assert isinstance(after, CometRule)
    assert (after.principal, after.collaterals) == (50 * 10**6, ())
    assert not after.health(prices_of(after), START).liquidatable


def test_absorption_writes_off_what_the_collateral_lacks() -> None:
    """10 ETH at 1,000 are credited with 9,500 USD of 18,000."""
    rule = loan(ether=10 * 10**18, dollars=18_000 * 10**6)
    outcome = liquidated(rule, {ETH: 1_000 * 10**8, BASE: 10**8})
    assert outcome.repaid == (Amount(BASE, 9_500 * 10**6),)
    assert outcome.bad_debt == (Amount(BASE, 8_500 * 10**6),)
    assert isinstance(outcome.successor, CometRule)
    assert outcome.successor.principal == 0


def test_debt_without_collateral_is_all_written_off() -> None:
    """Nothing is seized, and assets of zero are left out."""
    outcome = liquidated(replace(loan(ether=1, dollars=10**6), collaterals=()))
    assert (outcome.repaid, outcome.seized) == ((), ())
    assert outcome.bad_debt == (Amount(BASE, 10**6),)


def test_refusals() -> None:
    """A comet's own errors by name, and what no comet offers."""
    healthy = loan(ether=10 * 10**18, dollars=12_000 * 10**6)
    failing = loan(ether=10**18, dollars=12_000 * 10**6)
    prices = prices_of(healthy)
    assert healthy.liquidate(prices, START, ALL) == Refused("NotLiquidatable")
    assert replace(failing, absorb_paused=True).liquidate(prices, START, ALL) == Refused("Paused")
    for repayment in (Repayment(Amount(BASE, 1), ETH), Repayment(Amount(ETH, 1), None)):
        outcome = failing.liquidate(prices, START, repayment)
        assert isinstance(outcome, Refused)
        assert "whole account" in outcome.reason
    assert isinstance(healthy, LiquidatableRule)


@given(rules(), seconds(300))
def test_an_absorption_neither_makes_nor_loses_anything(rule: CometRule, later: int) -> None:
    """The debt is repaid or written off, all collateral is taken, and nothing is left to liquidate."""
    time = START + later
    outcome = replace(rule, absorb_paused=False).liquidate(prices_of(rule), time, ALL)
    if isinstance(outcome, Refused):
        assert not rule.health(prices_of(rule), time).liquidatable
        return
    owed = rule.accrual.at(time).owed(rule.principal)
    assert sum(amount.raw for amount in (*outcome.repaid, *outcome.bad_debt)) == owed
    assert [a.raw for a in outcome.seized] == [held.balance for held in rule.collaterals]
    after = outcome.successor
    assert isinstance(after, CometRule)
    assert after.principal == 0 or not outcome.bad_debt
    assert after.principal >= 0
    assert isinstance(after.liquidate(prices_of(after), time, ALL), Refused)


@pytest.mark.parametrize("price", [0, -1])
def test_unusable_price_is_an_error_not_a_number(price: int) -> None:
    """A price of zero or less names the asset; that of a base which is not owed does not matter."""
    rule = loan(ether=10**18, dollars=10**6)
    for asset in (ETH, BASE):
        with pytest.raises(UnusablePrice) as caught:
            rule.health({**prices_of(rule), asset: price}, START)
        assert (caught.value.asset, caught.value.price) == (asset, price)
        with pytest.raises(UnusablePrice):
            rule.liquidate({**prices_of(rule), asset: price}, START, ALL)
    free = replace(rule, principal=0)
    assert free.health({**prices_of(rule), BASE: price}, START).health is None


@given(rules())
def test_json_round_trip(rule: CometRule) -> None:
    """Through text and back the rule is equal, and no integer exceeds what JSON readers keep."""
    text = json.dumps(rule.to_json())
    assert CometFamily().load(json.loads(text)) == rule

    def small(value: object) -> bool:
        if isinstance(value, dict):
            return all(small(v) for v in value.values())
        if isinstance(value, list):
            return all(small(v) for v in value)
        return not isinstance(value, int) or abs(value) < 2**53

    assert small(json.loads(text))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"family": "lyra_v1"}, "no rule of compound_v3"),
        ({"collaterals": None}, "'collaterals'"),
        ({"collaterals": ["x"]}, "'collaterals'"),
        ({"collaterals": [{}]}, "'feed'"),
        ({"base": "x"}, "'base'"),
        ({"base_decimals": "8"}, "'base_decimals'"),
        ({"base_decimals": True}, "'base_decimals'"),
        ({"principal": 5}, "'principal'"),
        ({"principal": "five"}, "five"),
        ({"absorb_paused": 0}, "'absorb_paused'"),
    ],
)
def test_stored_data_of_another_shape_is_refused(change: dict[str, object], why: str) -> None:
    """ValueError names the field."""
    data = {**loan(ether=1, dollars=1).to_json(), **change}
    with pytest.raises(ValueError, match=why):
        CometFamily().load(data)  # type: ignore[arg-type]  # wrong on purpose


@given(st.lists(rules(), max_size=5), seconds(400), st.data())
def test_fast_rule_agrees_with_the_exact_one(some: list[CometRule], later: int, data: st.DataObject) -> None:
    """Power and requirement in USD at three scenarios and a later time, to 1e-9 and the cut decimals."""
    family = CometFamily()
    columns = family.columns(some)
    assert list(columns.feeds) == [feed for rule in some for feed in rule.feeds]
    scenarios = [
        [max(1, feed.price * data.draw(st.integers(50, 200)) // 100) for feed in columns.feeds]
        for _ in range(3)
    ]
    dollars = data.draw(st.floats(100, 5_000))
    prices = np.array(scenarios, dtype=np.float64).T.reshape(len(columns.feeds), 3) / 10**8
    quote_usd = np.array([[1.0 if feed.quote is None else dollars] * 3 for feed in columns.feeds])
    shocked = Shocked(prices, START + later, quote_usd.reshape(prices.shape))
    power, requirement = family.margin(columns, shocked)
    assert power.shape == requirement.shape == (len(some), 3)
    row = 0
    for i, rule in enumerate(some):
        assets, count = [feed.asset for feed in rule.feeds], len(rule.feeds)
        usd = dollars if rule.base.quote else 1.0
        for j, scenario in enumerate(scenarios):
            own = dict(zip(assets, scenario[row : row + count], strict=True))
            exact = rule.health(own, START + later)
            unit = own[BASE] / 10.0 ** (8 + rule.base_decimals)
            slack = usd * (2e-8 * count + unit)
            assert power[i, j] == pytest.approx(usd * exact.power / 10**8, rel=1e-9, abs=slack)
            assert requirement[i, j] == pytest.approx(usd * exact.requirement / 10**8, rel=1e-9, abs=slack)
        row += count


def test_family_refuses_rules_of_others() -> None:
    """A rule of another protocol is a programming error, not a number."""

    class Other:
        family = "other"
        feeds = ()

    with pytest.raises(TypeError, match="Other"):
        CometFamily().columns([Other()])  # type: ignore[list-item]  # wrong on purpose


def test_family_name_is_the_rules() -> None:
    """The registry finds the family of a stored rule by this name."""
    rule: Rule = loan(ether=1, dollars=1)
    assert CometFamily().name == rule.family == rule.to_json()["family"]


@given(rules(), seconds(365), seconds(365).map(lambda s: s + 1), st.integers(0, 10**24))
def test_more_collateral_and_less_time_never_hurt(
    rule: CometRule, sooner: int, longer: int, more: int
) -> None:
    """Power grows with a balance, requirement with time."""
    prices = prices_of(rule)
    early, late = (rule.health(prices, START + s) for s in (sooner, sooner + longer))
    assert late.requirement >= early.requirement
    assert late.power == early.power
    if rule.collaterals:
        first, *rest = rule.collaterals
        richer = replace(rule, collaterals=(replace(first, balance=first.balance + more), *rest))
        assert richer.health(prices, START + sooner).power >= early.power
