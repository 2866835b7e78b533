"""States far from the usual ones, against the real perps market: prices, sizes, skews, rewards."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from adapters.synthetix_v3.margin import SynthetixV3Rule
from aggregator.model.close_outs import CloseOut
from aggregator.model.rules import WAD, prices_of
from tests.adapters.synthetix_v3.live import Site
from tests.devnet.synthetix_deploy import units
from tests.devnet.synthetix_v3_deploy import BTC, ETH, S_BTC, S_ETH, SNX_USD, Parameters

FIRST = 300
HUGE = 10**40
# Later, interest and the funding rate may be off by units that are multiplied by the notional.
CLOSE, CLOSE_LATER = 600, 50_000_000


def agreed(site: Site, user: str, number: int) -> SynthetixV3Rule:
    """The rule of an account, once margins and verdict at the block are those of the contracts."""
    rule, said = site.rule(user, number), site.perps.margins(number)
    health = rule.health(prices_of(rule), site.now())
    assert abs(health.power - said.available) <= CLOSE
    assert health.requirement == said.maintenance or not rule.positions
    assert health.liquidatable == (said.can_liquidate or said.can_liquidate_margin_only)
    return rule


def agrees_later(site: Site, number: int, rule: SynthetixV3Rule, moved: dict[str, int]) -> bool:
    """Whether it is liquidatable now that markets have these prices, as a rule of before says, too."""
    new = {one.feed.asset: moved[one.name] for one in rule.positions if one.name in moved}
    health, said = rule.health({**prices_of(rule), **new}, site.now()), site.perps.margins(number)
    assert abs(health.power - said.available) <= CLOSE_LATER
    assert health.requirement == said.maintenance
    assert health.liquidatable == said.can_liquidate
    return health.liquidatable


def liquidates(site: Site, number: int, rule: SynthetixV3Rule) -> bool:
    """One liquidation, with reward and sizes as the rule said; whether nothing is left."""
    perps, step = site.perps, rule.close_out(prices_of(rule), site.now() + 1)
    assert isinstance(step, CloseOut)
    receipt = perps.liquidate(number) if rule.positions else perps.liquidate_margin_only(number)
    [attempt] = perps.perps.events(receipt, "AccountLiquidationAttempt")
    assert sum(fee.amount.raw for fee in step.fees) == attempt["reward"]
    closed = [one["amountLiquidated"] for one in perps.perps.events(receipt, "PositionLiquidated")]
    assert sorted(abs(one.size_raw) for one in step.closed) == sorted(closed)
    return step.successor is None


@pytest.mark.parametrize("exponent", [-9, 9])
def test_prices_of_a_billion_and_a_billionth(site: Site, exponent: int) -> None:
    """A dollar's worth is a billion of coins, or a billionth of one."""
    perps, user, price = site.perps, site.world.spare[0], 10 ** (18 + exponent)
    dollar = Decimal(10) ** -exponent
    scale = units(10**6 * dollar)
    perps.list_market(FIRST, "X", price, replace(Parameters(), skew_scale=scale, max_market_size=HUGE))
    for number, margin, worth in ((7, 100_000, -60_000), (8, 10_000, 40_000)):
        perps.create(user, number)
        perps.deposit(user, number, SNX_USD, margin)
        perps.trade(user, number, FIRST, worth * dollar)
    site.world.node.warp(40_000)
    rules = {number: agreed(site, user, number) for number in (7, 8)}
    verdicts = set()
    for factor in (Fraction(1, 2), Fraction(97, 100), 3):
        site.world.node.warp(5_000)
        moved = int(price * factor)
        perps.set_price("X", moved)
        verdicts |= {agrees_later(site, number, rule, {"X": moved}) for number, rule in rules.items()}
    assert verdicts == {True, False}


def test_positions_and_synths_of_single_units(site: Site) -> None:
    """Nothing is divided by what they round to."""
    perps, user, unit = site.perps, site.world.spare[0], Decimal(1).scaleb(-18)
    perps.create(user, 7)
    perps.deposit(user, 7, SNX_USD, 300)
    perps.deposit(user, 7, S_ETH, unit)
    perps.trade(user, 7, ETH, unit)
    perps.trade(user, 7, BTC, -7 * unit)
    for eth, btc in ((WAD // 1_000, 10**6 * WAD), (10**6 * WAD, WAD // 1_000)):
        site.world.node.warp(100_000)
        perps.set_prices(eth, btc)
        rule = agreed(site, user, 7)
        assert [one.size for one in rule.positions] == [1, -7]


def test_a_skew_beyond_its_scale(site: Site) -> None:
    """Funding's velocity is cut off; what it costs exceeds the margin many times, and the pool bears it."""
    perps, user = site.perps, site.world.spare[0]
    values = replace(
        Parameters(),
        skew_scale=units(1_000),
        initial_margin_ratio=units("0.02"),
        limit_multiplier=units(20),
        max_liquidation_pd=units(3),
    )
    perps.list_market(FIRST, "X", 5 * WAD, values)
    for number in (7, 8):
        perps.create(user, number)
    perps.deposit(user, 7, SNX_USD, 120_000)
    perps.trade(user, 7, FIRST, 2_500)
    for collateral, amount in ((SNX_USD, 3_000), (S_ETH, 1), (S_BTC, "0.4")):
        perps.deposit(user, 8, collateral, amount)
    perps.trade(user, 8, FIRST, -700)
    rules = {number: agreed(site, user, number) for number in (7, 8)}
    verdicts = set()
    for seconds, price in ((3_600, 5), (86_400, 4), (86_400, 6), (259_200, 7)):
        site.world.node.warp(seconds)
        perps.set_price("X", price * WAD)
        verdicts |= {agrees_later(site, number, rule, {"X": price * WAD}) for number, rule in rules.items()}
    assert verdicts == {True, False}
    for steps in range(1, 12):  # noqa: B007  # counted
        if liquidates(site, 7, agreed(site, user, 7)):
            break
        site.world.node.warp(7)
    assert 1 < steps < 11


def test_an_account_in_many_markets(site: Site) -> None:
    """Sixteen, with prices from a millionth to a million dollars and parameters of each its own."""
    perps, user, chance = site.perps, site.world.spare[0], random.Random(59)
    perps.perps.send("setPerAccountCaps", 100, 5)
    perps.create(user, 7)
    for collateral, amount in ((SNX_USD, 60_000), (S_ETH, 10), (S_BTC, 5)):
        perps.deposit(user, 7, collateral, amount)
    for i in range(16):
        price = int(10 ** chance.uniform(12, 24))
        values = replace(
            Parameters(),
            skew_scale=10**6 * WAD * WAD // price * chance.randint(1, 20),
            minimum_position_margin=units(chance.randint(0, 50)),
            locked_oi_ratio=units(chance.choice(("0", "0.3", "1"))),
            max_market_size=HUGE,
        )
        perps.list_market(FIRST + i, f"M{i}", price, values)
        size = chance.choice((-1, 1)) * chance.randint(10, 9_000) * WAD * WAD // price
        perps.trade(user, 7, FIRST + i, Decimal(size).scaleb(-18))
    site.world.node.warp(30_000)
    rule = agreed(site, user, 7)
    assert len(rule.positions) == 16
    site.world.node.warp(9_000)
    moved = {one.name: one.feed.price * chance.randint(5, 15) // 10 for one in rule.positions}
    for symbol, price in moved.items():
        perps.set_price(symbol, price)
    agrees_later(site, 7, rule, moved)
    agreed(site, user, 7)


@pytest.mark.parametrize(
    ("guards", "costs", "per_feed", "ratio"),
    [
        ((0, 0, units(500), units("0.5")), (0, 0, 0), 0, 0),
        ((units(9), 0, units(10), units("0.5")), (1, 2, 3), 4, WAD),
        ((units(1), units(3), units(500), units("0.0001")), (WAD, 5 * WAD, 7 * WAD), 2 * WAD, WAD // 100),
        ((0, WAD, 0, 0), (WAD, WAD, WAD), 0, WAD // 2),
    ],
)
def test_rewards_at_their_bounds(
    site: Site, guards: tuple[int, ...], costs: tuple[int, ...], per_feed: int, ratio: int
) -> None:
    """No costs, bounds that meet, next to nothing, nothing at all: with positions and without."""
    perps, user = site.perps, site.world.spare[0]
    perps.oracle.send("setCosts", list(costs), per_feed)
    perps.perps.send("setKeeperRewardGuards", *guards)
    perps.perps.send("setCollateralLiquidateRewardRatio", ratio)
    perps.perps.send("setInterestRateParameters", 0, 0, 0)
    perps.create(user, 7)
    perps.deposit(user, 7, SNX_USD, 500)
    perps.deposit(user, 7, S_ETH, 4)
    perps.trade(user, 7, ETH, 20)
    for eth in (1_850, 1_500):
        perps.set_prices(eth * WAD, 40_000 * WAD)
        rule = agreed(site, user, 7)
    with site.world.isolated():
        assert liquidates(site, 7, rule)
    perps.set_prices(1_850 * WAD, 40_000 * WAD)
    perps.trade(user, 7, ETH, -20)
    for eth in (1_000, 100):
        perps.set_prices(eth * WAD, 40_000 * WAD)
        rule = agreed(site, user, 7)
    assert rule.debt
    assert not rule.positions
    assert liquidates(site, 7, rule)


def test_a_liquidation_without_capacity_recomputes_funding_in_silence(site: Site) -> None:
    """No event of the market tells: all is exact at the block, and a little off at other prices."""
    perps, user = site.perps, site.world.spare[0]
    values = replace(
        Parameters(),
        skew_scale=units(10_000),
        window_seconds=20_000,
        limit_multiplier=units("0.0002"),
        max_liquidation_pd=0,
    )
    perps.list_market(FIRST, "X", 1_000 * WAD, values)
    for number, margin, size in ((7, 60_000, 100), (8, 3_000, 31)):
        perps.create(user, number)
        perps.deposit(user, number, SNX_USD, margin)
        perps.trade(user, number, FIRST, size)
    perps.set_price("X", 890 * WAD)
    assert not liquidates(site, 8, agreed(site, user, 8))
    site.world.node.warp(9_000)
    assert not liquidates(site, 8, agreed(site, user, 8))
    perps.set_price("X", 1_500 * WAD)
    rule = agreed(site, user, 7)
    for price in (750 * WAD, 3_000 * WAD):
        perps.set_price("X", price)
        power = rule.available_margin({rule.positions[0].feed.asset: price}, site.now())
        said = perps.margins(7).available
        assert CLOSE_LATER < abs(power - said) < said // 500
