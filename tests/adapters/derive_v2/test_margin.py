"""The rule by itself: its fast form, its data, and what holds of any auction."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.derive_v2.auction import Auction
from adapters.derive_v2.family import DeriveFamily, suspects
from adapters.derive_v2.margin import DeriveRule
from adapters.derive_v2.standard import Standard
from aggregator.contract import Shocked
from aggregator.model.close_outs import ClosableRule, CloseOut
from aggregator.model.errors import UnusablePrice
from aggregator.model.flips import flips
from aggregator.model.rules import WAD, Refused, prices_of
from tests.adapters.derive_v2.strategies import DAY, NOW, TERMS, rules

FAMILY = DeriveFamily()
moves = st.lists(st.floats(0.2, 5), min_size=1, max_size=3)
later = st.integers(0, 5 * DAY)


def gross(rule: DeriveRule) -> float:
    """What is added up in a margin, at most so many times the present prices."""
    prices, total = prices_of(rule), abs(rule.cash)
    for held in rule.book.holdings:
        spot = prices[held.spot.asset]
        total += held.base * spot // WAD
        total += sum(abs(o.amount) * max(spot, o.strike) // WAD for e in held.expiries for o in e.options)
        if held.perp is not None:
            total += abs(held.perp.size) * spot // WAD + abs(held.perp.realised)
    for one in getattr(rule.book, "collaterals", ()):
        total += one.amount * prices[one.feed.asset] // WAD
    return 1 + total / WAD


@given(st.lists(rules, min_size=1, max_size=3), moves, later)
@settings(max_examples=60)
def test_the_fast_form_agrees_with_the_exact_one(
    many: list[DeriveRule], factors: list[float], seconds: int
) -> None:
    """To 1e-9 of what is in the sum, at moved prices and later."""
    columns = FAMILY.columns(many)
    prices = [[int(feed.price * factor) for factor in factors] for feed in columns.feeds]
    usd = np.array(prices, dtype=np.float64) / WAD
    power, required = FAMILY.margin(columns, Shocked.in_usd(usd, NOW + seconds))
    row = 0
    for i, rule in enumerate(many):
        for j in range(len(factors)):
            at = {feed.asset: prices[row + k][j] for k, feed in enumerate(rule.feeds)}
            exact = rule.health(at, NOW + seconds)
            near = 1e-9 * gross(rule) * 25
            assert power[i, j] - required[i, j] == pytest.approx(
                (exact.power - exact.requirement) / WAD, abs=near
            )
            assert power[i, j] == pytest.approx(exact.power / WAD, abs=near)
        row += len(rule.feeds)


@given(rules)
@settings(max_examples=60)
def test_a_stored_rule_is_the_same_rule(rule: DeriveRule) -> None:
    """Through JSON text, as the database keeps it."""
    assert FAMILY.load(json.loads(json.dumps(rule.to_json()))) == rule
    assert isinstance(rule, ClosableRule)


@given(rules, later)
@settings(max_examples=60)
def test_flag_margin_and_ratio_agree(rule: DeriveRule, seconds: int) -> None:
    """Power less requirement is the maintenance margin; below zero an auction can be started."""
    prices = prices_of(rule)
    margin, value = rule.margin(prices, NOW + seconds, initial=False)
    health = rule.health(prices, NOW + seconds)
    assert health.power - health.requirement == margin
    assert health.requirement == max(value - margin, 0)
    assert health.liquidatable == (margin < 0 or rule.terms.sells(rule.auction, margin, value, NOW + seconds))
    if rule.auction is None and health.health is not None:
        assert health.liquidatable == (health.health < WAD)


@given(rules)
@settings(max_examples=40)
def test_more_cash_never_hurts(rule: DeriveRule) -> None:
    """It counts one to one in both margins."""
    richer = replace(rule, cash=rule.cash + 7 * WAD)
    prices = prices_of(rule)
    for initial in (False, True):
        margin, value = rule.margin(prices, NOW, initial=initial)
        assert richer.margin(prices, NOW, initial=initial) == (margin + 7 * WAD, value + 7 * WAD)


@given(rules, later)
@settings(max_examples=100)
def test_an_auction_keeps_what_it_does_not_take(rule: DeriveRule, seconds: int) -> None:
    """Worth before, and bad debt, is worth after and fees; a solvent account that was sold is sound."""
    prices, time = prices_of(rule), NOW + seconds
    done = rule.close_out(prices, time)
    if isinstance(done, Refused):
        assert done.reason
        return
    assert isinstance(done, CloseOut)
    worth = rule.margin(prices, time, initial=False)[1] / WAD
    fees = sum(fee.amount.raw for fee in done.fees) / 10**6
    owed = sum(amount.raw for amount in done.bad_debt) / 10**6
    left = 0.0
    if done.successor is not None:
        assert isinstance(done.successor, DeriveRule)
        left = done.successor.margin(prices, time, initial=False)[1] / WAD
        if rule.auction is None:
            assert not done.successor.health(prices, time).liquidatable
    assert worth + owed == pytest.approx(left + fees, abs=1e-5 + 1e-9 * gross(rule))
    assert not (owed and done.successor)


@given(rules)
@settings(max_examples=25, deadline=None)
def test_screened_liquidation_prices_are_the_exact_ones(rule: DeriveRule) -> None:
    """What float64 rules out is ruled out by the exact test as well."""
    asset = rule.feeds[-1].asset
    prices = prices_of(rule)
    candidates = [prices[asset] * share // 100 for share in (1, 30, 70, 100, 130, 400, 5_000)]
    for price, suspect in zip(candidates, suspects(rule, prices, NOW, asset, candidates), strict=True):
        assert suspect or not rule.health({**prices, asset: price}, NOW).liquidatable


@given(rules.filter(lambda one: isinstance(one.book, Standard) and one.cash > 0))
@settings(max_examples=4, deadline=None)
def test_screening_finds_what_trying_all_prices_does(rule: DeriveRule) -> None:
    """On accounts whose search is cheap enough to be done both ways."""
    prices, asset = prices_of(rule), rule.feeds[1].asset
    assert rule.liquidation_prices(prices, NOW, asset) == flips(rule, prices, NOW, asset)


@given(rules)
@settings(max_examples=20)
def test_a_price_of_zero_is_refused(rule: DeriveRule) -> None:
    """Of every feed."""
    for feed in rule.feeds:
        with pytest.raises(UnusablePrice):
            rule.health({**prices_of(rule), feed.asset: 0}, NOW)


def test_a_solvent_auction_sells_until_its_buffer_is_filled() -> None:
    """Not after its end, not what is reserved, and never once it is insolvent."""
    live = Auction(insolvent=False, start=NOW, reserved=0)
    margin, value = 5 * WAD, 100 * WAD
    assert TERMS.buffered(margin, value) < 0
    assert TERMS.sells(live, margin, value, NOW + 44_099)
    assert not TERMS.sells(live, margin, value, NOW + 44_100)
    assert not TERMS.sells(live, 20 * WAD, value, NOW)
    assert not TERMS.sells(replace(live, reserved=value), margin, value, NOW)
    assert not TERMS.sells(replace(live, insolvent=True), margin, value, NOW)
    assert not TERMS.sells(None, margin, value, NOW)


def test_the_discount_falls_as_the_contracts_falls() -> None:
    """Start, cut-off and end of the solvent auction, and the payout of the insolvent one."""
    assert TERMS.discount(0) == TERMS.start_share
    assert TERMS.discount(450) == 825 * WAD // 1000
    assert TERMS.discount(900) == TERMS.fast_share
    assert TERMS.discount(900 + 21_600) == 35 * WAD // 100
    assert TERMS.discount(900 + 43_200) == 0
    assert TERMS.payout(-100 * WAD, -20 * WAD, 0) == 20 * WAD
    assert TERMS.payout(-100 * WAD, -20 * WAD, 1_800) == 60 * WAD
    assert TERMS.payout(-100 * WAD, 30 * WAD, 3_600) == 100 * WAD
