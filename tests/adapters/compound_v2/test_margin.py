"""The rule by itself: known figures, exact against fast, JSON, properties that solvency must have."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.compound_v2.family import CompoundFamily
from adapters.compound_v2.interest import Clock, Minted, Totals
from adapters.compound_v2.liquidation import Terms
from adapters.compound_v2.margin import CompoundRule
from adapters.compound_v2.position import Leg
from aggregator.contract import Shocked
from aggregator.model.assets import token_id
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import (
    WAD,
    Amount,
    Feed,
    Liquidated,
    Oracle,
    Refused,
    Repayment,
    Rule,
    prices_of,
)
from aggregator.model.units import Address
from tests.adapters.compound_v2.strategies import BLOCK, CHAIN, START, rules
from tests.volume import volume

ETH = token_id(CHAIN, Address("0x" + "e" * 40))
USD = token_id(CHAIN, Address("0x" + "d" * 40))
C_ETH = token_id(CHAIN, Address("0x" + "a" * 40))
C_USD = token_id(CHAIN, Address("0x" + "b" * 40))
PERCENT = 10**16


def _totals(decimals: int, rate: int = 0) -> Totals:
    """A million tokens, half of it lent, a cToken (8 decimals) worth 0.02."""
    unit = 10**decimals
    return Totals(rate, WAD, BLOCK, 500_000 * unit, 0, 500_000 * unit, 50_000_000 * 10**8, WAD, 0)


def _leg(feed: Feed, c_token: str, decimals: int, **given: int) -> Leg:
    parts = {"tokens": 0, "factor": 80 * PERCENT, "owed": 0, "seize_share": 0, **given}
    rate = parts.pop("rate", 0)
    return Leg(
        c_token=token_id(CHAIN, Address(c_token)),
        feed=feed,
        decimals=decimals,
        totals=_totals(decimals, rate),
        incentive=108 * PERCENT,
        vai_incentive=108 * PERCENT,
        forced=False,
        native=False,
        repay_paused=False,
        seize_paused=False,
        liquidate_paused=False,
        **parts,
    )


def _loan(dollars: int, rate: int = 0, seize_share: int = 0) -> CompoundRule:
    """10 ETH at 2000 with factor 80% against so many USD (6 decimals): 16,000 against them."""
    eth = Feed(ETH, Oracle.MARKET, 2_000 * WAD, 18, "a")
    usd = Feed(USD, Oracle.MARKET, 10**30, 30, "b")
    return CompoundRule(
        Clock(START, BLOCK, 12_000),
        Terms(WAD // 2, paused=False, treasury_share=0, least_vai=None),
        (
            _leg(eth, "0x" + "a" * 40, 18, tokens=500 * 10**8, seize_share=seize_share),
            _leg(usd, "0x" + "b" * 40, 6, owed=dollars, rate=rate),
        ),
    )


def test_a_plain_loan_has_the_health_that_one_works_out() -> None:
    """16,000 / 10,000."""
    health = _loan(10_000 * 10**6).health(prices_of(_loan(0)), START)
    assert (health.power, health.requirement, health.decimals) == (16_000 * WAD, 10_000 * WAD, 18)
    assert (health.health, health.liquidatable) == (1_600_000_000_000_000_000, False)


def test_equal_sides_are_no_shortfall() -> None:
    """The comptroller liquidates where the debt is more, by one unit of its value."""
    even = _loan(16_000 * 10**6)
    assert even.health(prices_of(even), START).health == WAD
    assert not even.health(prices_of(even), START).liquidatable
    assert even.health({**prices_of(even), ETH: 2_000 * WAD - 1}, START).liquidatable


def test_without_debt_nothing_is_required() -> None:
    """Health is None, not infinite."""
    health = _loan(0).health(prices_of(_loan(0)), START)
    assert (health.health, health.requirement, health.liquidatable) == (None, 0, False)


def test_interest_is_simple_and_counted_in_blocks() -> None:
    """At 1e-6 a block and 12 s a block an hour is 300 blocks: 0.03%."""
    rule = _loan(10_000 * 10**6, rate=10**12)
    assert rule.health(prices_of(rule), START + 11).requirement == 10_000 * WAD
    assert rule.health(prices_of(rule), START + 12).requirement == 10_000 * WAD + WAD // 100
    assert rule.health(prices_of(rule), START + 3_600).requirement == 10_003 * WAD
    with pytest.raises(ValueError, match="says nothing"):
        rule.health(prices_of(rule), START - 1)


def test_a_compound_liquidation_as_one_works_it_out() -> None:
    """Repay 5,000 of 16,001 USD: 5,400 USD of ETH are 2.7 ETH or 135 cETH, of which 2.8% become reserves."""
    rule = _loan(16_001 * 10**6, seize_share=28 * 10**15)
    done = rule.liquidate(prices_of(rule), START, Repayment(Amount(USD, 5_000 * 10**6), ETH))
    assert isinstance(done, Liquidated)
    assert done.repaid == (Amount(USD, 5_000 * 10**6),)
    assert done.seized == (Amount(C_ETH, 13_122 * 10**6),)
    assert done.fees == (Amount(C_ETH, 378 * 10**6),)
    assert isinstance(done.successor, CompoundRule)
    eth, usd = done.successor.legs
    assert (eth.tokens, usd.owed) == (365 * 10**8, 11_001 * 10**6)
    before = rule.legs[0].totals
    assert eth.totals.supply == before.supply - 378 * 10**6
    assert eth.totals.reserves == 756 * 10**14  # 3.78 cETH are 0.0756 ETH
    assert eth.totals.exchange_rate == before.exchange_rate


@pytest.mark.parametrize(
    ("debt", "collateral", "why"),
    [
        (Amount(USD, 8_001 * 10**6), ETH, "TOO_MUCH_REPAY"),
        (Amount(USD, 0), ETH, "INVALID_CLOSE_AMOUNT_REQUESTED"),
        (Amount(USD, 1), None, "one collateral must be named"),
        (Amount(USD, 10**6), USD, "MARKET_NOT_COLLATERAL"),
        (Amount(ETH, 1), ETH, "TOO_MUCH_REPAY"),
    ],
)
def test_refusals(debt: Amount, collateral: str | None, why: str) -> None:
    """By the protocol's own names where it has them."""
    rule = _loan(16_001 * 10**6)
    named = None if collateral is None else {ETH: ETH, USD: USD}[collateral]  # type: ignore[index]
    assert rule.liquidate(prices_of(rule), START, Repayment(debt, named)) == Refused(why)


def test_a_debt_paid_in_full_leaves_the_rule() -> None:
    """A forced debt can be repaid whole; an empty market has no leg."""
    rule = _loan(1_000 * 10**6)
    eth, usd = rule.legs
    rule = replace(rule, legs=(eth, replace(usd, forced=True)))
    assert rule.health(prices_of(rule), START).liquidatable
    done = rule.liquidate(prices_of(rule), START, Repayment(Amount(USD, 1_000 * 10**6), C_ETH))
    assert isinstance(done, Liquidated)
    assert [leg.c_token for leg in done.successor.legs] == [C_ETH]  # type: ignore[attr-defined]


@pytest.mark.parametrize("price", [0, -1])
def test_unusable_price_is_an_error_not_a_number(price: int) -> None:
    """A price of zero or less names the asset, for health and for a liquidation."""
    rule = _loan(10**6)
    prices = {**prices_of(rule), ETH: price}
    with pytest.raises(UnusablePrice) as caught:
        rule.health(prices, START)
    assert (caught.value.asset, caught.value.price) == (ETH, price)
    with pytest.raises(UnusablePrice):
        rule.liquidate(prices, START, Repayment(Amount(USD, 1), ETH))


def test_interest_on_vai_grows_on_what_was_minted() -> None:
    """100 minted, 5 of them interest of before: 10% on 95."""
    debt = Minted(100 * WAD, 5 * WAD, WAD, WAD, WAD // 10, BLOCK)
    assert debt.owed == 100 * WAD
    assert debt.accrued(BLOCK + 1).owed == 109 * WAD + WAD // 2


@given(rules())
@settings(max_examples=volume(40, 100))
def test_json_round_trip(rule: CompoundRule) -> None:
    """Through text and back the rule is equal, and no integer exceeds what JSON readers keep."""
    text = json.dumps(rule.to_json())
    assert CompoundFamily().load(json.loads(text)) == rule
    assert all(abs(n) < 2**53 for n in _integers(json.loads(text)))


def _integers(value: object) -> list[int]:
    if isinstance(value, dict):
        return [n for part in value.values() for n in _integers(part)]
    if isinstance(value, list):
        return [n for part in value for n in _integers(part)]
    return [value] if isinstance(value, int) else []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"family": "aave_v3"}, "no rule of compound_v2"),
        ({"legs": None}, "'legs'"),
        ({"legs": ["x"]}, "'legs'"),
        ({"clock": {"time": "1", "at": "1", "step_ms": "0"}}, "'step_ms'"),
        ({"clock": {"time": 1}}, "'time'"),
        ({"terms": None}, "'terms'"),
        ({"terms": {"close_factor": "1", "paused": 1}}, "'paused'"),
        ({"vai": []}, "'vai'"),
    ],
)
def test_stored_data_of_another_shape_is_refused(change: dict[str, object], why: str) -> None:
    """ValueError names the field."""
    with pytest.raises(ValueError, match=why):
        CompoundFamily().load({**_loan(1).to_json(), **change})  # type: ignore[dict-item]  # wrong on purpose


@given(st.lists(rules(), max_size=4), st.integers(0, 90 * 86_400), st.data())
@settings(max_examples=volume(40, 100))
def test_fast_rule_agrees_with_the_exact_one(
    some: list[CompoundRule], later: int, data: st.DataObject
) -> None:
    """Both sides at three price scenarios and a later time, to 1e-9 and a smallest unit of each debt."""
    family = CompoundFamily()
    columns = family.columns(some)
    assert list(columns.feeds) == [feed for rule in some for feed in rule.feeds]
    scenarios = [
        [feed.price * data.draw(st.integers(50, 200)) // 100 for feed in columns.feeds] for _ in range(3)
    ]
    scale = np.array([[10.0**feed.decimals] for feed in columns.feeds]).reshape(-1, 1)
    prices = np.array(scenarios, dtype=np.float64).T.reshape(len(columns.feeds), 3) / scale
    power, requirement = family.margin(columns, Shocked.in_usd(prices, START + later))
    assert power.shape == requirement.shape == (len(some), 3)
    row = 0
    for i, rule in enumerate(some):
        assets = [feed.asset for feed in rule.feeds]
        for j, scenario in enumerate(scenarios):
            own = dict(zip(assets, scenario[row : row + len(assets)], strict=True))
            exact = rule.health(own, START + later)
            unit = sum(own[leg.feed.asset] / WAD**2 for leg in rule.legs)
            assert power[i, j] == pytest.approx(exact.power / WAD, rel=1e-9, abs=1e-9)
            assert requirement[i, j] == pytest.approx(exact.requirement / WAD, rel=1e-9, abs=1e-9 + unit)
        row += len(assets)


def test_family_refuses_rules_of_others() -> None:
    """A rule of another protocol is a programming error, not a number."""

    class Other:
        family = "other"
        feeds = ()

    with pytest.raises(TypeError, match="Other"):
        CompoundFamily().columns([Other()])  # type: ignore[list-item]  # wrong on purpose


def test_family_name_is_the_rules() -> None:
    """The registry finds the family of a stored rule by this name."""
    rule: Rule = _loan(1)
    assert CompoundFamily().name == rule.family == rule.to_json()["family"]


@given(rules(), st.integers(0, 30 * 86_400), st.integers(1, 30 * 86_400))
@settings(max_examples=volume(40, 100))
def test_debt_never_shrinks_with_time(rule: CompoundRule, sooner: int, longer: int) -> None:
    """Interest accrues in one direction."""
    early = rule.health(prices_of(rule), START + sooner)
    late = rule.health(prices_of(rule), START + sooner + longer)
    assert late.requirement >= early.requirement


@given(rules(), st.integers(0, 10**20))
@settings(max_examples=volume(40, 100))
def test_more_collateral_never_lowers_health(rule: CompoundRule, more: int) -> None:
    """Power rises with cTokens, the debt stays."""
    if not rule.legs:
        return
    first, *rest = rule.legs
    richer = replace(rule, legs=(replace(first, tokens=first.tokens + more), *rest))
    before, after = (one.health(prices_of(one), START) for one in (rule, richer))
    assert after.power >= before.power
    assert after.requirement == before.requirement


@given(rules(), st.data())
@settings(max_examples=volume(40, 100))
def test_a_liquidation_moves_what_it_says(rule: CompoundRule, data: st.DataObject) -> None:
    """cTokens and debts of the successor are those of before less what moved; it is a rule that is stored."""
    owing = [leg for leg in rule.legs if leg.owed]
    holding = [leg for leg in rule.legs if leg.tokens]
    if not owing or not holding:
        return
    debt, collateral = data.draw(st.sampled_from(owing)), data.draw(st.sampled_from(holding))
    amount = data.draw(st.integers(0, debt.owed // 2 + 1))
    repayment = Repayment(Amount(debt.c_token, amount), collateral.c_token)
    done = rule.liquidate(prices_of(rule), START, repayment)
    if isinstance(done, Refused):
        return
    now, after = rule.accrued(START), done.successor
    assert isinstance(after, CompoundRule)
    tokens = {leg.c_token: leg.tokens for leg in after.legs}
    moved = sum(amount.raw for amount in (*done.seized, *done.fees))
    [was] = [leg.tokens for leg in now.legs if leg.c_token == collateral.c_token]
    assert tokens.get(collateral.c_token, 0) == was - moved
    owed = {leg.c_token: leg.owed for leg in after.legs}
    [owed_before] = [leg.owed for leg in now.legs if leg.c_token == debt.c_token]
    assert owed.get(debt.c_token, 0) == owed_before - amount
    assert CompoundFamily().load(json.loads(json.dumps(after.to_json()))) == after
