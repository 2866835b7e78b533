"""What is read of the real contracts, against their own word: to the last digit."""

from __future__ import annotations

import json

import numpy as np
import pytest

from adapters.derive_v2.family import DeriveFamily
from adapters.derive_v2.portfolio import Portfolio
from adapters.derive_v2.portfolio_2 import Portfolio2
from adapters.derive_v2.standard import Standard
from aggregator.contract import Shocked
from aggregator.model.assets import index_id
from aggregator.model.close_outs import ClosableRule
from aggregator.model.positions import Debt, Option, Perp, Supply
from aggregator.model.rules import prices_of
from tests.adapters.derive_v2.real import account, block_of, read, replayed, rule_of, said, token

WAD = 10**18
ACCOUNTS = said()["accounts"]
JUDGED = {name: number for name, number in ACCOUNTS.items() if name != "cash"}
STATES = [name for name in said()["states"] if name != "stale"]


@pytest.mark.parametrize("state", STATES)
def test_the_rule_says_what_the_contracts_say(state: str) -> None:
    """Both margins and the mark to market of every account that is there, at every state."""
    reading, time = read(state), block_of(state).timestamp
    assert not reading.failures
    margins = said()["states"][state]["margins"]
    found = {int(one.id.rsplit(":", 1)[1]): one for one in reading.accounts}
    gone = {ACCOUNTS["standard"]} if state == "insolvent_after" else set()
    assert set(found) == set(ACCOUNTS.values()) - gone
    for name, number in JUDGED.items():
        if number in gone:
            continue
        rule, reported = rule_of(state, number), found[number].reported
        maintenance, initial, value = map(int, margins[str(number)])
        prices = prices_of(rule)
        assert rule.margin(prices, time, initial=False) == (maintenance, value), name
        assert rule.margin(prices, time, initial=True) == (initial, value), name
        health = rule.health(prices, time)
        assert health.power - health.requirement == maintenance
        assert reported is not None
        assert (reported.health, reported.liquidatable) == (health.health, health.liquidatable)


@pytest.mark.parametrize("at", range(5))
def test_the_rule_holds_at_other_prices_and_later(at: int) -> None:
    """As long as the feeds keep their distances: those of ETH and BTC move, and up to 19 days pass."""
    there = said()["states"]["first"]["elsewhere"][at]
    for number in JUDGED.values():
        rule = rule_of("first", number)
        prices = prices_of(rule)
        for asset in prices:
            if asset in (index_id("ETH"), token("WETH")):
                prices[asset] = int(there["ETH"])
            if asset in (index_id("BTC"), token("WBTC")):
                prices[asset] = int(there["BTC"])
        maintenance, initial, value = map(int, there["margins"][str(number)])
        for margin, kind in ((maintenance, False), (initial, True)):
            ours = rule.margin(prices, there["time"], initial=kind)
            assert ours == (margin, value), (number, kind)


def test_the_books_are_of_all_three_kinds() -> None:
    """The manager of an account decides."""
    kinds = {name: type(rule_of("first", number).book) for name, number in JUDGED.items()}
    assert kinds == {
        "standard": Standard,
        "borrower": Standard,
        "portfolio": Portfolio,
        "portfolio_2": Portfolio2,
        "overridden": Portfolio2,
    }
    own, other = (rule_of("first", ACCOUNTS[name]).book for name in ("portfolio_2", "overridden"))
    assert isinstance(own, Portfolio2)
    assert isinstance(other, Portfolio2)
    assert (own.parameters.mm_factor, other.parameters.mm_factor) == (8 * WAD // 10, 6 * WAD // 10)


def test_positions_are_what_the_account_has() -> None:
    """Options, a perp, collateral in its token's decimals, and cash in that of USDC."""
    positions = account("first", ACCOUNTS["standard"]).positions
    [cash, weth] = [one for one in positions if isinstance(one, Supply)]
    assert (cash.asset.symbol, cash.asset.decimals) == ("USDC", 6)
    assert (weth.asset.id, weth.raw) == (token("WETH"), 25 * WAD // 10)
    perps = {one.market: one for one in positions if isinstance(one, Perp)}
    assert perps["ETH-PERP"].size_raw == -6 * WAD
    assert perps["BTC-PERP"].index == index_id("BTC")
    assert perps["ETH-PERP"].mark_price_raw == 2002 * WAD
    options = {one.instrument.split(" ", 2)[2]: one for one in positions if isinstance(one, Option)}
    short = options["2200 call"]
    assert (short.size_raw, short.strike_raw, short.right) == (-5 * WAD, 2200 * WAD, "call")
    assert short.iv is not None
    assert 0.4 < short.iv < 1
    assert short.mark_raw is not None
    assert 0 < short.mark_raw < 100 * WAD
    assert len(options) == 5


def test_owed_cash_is_a_debt_and_collateral_alone_is_priced_as_its_token() -> None:
    """The borrower has wstETH and 8-decimal WBTC against 2,500 of cash."""
    found = account("first", ACCOUNTS["borrower"])
    [debt] = [one for one in found.positions if isinstance(one, Debt)]
    assert 2_500_000_000 <= debt.raw <= 2_500_001_000
    supplies = {one.asset.symbol: one.raw for one in found.positions if isinstance(one, Supply)}
    assert supplies == {"wstETH": 3 * WAD, "WBTC": 5_000_000}
    rule = rule_of("first", ACCOUNTS["borrower"])
    assert {feed.asset for feed in rule.feeds} == {token("USDC"), token("wstETH"), token("WBTC")}
    priced = {quote.asset: quote.price for quote in read("first").quotes}
    assert priced[token("wstETH")] == 2300 * WAD
    assert priced[token("WETH")] == priced[index_id("ETH")] == 2000 * WAD


def test_accounts_follow_their_owner() -> None:
    """One in Matching is its depositor's; those that were given away, there or here, are not the wallet's."""
    numbers = {int(one.id.rsplit(":", 1)[1]) for one in read("first").accounts}
    assert ACCOUNTS["portfolio"] in numbers
    assert not numbers & set(said()["lost"])
    cash = account("first", ACCOUNTS["cash"])
    assert (cash.rule, cash.reported) == (None, None)
    assert [one.raw for one in cash.positions if isinstance(one, Supply)] == [12_500_000]


def test_a_read_takes_three_rounds_and_one_more_for_an_overridden_library() -> None:
    """The library is known only once the manager has named it."""
    assert replayed("first")[1] == 4
    assert said()["states"]["first"]["rounds"] == 4


def test_stale_feeds_fail_the_accounts_that_need_them() -> None:
    """BTC's spot feed refuses; an account without BTC is read, and the others are named."""
    reading = read("stale")
    failed = {int(one.id.rsplit(":", 1)[1]) for one in reading.failures}
    assert failed == {ACCOUNTS[name] for name in ("standard", "borrower", "portfolio_2")}
    for failure in reading.failures:
        assert "too old (getSpot()@" in str(failure.error)
    assert {int(one.id.rsplit(":", 1)[1]) for one in reading.accounts} == set(ACCOUNTS.values()) - failed


def test_settled_options_are_claims() -> None:
    """What expired and has its price moves no more: payouts of shorts are owed."""
    positions = account("settled", ACCOUNTS["standard"]).positions
    left = [one for one in positions if isinstance(one, Option)]
    assert left
    assert not any(one.is_expired(block_of("settled").timestamp) for one in left)
    assert not any("2200 call" in one.instrument for one in left)
    portfolio = account("settled", ACCOUNTS["portfolio"]).positions
    # Settled at 2,120: four written calls of 2,100 owe 20 each, the puts nothing.
    assert [one.raw for one in portfolio if isinstance(one, Debt)] == [80_000_000]
    assert any("is settled: its payout counts" in one for one in read("settled").warnings)
    assert any("interest of -0.4" in one for one in read("settled").warnings)


@pytest.mark.parametrize("number", JUDGED.values())
def test_liquidation_prices_are_where_the_test_begins_to_fail(number: int) -> None:
    """Exact to one unit, on both sides, of ETH."""
    rule, time = rule_of("first", number), block_of("first").timestamp
    assert isinstance(rule, ClosableRule)
    prices, eth = prices_of(rule), index_id("ETH")
    if eth not in prices:
        eth = token("wstETH")
    found = rule.liquidation_prices(prices, time, eth)
    assert any(price is not None for price in found)
    for price, step in zip(found, (1, -1), strict=True):
        if price is not None:
            assert rule.health({**prices, eth: price}, time).liquidatable
            assert not rule.health({**prices, eth: price + step}, time).liquidatable


@pytest.mark.parametrize("state", ["first", "doubt", "window", "settled", "insolvent_live"])
def test_the_fast_form_agrees(state: str) -> None:
    """All accounts at once, at prices of a quarter to four times the present ones, now and a day later."""
    family = DeriveFamily()
    rules = [rule_of(state, number) for number in JUDGED.values()]
    columns = family.columns(rules)
    moves = np.array([0.25, 0.7, 1.0, 1.04, 1.9, 4.0])
    start = block_of(state).timestamp
    for time in (start, start + 86_400):
        prices = np.array([[feed.price / WAD] for feed in columns.feeds]) * moves
        power, required = family.margin(columns, Shocked.in_usd(prices, time))
        for i, rule in enumerate(rules):
            for j, move in enumerate(moves):
                exact = rule.health({f.asset: int(f.price * move) for f in rule.feeds}, time)
                gross = abs(exact.power) + exact.requirement + abs(rule.cash)
                assert power[i, j] == pytest.approx(exact.power / WAD, abs=1e-9 * gross / WAD)
                assert required[i, j] == pytest.approx(exact.requirement / WAD, abs=1e-9 * gross / WAD)


@pytest.mark.parametrize("state", ["first", "insolvent_live"])
def test_a_stored_rule_is_the_same_rule(state: str) -> None:
    """Through JSON text, of every kind of book, with an auction and without."""
    for number in JUDGED.values():
        rule = rule_of(state, number)
        assert DeriveFamily().load(json.loads(json.dumps(rule.to_json()))) == rule
