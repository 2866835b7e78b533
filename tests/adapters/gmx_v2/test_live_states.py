"""At random states: health as the Reader's figures have it, the fast form, stored rules, where it flips."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from adapters.gmx_v2.family import GmxFamily
from adapters.gmx_v2.impact import pending_usd
from adapters.gmx_v2.margin import GmxRule
from adapters.gmx_v2.position import accrued, remaining
from aggregator.contract import Shocked
from aggregator.model.accounts import Account
from aggregator.model.positions import Perp, Supply
from aggregator.model.rules import prices_of
from tests.adapters.gmx_v2.live import Site, scaled_prices


def test_health_is_what_the_readers_figures_make_it_at_200_states(site: Site) -> None:
    """With pending fees; switches, single tokens, shared inventories, discounts and stable prices vary."""
    draw, found = random.Random(5), 0
    rules: list[GmxRule] = []
    failing = 0
    for _ in range(20):
        for account in site.accounts(*site.crowd(draw)):
            rule, said = account.rule, account.reported
            assert isinstance(rule, GmxRule)
            assert said is not None
            ours = rule.health(prices_of(rule), rule.time)
            assert (ours.health, ours.liquidatable) == (said.health, said.liquidatable), account.id
            _what_it_is_worth_is_what_closing_leaves(account, rule)
            rules.append(rule)
            failing += ours.liquidatable
            found += 1
    assert found >= 200
    assert 10 < failing < 190
    assert len({rule.market.tokens_for_balance for rule in rules}) == 2
    assert any(rule.market.impact.virtual for rule in rules)
    assert any(rule.position.discount for rule in rules)
    _the_fast_form_agrees(rules)
    _a_stored_rule_is_the_same(rules)


def _what_it_is_worth_is_what_closing_leaves(account: Account, rule: GmxRule) -> None:
    """Margin, profit, funding and borrowing, less the closing fee, and the impact that the test counts."""
    market, position = rule.market, rule.position
    pairs = market.prices(prices_of(rule))
    left = remaining(market, position, pairs, rule.time)
    owed = accrued(market, position, pairs, rule.time)
    supply, perp = account.positions
    assert isinstance(supply, Supply)
    assert isinstance(perp, Perp)
    low = rule.collateral_token.pair(prices_of(rule)).low
    worth = supply.raw * low + (perp.pnl_raw + perp.funding_raw + perp.borrowing_raw) * 10**12
    claims = owed.claim_long * pairs.long.low + owed.claim_short * pairs.short.low
    fee = (left.costs.position - left.costs.discount) * low
    impact = pending_usd(position.pending_impact, pairs.index) - left.impact_usd
    assert worth - claims - fee - impact == pytest.approx(left.usd, abs=3 * 10**12 + 2 * low)


def _the_fast_form_agrees(rules: list[GmxRule]) -> None:
    family, draw = GmxFamily(), random.Random(8)
    columns = family.columns(rules)
    integers = [
        [max(1, int(feed.price * draw.choice((1, draw.uniform(0.3, 3))))) for _ in range(6)]
        for feed in columns.feeds
    ]
    floats = np.array(
        [[p / 10**f.decimals for p in row] for f, row in zip(columns.feeds, integers, strict=True)]
    )
    later = max(rule.time for rule in rules) + 40_000
    power, required = family.margin(columns, Shocked.in_usd(floats, later))
    start = 0
    for i, rule in enumerate(rules):
        for j in range(floats.shape[1]):
            prices = {feed.asset: integers[start + k][j] for k, feed in enumerate(rule.feeds)}
            exact = rule.health(prices, later)
            size = rule.position.size_usd / 1e30
            # The contracts round fees to units of the collateral, and impact is a difference of the market's.
            units = 4 * prices[rule.collateral_token.feed.asset] / 1e30
            assert power[i, j] == pytest.approx(exact.power / 1e30, rel=1e-9, abs=1e-9 * size + units + 1e-5)
            assert required[i, j] == pytest.approx(exact.requirement / 1e30, rel=1e-12)
        start += len(rule.feeds)


def _a_stored_rule_is_the_same(rules: list[GmxRule]) -> None:
    family = GmxFamily()
    assert [family.load(json.loads(json.dumps(rule.to_json()))) for rule in rules] == rules
    with pytest.raises(ValueError, match="no rule of gmx_v2"):
        family.load({**rules[0].to_json(), "family": "another"})
    with pytest.raises(ValueError, match="'size_usd'"):
        family.load({**rules[0].to_json(), "position": {"is_long": True, "collateral_is_long": True}})


def test_the_readers_test_says_the_same_where_nothing_is_pending(site: Site) -> None:
    """At other prices than those of the block, to the last digit."""
    draw, flags = random.Random(6), []
    for _ in range(3):
        crowd = site.crowd(draw, settled=True)
        for held, rule in zip(crowd, site.rules(*crowd), strict=True):
            for _ in range(3):
                prices = scaled_prices(rule, draw, 0.7, 1.4)
                ours = rule.health(prices, rule.time)
                assert (ours.liquidatable, ours.power, ours.requirement) == site.said(held, rule, prices)
                flags.append(ours.liquidatable)
    assert len(set(flags)) == 2


def test_the_reader_flips_where_the_rule_says(site: Site) -> None:
    """To one unit of the index's price, below for longs and above for shorts."""
    checked = 0
    crowd = site.crowd(random.Random(9), settled=True)
    for held, rule in zip(crowd, site.rules(*crowd), strict=True):
        prices = prices_of(rule)
        index = rule.market.index.feed
        if rule.health(prices, rule.time).liquidatable:
            continue
        for flip in rule.liquidation_prices(prices, rule.time, index.asset):
            if flip is None:
                continue
            near = flip + (1 if flip < index.price else -1)
            assert site.said(held, rule, {**prices, index.asset: flip})[0]
            assert not site.said(held, rule, {**prices, index.asset: near})[0]
            checked += 1
    assert checked >= 4


def test_time_goes_on_in_the_rule_as_in_the_reader(site: Site) -> None:
    """Pending borrowing and funding of a rule that was read before are those that are read later."""
    draw, moved = random.Random(12), 0
    for _ in range(3):
        crowd = site.crowd(draw)
        before = site.rules(*crowd)
        site.world.node.warp(20_000)
        for old, new in zip(before, site.rules(*crowd), strict=True):
            now = old.health(prices_of(new), new.time)
            assert now.power == new.health(prices_of(new), new.time).power
            moved += now.power != old.health(prices_of(old), old.time).power
    assert moved > 5
