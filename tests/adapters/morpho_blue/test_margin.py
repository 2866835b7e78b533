"""The rule by itself: known figures, exact against fast, JSON, what liquidation must and must not do."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.morpho_blue.family import MorphoFamily
from adapters.morpho_blue.liquidation import Position, incentive, seizable, settle
from adapters.morpho_blue.margin import MorphoRule
from adapters.morpho_blue.market_state import MarketState
from aggregator.contract import Shocked
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
    prices_of,
)
from tests.adapters.morpho_blue.kit import COLLATERAL, LOAN, START, rules

STILL = MarketState(10**13, 10**19, 10**12, 10**18, START, 0, 0)
USDC = 10**6


def _loan(*, ether: int = 10 * WAD, shares: int = 17_200 * 10**12, market: MarketState = STILL) -> MorphoRule:
    """10 of a collateral at 2,000 and 86% against 17,200 of a loan asset with 6 decimals."""
    feed = Feed(COLLATERAL, Oracle.MARKET, 2_000 * 10**24, 24, "a", LOAN)
    return MorphoRule(feed, 6, 86 * WAD // 100, Position(shares, ether), market)


def _offer(raw: int) -> Repayment:
    return Repayment(Amount(LOAN, raw), COLLATERAL)


def test_plain_loan_has_the_health_that_one_works_out() -> None:
    """10 at 2,000 with 86% against 8,600: twice what is needed."""
    rule = _loan(shares=8_600 * 10**12)
    health = rule.health(prices_of(rule), START)
    # A share of 1e-6 units, and virtual shares of one unit's worth: nothing is rounded up.
    assert (health.power, health.requirement, health.decimals) == (17_200 * USDC, 8_600 * USDC, 6)
    assert (health.health, health.liquidatable) == (2 * WAD, False)


def test_exactly_one_is_healthy_and_one_unit_more_is_not() -> None:
    """The contract compares with >=."""
    even = _loan()
    assert even.health(prices_of(even), START).health == WAD
    assert not even.health(prices_of(even), START).liquidatable
    more = _loan(shares=17_200 * 10**12 + 1)
    assert more.health(prices_of(more), START).requirement == 17_200 * USDC + 1
    assert more.health(prices_of(more), START).liquidatable
    assert even.health({COLLATERAL: 2_000 * 10**24 - 1}, START).liquidatable


def test_interest_compounds_by_three_terms_and_the_fee_dilutes_lenders() -> None:
    """A year at 100%: 1 + 1/2 + 1/6 is added; a fee of 10% is minted as shares."""
    year = 31_536_000
    market = replace(STILL, borrow_rate=WAD // year, fee=WAD // 10)
    later = market.accrued(START + year)
    assert later.interest(START + year) == 0
    assert later.borrow_assets - market.borrow_assets == pytest.approx(10**12 * 5 / 3, rel=1e-9)
    assert later.supply_assets - market.supply_assets == later.borrow_assets - market.borrow_assets
    fee = later.supplied(later.supply_shares - market.supply_shares)
    assert fee == pytest.approx((later.supply_assets - market.supply_assets) / 10, rel=1e-9)
    assert market.supply_apr == pytest.approx(0.1 * 0.9)
    assert market.borrow_apr == pytest.approx(1)
    assert replace(market, supply_assets=0).supply_apr == 0


def test_without_debt_nothing_is_required() -> None:
    """Health is None, not infinite; nothing can be liquidated."""
    rule = _loan(shares=0)
    health = rule.health(prices_of(rule), START)
    assert (health.health, health.requirement, health.liquidatable) == (None, 0, False)
    assert rule.liquidate(prices_of(rule), START, _offer(1)) == Refused("position is healthy")


@pytest.mark.parametrize("price", [0, -1, 2**256 // (10 * WAD) + 1])
def test_unusable_price_is_an_error_not_a_number(price: int) -> None:
    """Zero, less, and what overflows in the contract."""
    rule = _loan()
    with pytest.raises(UnusablePrice) as caught:
        rule.health({COLLATERAL: price}, START)
    assert (caught.value.asset, caught.value.price) == (COLLATERAL, price)
    with pytest.raises(UnusablePrice):
        rule.liquidate({COLLATERAL: price}, START, _offer(1))


def test_liquidation_names_what_it_refuses() -> None:
    """A healthy account, another debt, another collateral, all of it at once, nothing at all."""
    rule, low = _loan(), {COLLATERAL: 1_900 * 10**24}
    assert isinstance(rule, LiquidatableRule)
    assert rule.liquidate(prices_of(rule), START, _offer(USDC)) == Refused("position is healthy")
    assert rule.liquidate(low, START, _offer(0)) == Refused("inconsistent input")
    for wrong in (
        Repayment(Amount(COLLATERAL, 1), COLLATERAL),
        Repayment(Amount(LOAN, USDC), LOAN),
        Repayment(Amount(LOAN, USDC), None),
    ):
        assert isinstance(rule.liquidate(low, START, wrong), Refused)


def test_liquidation_of_a_part_and_of_more_than_is_owed() -> None:
    """1,000 at 1,900 with an incentive of 4.38% take 0.549 of the collateral; 20,000 take the whole debt."""
    rule, low = _loan(), {COLLATERAL: 1_900 * 10**24}
    part = rule.liquidate(low, START, _offer(1_000 * USDC))
    assert isinstance(part, Liquidated)
    assert part.repaid == (Amount(LOAN, 1_000 * USDC),)
    worth = 1_000 * USDC * incentive(rule.lltv) // WAD  # 1,043.841336
    assert part.seized == (Amount(COLLATERAL, worth * 10**12 // 1_900),)
    assert (part.fees, part.bad_debt) == ((), ())
    assert part.successor.health(low, START).requirement == 16_200 * USDC
    whole = rule.liquidate(low, START, _offer(20_000 * USDC))
    assert isinstance(whole, Liquidated)
    assert whole.repaid == (Amount(LOAN, 17_200 * USDC),)
    assert whole.successor.health(low, START).health is None


def test_under_water_all_collateral_goes_and_the_rest_is_bad_debt() -> None:
    """At 1,000 the collateral buys 9,580 of the debt; that is all that a liquidator pays."""
    rule, low = _loan(), {COLLATERAL: 1_000 * 10**24}
    done = rule.liquidate(low, START, _offer(17_200 * USDC))
    assert isinstance(done, Liquidated)
    [repaid], [seized], [bad] = done.repaid, done.seized, done.bad_debt
    assert seized.raw == 10 * WAD
    assert repaid.raw == pytest.approx(10_000 * USDC * WAD / incentive(rule.lltv), abs=2)
    assert repaid.raw + bad.raw == pytest.approx(17_200 * USDC, abs=2)
    assert isinstance(done.successor, MorphoRule)
    assert done.successor.position == Position(0, 0)
    assert done.successor.market.supply_assets == STILL.supply_assets - bad.raw


@given(rules(), st.integers(0, 12_000), st.integers(0, 400 * 86_400))
def test_an_offer_is_never_exceeded_and_always_accepted(rule: MorphoRule, parts: int, seconds: int) -> None:
    """Whatever is offered of a liquidatable debt: the contract would not revert, nor take more."""
    time, prices = START + seconds, prices_of(rule)
    health = rule.health(prices, time)
    assume(health.liquidatable)
    offered = health.requirement * parts // 10_000
    done = rule.liquidate(prices, time, _offer(offered))
    if rule.market.accrued(time).repaid_shares(offered) == 0:
        assert done == Refused("inconsistent input")
        return
    assert isinstance(done, Liquidated)
    assert sum(amount.raw for amount in done.repaid) <= offered
    assert sum(amount.raw for amount in done.seized) <= rule.position.collateral


@given(rules(), st.integers(1, 2 * 10**40), st.booleans())
def test_the_contracts_own_arguments_are_refused_beyond_what_there_is(
    rule: MorphoRule,
    argument: int,
    by_shares: bool,
) -> None:
    """More shares than are owed or more collateral than there is: never a result."""
    assume(rule.health(prices_of(rule), START).liquidatable)
    market, price = rule.market.accrued(START), rule.feed.price
    kind = "repaid_shares" if by_shares else "seized"
    done = settle(market, rule.position, price, rule.lltv, **{kind: argument})
    beyond = argument > (rule.position.borrow_shares if by_shares else rule.position.collateral)
    if beyond or (by_shares and seizable(market, argument, price, rule.lltv) > rule.position.collateral):
        assert isinstance(done, Refused)
    if not isinstance(done, Refused):
        assert done.repaid_shares <= rule.position.borrow_shares
        assert done.market.borrow_assets <= market.borrow_assets


@given(rules())
def test_json_round_trip(rule: MorphoRule) -> None:
    """Through text and back the rule is equal, and no integer exceeds what JSON readers keep."""
    text = json.dumps(rule.to_json())
    assert MorphoFamily().load(json.loads(text)) == rule
    market = json.loads(text)["market"]
    assert all(isinstance(v, str) or abs(v) < 2**53 for v in market.values())


@pytest.mark.parametrize(
    "change",
    [
        {"family": "aave_v3"},
        {"lltv": 1},
        {"loan_decimals": True},
        {"market": None},
        {"feed": {}},
        {"collateral": "many"},
    ],
)
def test_data_of_another_shape_is_refused(change: dict[str, object]) -> None:
    """ValueError, not a rule."""
    with pytest.raises(ValueError, match=r".+"):
        MorphoFamily().load({**_loan().to_json(), **change})  # type: ignore[dict-item]


def test_family_takes_only_its_own_rules() -> None:
    """TypeError on others; no rules are no rows."""
    with pytest.raises(TypeError, match="str"):
        MorphoFamily().columns(["a rule"])  # type: ignore[list-item]
    power, requirement = MorphoFamily().margin(
        MorphoFamily().columns([]), Shocked.in_usd(np.ones((0, 3)), START)
    )
    assert power.shape == requirement.shape == (0, 3)


@given(
    st.lists(rules(), min_size=1, max_size=4),
    st.lists(st.floats(0.05, 20), min_size=1, max_size=3),
    st.floats(0.01, 5_000),
    st.integers(0, 400 * 86_400),
)
def test_fast_form_agrees_with_the_exact_one(
    loans: list[MorphoRule], moves: list[float], quote_usd: float, seconds: int
) -> None:
    """To 1e-9 and a smallest unit of the loan asset, in USD at what that asset is worth."""
    prices = [[max(1, int(rule.feed.price * move)) for move in moves] for rule in loans]
    floats = np.array(
        [[p / 10**rule.feed.decimals for p in row] for rule, row in zip(loans, prices, strict=True)]
    )
    family = MorphoFamily()
    power, requirement = family.margin(
        family.columns(loans), Shocked(floats, START + seconds, np.full(floats.shape, quote_usd))
    )
    for i, rule in enumerate(loans):
        unit = quote_usd / 10**rule.loan_decimals
        for j, price in enumerate(prices[i]):
            exact = rule.health({COLLATERAL: price}, START + seconds)
            assert power[i, j] == pytest.approx(exact.power * unit, rel=1e-9, abs=1.01 * unit)
            assert requirement[i, j] == pytest.approx(exact.requirement * unit, rel=1e-9, abs=1.01 * unit)


@given(rules())
def test_liquidatable_is_health_below_one(rule: MorphoRule) -> None:
    """The flag and the ratio never contradict each other."""
    health = rule.health(prices_of(rule), START)
    if health.health is None:
        assert not health.liquidatable
    else:
        assert health.liquidatable == (health.health < WAD)
