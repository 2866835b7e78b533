"""Marks and accounts while averages catch up at flat prices, beside the real contracts at every moment."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from adapters.perp_curie.family import CurieFamily
from adapters.perp_curie.margin import CurieRule
from aggregator.model.actions import Trade, Traded, Untold
from aggregator.model.ahead import AveragedRule
from aggregator.model.rules import WAD, prices_of
from tests.adapters.perp_curie.live import COINS, Site
from tests.adapters.perp_curie.test_live_actions import calls_of, send
from tests.volume import volume

NEAR = 5e-4
"""Prices here change by up to 12% several times within the seconds between two sums that are read."""
MOMENTS = (1, 4, 11, 16, 30, 75, 200, 450, 700, 910, 1_200, 1_500, 1_800, 1_830)


def shaken(site: Site, draw: random.Random) -> None:
    """Prices that have gone to and fro within the half hour before."""
    site.world.node.warp(2_000)
    for _ in range(draw.randrange(1, 4)):
        site.move(draw, draw.choice((40, 200, 400)))
    site.move(draw, draw.choice((2, 16, 40)))


def after(site: Site, seconds: int) -> None:
    """So much time, and nothing else."""
    site.world.node.warp(seconds)


def spare(rule: CurieRule) -> list[int]:
    """N - 1.25 Q at the worse end of averages, then at the better one; of today where they stand still."""
    ends = rule.ahead(prices_of(rule), rule.time)
    said = [one.rule.health(one.prices, one.time) for one in ends] or [
        rule.health(prices_of(rule), rule.time)
    ]
    return [one.power - one.requirement * 5 // 4 for one in said]


@pytest.mark.parametrize("seed", range(volume(3, 30)))
def test_marks_go_where_averages_say(site: Site, seed: int) -> None:
    """Every mark of the coming half hour is the contract's, and within the window that was told."""
    draw = random.Random(seed)
    users = site.crowd(seed, 4)
    shaken(site, draw)
    rules = site.rules(users)
    start, known = rules[0].time, {m.name: m for rule in rules for m in rule.markets}
    assert set(known) == set(COINS)
    for rule in rules:
        assert CurieFamily().load(json.loads(json.dumps(rule.to_json()))) == rule
    moved = 0
    for ahead in MOMENTS:
        after(site, start + ahead - site.world.node.timestamp)
        for name, market in known.items():
            assert market.averages is not None
            window = market.window(market.feed.price)
            mark = site.curie.mark(name)
            assert market.averages.mark(start + ahead) == pytest.approx(mark, rel=NEAR)
            assert window.low * (1 - NEAR) <= mark <= window.high * (1 + NEAR)
            moved += abs(mark / market.feed.price - 1) > 1e-3
        for user, rule in zip(users, rules, strict=True):
            said, gross = site.said(user), rule.gross(prices_of(rule))
            worst, best = min(spare(rule)), max(spare(rule))
            theirs = said.value - said.requirement * 5 // 4
            assert worst - gross * NEAR <= theirs, (user, ahead)
            assert isinstance(rule, AveragedRule)
            assert worst <= best
    assert moved
    # What has caught up moves no more.
    for rule in site.rules(users):
        assert rule.ahead(prices_of(rule), rule.time) == ()


def test_a_trade_moves_the_mark_of_later(site: Site) -> None:
    """What closing does to the pool reaches what is left with its averages: the successor says so."""
    user = str(site.world.spare[0])
    site.curie.deposit(user, "USDC", 100_000)
    site.curie.open(user, "vETH", "60")
    site.world.node.warp(2_000)
    rule, trade = site.rule(user), Trade("vETH", -40 * WAD)
    assert rule.ahead(prices_of(rule), rule.time) == ()
    said = rule.apply(prices_of(rule), site.world.node.timestamp + 1, trade)
    assert isinstance(said, Traded)
    ours = said.successor
    assert isinstance(ours, CurieRule)
    send(site, user, calls_of(rule, user, trade))
    theirs = site.rule(user)
    mine, other = (one.markets[0].window(one.markets[0].feed.price) for one in (ours, theirs))
    assert mine.low < 0.99 * mine.now
    assert (mine.low, mine.high) == pytest.approx((other.low, other.high), rel=1e-6)
    start, low = theirs.time, mine.now
    for ahead in MOMENTS:
        after(site, start + ahead - site.world.node.timestamp)
        low = min(low, site.curie.mark("vETH"))
        assert min(spare(ours)) <= site.said(user).value - site.said(user).requirement * 5 // 4
    assert low == pytest.approx(mine.low, rel=1e-5)


def test_without_averages_both_ends_are_told(site: Site) -> None:
    """A rule of an earlier release: the mark that was read, and the pool's price, at which it ends."""
    user = str(site.world.spare[0])
    site.curie.deposit(user, "USDC", 1_000)
    site.curie.open(user, "vETH", "1")
    site.curie.arbitrage("vETH", site.curie.spot("vETH") * 97 / 100)
    rule = site.rule(user)
    old = replace(rule, markets=tuple(replace(one, averages=None) for one in rule.markets))
    worse, better = old.ahead(prices_of(old), old.time)
    [asset] = worse.prices
    assert worse.prices[asset] == pytest.approx(float(site.curie.spot("vETH")) * WAD, rel=1e-9)
    assert better.prices[asset] == rule.markets[0].feed.price
    assert not isinstance(worse, Untold)
