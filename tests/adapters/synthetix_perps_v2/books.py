"""Several random positions in each market of the local chain, and the contracts' word on all at once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adapters.synthetix_perps_v2.closing import ClosablePerpsV2Rule
from tests.adapters.synthetix_perps_v2.live import COINS, Site
from tests.devnet.chain import bytes32
from tests.devnet.simulated import Step, values
from tests.devnet.synthetix_deploy import MARKETS, Globals, units

POSITIONS = 4
"""In each market, beside the one that makes the skew."""


@dataclass(frozen=True)
class Held:
    """A user's position, as the adapter reads it."""

    user: str
    market: str
    rule: ClosablePerpsV2Rule


def open_book(site: Site, random_: random.Random) -> list[Held]:
    """Random settings, skews and positions on both sides, some of them with a pending order."""
    perps, spare = site.world.synthetix, site.world.spare
    users = {market: spare[1 + i * POSITIONS :][:POSITIONS] for i, market in enumerate(COINS)}
    for market, theirs in users.items():
        _open(site, random_, market, theirs)
    perps.set_globals(
        Globals(
            min_keeper_fee=units(random_.choice(["0", "2", "40"])),
            max_keeper_fee=units(random_.choice(["45", "1000"])),
            liquidation_fee_ratio=units(random_.choice(["0.0005", "0.0035", "0.01"])),
            keeper_liquidation_fee=units(random_.choice(["0", "0.25", "1.5"])),
        )
    )
    return read_book(site, [(user, market) for market, theirs in users.items() for user in theirs])


def read_book(site: Site, whose: Sequence[tuple[str, str]]) -> list[Held]:
    """These positions as they are now."""
    held = []
    for user, market in whose:
        rule = site.rule(user, market)
        assert isinstance(rule, ClosablePerpsV2Rule)
        held.append(Held(user, market, rule))
    return held


def _open(site: Site, random_: random.Random, market: str, users: Sequence[str]) -> None:
    perps, node = site.world.synthetix, site.world.node
    perps.set_parameter(market, "MaxFundingVelocity", units(random_.choice(["0.002", "0.02"])))
    spot = site.world.prices.quotes.usd(COINS[market])
    skew = random_.choice([-1, 1]) * Decimal(random_.randrange(50_000, 900_000)) / spot
    perps.open(site.world.spare[0], market, margin=500_000, size=round(skew, 8))
    node.warp(random_.choice([1, 600, 86_400]))
    for user in users:
        notional = Decimal(random_.randrange(600, 90_000))
        leverage = Decimal(random_.choice(["0.5", "2", "7", "14"]))
        size = random_.choice([-1, 1]) * round(notional / spot, 12)
        perps.open(user, market, margin=round(notional / leverage, 6) + 130, size=size)
        if random_.random() < 0.3:
            perps.submit_delayed_order(user, market, -size / 2)
    # A scale below the skew caps the funding velocity, and makes the liquidation premium count.
    scale = random_.choice([abs(skew) * Decimal("0.8"), Decimal(50_000), Decimal(1_000_000)])
    perps.set_parameter(market, "SkewScale", units(round(scale, 12)))
    perps.set_parameter(market, "LiquidationBufferRatio", units(random_.choice(["0.0025", "0.0075"])))
    perps.set_parameter(market, "LiquidationPremiumMultiplier", units(random_.choice(["1", "1.5625"])))
    perps.set_parameter(market, "MaxLiquidationDelta", units(random_.choice(["0.0006", "2"])))
    perps.set_parameter(market, "MaxPD", units(random_.choice(["0.0012", "2"])))


def at_price(site: Site, market: str, price: int) -> Step:
    """The step that changes a market's price."""
    return site.world.synthetix.rates, "set", ([bytes32(MARKETS[market])], [price])


def liquidatable(site: Site, asked: Sequence[tuple[str, str, int]]) -> list[bool]:
    """What `canLiquidate` answers of users in a market at a price: (user, market, price) each."""
    perps, steps = site.world.synthetix, []
    for user, market, price in asked:
        steps += [at_price(site, market, price), (perps.markets[market], "canLiquidate", (user,))]
    return values(site.world.chain, steps)[1::2]


def details(site: Site, market: str, users: Sequence[str], price: int) -> list[dict[str, Any]]:
    """The market's own view of these users at a price."""
    perps = site.world.synthetix
    at = perps.markets[market].address
    views = [(perps.market_data, "positionDetails", (at, user)) for user in users]
    return values(site.world.chain, [at_price(site, market, price), *views])[1:]


def near(random_: random.Random, rule: ClosablePerpsV2Rule, time: int) -> list[int]:
    """Prices at the entry, just before and after where the rule fails, and far off on either side."""
    entry, losing = rule.last_price, -1 if rule.size > 0 else 1
    below, above = rule.liquidation_prices({rule.feed.asset: rule.feed.price}, time, rule.feed.asset)
    last = (below if losing < 0 else above) or entry // 100
    distance = last * random_.randrange(1, 10**6) // 10**9
    return [
        entry,
        last,
        last - losing,
        last + losing * distance,
        last - losing * distance,
        last // 2 if losing < 0 else 2 * last,
        5 * last if losing < 0 else last // 5,
    ]
