"""Cascades of random crashes, beside what the real contracts do when keepers follow them step by step."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from aggregator.model.accounts import Account
from aggregator.model.positions import Debt, Supply
from aggregator.planning import impact
from aggregator.planning.cascade import Terms, cascade
from aggregator.risk.scenarios import CustomScenario
from tests.adapters.lyra_v1.live import open_random_short
from tests.devnet.errors import TransactionReverted
from tests.planning.keepers import Keepers, read, still
from tests.volume import volume

if TYPE_CHECKING:
    from aggregator.model.portfolio import Portfolio
    from tests.devnet.world import World

USD = {"WETH": 2_000, "WBTC": 40_000, "wstETH": 2_300}


def open_accounts(world: World, user: str, draw: random.Random) -> None:
    """Something on both Aaves, on Morpho, on Synthetix, and a short option; near their limits."""
    for market in (world.aave_v36, world.aave_v301):
        size = draw.choice((2_400, 9_000, 60_000))
        first, second = draw.sample(sorted(USD), 2)
        market.supply(user, first, f"{size / USD[first]:.6f}")
        debt = size * draw.uniform(0.6, 0.68)
        if draw.random() < 0.5:
            market.supply(user, second, f"{size / 3 / USD[second]:.6f}")
            market.borrow(user, "DAI", f"{debt / 4:.4f}")
        market.borrow(user, "USDC", f"{debt:.4f}")
    morpho = world.morpho_blue
    for key, price, lltv in (
        ("WETH/USDC", 2_000, 0.915),
        ("wstETH/USDC", 2_300, 0.86),
    ):
        held = draw.uniform(0.5, 20.0)
        morpho.supply_collateral(user, key, f"{held:.6f}")
        morpho.borrow(user, key, raw=int(held * price * lltv * draw.uniform(0.85, 0.97) * 1e6))
    for key, price, side in (("sETHPERP", 2_000, draw.choice((1, -1))), ("sBTCPERP", 40_000, 1)):
        margin = draw.randrange(400, 900)
        world.synthetix.open(
            user, key, margin=margin, size=f"{side * margin * draw.uniform(4, 8) / price:.4f}"
        )
    with suppress(TransactionReverted):
        open_random_short(world.lyra_v1, user, draw)


def agrees(world: World, wallet: str, final: Portfolio) -> None:
    """What is read afterwards is what the cascade leaves: own health exactly, positions but for rounding."""
    again, _ = read(world, wallet)
    now = {account.id: account for account in again.accounts}
    time = world.node.timestamp
    for account in final.accounts:
        if account.kind != "lending":
            continue
        found = now.pop(account.id)
        if account.rule is None:
            # Written off, with a rest of collateral that is worth nobody's while.
            assert not totals(account, Debt), account.label
            assert totals(account, Supply) == pytest.approx(totals(found, Supply), abs=2), account.label
            continue
        if found.rule is None:  # nothing is owed any more
            assert not totals(account, Debt), account.label
            assert not totals(found, Debt), account.label
            continue
        ours = account.rule.health(account.prices, time)
        theirs = found.rule.health(found.prices, time)
        assert (ours.power, ours.requirement) == (theirs.power, theirs.requirement), account.label
        for kind in (Supply, Debt):
            assert totals(account, kind) == pytest.approx(totals(found, kind), abs=2), account.label


def totals(account: Account, kind: type[Supply] | type[Debt]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for position in account.positions:
        if isinstance(position, kind) and position.raw > 2:
            found[position.asset.symbol] += position.raw
    return dict(found)


def crash(world: World, seed: int, seen: Counter[str]) -> None:
    """Several rounds, sales that move prices, oracles that lag, and keepers who do the same."""
    draw, user = random.Random(seed), world.spare[0]
    open_accounts(world, user, draw)
    keepers = Keepers(world, user, ())
    keepers.fund()
    portfolio, scenarios = read(world, user)
    keepers = replace(keepers, accounts=portfolio.accounts)

    def by_units(_: str, price: float, units: float) -> float:
        return float(price * (1.0 - 2e-4) ** units)

    moves = {"ETH": -draw.uniform(0.03, 0.6), "BTC": -draw.uniform(0.03, 0.6)}
    lag = draw.choice((0, 0, 1, 2))
    found = cascade(
        portfolio, [CustomScenario("crash", moves)], scenarios=scenarios, terms=Terms(by_units, lag=lag)
    )
    assert found.cascade.converged
    with still(world):
        for step in found.cascade.steps:
            seen[keepers.follow(step)] += 1
        keepers.leave(found.final)
        agrees(world, user, found.final)
    seen["crashes"] += bool(found.cascade.steps)
    seen["later rounds"] += any(step.round > 1 for step in found.cascade.steps)
    seen["bad debt"] += any(step.bad_debt for step in found.cascade.steps)
    seen["toxic"] += bool(found.cascade.toxic)
    seen["late oracles"] += lag > 0


def test_random_crashes(devnet: World) -> None:
    """Seized, repaid, fees, bad debt and what is left, to the wei; own health in the end exactly."""
    seen: Counter[str] = Counter()
    for seed in range(volume(3, 60)):
        with devnet.isolated():
            crash(devnet, seed, seen)
    enough = volume(
        {"crashes": 3, "bad debt": 1, "later rounds": 1, "Aave V3.6 local": 1, "Aave V3.0.1 local": 1}
        | {"morpho_blue": 2, "synthetix_perps_v2": 2},
        {"crashes": 50, "bad debt": 20, "later rounds": 15, "Aave V3.6 local": 50, "Aave V3.0.1 local": 50}
        | {"morpho_blue": 50, "synthetix_perps_v2": 50, "lyra_v1": 10, "toxic": 10, "late oracles": 15},
    )
    for kind, least in enough.items():
        assert seen[kind] >= least, (kind, seen)


def test_the_own_share_of_a_markets_bad_debt(devnet: World) -> None:
    """Of Morpho Blue it is exact: what the wallet lends in the market is worth so much less afterwards."""
    morpho, user = devnet.morpho_blue, devnet.spare[0]
    morpho.supply(user, "WETH/USDC", 700_000)
    morpho.supply_collateral(user, "WETH/USDC", 20)
    morpho.borrow(user, "WETH/USDC", raw=35_000 * 10**6)
    keepers = Keepers(devnet, user, ())
    keepers.fund()
    portfolio, scenarios = read(devnet, user)
    keepers = replace(keepers, accounts=portfolio.accounts)
    crash_ = CustomScenario("crash", {"ETH": -0.5})
    found = cascade(portfolio, [crash_], scenarios=scenarios, terms=Terms(impact.none))
    [step] = found.cascade.steps
    borne = dict(step.borne)
    # A fifth or so of the market is the wallet's.
    assert 0.2 < borne["socialised_loss"] / step.bad_debt_usd < 0.3
    assert borne["suppliers"] + borne["socialised_loss"] == pytest.approx(step.bad_debt_usd)
    with still(devnet):
        keepers.follow(step)
        after, _ = read(devnet, user)
    [ours] = [one for one in found.final.accounts if one.protocol == "morpho_blue"]
    [theirs] = [one for one in after.accounts if one.protocol == "morpho_blue"]
    assert totals(ours, Supply) == pytest.approx(totals(theirs, Supply), abs=3)
