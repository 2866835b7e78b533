"""Random states on the stand-in for a comet: our figures against its own, in USD and in its base."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from adapters.compound_v3.family import CometFamily
from adapters.compound_v3.margin import CometRule
from aggregator.contract import Shocked
from aggregator.model.positions import Debt, Supply
from aggregator.model.readings import Reading
from aggregator.model.rules import prices_of
from aggregator.model.units import parse_address
from aggregator.reading.run import Job
from tests.adapters.compound_v3.changes import Changes
from tests.adapters.compound_v3.kit import adapter_of, asset_id, refusal
from tests.reading_kit import run_jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.devnet.comet import Comet
    from tests.devnet.world import World

WALLETS = 12
ROUNDS = 9
# A hundredth of a basis point.
TOLERANCE = 1e-6

BOTH = pytest.mark.parametrize(
    ("choose", "seed"),
    [
        pytest.param(lambda world: world.comet_usdc, 3, id="usdc"),
        pytest.param(lambda world: world.comet_weth, 33, id="weth"),
    ],
)


def readings_of(world: World, comet: Comet, wallets: Sequence[str]) -> tuple[list[Reading], int]:
    """What the adapter reads of wallets now, and the time of the block."""
    adapter = adapter_of(comet)
    [entry] = adapter.deployments
    run, _ = run_jobs(world.node.url, [Job(adapter, entry, parse_address(w)) for w in wallets])
    readings = []
    for outcome in run.outcomes:
        assert isinstance(outcome.result, Reading), outcome.result
        readings.append(outcome.result)
    [block] = run.blocks.values()
    return readings, block.timestamp


def _rules(wallets: Sequence[str], readings: list[Reading]) -> list[tuple[str, CometRule]]:
    found = []
    for wallet, reading in zip(wallets, readings, strict=True):
        for account in reading.accounts:
            if account.rule is not None:
                assert isinstance(account.rule, CometRule)
                found.append((wallet, account.rule))
    return found


def _is_absorbed(comet: Comet, wallet: str) -> bool:
    """Whether an absorption would succeed at the latest block; anything but NotLiquidatable is an error."""
    refused = refusal(lambda: comet.would_absorb(wallet))
    assert refused in (None, "NotLiquidatable")
    return refused is None


@BOTH
def test_stand_in_agrees_at_a_hundred_random_states(
    devnet: World, choose: Callable[[World], Comet], seed: int
) -> None:
    """Debt to the unit, and the test's outcome, at the block and later without another read.

    At every state with a debt one price is moved to where the rule flips: one unit beside it the comet still
    says the other thing.
    """
    comet = choose(devnet)
    changes = Changes(comet, seed)
    wallets: list[str] = [*devnet.spare[:WALLETS]]
    for wallet in wallets:
        changes.open(wallet)
    for _ in range(ROUNDS):
        changes.move_prices()
        for wallet in wallets:
            changes.run(wallet)
        devnet.node.warp(changes.random.randrange(1, 40 * 86_400))
        readings, time = readings_of(devnet, comet, wallets)
        _check_positions(comet, wallets, readings)
        rules = _rules(wallets, readings)
        for wallet, rule in rules:
            assert prices_of(rule).items() <= changes.prices.items()
            _check(devnet, changes, wallet, rule)
        # The rules as read, at other prices and a later time.
        changes.move_prices()
        devnet.node.warp(changes.random.randrange(1, 90 * 86_400))
        for wallet, rule in rules:
            _check(devnet, changes, wallet, rule)
        _check_fast(rules, changes, devnet.node.timestamp)
        assert time < devnet.node.timestamp
    # Well below what these seeds give, so that a change to the kit's world does not fail the test.
    enough = {"post": 20, "borrow": 10, "repay": 5, "lend": 10, "take_out": 5, "repay_all": 3, "accrue": 4}
    enough |= {"in debt": 120, "flipped": 110, "absorbed": 5, "not owing": 8}
    for kind, least in enough.items():
        assert changes.done.get(kind, 0) >= least, (kind, changes.done)


def _check(world: World, changes: Changes, wallet: str, rule: CometRule) -> None:
    """The rule at the market's present prices against what the comet does, and where it flips."""
    comet = changes.comet
    time = world.node.timestamp
    health = rule.health(changes.prices, time)
    assert rule.accrual.at(time).owed(rule.principal) == comet.owed(wallet)
    assert health.liquidatable == _is_absorbed(comet, wallet)
    assert (health.health is None) == (health.requirement == 0)
    if not health.requirement:
        changes.note("not owing")
        return
    changes.note("in debt")
    if health.liquidatable:
        changes.note("absorbed")
    _flip(world, changes, wallet, rule)


def _flip(world: World, changes: Changes, wallet: str, rule: CometRule) -> None:
    """Moves the base's price to the last one that is healthy and the first that fails, then back."""
    comet = changes.comet
    base = asset_id(comet, comet.base)
    before = changes.prices[base]

    healthy, failing, time = 0, 10**18, world.node.timestamp
    while failing - healthy > 1:
        middle = (healthy + failing) // 2
        fails = rule.health({**changes.prices, base: middle}, time).liquidatable
        healthy, failing = (healthy, middle) if fails else (middle, failing)
    if healthy == 0 or failing == 10**18:  # without collateral there is no healthy price
        return
    changes.set_price(comet.base, healthy)
    assert not _is_absorbed(comet, wallet)
    changes.set_price(comet.base, failing)
    assert _is_absorbed(comet, wallet)
    assert world.node.timestamp == time
    changes.note("flipped")
    changes.set_price(comet.base, before)


def _check_fast(rules: list[tuple[str, CometRule]], changes: Changes, time: int) -> None:
    columns = CometFamily().columns([rule for _, rule in rules])
    scenario = np.array([[changes.prices[feed.asset] / 10**8] for feed in columns.feeds])
    power, requirement = CometFamily().margin(columns, Shocked.in_usd(scenario, time))
    for row, (_, rule) in enumerate(rules):
        exact = rule.health(changes.prices, time)
        if exact.health is not None:
            fast = power[row, 0] / requirement[row, 0]
            assert fast == pytest.approx(exact.power / exact.requirement, rel=TOLERANCE)


def _check_positions(comet: Comet, wallets: Sequence[str], readings: list[Reading]) -> None:
    """Every balance is what the comet's own views say."""
    for wallet, reading in zip(wallets, readings, strict=True):
        told = {
            (type(p).__name__, p.asset.id): p.raw
            for account in reading.accounts
            for p in account.positions
            if isinstance(p, (Supply, Debt))
        }
        base = asset_id(comet, comet.base)
        assert told.pop(("Supply", base), 0) == comet.supplied(wallet)
        assert told.pop(("Debt", base), 0) == comet.owed(wallet)
        for symbol in comet.factors:
            assert told.pop(("Supply", asset_id(comet, symbol)), 0) == comet.collateral(wallet, symbol)
        assert told == {}
        assert [account.reported is None for account in reading.accounts] == [
            account.rule is None for account in reading.accounts
        ]
