"""Liquidation prices are where the contract's own check flips: bisected on the chain, of makers, too."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from adapters.perp_curie.margin import CurieRule
from aggregator.model.close_outs import ClosableRule
from aggregator.model.rules import WAD, prices_of
from tests.adapters.perp_curie.live import Site

MARKET, INDEX = "vETH", "ETH"


def between(site: Site, up: bool) -> int:
    """Let the index move the mark one to one: it is put between the pool's two averages.

    The mark is the median of both and of the index with the premium; what is added to the index is returned.
    """
    curie, now = site.curie, site.world.node
    now.warp(2_000)
    site.world.prices.refresh()
    curie.arbitrage(MARKET, 3_000 if up else 1_300, ticks=900)
    now.warp(16)
    middle = 2_090 if up else 1_900
    # Without funding, of which a part would follow the pool's price and is held still in the rule.
    curie.config.send("setMaxFundingRate", 0)
    trader = curie.site.account("treasury")
    curie.clearing_house.send("settleAllFunding", trader, sender=trader)
    curie.feeds.set(INDEX, middle * 10**8)
    return curie.mark(MARKET) - middle * WAD


def bounds(site: Site, offset: int) -> tuple[int, int]:
    """The answers of the index between which the mark follows it."""
    found = []
    for answer, inwards in ((10**9, 10**8), (10**13, -(10**8))):
        site.rewrite(INDEX, answer)
        found.append((site.curie.mark(MARKET) - offset) // 10**10 + inwards)
    return found[0], found[1]


def marked(site: Site, answer: int, offset: int) -> int:
    """The mark at another answer of the index."""
    site.rewrite(INDEX, answer)
    mark = site.curie.mark(MARKET)
    assert mark == answer * 10**10 + offset
    return mark


@pytest.mark.parametrize("up", [False, True])
def test_the_contract_flips_where_the_rule_says(site: Site, up: bool) -> None:
    """Longs below, shorts above; some with a further collateral and a position in the other market."""
    curie, users, sign = site.curie, site.world.spare[:5], -1 if up else 1
    for i, user in enumerate(users):
        curie.deposit(user, "USDC", 700)
        if i % 2:
            curie.deposit(user, "WETH", "0.02")
        if i % 3 == 2:
            curie.open(user, "vBTC", "0.005")
        curie.open(user, MARKET, f"{sign * (2.8 + i / 50):.2f}")
    offset = between(site, up)
    for user in users:
        rule = site.rule(user)
        assert isinstance(rule, ClosableRule)
        [feed] = [one.feed for one in rule.markets if one.name == MARKET]
        start = {**prices_of(rule), feed.asset: 2_000 * WAD}
        below, above = rule.liquidation_prices(start, rule.time, feed.asset)
        flip, other = (above, below) if up else (below, above)
        assert flip is not None
        assert other is None
        check_flip(site, offset, flip, taker_fails(site, user, offset), up=up)


def test_makers_are_the_contracts_all_through_their_ranges(site: Site) -> None:
    """Below, in and above the range, with a taker's position or none; and where it flips."""
    curie, users, flips = site.curie, site.world.spare[:6], 0
    for i, user in enumerate(users):
        curie.deposit(user, "USDC", 300)
        taker, quote = i >= 3, 600 if i >= 3 else 1_500
        low, high = ((1_700, 2_300), (1_750, 1_840), (1_840, 1_980))[i % 3]
        base = 0 if high < 2_000 else Decimal(quote) / 2_000
        curie.add_liquidity(user, MARKET, quote=quote, base=base, lower=low, upper=high)
        if taker:
            curie.open(user, MARKET, "1.05")
    offset = between(site, up=False)
    for user in users:
        site.rewrite(INDEX, 1_900 * 10**8)
        rule = site.rule(user)
        [market] = rule.markets
        root = market.root
        seen = set()
        low, high = bounds(site, offset)
        for answer in range(low, high, (high - low) // 12):
            mark = marked(site, answer, offset)
            moved = market.root_at(mark)
            site.rewrite_root(MARKET, moved)
            said = site.said(user)
            ours = rule.health({market.feed.asset: mark}, rule.time)
            assert (ours.power, ours.requirement) == (said.value, said.requirement)
            assert ours.liquidatable == said.liquidatable
            seen.add(market.total_size(mark))
        assert len(seen) > 3
        start = {**prices_of(rule), market.feed.asset: high * 10**10 + offset}
        flip, _ = rule.liquidation_prices(start, rule.time, market.feed.asset)
        if flip is not None and low * 10**10 + offset < flip < start[market.feed.asset]:
            check_flip(site, offset, flip, maker_fails(site, user, rule, offset))
            flips += 1
        site.rewrite_root(MARKET, root)
    assert flips > 2


def maker_fails(site: Site, user: str, rule: CurieRule, offset: int) -> Callable[[int], bool]:
    """The contract's word where the pool has moved with the mark."""
    [market] = rule.markets

    def fails(answer: int) -> bool:
        site.rewrite_root(MARKET, market.root_at(marked(site, answer, offset)))
        return site.said(user).liquidatable

    return fails


def taker_fails(site: Site, user: str, offset: int) -> Callable[[int], bool]:
    """The contract's word at an answer of the index."""

    def fails(answer: int) -> bool:
        marked(site, answer, offset)
        return site.said(user).liquidatable

    return fails


def check_flip(site: Site, offset: int, flip: int, fails: Callable[[int], bool], *, up: bool = False) -> None:
    """The contract's own word flips at the index's answer next to the price, and fails from there on."""
    low, high = bounds(site, offset)
    safe, failing = (low, high) if up else (high, low)
    assert not fails(safe)
    assert fails(failing)
    while abs(failing - safe) > 1:
        middle = (safe + failing) // 2
        safe, failing = (safe, middle) if fails(middle) else (middle, failing)
    for answer in (failing, safe):
        assert abs(marked(site, answer, offset) - flip) * 10**9 < flip
    first, last = sorted((marked(site, failing, offset), marked(site, safe, offset)))
    assert first <= flip <= last
