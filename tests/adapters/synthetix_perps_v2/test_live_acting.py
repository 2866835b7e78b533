"""Deposits, withdrawals and trades on the real contracts: all that is then to the wei, and refusals."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal

import pytest

from adapters.synthetix_perps_v2.acting import TradablePerpsV2Rule
from adapters.synthetix_perps_v2.fills import fill_price
from adapters.synthetix_perps_v2.settling import recomputed
from aggregator.model.actions import Action, Deposit, Trade, Traded, Untold, Withdraw
from aggregator.model.rules import WAD, Refused
from tests.adapters.synthetix_perps_v2.books import near
from tests.adapters.synthetix_perps_v2.desk import Desk
from tests.adapters.synthetix_perps_v2.live import BTC_MARKET, COINS, ETH_MARKET, Site
from tests.devnet.chain import bytes32
from tests.devnet.simulated import Step
from tests.devnet.synthetix_deploy import Globals, as_owner, settings_of, units
from tests.volume import volume

STATES = volume(5, 45)
"""In each of four runs."""
ACTIONS = 7
UNIT = 10**10
"""Prices of the off-chain oracle have 8 decimals."""


@pytest.mark.parametrize("seed", range(300, 304))
def test_random_states(site: Site, seed: int) -> None:
    """Random markets, positions and prices, near liquidation too, with several actions each."""
    random_, node = random.Random(seed), site.world.node
    market = ETH_MARKET if seed % 2 else BTC_MARKET
    desk, found = Desk(site, market), Counter[str]()
    for _ in range(STATES):
        snapshot = node.snapshot()
        _open(desk, random_)
        rule = desk.rule()
        for price in near(random_, rule, node.timestamp)[:ACTIONS]:
            at = max(price // UNIT, 1) * UNIT
            found[_compare(desk, rule, _action(random_, rule, at, node.timestamp), at)] += 1
        node.revert(snapshot)
    assert found.total() == STATES * ACTIONS
    assert min(found["Deposit"], found["Withdraw"], found["Trade"]) >= STATES // 3
    assert found.total() - found["Deposit"] - found["Withdraw"] - found["Trade"] >= STATES // 2


def _compare(desk: Desk, rule: TradablePerpsV2Rule, action: Action, price: int) -> str:
    """Ours against theirs; the kind of the action, or why it was refused."""
    time, asset = desk.site.world.node.timestamp, rule.feed.asset
    later = price * 101 // 100
    ours, word = rule.apply({asset: price}, time, action), desk.act(action, price, later)
    if isinstance(ours, Untold):  # a skew beyond its scale
        assert isinstance(action, Trade)
        assert fill_price(rule.market, action.size_raw, price) <= 0
        return "Untold"
    if isinstance(ours, Refused):
        assert ours.reason == word.refused, (action, price)
        return ours.reason
    assert word.refused is None, (action, price, ours)
    after = ours.successor
    assert isinstance(after, TradablePerpsV2Rule)
    position = word.position
    assert (after.margin, after.size) == (position["margin"], position["size"])
    assert after.last_price == position["lastPrice"]
    state, terms = after.market, after.terms
    assert (state.skew, terms.market_size) == (word.skew, word.size)
    assert (state.funding_rate, state.funding_time) == (word.funding_rate, word.funding_time)
    assert not terms.pending
    if isinstance(ours, Traded):
        assert ours.fee is not None
        assert ours.fee.raw == word.fees + word.keeper
        assert (ours.size_raw, ours.entry_price_raw) == (position["size"], position["lastPrice"])
        assert ours.margin == (rule.closing.settlement, position["margin"])
        assert (ours.paid, ours.received, word.paid) == (None, None, 0)
    else:
        paid, received = (0 if one is None else one.raw for one in (ours.paid, ours.received))
        assert (paid - received, word.fees, word.keeper) == (word.paid, 0, 0)
        assert ours.supplied == position["margin"]
        assert ours.settled is not None
        assert ours.settled.entry_price_raw == position["lastPrice"]
    health = after.health({asset: later}, time)
    premium = after.market.liquidation_premium(after.size, later)
    assert max(health.power + premium, 0) == word.later["remainingMargin"]
    assert health.liquidatable is word.later["canLiquidatePosition"]
    assert recomputed(after, later, time).accessible(later) == word.later["accessibleMargin"]
    return type(action).__name__


def _action(random_: random.Random, rule: TradablePerpsV2Rule, price: int, time: int) -> Action:
    settlement, size = rule.closing.settlement, rule.size
    kind = random_.choice(["deposit", "withdraw", "withdraw", "trade", "trade", "trade"])
    if kind == "deposit":
        return Deposit(settlement, random_.choice([1, random_.randrange(1, 2 * 10**21)]))
    if kind == "withdraw":
        free = recomputed(rule, price, time).accessible(price)
        return Withdraw(
            settlement,
            random_.choice(
                [
                    None,
                    max(free + random_.randrange(-(10**16), 10**16), 1),
                    random_.randrange(1, max(free, 2)),
                    random_.randrange(1, 2 * 10**21),
                ]
            ),
        )
    return Trade(
        rule.closing.market,
        random_.choice(
            [
                -size,
                -size + random_.choice([-1, 1]),
                -size * random_.randrange(1, 100) // 100 or 1,
                size * random_.randrange(1, 300) // 100 or 1,
                -size * random_.randrange(101, 300) // 100 or 1,
                random_.choice([-1, 1]) * random_.randrange(1, 10**20),
                random_.choice([-1, 0, 1]),
            ]
        ),
    )


def _open(desk: Desk, random_: random.Random) -> None:
    """A skewed market with random settings, and the trader's position in it at a later time."""
    perps, market, node = desk.perps, desk.market, desk.site.world.node
    spot = desk.site.world.prices.quotes.usd(COINS[market])

    def settle(name: str, value: int) -> Step:
        return perps.settings, f"set{name}", (bytes32(market), value)

    skew = random_.choice([-1, 1]) * Decimal(random_.randrange(1_000, 900_000)) / spot
    perps.open(desk.site.world.spare[0], market, margin=500_000, size=round(skew, 8))
    notional = Decimal(random_.randrange(600, 90_000))
    leverage = Decimal(random_.choice(["0.5", "2", "7", "14"]))
    size = units(random_.choice([-1, 1]) * round(notional / spot, 12))
    margin = units(round(notional / leverage, 6) + 130)
    contract = perps.markets[market]
    as_owner(
        desk.chain,
        [
            (contract, "transferMargin", (margin,)),
            (contract, "modifyPosition", (size, 10**36 if size > 0 else 0)),
        ],
    )
    node.warp(random_.choice([1, 3_600, 3 * 86_400]))
    scale = random_.choice([abs(skew) * 2, Decimal(50_000), Decimal(1_000_000)])
    calls = [
        settle("SkewScale", units(round(scale, 12))),
        settle("TakerFeeOffchainDelayedOrder", units(random_.choice(["0", "0.0006", "0.013"]))),
        settle("MakerFeeOffchainDelayedOrder", units(random_.choice(["0", "0.0002", "0.02"]))),
        settle("MaxLeverage", units(random_.choice(["5", "25", "55"]))),
        settle("MaxMarketValue", units(random_.choice(["20", "500", "30000"]))),
        *settings_of(
            perps.settings,
            Globals(
                min_initial_margin=units(random_.choice(["50", "400"])),
                min_keeper_fee=units(random_.choice(["0", "2", "40"])),
                max_keeper_fee=units(random_.choice(["45", "1000"])),
            ),
        ),
    ]
    as_owner(desk.chain, calls)
    volatile = random_.random() < 0.05
    perps.exchanger.send("setDynamicFee", units(random_.choice(["0", "0", "0.0031"])), volatile)
    node.warp(random_.choice([1, 3_600, 86_400]))


def test_refused_while_an_order_waits(site: Site) -> None:
    """Neither margin nor another order, in the contracts' words."""
    desk, price = Desk(site, ETH_MARKET), 2_000 * WAD
    market = desk.perps.markets[ETH_MARKET]
    opening = [("transferMargin", (units(2_000),)), ("modifyPosition", (units(2), 10**36))]
    as_owner(desk.chain, [(market, name, arguments) for name, arguments in opening])
    as_owner(desk.chain, [(market, "submitOffchainDelayedOrder", (units(1), 10**36))])
    rule = desk.rule()
    settlement = rule.closing.settlement
    for action in (Deposit(settlement, 1), Withdraw(settlement, 1), Trade(ETH_MARKET, 1)):
        assert "order exists" in _compare(desk, rule, action, price)
