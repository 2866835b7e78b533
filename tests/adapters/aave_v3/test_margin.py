"""The rule by itself: exact against fast, known figures, JSON, properties that solvency must have."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.aave_v3.family import AaveFamily
from adapters.aave_v3.interest import RAY, Accrual, compound, linear
from adapters.aave_v3.margin import AaveRule, Leg
from adapters.aave_v3.versions import Maths
from aggregator.contract import Shocked
from aggregator.model.assets import AssetId, token_id
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import WAD, Feed, Oracle, Rule, prices_of
from aggregator.model.units import Address
from tests.adapters.aave_v3.kit import CHAIN, START, rules, seconds
from tests.volume import volume

ETH = token_id(CHAIN, Address("0x" + "e" * 40))
USD = token_id(CHAIN, Address("0x" + "d" * 40))
# What rules that are not in USD are counted in.
EUR = ETH
STILL = Accrual(RAY, 0, RAY, 0, START)


def _loan(maths: Maths, *, ether: int, dollars: int) -> AaveRule:
    eth = Leg(Feed(ETH, Oracle.MARKET, 2_000 * 10**8, 8, "a"), 18, ether, 8_250, 0, STILL)
    usd = Leg(Feed(USD, Oracle.MARKET, 10**8, 8, "b"), 6, 0, 8_000, dollars, STILL)
    return AaveRule(maths, 8, (eth, usd))


@pytest.mark.parametrize("maths", Maths)
def test_plain_loan_has_the_health_that_one_works_out(maths: Maths) -> None:
    """10 ETH at 2000 with threshold 82.5% against 12,000 USD: 16,500 / 12,000."""
    rule = _loan(maths, ether=10 * 10**18, dollars=12_000 * 10**6)
    health = rule.health(prices_of(rule), START)
    assert health.health == 1_375_000_000_000_000_000
    assert (health.power, health.requirement, health.decimals) == (16_500 * 10**12, 12_000 * 10**12, 12)
    assert not health.liquidatable


@pytest.mark.parametrize("maths", Maths)
def test_health_of_exactly_one_is_not_liquidatable(maths: Maths) -> None:
    """The pool refuses at 1 and liquidates one unit below."""
    even = _loan(maths, ether=10 * 10**18, dollars=16_500 * 10**6)
    assert even.health(prices_of(even), START).health == WAD
    assert not even.health(prices_of(even), START).liquidatable
    below = even.health({ETH: 2_000 * 10**8 - 1, USD: 10**8}, START)
    assert below.liquidatable


def test_without_debt_nothing_is_required() -> None:
    """Health is None, not infinite."""
    rule = _loan(Maths.V3_5, ether=10**18, dollars=0)
    health = rule.health(prices_of(rule), START)
    assert (health.health, health.requirement, health.liquidatable) == (None, 0, False)


def test_rounding_differs_between_releases() -> None:
    """One wei at an index of 1.5: half up makes 2 of supply and of debt; V3.5 makes 1 and 2."""
    accrual = replace(STILL, liquidity_index=3 * RAY // 2, borrow_index=3 * RAY // 2)
    assert (accrual.supplied(Maths.V3_0, 1, START), accrual.owed(Maths.V3_0, 1, START)) == (2, 2)
    assert (accrual.supplied(Maths.V3_5, 1, START), accrual.owed(Maths.V3_5, 1, START)) == (1, 2)
    low = replace(STILL, borrow_index=11 * RAY // 10)
    assert (low.owed(Maths.V3_0, 1, START), low.owed(Maths.V3_5, 1, START)) == (1, 2)


def test_average_threshold_loses_its_fraction_until_v3_4() -> None:
    """Equal values at 80% and 77.01%: the average of 7850.5 bps counts as 7850."""
    eth = Leg(Feed(ETH, Oracle.MARKET, 10**8, 8, "a"), 0, 1_000, 8_000, 0, STILL)
    usd = Leg(Feed(USD, Oracle.MARKET, 10**8, 8, "b"), 0, 1_000, 7_701, 100, STILL)
    power = {
        maths: AaveRule(maths, 8, (eth, usd)).health({ETH: 10**8, USD: 10**8}, START).power for maths in Maths
    }
    assert power[Maths.V3_4] == power[Maths.V3_0] == 2_000 * 7_850 * 10**8
    assert power[Maths.V3_5] == 1_000 * (8_000 + 7_701) * 10**8


def test_health_rounds_half_up_before_it_drops_the_basis_points() -> None:
    """This quotient ends in 9999.500025 before the last four digits go: the pool's rounding carries over."""
    power, debt = 18_401, 20_001
    collateral = Leg(Feed(ETH, Oracle.MARKET, 1, 8, "a"), 0, power, 1, 0, STILL)
    owed = Leg(Feed(USD, Oracle.MARKET, 1, 8, "b"), 0, 0, 0, debt, STILL)
    health = AaveRule(Maths.V3_5, 8, (collateral, owed)).health({ETH: 1, USD: 1}, START).health
    assert health == power * WAD // (debt * 10_000) + 1


def test_interest_follows_the_release() -> None:
    """A year at 100%: supply doubles; debt is the binomial until V3.3, 1 + 1 + 1/2 + 1/6 from V3.4."""
    year = 31_536_000
    assert linear(RAY, year) == 2 * RAY
    assert compound(Maths.V3_4, RAY, year) == 2_666_666_666_666_666_666_666_666_666
    binomial = compound(Maths.V3_0, RAY, year)
    # It truncates the powers of the rate per second, and takes n - 1 and n - 2 seconds: a little less.
    assert 2_666_660_000 < binomial // 10**18 < 2_666_666_666
    assert compound(Maths.V3_0, RAY, 0) == compound(Maths.V3_4, RAY, 0) == RAY


@pytest.mark.parametrize("price", [0, -1])
def test_unusable_price_is_an_error_not_a_number(price: int) -> None:
    """A price of zero or less names the asset."""
    rule = _loan(Maths.V3_5, ether=10**18, dollars=10**6)
    with pytest.raises(UnusablePrice) as caught:
        rule.health({**prices_of(rule), ETH: price}, START)
    assert (caught.value.asset, caught.value.price) == (ETH, price)


@given(rules())
@settings(max_examples=volume(40, 100))
def test_json_round_trip(rule: AaveRule) -> None:
    """Through text and back the rule is equal, and no integer exceeds what JSON readers keep."""
    text = json.dumps(rule.to_json())
    assert AaveFamily().load(json.loads(text)) == rule

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
        ({"family": "lyra_v1"}, "no rule of aave_v3"),
        ({"maths": "9.9"}, "9.9"),
        ({"legs": None}, "'legs'"),
        ({"legs": ["x"]}, "'legs'"),
        ({"base_decimals": "8"}, "'base_decimals'"),
        ({"base_decimals": True}, "'base_decimals'"),
    ],
)
def test_stored_data_of_another_shape_is_refused(change: dict[str, object], why: str) -> None:
    """ValueError names the field."""
    data = {**_loan(Maths.V3_5, ether=1, dollars=1).to_json(), **change}
    with pytest.raises(ValueError, match=why):
        AaveFamily().load(data)  # type: ignore[arg-type]  # wrong on purpose


def _slack(rule: AaveRule, prices: dict[AssetId, int]) -> float:
    """One smallest unit of every token and of the base currency, in USD."""
    return sum(2 * prices[leg.feed.asset] / 10.0 ** (8 + leg.decimals) + 2e-8 for leg in rule.legs)


@given(st.lists(rules(), max_size=5), seconds(400), st.data())
@settings(max_examples=volume(40, 100))
def test_fast_rule_agrees_with_the_exact_one(some: list[AaveRule], later: int, data: st.DataObject) -> None:
    """Power, requirement and health at three price scenarios and a later time."""
    family = AaveFamily()
    columns = family.columns(some)
    assert list(columns.feeds) == [feed for rule in some for feed in rule.feeds]
    scenarios = [
        [max(1, feed.price * data.draw(st.integers(50, 200)) // 100) for feed in columns.feeds]
        for _ in range(3)
    ]
    prices = np.array(scenarios, dtype=np.float64).T.reshape(len(columns.feeds), 3) / 10**8
    time = START + later
    # A market counts in USD or in something else; the same for all legs of an account.
    worth = {None: 1.0, EUR: 1.25}
    quote_usd = np.array([[worth[feed.quote]] * 3 for feed in columns.feeds]).reshape(prices.shape)
    power, requirement = family.margin(columns, Shocked(prices, time, quote_usd))
    assert power.shape == requirement.shape == (len(some), 3)
    row = 0
    for i, rule in enumerate(some):
        assets = [feed.asset for feed in rule.feeds]
        usd = worth[rule.feeds[0].quote] if rule.feeds else 1.0
        for j, scenario in enumerate(scenarios):
            own = dict(zip(assets, scenario[row : row + len(assets)], strict=True))
            exact = rule.health(own, time)
            slack = _slack(rule, own) * usd
            q = exact.requirement / 10**exact.decimals * usd
            n = exact.power / 10**exact.decimals * usd
            assert power[i, j] == pytest.approx(n, rel=1e-9, abs=slack)
            assert requirement[i, j] == pytest.approx(q, rel=1e-9, abs=slack)
            if exact.health is not None:
                ratio = exact.health / WAD
                close = 1e-9 + slack / q
                assert power[i, j] / requirement[i, j] == pytest.approx(ratio, rel=close, abs=slack / q)
        row += len(assets)


@pytest.mark.parametrize("maths", Maths)
def test_fast_rule_rounds_whole_units_like_the_exact_one(maths: Maths) -> None:
    """With two decimals a hundredth counts: 10,000 cents at 1.00005 are 10,000 or 10,001 cents."""
    accrual = replace(STILL, liquidity_index=RAY + RAY // 20_000 + 1, borrow_index=RAY + RAY // 20_000 + 1)
    feed = Feed(ETH, Oracle.MARKET, 10**8, 8, "a")
    rule = AaveRule(maths, 8, (Leg(feed, 2, 10_000, 8_000, 10_000, accrual),))
    exact = rule.health(prices_of(rule), START)
    power, requirement = AaveFamily().margin(
        AaveFamily().columns([rule]), Shocked.in_usd(np.ones((1, 1)), START)
    )
    assert power[0, 0] == pytest.approx(exact.power / 10**12, rel=1e-12)
    assert requirement[0, 0] == pytest.approx(exact.requirement / 10**12, rel=1e-12)


def test_family_refuses_rules_of_others() -> None:
    """A rule of another protocol is a programming error, not a number."""

    class Other:
        family = "other"
        feeds = ()

    with pytest.raises(TypeError, match="Other"):
        AaveFamily().columns([Other()])  # type: ignore[list-item]  # wrong on purpose


def test_family_name_is_the_rules() -> None:
    """The registry finds the family of a stored rule by this name."""
    rule: Rule = _loan(Maths.V3_5, ether=1, dollars=1)
    assert AaveFamily().name == rule.family == rule.to_json()["family"]


@given(rules(), seconds(365), st.integers(0, 10**24))
@settings(max_examples=volume(40, 100))
def test_more_collateral_never_lowers_health(rule: AaveRule, later: int, more: int) -> None:
    """By the sum of V3.5; before, the average threshold in whole bps may lose up to one of them."""
    if not rule.legs:
        return
    first, *rest = rule.legs
    richer = replace(rule, legs=(replace(first, supplied_scaled=first.supplied_scaled + more), *rest))
    before = rule.health(prices_of(rule), START + later)
    after = richer.health(prices_of(rule), START + later)
    one_bps = richer.totals(prices_of(rule), START + later).collateral + 10_000
    slack = 0 if rule.maths is Maths.V3_5 else one_bps
    assert after.power + slack >= before.power
    assert after.requirement == before.requirement


@given(rules(), seconds(365), seconds(365).map(lambda s: s + 1))
@settings(max_examples=volume(40, 100))
def test_debt_never_shrinks_with_time(rule: AaveRule, sooner: int, longer: int) -> None:
    """Interest accrues in one direction."""
    prices = prices_of(rule)
    early = rule.health(prices, START + sooner)
    late = rule.health(prices, START + sooner + longer)
    assert late.requirement >= early.requirement
