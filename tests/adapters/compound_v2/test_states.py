"""Random states of the real contracts of Venus' core pool: our figures against the contracts' own."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from adapters.compound_v2.family import CompoundFamily
from adapters.compound_v2.margin import CompoundRule
from aggregator.contract import Shocked
from aggregator.model.positions import Debt, Supply
from aggregator.model.readings import Reading
from aggregator.model.rules import WAD, prices_of
from aggregator.model.units import parse_address
from aggregator.reading.run import Job
from tests.adapters.compound_v2.kit import adapter_of, asset_of, pool_deployment
from tests.adapters.compound_v2.simulation import Simulation
from tests.devnet.errors import DevnetError, TransactionReverted
from tests.devnet.venus_deploy import DECIMALS, MARKETS, NATIVE, POOL_FACTORS
from tests.devnet.venus_deploy import prices_of as oracle_prices
from tests.reading_kit import run_jobs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aggregator.model.assets import AssetId
    from tests.devnet.venus import VenusCore
    from tests.devnet.world import World

WALLETS = 12
ROUNDS = 17
LENT = ("WETH", "WBTC", "USDC", "DAI", NATIVE, "VAI")
USD = {"WETH": 2_000, "wstETH": 2_300, "WBTC": 40_000, "USDC": 1, "DAI": 1, NATIVE: 2_000, "VAI": 1}


class Changes:
    """Random operations on the pool; what it refuses is left out."""

    def __init__(self, pool: VenusCore, seed: int) -> None:
        self.pool, self.random, self.seen = pool, random.Random(seed), Counter[str]()

    def amount(self, symbol: str, usd: float) -> Decimal:
        """An amount that uses every decimal of the token."""
        decimals = 18 if symbol == "VAI" else DECIMALS[symbol]
        units = int(usd / USD[symbol] * 10**decimals)
        return Decimal(units + self.random.randrange(units // 1000 + 2)).scaleb(-decimals)

    def run(self, user: str) -> None:
        for operation in self.random.sample(
            [self.supply, self.borrow, self.borrow, self.repay, self.redeem, self.enter_pool], 2
        ):
            try:
                operation(user)
            except (TransactionReverted, DevnetError):
                continue
            self.seen[operation.__name__] += 1

    def supply(self, user: str) -> None:
        symbol, usd = self.random.choice(list(MARKETS)), 10 ** self.random.uniform(1, 5)
        self.pool.supply(user, symbol, self.amount(symbol, usd), enter=self.random.random() < 0.8)

    def borrow(self, user: str) -> None:
        _, power, _ = self.pool.comptroller.call("getBorrowingPower", user)
        symbol = self.random.choice(LENT)
        self.pool.borrow(user, symbol, self.amount(symbol, power / WAD * self.random.uniform(0.3, 0.99)))

    def repay(self, user: str) -> None:
        symbol = self.random.choice([s for s in LENT if s != "VAI"])
        _, owed, _ = self.pool.snapshot(user, symbol)
        if owed:
            self.pool.repay(user, symbol, Decimal(self.random.randrange(owed) + 1).scaleb(-DECIMALS[symbol]))

    def redeem(self, user: str) -> None:
        symbol = self.random.choice(list(MARKETS))
        tokens, _, _ = self.pool.snapshot(user, symbol)
        if tokens:
            self.pool.redeem(user, symbol, self.random.randrange(tokens // 2 + 1) + 1)

    def enter_pool(self, user: str) -> None:
        self.pool.enter_pool(user, self.random.choice([0, 1]))

    def prices(self) -> dict[str, int]:
        """Prices with every digit, up to 30% away from where they began."""
        quotes = oracle_prices(self.pool.site.prices.quotes)
        return {s: int(p * Decimal(str(self.random.uniform(0.7, 1.3)))) for s, p in quotes.items()}


def read_all(world: World, wallets: Sequence[str]) -> tuple[list[Reading], int, int]:
    """Readings of some wallets at one block, its number and its time."""
    deployment = pool_deployment(world.venus)
    adapter = adapter_of(deployment)
    run, _ = run_jobs(world.node.url, [Job(adapter, deployment, parse_address(w)) for w in wallets])
    readings = []
    for outcome in run.outcomes:
        assert isinstance(outcome.result, Reading), outcome.result
        readings.append(outcome.result)
    [block] = run.blocks.values()
    assert max(run.rounds.values()) <= 3
    return readings, block.number, block.timestamp


def rules_of(readings: Sequence[Reading]) -> list[tuple[int, CompoundRule]]:
    """Rules with the number of their reading."""
    return [
        (i, account.rule)
        for i, reading in enumerate(readings)
        for account in reading.accounts
        if isinstance(account.rule, CompoundRule)
    ]


def liquidities(
    pool: VenusCore, wallets: Sequence[str], block: int, prices: Mapping[str, int] | None = None
) -> list[tuple[int, int, int]]:
    """getAccountLiquidity of each once every market has added its interest, at other prices if given."""
    simulation = Simulation(pool)
    if prices is not None:
        keys = [pool.markets[symbol].address for symbol in prices]
        simulation.add(pool.oracle, "set", keys, list(prices.values()))
    simulation.accrue()
    places = [simulation.add(pool.comptroller, "getAccountLiquidity", wallet) for wallet in wallets]
    answers = simulation.run(block)
    return [answers[place] for place in places]


def check_positions(pool: VenusCore, wallets: Sequence[str], readings: Sequence[Reading], block: int) -> None:
    """Every balance is what the markets answer once they have added their interest."""
    simulation, places = Simulation(pool), {}
    simulation.accrue()
    for wallet in wallets:
        for symbol, market in pool.markets.items():
            places[wallet, symbol, "debt"] = simulation.add(market, "borrowBalanceStored", wallet)
            places[wallet, symbol, "supply"] = simulation.add(market, "balanceOfUnderlying", wallet)
    answers = simulation.run(block)
    for wallet, reading in zip(wallets, readings, strict=True):
        positions = [p for account in reading.accounts for p in account.positions]
        supplied = {p.asset.id: p.raw for p in positions if isinstance(p, Supply)}
        owed = {p.asset.id: p.raw for p in positions if isinstance(p, Debt)}
        for symbol in pool.markets:
            asset = asset_of(pool, symbol)
            assert supplied.get(asset, 0) == answers[places[wallet, symbol, "supply"]]
            theirs = answers[places[wallet, symbol, "debt"]]
            assert theirs - 1 <= owed.get(asset, 0) <= theirs
        minted = pool.vai_controller.call("getVAIRepayAmount", wallet)
        assert owed.get(asset_of(pool, "VAI"), 0) == minted


def slack(rule: CompoundRule, prices: Mapping[AssetId, int]) -> int:
    """The value of one smallest unit of every debt, rounded up: see Totals.grown."""
    return sum(prices[leg.feed.asset] // WAD + 2 for leg in rule.legs if leg.owed)


def test_two_hundred_random_states(devnet: World) -> None:
    """Liquidity to the wei at the block; later and at other prices to a smallest unit of each debt.

    The contract's answer is taken once all markets have added their interest, simulated at that block.
    """
    pool, wallets = devnet.venus, devnet.spare[:WALLETS]
    changes, states = Changes(pool, 20), 0
    for number, wallet in enumerate(wallets):
        for symbol in ["wstETH"] if number < 3 else changes.random.sample(list(MARKETS), 2):
            pool.supply(wallet, symbol, changes.amount(symbol, 20_000))
        if number < 3:
            pool.enter_pool(wallet, 1)
            pool.borrow(wallet, "WETH", changes.amount("WETH", 15_000))
        else:
            changes.borrow(wallet)
    for _ in range(ROUNDS):
        pool.set_prices(changes.prices())
        for wallet in wallets:
            changes.run(wallet)
        pool.mine(changes.random.randrange(1, 12))

        # Markets that were left alone for different times: no view says what the contract will make of it.
        readings, block, time = read_all(devnet, wallets)
        check_positions(pool, wallets, readings, block)
        said, late = liquidities(pool, wallets, block), late_vai(pool, wallets, block)
        for i, rule in rules_of(readings):
            prices = prices_of(rule)
            health = rule.health(prices, time)
            _, liquidity, shortfall = said[i]
            difference = health.power - health.requirement - (liquidity - shortfall) - late[i]
            assert 0 <= difference <= slack(rule, prices)

        pool.accrue()
        readings, block, time = read_all(devnet, wallets)
        states += compare_exactly(pool, wallets, readings, block, time, changes.seen)
        compare_later(pool, wallets, readings, block, time, changes)
    assert states >= 200
    enough = {"supply": 20, "borrow": 20, "repay": 5, "redeem": 10}
    enough |= {"liquidatable": 15, "in debt": 150, "VAI": 20, "idle supply": 20, "risk pool": 10}
    for kind, least in enough.items():
        assert changes.seen[kind] >= least, (kind, changes.seen)


def late_vai(pool: VenusCore, wallets: Sequence[str], block: int) -> list[int]:
    """What accrueVAIInterest adds to each wallet's debt: nobody can read when it last did."""
    simulation = Simulation(pool)
    before = [simulation.add(pool.vai_controller, "getVAIRepayAmount", wallet) for wallet in wallets]
    simulation.add(pool.vai_controller, "accrueVAIInterest")
    after = [simulation.add(pool.vai_controller, "getVAIRepayAmount", wallet) for wallet in wallets]
    answers = simulation.run(block)
    return [answers[later] - answers[sooner] for sooner, later in zip(before, after, strict=True)]


def compare_exactly(
    pool: VenusCore,
    wallets: Sequence[str],
    readings: Sequence[Reading],
    block: int,
    time: int,
    seen: Counter[str],
) -> int:
    """All markets are up to date: rule, report and the comptroller agree to the wei."""
    said = liquidities(pool, wallets, block)
    rules = rules_of(readings)
    for i, rule in rules:
        health, [account] = rule.health(prices_of(rule), time), readings[i].accounts
        _, liquidity, shortfall = said[i]
        assert pool.comptroller.call("getAccountLiquidity", wallets[i]) == said[i]
        assert health.power - health.requirement == liquidity - shortfall
        assert health.liquidatable == (shortfall > 0)
        assert account.reported is not None
        assert (account.reported.health, account.reported.liquidatable) == (health.health, shortfall > 0)
        seen["in debt"] += health.requirement > 0
        seen["liquidatable"] += health.liquidatable
        seen["VAI"] += rule.vai is not None
        seen["risk pool"] += any(leg.factor == POOL_FACTORS[1] for leg in rule.legs)
        seen["idle supply"] += any(isinstance(p, Supply) and not p.is_collateral for p in account.positions)
    return len(rules)


def compare_later(
    pool: VenusCore,
    wallets: Sequence[str],
    readings: Sequence[Reading],
    block: int,
    time: int,
    changes: Changes,
) -> None:
    """The rules as read, at other prices and up to a month of blocks later, exact and fast."""
    later, prices = changes.random.randrange(1, 20_000), changes.prices()
    said = liquidities(pool, wallets, block + later, prices)
    by_asset = {asset_of(pool, symbol): price for symbol, price in prices.items()}
    by_asset[asset_of(pool, "VAI")] = WAD
    rules = rules_of(readings)
    columns = CompoundFamily().columns([rule for _, rule in rules])
    scenario = np.array([[by_asset[feed.asset] / 10**feed.decimals] for feed in columns.feeds])
    power, requirement = CompoundFamily().margin(columns, Shocked.in_usd(scenario, time + later))
    for row, (i, rule) in enumerate(rules):
        health = rule.health({feed.asset: by_asset[feed.asset] for feed in rule.feeds}, time + later)
        _, liquidity, shortfall = said[i]
        # A debt grows by more than one of its units where the index grows by more than one.
        difference = health.power - health.requirement - (liquidity - shortfall)
        assert 0 <= difference <= 2 * slack(rule, by_asset)
        assert power[row, 0] == pytest.approx(health.power / WAD, rel=1e-9, abs=1e-9)
        assert requirement[row, 0] == pytest.approx(
            health.requirement / WAD, rel=1e-9, abs=slack(rule, by_asset) / WAD
        )
