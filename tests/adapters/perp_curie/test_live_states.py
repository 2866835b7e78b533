"""At random states of the real contracts: health to the wei, the fast form, stored rules, range orders."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from adapters.perp_curie.family import CurieFamily
from aggregator.contract import Shocked
from aggregator.model.positions import Debt, Perp, Supply
from aggregator.model.rules import WAD, prices_of
from tests.adapters.perp_curie.live import Site


def test_health_is_the_contracts_to_the_wei_at_200_states(site: Site) -> None:
    """Prices, pools and time move; takers long and short, makers and two collaterals."""
    draw, states, failing, made, sales = random.Random(7), 0, 0, 0, 0
    users = site.crowd(1, 14)
    # Collateral is sold early here: a margin of 46% and a debt of any size suffice.
    site.curie.collateral_manager.send("setMmRatioBuffer", 400_000)
    site.curie.collateral_manager.send("setDebtNonSettlementTokenValueRatio", 0)
    for step in range(15):
        site.move(draw, draw.choice((1, 7, 16, 600, 4_000, 40_000)))
        now = site.world.node.timestamp
        for user, rule in zip(users, site.rules(users), strict=True):
            said = site.said(user)
            ours = rule.health(prices_of(rule), now)
            assert (ours.power, ours.requirement) == (said.value, said.requirement), (step, user)
            assert ours.liquidatable == said.liquidatable
            assert rule.sale_is_due(prices_of(rule), now) == said.collateral_liquidatable
            sales += said.collateral_liquidatable
            states, failing = states + 1, failing + said.liquidatable
            made += any(market.orders for market in rule.markets)
    assert states >= 200
    assert failing > 10
    assert made > 50
    assert sales > 10


def test_funding_goes_on_at_the_present_premium(site: Site) -> None:
    """Where averages and feeds have settled, the rule of now says what the contracts say later."""
    users = site.crowd(2, 8)
    site.world.node.warp(4_000)
    rules = site.rules(users)
    for seconds in (1, 3_000, 86_400):
        site.world.node.warp(seconds)
        now = site.world.node.timestamp
        for user, rule in zip(users, rules, strict=True):
            ours, said = rule.health(prices_of(rule), now), site.said(user)
            assert abs(ours.power - said.value) <= rule.unit
            assert ours.requirement == said.requirement


def test_what_orders_hold_at_another_price_is_what_they_come_to_hold(site: Site) -> None:
    """Range orders are worked out at the pool's price after it has moved."""
    users = site.crowd(3, 12)
    before = site.rules(users)
    site.move(random.Random(5), 1)
    after, orders = site.rules(users), 0
    for user, old, new in zip(users, before, after, strict=True):
        for one, other in zip(old.markets, new.markets, strict=True):
            base = sum(order.base(other.root) - order.base_debt for order in one.orders)
            said = site.curie.account_balance.call("getTotalPositionSize", user, one.base)
            assert abs(one.size + base) < 10 or one.size + base == said
            orders += len(one.orders)
    assert orders > 4


def test_the_fast_form_and_the_stored_rule_agree_with_the_rule(site: Site) -> None:
    """At prices from a tenth to ten times the present one, and a day later."""
    rules, family = site.rules(site.crowd(4, 14)), CurieFamily()
    now = site.world.node.timestamp
    assert [family.load(json.loads(json.dumps(rule.to_json()))) for rule in rules] == rules
    columns, draw = family.columns(rules), random.Random(3)
    moves = [[draw.uniform(0.5, 1.6) for _ in range(12)] + [0.1, 1.0, 10.0] for _ in columns.feeds]
    integers = [[int(feed.price * m) for m in row] for feed, row in zip(columns.feeds, moves, strict=True)]
    floats = np.array(
        [[p / 10**f.decimals for p in row] for f, row in zip(columns.feeds, integers, strict=True)]
    )
    for time in (now, now + 86_400):
        power, required = family.margin(columns, Shocked.in_usd(floats, time))
        start = 0
        for i, rule in enumerate(rules):
            for j in range(floats.shape[1]):
                prices = {feed.asset: integers[start + k][j] for k, feed in enumerate(rule.feeds)}
                exact = rule.health(prices, time)
                gross = exact.requirement / WAD / 0.0625 + 1_000
                assert power[i, j] == pytest.approx(exact.power / WAD, abs=1e-9 * gross + 1e-6)
                assert required[i, j] == pytest.approx(exact.requirement / WAD, rel=1e-9, abs=1e-9)
            start += len(rule.feeds)


def test_a_maker_and_taker_is_shown_with_its_parts(site: Site) -> None:
    """Cash, collaterals, profit and funding add up to the account's value at the tokens' full worth."""
    for user in site.crowd(6, 8):
        reading = site.read(user)
        [account] = reading.accounts
        total = sum(
            one.raw for one in account.positions if isinstance(one, Supply) and one.asset.symbol == "USDC"
        )
        total -= sum(one.raw for one in account.positions if isinstance(one, Debt))
        total += sum(one.pnl_raw + one.funding_raw for one in account.positions if isinstance(one, Perp))
        said = site.curie.vault.call("getSettlementTokenValue", user)
        assert abs(total - said) <= 6
        [rule] = [account.rule]
        assert rule is not None
        assert account.reported is not None
        ours = rule.health(prices_of(rule), site.world.node.timestamp)
        assert (ours.health, ours.liquidatable) == (account.reported.health, account.reported.liquidatable)
