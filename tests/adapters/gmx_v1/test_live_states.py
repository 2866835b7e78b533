"""At random states of the stand-ins: the test, pending funding, the fast form, stored rules, flips."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from adapters.gmx_v1.family import GmxFamily
from aggregator.contract import Shocked
from aggregator.model.positions import Perp, Supply
from aggregator.model.rules import prices_of
from tests.adapters.gmx_v1.live import COINS, Site, rule_of


def test_the_rule_is_the_vaults_at_200_states(site: Site) -> None:
    """Prices, pegs and time move; a liquidation that is tried at each state succeeds where the rule says."""
    draw, failing, pending, early = random.Random(7), 0, 0, 0
    places = site.crowd(1, 14)
    for step in range(15):
        site.move(draw, draw.choice((1, 600, 3_600, 10_000, 90_000)))
        now = site.world.node.timestamp
        for place, account in zip(places, site.accounts([one.user for one in places]), strict=True):
            rule = rule_of(account)
            ours, said = rule.health(prices_of(rule), now), account.reported
            assert said is not None
            assert (ours.health, ours.liquidatable) == (said.health, said.liquidatable), (step, place)
            assert ours.liquidatable == site.would_liquidate(place)
            key = site.key(place)
            state, fees = site.gmx.vault.call("validateLiquidation", *key, False)  # noqa: FBT003
            added = rule.size * rule.funding.pending(now) // 10**6
            if state != 1:
                assert abs(rule.margin_fees(now) - fees - added) <= 1
            failing += ours.liquidatable
            pending += added > 0
            early += now <= rule.last_increased_time + rule.terms.min_profit_time
    assert failing > 20
    assert pending > 100
    assert early > 2


def test_funding_goes_on_as_the_vault_counts_it(site: Site) -> None:
    """The rule of now says what the vault's update leads to later, as long as nobody trades."""
    places = site.crowd(2, 6)
    rules = [rule_of(account) for account in site.accounts([one.user for one in places])]
    for seconds in (1_800, 3_600, 100_000):
        site.world.node.warp(seconds)
        for place, rule in zip(places, rules, strict=True):
            collateral = site.gmx.tokens[place.collateral].address
            snapshot = site.world.node.snapshot()
            site.gmx.vault.send("updateCumulativeFundingRate", collateral, collateral)
            rate = site.gmx.vault.call("cumulativeFundingRates", collateral)
            assert rate == rule.funding.rate(site.world.node.timestamp)
            site.world.node.revert(snapshot)
    assert rate > rules[-1].funding.cumulative


def test_the_fast_form_and_the_stored_rule_agree_with_the_rule(site: Site) -> None:
    """At prices from a tenth to ten times the present one, and three days later."""
    places, family = site.crowd(4, 14), GmxFamily()
    rules = [rule_of(account) for account in site.accounts([one.user for one in places])]
    now = site.world.node.timestamp
    assert [family.load(json.loads(json.dumps(rule.to_json()))) for rule in rules] == rules
    columns, draw = family.columns(rules), random.Random(3)
    moves = [draw.uniform(0.5, 1.6) for _ in range(12)] + [0.1, 0.99, 1.01, 10.0]
    integers = [[int(rule.feed.price * move) for move in moves] for rule in rules]
    floats = np.array([[price / 10**30 for price in row] for row in integers])
    for time in (now, now + 3 * 86_400):
        power, required = family.margin(columns, Shocked.in_usd(floats, time))
        for i, rule in enumerate(rules):
            for j, price in enumerate(integers[i]):
                exact = rule.health({rule.feed.asset: price}, time)
                scale = 1e-9 * rule.size / 10**30
                assert power[i, j] == pytest.approx(exact.power / 10**30, abs=scale, rel=1e-9)
                assert required[i, j] == pytest.approx(exact.requirement / 10**30, rel=1e-9)


def test_the_vault_flips_where_the_rule_says(site: Site) -> None:
    """The aggregator's answers on either side of the liquidation price."""
    checked = 0
    site.world.node.warp(4 * 3_600)  # no profit is an early one
    for place in site.crowd(5, 12):
        site.world.node.warp(1)
        rule, coin = rule_of(site.account(place.user)), COINS[place.index]
        now = site.world.node.timestamp
        below, above = rule.liquidation_prices(prices_of(rule), now, rule.feed.asset)
        flip = below if place.is_long else above
        assert flip is not None
        assert (above if place.is_long else below) is None
        spread = {"WETH": 2, "WBTC": 5}[place.index] * (-1 if place.is_long else 1)
        snapshot = site.world.node.snapshot()
        # The last answer, of 8 decimals, at which the vault's price is beyond the flip; and the one before.
        beyond = flip * 10_000 // (10_000 + spread) // 10**22
        for answer in range(beyond - 1, beyond + 3):
            site.gmx.feeds.set(place.index, answer)
            price = answer * 10**22 * (10_000 + spread) // 10_000
            failing = price <= flip if place.is_long else price >= flip
            assert site.would_liquidate(place) == failing, (place, coin)
            checked += 1
        site.world.node.revert(snapshot)
    assert checked == 48


def test_positions_add_up_to_what_closing_would_return(site: Site) -> None:
    """Collateral, profit and borrowing fees are, but for the closing fee, what the owner is paid."""
    draw = random.Random(6)
    places = site.crowd(6, 10)
    site.move(draw, 50_000)
    accounts = site.accounts([one.user for one in places])
    paid = 0
    for place, account in zip(places, accounts, strict=True):
        rule = rule_of(account)
        total = sum(one.raw for one in account.positions if isinstance(one, Supply))
        total += sum(one.pnl_raw + one.borrowing_raw for one in account.positions if isinstance(one, Perp))
        if rule.health(prices_of(rule), site.world.node.timestamp).liquidatable:
            continue
        snapshot, size = site.world.node.snapshot(), rule.size
        before = site.gmx.tokens.balance(place.collateral, place.user)
        paid_in, index, side = site.gmx.place(place.index, place.collateral, is_long=place.is_long)
        arguments = (place.user, paid_in, index, 0, size, side, place.user)
        site.gmx.vault.send("decreasePosition", *arguments, sender=place.user)
        got = site.gmx.tokens.balance(place.collateral, place.user) - before
        fee = size - size * 9_990 // 10_000
        if place.is_long:
            assert abs(rule.tokens(total - fee, rule.feed.price) - got) <= 2
        else:
            assert abs(total - rule.tokens(fee, rule.feed.price) - got) <= 4
        site.world.node.revert(snapshot)
        paid += 1
    assert paid > 4


def test_what_a_short_gains_is_counted_in_its_coin(site: Site) -> None:
    """Of a coin at 0.98 more are paid: size times the move of the price, both in coins, is the profit."""
    user = str(site.world.spare[0])
    site.gmx.open(user, "WETH", size=5_000, collateral=("DAI", 900), is_long=False)
    site.world.node.warp(4 * 3_600)
    site.world.prices.set(ETH=1_800, DAI="0.98")
    [perp] = [one for one in site.account(user).positions if isinstance(one, Perp)]
    gained = perp.size_raw * (perp.mark_price_raw - perp.entry_price_raw) // 10**perp.price_decimals
    assert perp.pnl_raw == pytest.approx(gained, rel=1e-9)
    assert perp.pnl_raw / 10**18 == pytest.approx(5_000 * (1 - 1_800.36 / 1_999.6) / 0.98, rel=1e-9)
