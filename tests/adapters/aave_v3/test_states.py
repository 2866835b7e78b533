"""Random states on the real contracts: our figures against the pool's own, on V3.0.1 and V3.6."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from adapters.aave_v3.family import AaveFamily
from adapters.aave_v3.margin import AaveRule
from aggregator.contract import Shocked
from aggregator.model.positions import Supply
from aggregator.model.readings import Reading
from aggregator.model.rules import WAD
from aggregator.model.units import parse_address
from aggregator.reading.run import Job
from tests.adapters.aave_v3.kit import adapter_of
from tests.adapters.aave_v3.states import SYMBOLS, Changes, Seen
from tests.reading_kit import run_jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.devnet.aave import Aave
    from tests.devnet.world import World

WALLETS = 12
ROUNDS = 10
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
def test_a_hundred_random_states(devnet: World, choose: Callable[[World], Aave], seed: int) -> None:
    """Health to the wei at the block, and again after a price move and more time without another read."""
    market = choose(devnet)
    changes = Changes(market, seed)
    wallets = devnet.spare[:WALLETS]
    for number, wallet in enumerate(wallets):
        collateral = SYMBOLS[number % 3]
        market.supply(wallet, collateral, changes.amount(collateral, 20_000))
        if collateral == "wstETH":
            market.set_emode(wallet, 1)
            market.borrow(wallet, "WETH", changes.amount("WETH", 15_000))
        else:
            changes.borrow(wallet)
    for _ in range(ROUNDS):
        changes.move_prices()
        for wallet in wallets:
            changes.run(wallet)
        devnet.node.warp(changes.random.randrange(1, 40 * 86_400))
        readings, time = _read(devnet, market, wallets)
        rules = list(_rules(readings))
        for i, rule in rules:
            _note(changes.seen, readings[i], rule, time)
        _check(market, wallets, rules, time, changes.prices)
        _check_positions(market, wallets, readings)
        # The rules as read, at other prices and a later time.
        changes.move_prices()
        devnet.node.warp(changes.random.randrange(1, 90 * 86_400))
        _check(market, wallets, rules, devnet.node.timestamp, changes.prices)
    # Well below what these seeds give, so that a change to the kit's world does not fail the test.
    enough = {"supply": 30, "borrow": 15, "repay": 4, "withdraw": 4, "toggle": 4, "emode": 4}
    enough |= {"in debt": 100, "liquidatable": 2, "emode threshold": 5, "idle supply": 3}
    for kind, least in enough.items():
        assert changes.seen.kinds.get(kind, 0) >= least, (kind, changes.seen.kinds)


def _note(seen: Seen, reading: Reading, rule: AaveRule, time: int) -> None:
    health = rule.health({feed.asset: feed.price for feed in rule.feeds}, time)
    if health.health is not None:
        seen.note("in debt")
    if health.liquidatable:
        seen.note("liquidatable")
    if any(leg.threshold_bps == 9_300 for leg in rule.legs):
        seen.note("emode threshold")
    if any(isinstance(p, Supply) and not p.is_collateral for a in reading.accounts for p in a.positions):
        seen.note("idle supply")


def _check_positions(market: Aave, wallets: Sequence[str], readings: list[Reading]) -> None:
    """Every balance is what the tokens themselves say."""
    for wallet, reading in zip(wallets, readings, strict=True):
        told = {
            (type(p).__name__, p.asset.id): p.raw  # type: ignore[union-attr]  # lending has no other kinds
            for account in reading.accounts
            for p in account.positions
        }
        for symbol in SYMBOLS:
            asset = f"eip155:31337/erc20:{market.asset(symbol).lower()}"
            assert told.get(("Supply", asset), 0) == market.supplied(wallet, symbol)
            assert told.get(("Debt", asset), 0) == market.owed(wallet, symbol)
