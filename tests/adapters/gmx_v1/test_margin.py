"""The rule by itself: figures that the protocol's own tests state, and properties."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.gmx_v1.closing import CANNOT_LIQUIDATE, UNDERFLOW, ClosableGmxRule, Closing
from adapters.gmx_v1.family import GmxFamily
from adapters.gmx_v1.margin import Funding, Terms
from aggregator.contract import Shocked
from aggregator.model.close_outs import ClosableRule, CloseOut
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import Feed, JsonValue, Oracle, Refused, prices_of
from tests.adapters.gmx_v1.strategies import DOLLAR, INDEX, NOW, USDC, rules

PLAIN = Terms(500_000, 5 * DOLLAR, 10, 0, 0)
IDLE = Funding(0, 0, 8 * 3_600, 0, 0, 0)


def rule(
    *, size: int, collateral: int, average: int, price: int, is_long: bool, terms: Terms = PLAIN
) -> ClosableGmxRule:
    """A position without funding; cents of dollars, whole dollars of prices."""
    return ClosableGmxRule(
        feed=Feed(INDEX, Oracle.MARKET, price * DOLLAR, 30, "a test"),
        terms=terms,
        funding=IDLE,
        is_long=is_long,
        size=size * DOLLAR // 100,
        collateral=collateral * DOLLAR // 100,
        average_price=average * DOLLAR,
        entry_funding_rate=0,
        last_increased_time=NOW - 10**6,
        closing=Closing("BTC", USDC, 6, DOLLAR),
    )


# Position (size and collateral in cents, average price, side), the price, profit or loss with 30 decimals and
# the state of validateLiquidation that they state: github gmx-io/gmx-contracts test/core/Vault,
# liquidateLongPosition.js and liquidateShortPosition.js. There leverage is up to 50, fees 10 bps and 5 USD.
LONG, SHORT, STOPPED = (
    (9_000, 991, 41_000, True),
    (9_000, 991, 40_000, False),
    (100_000, 9_900, 40_000, False),
)
STATED = [
    (LONG, 40_000, None, 0),
    (LONG, 43_500, 5_487804878048780487804878048780, 0),
    (LONG, 39_000, -4_390243902439024390243902439024, 0),
    (LONG, 38_700, -5_048780487804878048780487804878, 1),
    (SHORT, 39_000, 2_250000000000000000000000000000, 0),
    (SHORT, 41_000, -2_250000000000000000000000000000, 0),
    (SHORT, 42_500, -5_625000000000000000000000000000, 1),
    (STOPPED, 39_000, 25_000000000000000000000000000000, 0),
    (STOPPED, 41_000, -25_000000000000000000000000000000, 0),
    (STOPPED, 45_000, -125_000000000000000000000000000000, 1),
    (STOPPED, 43_600, -90_000000000000000000000000000000, 2),
]


@pytest.mark.parametrize(("position", "price", "profit", "state"), STATED)
def test_figures_of_the_protocols_own_tests(
    position: tuple[int, int, int, bool], price: int, profit: int | None, state: int
) -> None:
    """State 1 returns nothing and needs the pool, state 2 returns the rest."""
    size, collateral, average, is_long = position
    one = rule(size=size, collateral=collateral, average=average, price=price, is_long=is_long)
    assert profit is None or one.profit(price * DOLLAR, NOW) == profit
    health, closed = one.health(prices_of(one), NOW), one.close_out(prices_of(one), NOW)
    assert health.liquidatable == (state > 0)
    if isinstance(closed, Refused):
        assert (state, closed.reason) == (0, CANNOT_LIQUIDATE)
    else:
        assert state == (2 if closed.returned else 1)
        assert bool(closed.bad_debt) == (state == 1)


def test_a_small_early_profit_counts_as_none() -> None:
    """Up to 1.5% of the size, for three hours; a loss counts at once."""
    terms = Terms(500_000, 5 * DOLLAR, 10, 3 * 3_600, 150)
    one = rule(size=90_000, collateral=9_000, average=1_000, price=1_015, is_long=True, terms=terms)
    since = one.last_increased_time
    assert one.profit(1_015 * DOLLAR, since + 3 * 3_600) == 0
    assert one.profit(1_015 * DOLLAR, since + 3 * 3_600 + 1) == 900 * DOLLAR * 15 // 1_000
    assert one.profit(1_015 * DOLLAR + 10**20, since) > 13 * DOLLAR
    assert one.profit(985 * DOLLAR, since) == -900 * DOLLAR * 15 // 1_000


def test_funding_is_by_whole_intervals_and_rounded_once() -> None:
    """A third of the pool at 0.01% an hour: 333 millionths in 10 hours. Never borrowed: no clock."""
    funding = Funding(50, NOW, 3_600, 100, 1, 3)
    assert [funding.pending(NOW + seconds) for seconds in (0, 3_599, 3_600, 36_000, 39_599)] == [
        0,
        0,
        33,
        333,
        333,
    ]
    assert funding.fee_24h(3_000_000) == 2_400
    assert Funding(50, 0, 3_600, 100, 1, 3).pending(NOW) == 0
    assert Funding(50, NOW, 3_600, 100, 1, 0).pending(NOW + 10**6) == 0


@given(rules(), st.integers(0, 10**7))
def test_one_flip_on_the_side_of_loss(one: ClosableGmxRule, seconds: int) -> None:
    """The liquidation price is the last that passes, next to the first that fails."""
    assert isinstance(one, ClosableRule)
    now, prices = NOW + seconds, prices_of(one)
    below, above = one.liquidation_prices(prices, now, INDEX)
    if one.health(prices, now).liquidatable:
        assert below == above == one.feed.price
        return
    flip, other, step = (below, above, 1) if one.is_long else (above, below, -1)
    assert other is None
    if flip is not None:
        assert one.health({INDEX: flip}, now).liquidatable
        assert not one.health({INDEX: flip + step}, now).liquidatable


@given(rules(), st.integers(0, 10**6))
def test_what_comes_in_goes_out(one: ClosableGmxRule, seconds: int) -> None:
    """What is returned and the fees are what the position is worth and what others bear, to the rounding."""
    now, prices = NOW + seconds, prices_of(one)
    health, closed = one.health(prices, now), one.close_out(prices, now)
    if not isinstance(closed, CloseOut):
        assert closed.reason == (UNDERFLOW if health.liquidatable else CANNOT_LIQUIDATE)
        return
    assert health.liquidatable
    out = sum(fee.amount.raw for fee in closed.fees) + sum(amount.raw for amount in closed.returned)
    borne = sum(amount.raw for amount in closed.bad_debt)
    # In tokens, where a worth below zero is no amount.
    worth = one.tokens(abs(health.power), one.feed.price) * (1 if health.power >= 0 else -1)
    assert abs(out - borne - worth) <= 4
    assert closed.successor is None


@given(st.lists(rules(), min_size=1, max_size=4), st.lists(st.floats(0.05, 20), min_size=1, max_size=4))
def test_the_fast_form_agrees(positions: list[ClosableGmxRule], moves: list[float]) -> None:
    """To 1e-9 of the size; a profit at the very threshold of an early one is no matter of floats."""
    family, now = GmxFamily(), NOW + 5_000
    prices = [[max(int(one.feed.price * move), 1) for move in moves] for one in positions]
    floats = np.array([[price / DOLLAR for price in row] for row in prices])
    power, required = family.margin(family.columns(positions), Shocked.in_usd(floats, now))
    for i, one in enumerate(positions):
        for j, price in enumerate(prices[i]):
            gain = abs(price / one.average_price - 1) * 10_000
            assume(abs(gain - one.terms.min_profit_bps) > 1e-6 or one.terms.min_profit_bps == 0)
            exact = one.health({INDEX: price}, now)
            scale = (one.size + abs(exact.power)) / DOLLAR * 1e-9
            assert power[i, j] == pytest.approx(exact.power / DOLLAR, abs=scale)
            assert required[i, j] == pytest.approx(exact.requirement / DOLLAR, rel=1e-9)


@given(rules())
def test_a_stored_rule_is_the_same_rule(one: ClosableGmxRule) -> None:
    assert GmxFamily().load(json.loads(json.dumps(one.to_json()))) == one


@pytest.mark.parametrize(
    "change",
    [
        {"family": "gmx_v2"},
        {"size": "0"},
        {"size": 5},
        {"average_price": "0"},
        {"entry_funding_rate": "1"},
        {"is_long": 1},
        {"terms": {}},
        {"closing": None},
        {"funding": {"interval": "0"}},
    ],
)
def test_a_stored_rule_of_another_shape_is_refused(change: dict[str, JsonValue]) -> None:
    stored = rule(size=9_000, collateral=991, average=41_000, price=40_000, is_long=True).to_json()
    with pytest.raises(ValueError, match=r"."):
        GmxFamily().load({**stored, **change})


def test_a_price_of_nothing_is_refused() -> None:
    one = rule(size=9_000, collateral=991, average=41_000, price=40_000, is_long=True)
    for call in (one.health, one.close_out):
        with pytest.raises(UnusablePrice):
            call({INDEX: 0}, NOW)


def test_without_a_liquidators_fee_an_exact_rest_can_not_be_closed() -> None:
    """Where what remains is the fees to the unit, the vault has no payment left to take them from."""
    terms = Terms(500_000, 0, 10, 0, 0)
    one = rule(size=9_000, collateral=9, average=41_000, price=41_000, is_long=True, terms=terms)
    assert one.health(prices_of(one), NOW).liquidatable
    assert one.close_out(prices_of(one), NOW) == Refused(UNDERFLOW)


@pytest.mark.parametrize(("size", "least"), [(9_000, 509), (100_000, 2_000)])
def test_power_that_equals_the_requirement_passes(size: int, least: int) -> None:
    """Of fees (0.09 and 5 USD), and of leverage (a fiftieth); a cent less fails."""
    for collateral, failing in ((least, False), (least - 1, True)):
        one = rule(size=size, collateral=collateral, average=41_000, price=41_000, is_long=True)
        assert one.health(prices_of(one), NOW).liquidatable == failing


@pytest.mark.parametrize(
    ("collateral", "price", "kept", "borne"),
    [
        (5, 41_000, 50_000, 5_000_000),  # what remains is less than the fees: they are cut to it
        (0, 41_000, 0, 5_000_000),
        (9, 41_000, 90_000, 5_000_000),
        (100, 40_000, 90_000, 6_285_121),  # losses of 2.195121 exceed the collateral: they are not
    ],
)
def test_fees_are_cut_to_what_remains(collateral: int, price: int, kept: int, borne: int) -> None:
    """In millionths of USD; the liquidator gets 5 USD in any case, which the pool bears."""
    one = rule(size=9_000, collateral=collateral, average=41_000, price=price, is_long=True)
    closed = one.close_out(prices_of(one), NOW)
    assert isinstance(closed, CloseOut)
    found = {fee.receiver: fee.amount.raw for fee in closed.fees}
    assert (found.get("protocol", 0), found["liquidator"]) == (kept, 5_000_000)
    assert [amount.raw for amount in closed.bad_debt] == [borne]
