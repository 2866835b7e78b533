"""Random states on the real contracts: our figures against the pool's own, on V3.0.1 and V3.6."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from adapters.aave_v3.family import AaveFamily
from adapters.aave_v3.margin import AaveRule
from aggregator.contract import Shocked
from aggregator.model.positions import Debt, Supply
from aggregator.model.readings import Reading
from aggregator.model.rules import WAD
from aggregator.model.units import parse_address
from aggregator.reading.run import Job
from tests.adapters.aave_v3.kit import adapter_of
from tests.adapters.aave_v3.states import SYMBOLS, Changes
from tests.devnet.aave import AaveV301
from tests.reading_kit import run_jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.devnet.aave import Aave
    from tests.devnet.world import World

WALLETS = 12
ROUNDS = 6
# A hundredth of a basis point.
TOLERANCE = 1e-6


def _read(world: World, market: Aave, wallets: Sequence[str]) -> tuple[list[Reading], int]:
    adapter = adapter_of(market)
    [deployment] = adapter.deployments
    run, _ = run_jobs(world.node.url, [Job(adapter, deployment, parse_address(w)) for w in wallets])
    readings = []
    for outcome in run.outcomes:
        assert isinstance(outcome.result, Reading), outcome.result
        readings.append(outcome.result)
    [block] = run.blocks.values()
    return readings, block.timestamp


def _rules(readings: list[Reading]) -> Iterator[tuple[int, AaveRule]]:
    for i, reading in enumerate(readings):
        for account in reading.accounts:
            assert isinstance(account.rule, AaveRule)
            yield i, account.rule


def _check(
    market: Aave, wallets: Sequence[str], rules: list[tuple[int, AaveRule]], time: int, prices: dict[str, int]
) -> None:
    """Exact and fast health at the market's present prices against what the pool says now."""
    by_asset = {f"eip155:31337/erc20:{market.asset(s).lower()}": price for s, price in prices.items()}
    columns = AaveFamily().columns([rule for _, rule in rules])
    scenario = np.array([[by_asset[feed.asset] / 10**8] for feed in columns.feeds])
    power, requirement = AaveFamily().margin(columns, Shocked.in_usd(scenario, time))
    for row, (i, rule) in enumerate(rules):
        said = market.account_data(wallets[i])
        health = rule.health({feed.asset: by_asset[feed.asset] for feed in rule.feeds}, time)
        assert health.requirement == said.debt_base * 10_000
        if health.health is None:
            assert said.health_factor == 2**256 - 1
            continue
        assert health.health == said.health_factor
        assert health.liquidatable == (said.health_factor < WAD)
        fast = power[row, 0] / requirement[row, 0]
        assert fast == pytest.approx(said.health_factor / WAD, rel=TOLERANCE)


@pytest.mark.parametrize(
    ("choose", "seed"),
    [
        pytest.param(lambda world: world.aave_v301, 301, id="v3.0.1"),
        pytest.param(lambda world: world.aave_v36, 36, id="v3.6"),
    ],
)
def test_random_states(devnet: World, choose: Callable[[World], Aave], seed: int) -> None:
    """Health to the wei in 252 states, and again after a price move and more time without another read.

    `isolated`: wstETH is collateral only alone, and whoever owes WBTC owes nothing else. `dropped`: reserve
    ids are not places in the list.
    """
    market = choose(devnet)
    seen: Counter[str] = Counter()
    for number, market_kind in enumerate(("emode", "isolated", "dropped")):
        with devnet.isolated():
            seen.update(_run(devnet, market, seed + number, market_kind).seen)
    # Well below what these seeds give, so that a change to the kit's world does not fail the test.
    enough = {"supply": 60, "borrow": 30, "repay": 10, "withdraw": 4, "toggle": 5, "emode": 8}
    enough |= {"freeze": 1, "zero_ltv": 1, "new_threshold": 1, "paused": 10}
    enough |= {"in debt": 200, "liquidatable": 10, "idle supply": 10, "emode threshold": 10}
    enough |= {"isolated collateral": 10, "siloed debt": 3}
    enough |= {"stable": 10} if market is devnet.aave_v301 else {}
    for kind, least in enough.items():
        assert seen[kind] >= least, (kind, seen)


def _run(world: World, market: Aave, seed: int, market_kind: str) -> Changes:
    """Rounds of changes, each compared twice."""
    changes = _begin(world, market, seed, market_kind)
    wallets = world.spare[:WALLETS]
    for _ in range(ROUNDS):
        changes.govern()
        changes.move_prices()
        for wallet in wallets:
            changes.run(wallet)
        if changes.random.random() < 0.5:
            changes.pause()
        world.node.warp(changes.random.randrange(1, 40 * 86_400))
        readings, time = _read(world, market, wallets)
        rules = list(_rules(readings))
        for i, rule in rules:
            _note(changes, market_kind, readings[i], rule, time)
        _check(market, wallets, rules, time, changes.prices)
        _check_positions(market, wallets, readings)
        # The rules as read, at other prices and a later time.
        changes.move_prices()
        world.node.warp(changes.random.randrange(1, 90 * 86_400))
        _check(market, wallets, rules, world.node.timestamp, changes.prices)
    return changes


def _begin(world: World, market: Aave, seed: int, market_kind: str) -> Changes:
    """A market of a kind, and a first position of every wallet."""
    changes = Changes(market, seed, dropped="wstETH" if market_kind == "dropped" else "")
    if market_kind == "dropped":
        market.drop_reserve("wstETH")
    if market_kind == "isolated":
        market.set_debt_ceiling("wstETH", 10**9)
        market.silo("WBTC")
        market.allow_in_isolation("USDC")
        market.allow_in_isolation("DAI")
    for number, wallet in enumerate(world.spare[:WALLETS]):
        collateral = changes.symbols[number % 3]
        market.supply(wallet, collateral, changes.amount(collateral, 20_000))
        if collateral == "WETH" and market_kind == "isolated":
            market.borrow(wallet, "WBTC", changes.amount("WBTC", 8_000))
        elif collateral != "wstETH":
            changes.try_to(changes.borrow, wallet)
        elif market_kind == "isolated":
            # Isolated supply is no collateral by itself.
            assert market.account_data(wallet).collateral_base == 0
            market.set_collateral(wallet, "wstETH", enabled=True)
            market.borrow(wallet, "USDC", changes.amount("USDC", 9_000))
        else:
            market.set_emode(wallet, 1)
            market.borrow(wallet, "WETH", changes.amount("WETH", 15_000))
    return changes


def _note(changes: Changes, market_kind: str, reading: Reading, rule: AaveRule, time: int) -> None:
    health = rule.health({feed.asset: feed.price for feed in rule.feeds}, time)
    [account] = reading.accounts
    held = {p.asset.symbol for p in account.positions if isinstance(p, Supply) and p.is_collateral}
    owed = {p.asset.symbol for p in account.positions if isinstance(p, Debt)}
    for kind, there in {
        "in debt": health.health is not None,
        "liquidatable": health.liquidatable,
        "emode threshold": any(leg.threshold_bps == 9_300 for leg in rule.legs),
        "idle supply": any(isinstance(p, Supply) and not p.is_collateral for p in account.positions),
        "paused": bool(changes.paused) and changes.paused in held | owed,
        "stable": any(isinstance(p, Debt) and p.rate_mode == "stable" for p in account.positions),
        "isolated collateral": market_kind == "isolated" and held == {"wstETH"},
        "siloed debt": market_kind == "isolated" and owed == {"WBTC"},
    }.items():
        if there:
            changes.seen[kind] += 1


def _check_positions(market: Aave, wallets: Sequence[str], readings: list[Reading]) -> None:
    """Every balance is what the tokens themselves say."""
    for wallet, reading in zip(wallets, readings, strict=True):
        told: dict[tuple[str, str], int] = {
            (p.rate_mode if isinstance(p, Debt) else "supply", p.asset.id): p.raw
            for account in reading.accounts
            for p in account.positions
            if isinstance(p, (Supply, Debt))
        }
        for symbol in SYMBOLS:
            asset = f"eip155:31337/erc20:{market.asset(symbol).lower()}"
            assert told.pop(("supply", asset), 0) == market.supplied(wallet, symbol)
            assert told.pop(("variable", asset), 0) == market.owed(wallet, symbol)
            if isinstance(market, AaveV301) and ("stable", asset) in told:
                assert told.pop(("stable", asset)) == market.stable_owed(wallet, symbol)
        assert told == {}
