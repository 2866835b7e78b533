"""Cascades of Perpetual Protocol Curie beside the real contracts: in part, whole, and with bad debt."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from adapters.perp_curie.adapter import build
from adapters.perp_curie.margin import CurieRule
from aggregator.contract import Deployment, Deployments
from aggregator.model.positions import Perp
from aggregator.model.units import ChainId, parse_address
from aggregator.planning import impact
from aggregator.planning.cascade import Terms, cascade
from aggregator.risk.book import book
from aggregator.risk.scenarios import CustomScenario
from tests.adapters.perp_curie.live import Site
from tests.planning.keepers import read, still
from tests.volume import volume

if TYPE_CHECKING:
    from aggregator.model.cascades import CascadeStep
    from tests.devnet.world import World


def at(world: World) -> Site:
    """The local chain with the adapter over it."""
    entry = world.perp_curie.deployment_entry()
    addresses = {role: parse_address(address) for role, address in entry.addresses.items()}
    chain = ChainId(world.node.chain_id)
    deployment = Deployment(entry.adapter, chain, entry.name, addresses, "local node")
    return Site(world, build(Deployments((deployment,), ())), deployment)


def follow(site: Site, user: str, step: CascadeStep, seen: Counter[str]) -> None:
    """A keeper takes over what the step closes, market by market; sums are the contracts'."""
    fees = bad_debt = 0
    for market, size in step.closed:
        receipt = site.curie.liquidate(user, market)
        [event] = site.curie.clearing_house.events(receipt, "PositionLiquidated")
        assert abs(size) == event["positionSize"]
        fees += event["liquidationFee"]
        settled = site.curie.vault.events(receipt, "BadDebtSettled")
        bad_debt += sum(one["amount"] for one in settled)
    unit = 10**12
    # Cut to the settlement token's decimals once for each receiver.
    assert abs(sum(one.raw for one in step.fees) - fees // unit) <= 1
    assert sum(one.raw for one in step.bad_debt) == bad_debt
    seen["closed"] += len(step.closed)
    seen["bad debt"] += bad_debt > 0


def test_takeovers(perps_devnet: World) -> None:
    """Positions that are taken over in part leave margin and size as the contracts do."""
    site, seen = at(perps_devnet), Counter[str]()
    world = site.world
    draw = random.Random(5)
    users = world.spare[: volume(3, 14)]
    for i, user in enumerate(users):
        site.curie.deposit(user, "USDC", draw.randrange(380, 500))
        site.curie.open(user, "vETH", f"{draw.uniform(0.9, 1.3):.3f}")
        if i % 3:
            site.curie.open(user, "vBTC", f"{draw.uniform(0.01, 0.03):.4f}")
    still_there = set(users)
    for drop in (0.09, 0.08, 0.12):
        site.fall(drop)
        for user in sorted(still_there):
            before, scenarios = read(world, user)
            found = cascade(
                before, [CustomScenario("as it is", {})], scenarios=scenarios, terms=Terms(impact.none)
            )
            mine = [step for step in found.cascade.steps if step.account_id.startswith("perp_curie")]
            with still(world):
                for step in mine:
                    follow(site, user, step, seen)
            after, _ = read(world, user)
            ours = [one for one in found.final.accounts if one.protocol == "perp_curie"]
            theirs = [one for one in after.accounts if one.protocol == "perp_curie"]
            assert [one.id for one in ours] == [one.id for one in theirs]
            if not ours:
                still_there.discard(user)
                continue
            [one], [other] = ours, theirs
            sizes = [
                {p.market: p.size_raw for p in side.positions if isinstance(p, Perp)} for side in (one, other)
            ]
            assert sizes[0] == sizes[1]
            seen["in part"] += bool(mine) and bool(sizes[0])
            assert isinstance(one.rule, CurieRule)
            assert isinstance(other.rule, CurieRule)
            time = world.node.timestamp
            assert one.rule.health(one.prices, time) == other.rule.health(other.prices, time)
            # What it is worth by its positions is what the contracts say, to rounding of its token.
            worth = [float(book([side], scenarios).equity_usd().sum()) for side in (found.final, after)]
            assert worth[0] == pytest.approx(worth[1], abs=2e-5)
    assert seen["closed"] >= volume(3, 15)
    assert seen["in part"] >= 1
    assert seen["bad debt"] >= volume(0, 1)
