"""What holds of any trade and any swap, by Hypothesis; and of rules that know nothing of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.perp_curie.family import CurieFamily
from adapters.perp_curie.margin import CurieRule
from adapters.perp_curie.swap import swap
from aggregator.model.actions import Applied, Deposit, Trade, Traded, Untold, Withdraw
from aggregator.model.rules import (
    WAD,
    Refused,
    Rule,
    prices_of,
)
from aggregator.pricing.concentrated import MAX_ROOT, MIN_ROOT, Q96, root_at_tick, tick_at_root
from tests.adapters.perp_curie.strategies import CASH, HANDS, pools, rules, signed
from tests.volume import volume


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


@given(rules())
@settings(max_examples=10)
def test_what_was_stored_before_rooms_were_read_stays_as_it_is(rule: CurieRule) -> None:
    stored: Any = json.loads(json.dumps(rule.to_json()))
    for one in (stored["access"], *stored["collaterals"]):
        one.pop("room", None)
    assert CurieFamily().load(stored).to_json() == stored


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


@given(rules(), st.integers(0, 10**6), st.integers(1, 10**6))
@settings(max_examples=volume(20, 100))
def test_a_vault_above_its_cap_takes_nothing_until_it_is_below(rule: CurieRule, above: int, out: int) -> None:
    """What is taken out makes no room before all that is above the cap is gone, of any token."""
    prices, access = prices_of(rule), rule.access
    assert access is not None
    rule = replace(
        rule,
        balance=rule.balance + 10**30,
        access=replace(access, room=-above),
        collaterals=tuple(
            replace(one, room=-above, balance=one.balance + 2 * out) for one in rule.collaterals
        ),
    )
    for asset in (CASH, *(one.feed.asset for one in rule.collaterals)):
        after: Rule = rule
        for _ in range(2):
            assert isinstance(after, CurieRule)
            done = after.apply(prices, 1_000, Withdraw(asset, out))
            assert isinstance(done, Applied)
            after = done.successor
        assert isinstance(after, CurieRule)
        room = max(0, 2 * out - above)
        assert isinstance(after.apply(prices, 1_000, Deposit(asset, room + 1)), Refused)
        if room:
            assert isinstance(after.apply(prices, 1_000, Deposit(asset, room)), Applied)
