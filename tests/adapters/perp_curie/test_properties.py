"""What holds of any account, by Hypothesis: tokens of any decimals, prices far from the present ones."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapters.perp_curie.access import Access
from adapters.perp_curie.family import CurieFamily
from adapters.perp_curie.margin import CurieRule
from adapters.perp_curie.market import MILLION, Collateral, MarketState, RangeOrder
from adapters.perp_curie.pool import Pool
from adapters.perp_curie.sale import SaleTerms
from adapters.perp_curie.swap import Depth, swap
from adapters.perp_curie.uniswap import MAX_ROOT, MIN_ROOT, Q96, root_at_tick, tick_at_root
from aggregator.contract import Shocked
from aggregator.model.actions import Deposit, Trade, Traded, Untold
from aggregator.model.assets import AssetId, index_id
from aggregator.model.calls import Hands
from aggregator.model.close_outs import CloseOut
from aggregator.model.rules import (
    WAD,
    Amount,
    Feed,
    Liquidated,
    Oracle,
    Refused,
    Repayment,
    prices_of,
)
from aggregator.model.units import Address
from tests.volume import volume

CASH = AssetId("eip155:1/erc20:0x1")
HANDS = Hands(Address("0x" + "1" * 40), Address("0x" + "1" * 40))
ratios = st.integers(0, MILLION)


def signed(least: int, most: int) -> st.SearchStrategy[int]:
    return st.tuples(st.integers(least, most), st.sampled_from((-1, 1))).map(lambda one: one[0] * one[1])


@st.composite
def pools(draw: st.DrawFn, root: int, price: int) -> Pool:
    """Some liquidity that begins and ends within 1,000 ticks either way."""
    tick, liquidity = tick_at_root(root), draw(st.integers(10**20, 10**24))
    first = -(-(tick - 1_000) // 60)
    at = sorted(draw(st.sets(st.integers(first, first + 32), max_size=4)))
    lines = [(60 * one, draw(signed(0, liquidity // 5))) for one in at]
    return Pool(
        depth=Depth(tick, liquidity, 60, tick - 1_000, tick + 1_000, tuple(lines)),
        exchange_fee=draw(st.integers(0, 20_000)),
        uniswap_fee=draw(st.sampled_from((500, 3_000, 10_000))),
        insurance_share=draw(ratios),
        most_ticks=draw(st.integers(1, 900)),
        most_spread=100_000,
        index=price,
        recent=draw(st.sampled_from((None, (), ((tick - 7, 995),)))),
    )


@st.composite
def markets(draw: st.DrawFn, name: str, most_orders: int, traded: bool) -> MarketState:
    price = draw(st.integers(WAD, 10_000 * WAD))
    size = draw(signed(10**15, 10**19))
    root = round((price / WAD) ** 0.5 * 2**48) * 2**48
    price, orders = max(1, root * root * WAD // Q96**2), []
    for _ in range(draw(st.integers(0, most_orders))):
        tick = draw(st.integers(0, 1_500)) * 60
        width = draw(st.integers(1, 200)) * 60
        liquidity, debt = draw(st.integers(10**15, 10**20)), draw(st.integers(0, 10**18))
        orders.append(RangeOrder(tick, tick + width, liquidity, debt, debt))
    return MarketState(
        base=f"0x{name}",
        name=name,
        feed=Feed(index_id(name), Oracle.MARKET, price, 18, "a test"),
        is_open=True,
        size=size,
        notional=-size * price // WAD * draw(st.integers(80, 120)) // 100,
        orders=tuple(orders),
        root=root,
        funding=draw(signed(0, WAD)),
        premium=draw(signed(0, Q96)),
        pool=draw(pools(root, price)) if traded else None,
    )


@st.composite
def collaterals(draw: st.DrawFn, name: str) -> Collateral:
    decimals, of_price = draw(st.sampled_from((6, 8, 18, 24))), draw(st.sampled_from((8, 18)))
    price = draw(st.integers(10 ** (of_price - 1), 10 ** (of_price + 4)))
    balance = draw(st.integers(1, 10**4)) * 10**decimals // 1_000
    feed = Feed(AssetId(f"eip155:1/erc20:0x{name}"), Oracle.MARKET, price, of_price, "a test")
    ratio, discount = draw(st.integers(MILLION // 2, MILLION)), draw(st.integers(0, MILLION // 5))
    return Collateral(feed, name, decimals, balance, ratio, discount)


terms = st.builds(
    SaleTerms,
    margin_ratio=ratios,
    initial_ratio=ratios,
    debt_share=ratios,
    most_debt=st.integers(0, 10**24),
    part=st.integers(1, MILLION),
    small_debt=st.integers(0, 10**12),
    fee_ratio=st.integers(0, MILLION // 2),
    paused=st.just(value=False),
)


@st.composite
def rules(draw: st.DrawFn, most_orders: int = 2, traded: bool = False) -> CurieRule:
    decimals = draw(st.sampled_from((6, 8, 18)))
    held = [draw(collaterals(name)) for name in ("2", "3")[: draw(st.integers(0, 2))]]
    return CurieRule(
        time=1_000,
        settlement=CASH,
        settlement_decimals=decimals,
        balance=draw(signed(0, 3_000 * 10**decimals)),
        owed_pnl=draw(signed(0, 100 * WAD)),
        pending_fee=draw(st.integers(0, WAD)),
        markets=tuple(
            draw(markets(name, most_orders, traded)) for name in ("A", "B")[: draw(st.integers(1, 2))]
        ),
        collaterals=tuple(held),
        maintenance_ratio=62_500,
        penalty_ratio=25_000,
        insurance=draw(st.integers(0, 10**24)),
        paused=False,
        terms=draw(terms) if held else None,
        access=Access(Address("0x" + "a" * 40), Address("0x" + "b" * 40), 100_000, vault_paused=False),
    )


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


@given(rules(traded=True))
@settings(max_examples=10)
def test_a_rule_of_an_earlier_release_loads(rule: CurieRule) -> None:
    """Its actions are not known, its health is."""
    stored: Any = rule.to_json()
    del stored["access"]
    for market in stored["markets"]:
        del market["pool"]
    old = CurieFamily().load(json.loads(json.dumps(stored)))
    assert old.health(prices_of(old), 1_000) == rule.health(prices_of(rule), 1_000)
    assert isinstance(old.apply(prices_of(old), 1_000, Trade("A", 1)), Untold)
    assert isinstance(old.calls(Deposit(CASH, 1), HANDS), Untold)


@given(rules(most_orders=0, traded=True), signed(10**12, 10**20), st.integers(0, 100))
@settings(max_examples=volume(60, 500))
def test_a_trade_costs_its_fee_and_its_price_and_nothing_else(rule: CurieRule, size: int, later: int) -> None:
    """The account changes by what was bought at the mark, less what was paid; a fee is never below zero."""
    prices, time, market = prices_of(rule), 1_000 + later, rule.markets[0]
    rule = replace(rule, balance=rule.balance + 10**30)
    done = rule.apply(prices, time, Trade(market.name, size))
    if not isinstance(done, Traded):
        return
    after, mark = done.successor, market.feed.price
    assert isinstance(after, CurieRule)
    assert done.fee is not None
    assert done.fee.raw >= 0
    left = next((one for one in after.markets if one.name == market.name), None)
    moved = (0 if left is None else left.size) - market.size
    filled = moved * done.price_raw // WAD
    expected = moved * mark // WAD - filled - done.fee.raw * rule.unit
    change = after.exact_value(prices, time) - rule.exact_value(prices, time)
    assert abs(change - expected) <= abs(moved) // WAD + 2 * rule.unit + 100
    assert after.time == time


@given(st.integers(MIN_ROOT, MAX_ROOT - 1))
def test_ticks_and_root_prices_are_inverse(root: int) -> None:
    tick = tick_at_root(root)
    assert root_at_tick(tick) <= root
    assert root < root_at_tick(tick + 1)
    assert tick_at_root(root_at_tick(tick)) == tick


@given(st.data(), st.floats(1, 10**4), signed(10**6, 10**22))
@settings(max_examples=volume(60, 500))
def test_a_swap_and_its_reverse_end_where_they_began(data: st.DataObject, price: float, amount: int) -> None:
    """Without a fee, to a unit a step; liquidity and tick are back, and nobody has gained anything."""
    root = int(price**0.5 * 2**48) * 2**48
    depth = data.draw(pools(root, WAD)).depth
    there = swap(depth, root, amount, 0, down=True, limit=None)
    if there.beyond or not there.received:
        return
    back = swap(there.depth, there.root, -there.paid, 0, down=False, limit=None)
    assert back.depth.liquidity == depth.at(back.root).liquidity  # type: ignore[union-attr]
    assert back.received == there.paid
    assert back.paid >= there.received
    assert back.paid - there.received <= 3 * (len(there.steps) + len(back.steps)) * (
        1 + root * root // Q96**2
    )


@settings(max_examples=25)
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
