"""Margin, profit, funding, the flag and where it flips against the real contracts, in random states."""

from __future__ import annotations

import random
from decimal import Decimal
from itertools import groupby

import numpy as np
import pytest

from adapters.synthetix_perps_v2.family import PerpsV2Family
from aggregator.contract import Shocked
from aggregator.model.rules import WAD, prices_of
from tests.adapters.synthetix_perps_v2.books import Held, details, liquidatable, near, open_book, read_book
from tests.adapters.synthetix_perps_v2.live import BTC_MARKET, COINS, ETH_MARKET, Site, flip

FAMILY = PerpsV2Family()
PROBES = 24
"""Prices that the contracts are asked of in one go, for each position."""


@pytest.mark.parametrize("seed", range(4))
def test_random_states(site: Site, seed: int) -> None:
    """8 positions at 28 prices each, near liquidation and far from it on both sides, at a later time.

    A rule read once tells what the contract answers there: margin, profit and funding to the wei, the flag
    exactly. The fast form agrees to 1e-9 of the notional.
    """
    random_ = random.Random(seed)
    book = open_book(site, random_)
    site.world.node.warp(random_.choice([1, 3600, 86_400, 7 * 86_400]))
    time, flags = site.world.node.timestamp, []
    for market, group in groupby(book, lambda held: held.market):
        held = list(group)
        for price in [price for one in held for price in near(random_, one.rule, time)]:
            flags += _compare(site, market, held, price)
    assert len(flags) == 8 * 28
    assert 30 < sum(flags) < len(flags) - 30
    _compare_reported(site, book)


def _compare(site: Site, market: str, held: list[Held], price: int) -> list[bool]:
    """All positions of a market at one price; which of them are liquidatable."""
    time, flags = site.world.node.timestamp, []
    said = details(site, market, [one.user for one in held], price)
    columns = FAMILY.columns([one.rule for one in held])
    power, required = FAMILY.margin(columns, Shocked.in_usd(np.full((len(held), 1), price / WAD), time))
    for i, (one, word) in enumerate(zip(held, said, strict=True)):
        rule = one.rule
        assert rule.profit_loss(price) == word["profitLoss"]
        assert rule.accrued_funding(price, time) == word["accruedFunding"]
        found = rule.health({rule.feed.asset: price}, time)
        margin = found.power + rule.market.liquidation_premium(rule.size, price)
        assert max(margin, 0) == word["remainingMargin"]
        assert found.liquidatable is word["canLiquidatePosition"]
        gross = 1 + (abs(rule.size) * (price + rule.last_price) // WAD + rule.margin) / WAD
        assert power[i, 0] == pytest.approx(found.power / WAD, abs=1e-9 * gross)
        assert required[i, 0] == pytest.approx(found.requirement / WAD, rel=1e-12)
        flags.append(found.liquidatable)
    return flags


def _compare_reported(site: Site, book: list[Held]) -> None:
    """Read again at the later time: the rule says the same, and so do the market's own views."""
    time = site.world.node.timestamp
    for one in book:
        account = site.account(one.user, one.market)
        assert account.rule is not None
        assert account.reported is not None
        found = account.rule.health(prices_of(account.rule), time)
        assert found == one.rule.health(prices_of(account.rule), time)
        assert account.reported.liquidatable is found.liquidatable
        assert found.health is not None
        assert account.reported.health is not None
        assert account.reported.health / WAD == pytest.approx(found.health / WAD, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(100, 104))
def test_liquidation_prices_are_where_the_contracts_flip(site: Site, seed: int) -> None:
    """8 positions: found on the chain by its own `canLiquidate`, to 1e-12 of the price, and to the unit.

    On the side of profits nothing fails, up to 1,000 times the price and down to nothing.
    """
    random_ = random.Random(seed)
    book = open_book(site, random_)
    site.world.node.warp(random_.choice([1, 3600, 3 * 86_400]))
    book = read_book(site, [(one.user, one.market) for one in book])
    time, found, ends = site.world.node.timestamp, {}, []
    for one in book:
        asset, price = one.rule.feed.asset, one.rule.feed.price
        below, above = one.rule.liquidation_prices({asset: price}, time, asset)
        if one.rule.health({asset: price}, time).liquidatable:
            assert (below, above) == (price, price)
            continue
        for limit, at in ((1, below), (1000 * price, above)):
            ends.append((one.user, one.market, limit, at is not None))
            if at is not None:
                found[one.user, one.market, price, limit] = at
    assert liquidatable(site, [end[:3] for end in ends]) == [end[3] for end in ends]
    assert len(found) >= 5
    for (user, market, price, limit), bisected in _bisected(site, list(found)).items():
        assert found[user, market, price, limit] == pytest.approx(bisected, rel=2e-12)
    just = [(user, market, at, price) for (user, market, price, _), at in found.items()]
    assert all(liquidatable(site, [(user, market, at) for user, market, at, _ in just]))
    one_less = [(user, market, at + (1 if price > at else -1)) for user, market, at, price in just]
    assert not any(liquidatable(site, one_less))


Search = tuple[str, str, int, int]


def _bisected(site: Site, searches: list[Search]) -> dict[Search, int]:
    """For (user, market, safe price, failing price): the failing price nearest to the safe one."""
    spans = {search: (search[2], search[3]) for search in searches}
    while any(abs(safe - failing) > failing // 10**12 + 1 for safe, failing in spans.values()):
        tried = {
            search: [safe + (failing - safe) * i // PROBES for i in range(1, PROBES)]
            for search, (safe, failing) in spans.items()
        }
        asked = [(user, market, at) for (user, market, *_), prices in tried.items() for at in prices]
        answers = iter(liquidatable(site, asked))
        for search, prices in tried.items():
            safe, failing = spans[search]
            fails = [next(answers) for _ in prices]
            steps = [safe, *prices, failing]
            first = [*fails, True].index(True)
            spans[search] = steps[first], steps[first + 1]
    return {search: failing for search, (_, failing) in spans.items()}


@pytest.mark.parametrize("market", [ETH_MARKET, BTC_MARKET])
@pytest.mark.parametrize("side", [1, -1])
def test_flag_flips_at_the_same_wei(site: Site, market: str, side: int) -> None:
    """With the price really set: the last one at which our rule says liquidatable is the contract's last."""
    user, perps, node = site.world.spare[0], site.world.synthetix, site.world.node
    spot = site.world.prices.quotes.usd(COINS[market])
    perps.open(user, market, margin=2_000, size=side * round(10_000 / spot, 6))
    node.warp(3 * 86_400)
    rule, time = site.rule(user, market), node.timestamp + 1
    last = flip(rule, time)
    assert last is not None
    for price, expected in ((last, True), (last + side, False)):
        snapshot = node.snapshot()
        perps.set_rate(market, price)
        assert node.timestamp == time
        assert site.said(user, market).can_liquidate is expected
        account = site.account(user, market)
        assert account.reported is not None
        assert account.rule is not None
        assert account.reported.liquidatable is expected
        assert account.rule.health(prices_of(account.rule), time).liquidatable is expected
        node.revert(snapshot)


@pytest.mark.parametrize("side", [1, -1])
def test_a_price_of_a_billionth(site: Site, side: int) -> None:
    """A dollar's worth is a billion of coins, in sizes that no other test has."""
    perps, users, many = site.world.synthetix, site.world.spare[:3], 10**9
    perps.set_rate(ETH_MARKET, 10**9)
    perps.set_parameter(ETH_MARKET, "MaxMarketValue", 10**36)
    perps.set_parameter(ETH_MARKET, "SkewScale", 10**8 * many * WAD)
    for user, margin, worth in zip(users, (100_000, 2_000, 2_000), (300_000, -20_000, 10_000), strict=True):
        perps.open(user, ETH_MARKET, margin=margin, size=side * worth * many)
    site.world.node.warp(90_000)
    book = read_book(site, [(user, ETH_MARKET) for user in users])
    random_, time = random.Random(59), site.world.node.timestamp
    flags = [
        flag
        for one in book
        for price in near(random_, one.rule, time)
        for flag in _compare(site, ETH_MARKET, book, price)
    ]
    assert set(flags) == {True, False}
    _compare_reported(site, book)


def test_positions_of_single_units(site: Site) -> None:
    """At any price down to one unit of it: nothing is divided by what they round to."""
    users, unit = site.world.spare[:3], Decimal(1).scaleb(-18)
    for user, units_ in zip(users, (1, -7, 12_345_678), strict=True):
        site.world.synthetix.open(user, ETH_MARKET, margin=100, size=units_ * unit)
    site.world.node.warp(90_000)
    book = read_book(site, [(user, ETH_MARKET) for user in users])
    for price in (1, 10**9, WAD, 2_000 * WAD, 10**27):
        assert _compare(site, ETH_MARKET, book, price) == [False] * 3
