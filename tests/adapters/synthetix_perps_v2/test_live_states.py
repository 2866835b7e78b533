"""Health, funding and the flag against the real contracts, in random states and at the very flip."""

from __future__ import annotations

import random
from decimal import Decimal

import numpy as np
import pytest

from adapters.synthetix_perps_v2.family import PerpsV2Family
from adapters.synthetix_perps_v2.margin import PerpsV2Rule
from aggregator.contract import Shocked
from aggregator.model.rules import WAD, prices_of
from tests.adapters.synthetix_perps_v2.live import BTC_MARKET, COINS, ETH_MARKET, Site, flip
from tests.devnet.synthetix_deploy import Globals, units

FAMILY = PerpsV2Family()


@pytest.mark.parametrize("seed", range(24))
def test_random_states(site: Site, seed: int) -> None:
    """Six states a seed, around liquidation and far from it on both sides, at later and later times.

    A rule read once tells what the contract answers there: margin, profit and funding to the wei, the flag
    exactly. The fast form agrees within 0.01 bp, and so does the health that is read again and reported.
    """
    random_ = random.Random(seed)
    market, user = random_.choice([ETH_MARKET, BTC_MARKET]), site.world.spare[0]
    _open_at_random(site, random_, market, user)
    first = site.rule(user, market)
    flags = []
    for nearness in ("entry", "before", "after", "loss", "gain", "before"):
        site.world.node.warp(random_.choice([1, 3600, 86_400, 7 * 86_400]))
        price = _price(random_, first, nearness, site.world.node.timestamp + 1)
        site.world.synthetix.set_rate(market, price)
        flags.append(_compare(site, first, user, market, price))
    if flip(first, site.world.node.timestamp) is not None:
        assert flags[1:] == [False, True, True, False, False]


@pytest.mark.parametrize("market", [ETH_MARKET, BTC_MARKET])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("days", [0, 3])
def test_flag_flips_at_the_same_wei(site: Site, market: str, side: int, days: int) -> None:
    """The last price at which our rule says liquidatable is the contract's last, to 1e-18 USD."""
    user, perps, node = site.world.spare[0], site.world.synthetix, site.world.node
    spot = site.world.prices.quotes.usd(COINS[market])
    perps.open(user, market, margin=2_000, size=side * round(10_000 / spot, 6))
    if days:
        node.warp(days * 86_400)
    rule, time = site.rule(user, market), node.timestamp + 1
    last = flip(rule, time)
    assert last is not None
    for price, liquidatable in ((last, True), (last + side, False)):
        snapshot = node.snapshot()
        perps.set_rate(market, price)
        assert node.timestamp == time
        assert site.said(user, market).can_liquidate is liquidatable
        account = site.account(user, market)
        assert account.reported is not None
        assert account.rule is not None
        assert account.reported.liquidatable is liquidatable
        assert account.rule.health(prices_of(account.rule), time).liquidatable is liquidatable
        node.revert(snapshot)


def _open_at_random(site: Site, random_: random.Random, market: str, user: str) -> None:
    """Random settings, market skew and position."""
    perps, node = site.world.synthetix, site.world.node
    perps.set_parameter(market, "MaxFundingVelocity", units(random_.choice(["0.002", "0.02"])))
    spot = site.world.prices.quotes.usd(COINS[market])
    skew = random_.choice([-1, 1]) * Decimal(random_.randrange(50_000, 900_000)) / spot
    perps.open(site.world.spare[1], market, margin=500_000, size=round(skew, 8))
    node.warp(random_.choice([1, 600, 86_400]))
    notional = Decimal(random_.randrange(600, 90_000))
    leverage = Decimal(random_.choice(["0.5", "2", "7", "14"]))
    size = random_.choice([-1, 1]) * round(notional / spot, 12)
    perps.open(user, market, margin=round(notional / leverage, 6) + 130, size=size)
    # A scale below the skew caps the funding velocity, and makes the liquidation premium count.
    scale = random_.choice([abs(skew) * Decimal("0.8"), Decimal(50_000), Decimal(1_000_000)])
    perps.set_parameter(market, "SkewScale", units(round(scale, 12)))
    perps.set_parameter(market, "LiquidationBufferRatio", units(random_.choice(["0.0025", "0.0075"])))
    perps.set_parameter(market, "LiquidationPremiumMultiplier", units(random_.choice(["1", "1.5625"])))
    perps.set_globals(
        Globals(
            min_keeper_fee=units(random_.choice(["0", "2", "40"])),
            max_keeper_fee=units(random_.choice(["45", "1000"])),
            liquidation_fee_ratio=units(random_.choice(["0.0005", "0.0035", "0.01"])),
            keeper_liquidation_fee=units(random_.choice(["0.25", "1.5"])),
        )
    )


def _price(random_: random.Random, rule: PerpsV2Rule, nearness: str, time: int) -> int:
    """A price at the entry, just before or after liquidation, or far off on the losing or winning side."""
    losing = -1 if rule.size > 0 else 1
    last = flip(rule, time) or rule.last_price // 100
    distance = last * random_.randrange(1, 10**6) // 10**9
    return {
        "entry": rule.last_price,
        "before": last - losing * distance,
        "after": last + losing * distance,
        "loss": last // 2 if losing < 0 else 2 * last,
        "gain": 5 * last if losing < 0 else last // 5,
    }[nearness]


def _compare(site: Site, first: PerpsV2Rule, user: str, market: str, price: int) -> bool:
    """One state in all forms; whether it is liquidatable."""
    said, account, time = site.said(user, market), site.account(user, market), site.world.node.timestamp
    rule, reported = account.rule, account.reported
    assert isinstance(rule, PerpsV2Rule)
    assert reported is not None
    for one in (first, rule):
        assert one.profit_loss(price) == said.profit_loss
        assert one.accrued_funding(price, time) == said.accrued_funding
    found = first.health({first.feed.asset: price}, time)
    assert found == rule.health(prices_of(rule), time)
    margin = found.power + first.market.liquidation_premium(first.size, price)
    assert max(margin, 0) == said.remaining_margin
    assert found.liquidatable is said.can_liquidate is reported.liquidatable
    assert found.health is not None
    assert reported.health is not None
    assert reported.health / WAD == pytest.approx(found.health / WAD, rel=1e-6, abs=1e-6)
    power, required = FAMILY.margin(FAMILY.columns([first]), Shocked.in_usd(np.array([[price / WAD]]), time))
    assert power[0, 0] / required[0, 0] == pytest.approx(found.health / WAD, rel=1e-6, abs=1e-6)
    return found.liquidatable
