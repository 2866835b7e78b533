"""Liquidation prices: where the contract's own check flips, bisected on the chain for longs, shorts and makers."""

from __future__ import annotations

import pytest

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
    curie.feeds.set(INDEX, middle * 10**8)
    # Settled now: no funding is pending that would follow the pool's price.
    curie.clearing_house.send("settleAllFunding", curie.site.account("treasury"))
    offset = curie.mark(MARKET) - middle * WAD
    assert abs(offset) < 20 * WAD
    return offset


def marked(site: Site, answer: int, offset: int) -> int:
    """The mark at another answer of the index."""
    site.rewrite(INDEX, answer)
    mark = site.curie.mark(MARKET)
    assert mark == answer * 10**10 + offset
    return mark


@pytest.mark.parametrize("up", [False, True])
def test_the_contract_flips_where_the_rule_says(site: Site, up: bool) -> None:
    """Longs below, shorts above; some with a further collateral and a position in the other market."""
    curie, users, sign = site.curie, site.world.spare[:8], -1 if up else 1
    for i, user in enumerate(users):
        curie.deposit(user, "USDC", 700)
        if i % 2:
            curie.deposit(user, "WETH", "0.02")
        if i % 3 == 2:
            curie.open(user, "vBTC", "0.005")
        curie.open(user, MARKET, f"{sign * (2.7 + i / 50):.2f}")
    offset = between(site, up)
    for user in users:
        rule = site.rule(user)
        assert isinstance(rule, ClosableRule)
        asset = f"index:{INDEX}"
        [feed] = [one for one in rule.feeds if one.asset == asset]
        assert feed.asset == asset
        start = {**prices_of(rule), feed.asset: 2_000 * WAD}
        below, above = rule.liquidation_prices(start, rule.time, feed.asset)
        flip, other = (above, below) if up else (below, above)
        assert flip is not None
        assert other is None
        # The last answer of the index at which it fails, and the first at which it does not.
        failing, safe = bisected(site, user, offset, up)
        assert abs(failing - safe) == 1
        for answer in (failing, safe):
            assert abs(marked(site, answer, offset) - flip) * 10**9 < flip
        assert (marked(site, failing, offset) >= flip) if up else (marked(site, failing, offset) <= flip)


def bisected(site: Site, user: str, offset: int, up: bool) -> tuple[int, int]:
    """By the contract's own word alone."""
    ends = (2_000 * 10**8, 2_185 * 10**8) if up else (1_998 * 10**8, 1_830 * 10**8)
    safe, failing = ends
    assert not liquidatable(site, user, safe, offset)
    assert liquidatable(site, user, failing, offset)
    while abs(failing - safe) > 1:
        middle = (safe + failing) // 2
        if liquidatable(site, user, middle, offset):
            failing = middle
        else:
            safe = middle
    return failing, safe


def liquidatable(site: Site, user: str, answer: int, offset: int) -> bool:
    marked(site, answer, offset)
    return site.said(user).liquidatable
