"""What holds of any account, by Hypothesis: tokens of any decimals, prices far from the present ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from adapters.perp_curie.family import CurieFamily
from adapters.perp_curie.margin import CurieRule
from adapters.perp_curie.market import MILLION
from aggregator.contract import Shocked
from aggregator.model.close_outs import CloseOut
from aggregator.model.rules import (
    WAD,
    Amount,
    Liquidated,
    Refused,
    Repayment,
    prices_of,
)
from tests.adapters.perp_curie.strategies import CASH, rules
from tests.volume import volume


@given(st.lists(rules(), min_size=1, max_size=3), st.floats(0.05, 20), st.integers(0, 10**6))
@settings(max_examples=volume(40, 100))
def test_the_fast_form_agrees_with_the_exact_one(some: list[CurieRule], move: float, later: int) -> None:
    """To 1e-9 of what was added up, however far the price has moved."""
    family, time = CurieFamily(), 1_000 + later
    columns = family.columns(some)
    moved = [int(feed.price * move) for feed in columns.feeds]
    usd = np.array([[p / 10**feed.decimals] for p, feed in zip(moved, columns.feeds, strict=True)])
    power, required = family.margin(columns, Shocked.in_usd(usd, time))
    for i, rule in enumerate(some):
        prices = {feed.asset: int(feed.price * move) for feed in rule.feeds}
        exact = rule.health(prices, time)
        sizes = [abs(one.total_size(prices[one.feed.asset])) for one in rule.markets]
        sums = rule.gross(prices) + abs(rule.cash(time)) + sum(abs(one.notional) for one in rule.markets)
        most = sum(
            order.liquidity * max(prices[one.feed.asset], WAD) // WAD
            for one in rule.markets
            for order in one.orders
        )
        scale = (sums + most + sum(sizes)) / WAD
        assert power[i, 0] == pytest.approx(exact.power / WAD, abs=1e-9 * scale + 2 * rule.unit / WAD)
        assert required[i, 0] == pytest.approx(exact.requirement / WAD, abs=1e-9 * scale)


@given(rules(traded=True))
@settings(max_examples=volume(40, 100))
def test_a_stored_rule_is_the_same_rule(rule: CurieRule) -> None:
    assert CurieFamily().load(json.loads(json.dumps(rule.to_json()))) == rule


# Many accounts at random fail at once.
@settings(max_examples=25, suppress_health_check=[HealthCheck.filter_too_much])
@given(rules(), st.booleans())
def test_a_liquidation_price_is_the_first_that_fails(rule: CurieRule, up: bool) -> None:
    """By one unit of the feed; and no price between it and the present one that was tried."""
    prices, asset = prices_of(rule), rule.markets[0].feed.asset
    assume(not rule.health(prices, 1_000).liquidatable)
    flip = rule.liquidation_prices(prices, 1_000, asset)[up]
    assume(flip is not None)
    assert flip is not None
    assert rule.health({**prices, asset: flip}, 1_000).liquidatable
    assert not rule.health({**prices, asset: flip + (-1 if up else 1)}, 1_000).liquidatable


@given(rules(most_orders=0), st.floats(0.3, 3), st.integers(0, 10**5))
@settings(max_examples=volume(40, 100))
def test_a_close_out_takes_the_penalty_and_nothing_else(rule: CurieRule, move: float, later: int) -> None:
    """What the account is worth afterwards is what it was less the penalty, and what others pay."""
    prices = {feed.asset: int(feed.price * move) for feed in rule.feeds}
    time = 1_000 + later
    before, done = rule.exact_value(prices, time), rule.close_out(prices, time)
    if isinstance(done, Refused):
        assert done.reason.startswith(("CH_EAV", "CH_IIC"))
        return
    assert isinstance(done, CloseOut)
    fees = sum(fee.amount.raw for fee in done.fees) * rule.unit
    paid = sum(one.raw for one in done.bad_debt) * rule.unit
    after = done.successor
    assert after is None or isinstance(after, CurieRule)
    left = 0 if after is None else after.exact_value(prices, time)
    # Dust that leaves the books, and fees that are told in whole units.
    assert abs(before - fees + paid - left) <= 2 * rule.unit + 100
    assert after is None or not after.health(prices, time).liquidatable or after.insurance >= 0


@settings(max_examples=volume(25, 100))
@given(rules(), st.integers(1, 100))
def test_a_sale_is_paid_at_the_discount_and_no_more_than_the_most(rule: CurieRule, part: int) -> None:
    """A payment is worth what is sold for it, to a unit of either; one above the most is refused."""
    prices = prices_of(rule)
    assume(rule.sale_is_due(prices, 1_000))
    held = rule.collaterals[0]

    def offer(paid: int) -> Liquidated | Refused:
        return rule.liquidate(prices, 1_000, Repayment(Amount(CASH, paid), held.feed.asset))

    refused = offer(10**60)
    assert isinstance(refused, Refused)
    most = int(refused.reason.split()[3])
    assert isinstance(offer(most), Liquidated)
    assert offer(most + 1) == refused
    paid = most * part // 100
    done = offer(paid)
    assert isinstance(done, Liquidated)
    after = done.successor
    assert isinstance(after, CurieRule)
    sold = sum(one.raw for one in done.seized)
    assert sold <= held.balance
    price = prices[held.feed.asset] * (MILLION - held.discount) // MILLION
    one = max(1, 10 ** (18 - held.decimals)) * price // 10**held.feed.decimals
    worth = sold * price * WAD // 10 ** (held.decimals + held.feed.decimals)
    assert abs(worth - paid * rule.unit) <= one + rule.unit + 1
    fee = sum(fee.raw for fee in done.fees)
    debt = sum(one.raw for one in done.bad_debt)
    assert after.balance == rule.balance + paid - fee + debt
    assert after.insurance == rule.insurance + (fee - debt) * rule.unit
