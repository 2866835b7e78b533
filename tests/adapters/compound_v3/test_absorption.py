"""Random absorptions by the stand-in for a comet: what moves, who pays, what is left, and the refusals."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from adapters.compound_v3.margin import CometRule
from aggregator.model.positions import Supply
from aggregator.model.readings import Block
from aggregator.model.rules import Amount, Refused, Repayment
from tests.adapters.compound_v3.changes import Changes
from tests.adapters.compound_v3.kit import asset_id, asset_of, read_comet, refusal, rule_in
from tests.adapters.compound_v3.test_states import BOTH
from tests.devnet.comet import factor

if TYPE_CHECKING:
    from collections.abc import Callable

    from aggregator.model.rules import Liquidated
    from tests.devnet.comet import Absorption, Comet
    from tests.devnet.world import World

CASES = 65
WALLETS = 8


@BOTH
def test_stand_in_absorbs_as_the_rule_says(
    devnet: World, choose: Callable[[World], Comet], seed: int
) -> None:
    """Over sixty random cases a comet, each from the same start: paid, taken, left to the unit."""
    comet = choose(devnet)
    changes = Changes(comet, seed + 1)
    wallets = devnet.spare[:WALLETS]
    for wallet in wallets:
        changes.open(wallet)
    start = dict(changes.prices)
    for _ in range(CASES):
        wallet = changes.random.choice(wallets)
        snapshot = devnet.node.snapshot()
        changes.move_prices()
        devnet.node.warp(changes.random.randrange(1, 300 * 86_400))
        if changes.random.random() < 0.5:
            comet.accrue()
        paused = changes.random.random() < 0.1
        comet.pause(*(["absorb"] if paused else []))
        reading = read_comet(devnet, comet, wallet)
        assert isinstance(reading.source, Block)
        rule = rule_in(reading)
        health = rule.health(changes.prices, reading.source.timestamp).health
        assert health is not None
        # From healthy down to where the collateral is worth less than the debt.
        changes.move_collateral(changes.random.uniform(0.5, 1.05) * 10**18 / health)
        devnet.node.warp(changes.random.randrange(1, 30 * 86_400))
        ours = rule.liquidate(
            changes.prices, devnet.node.timestamp + 1, Repayment(Amount(rule.base.asset, 0), None)
        )
        if isinstance(ours, Refused):
            assert ours.reason == refusal(partial(comet.absorb, wallet))
            changes.note(ours.reason)
        else:
            _check(devnet, changes, wallet, rule, ours, comet.absorb(wallet))
        devnet.node.revert(snapshot)
        changes.prices = dict(start)
    enough = {"NotLiquidatable": 2, "Paused": 3, "bad debt": 15, "excess": 3, "absorbed": 50}
    for kind, least in enough.items():
        assert changes.done.get(kind, 0) >= least, (kind, changes.done)


def _check(
    world: World, changes: Changes, wallet: str, rule: CometRule, ours: Liquidated, told: Absorption
) -> None:
    comet, time = changes.comet, world.node.timestamp
    owed = rule.accrual.at(time).owed(rule.principal)
    repaid, written_off = (sum(amount.raw for amount in part) for part in (ours.repaid, ours.bad_debt))
    assert repaid + written_off == owed
    # The comet tells what it paid out, which is the debt and what the collateral is worth beyond it, and
    # what each collateral was worth.
    excess = told.base_paid_out - owed
    events = comet.comet.events(told.receipt, "AbsorbCollateral")
    assert [(asset_of(event["asset"]), event["collateralAbsorbed"]) for event in events] == [
        (taken.asset, taken.raw) for taken in ours.seized
    ]
    factors = {asset_id(comet, symbol): factor(f.liquidation) for symbol, f in comet.factors.items()}
    credit = sum(event["usdValue"] * factors[asset_of(event["asset"])] // 10**18 for event in events)
    credited = credit * 10**rule.base_decimals // changes.prices[rule.base.asset]
    assert credited == repaid + excess
    assert min(written_off, excess) == 0
    assert [amount.raw for amount in ours.supplied] == ([excess] if excess else [])
    after = ours.successor
    assert isinstance(after, CometRule)
    assert after.principal == after.accrual.principal_of_supply(excess) == comet.principal(wallet)
    totals = comet.comet.call("totalsBasic")
    indices = (after.accrual.supply_index, after.accrual.borrow_index, after.accrual.updated_at)
    assert indices == tuple(
        totals[name] for name in ("baseSupplyIndex", "baseBorrowIndex", "lastAccrualTime")
    )
    assert not any(comet.collateral(wallet, symbol) for symbol in comet.factors)
    changes.note("absorbed")
    changes.note("bad debt" if written_off else "excess")
    if changes.random.random() < 0.3:
        _check_left(world, comet, wallet, after, time)


def _check_left(world: World, comet: Comet, wallet: str, after: CometRule, time: int) -> None:
    """What another read finds: nothing, or a supply of base that nothing can touch."""
    left = read_comet(world, comet, wallet)
    if after.principal == 0:
        assert left.accounts == ()
        return
    [account] = left.accounts
    [supply] = account.positions
    assert isinstance(supply, Supply)
    assert (supply.asset.id, supply.is_collateral) == (asset_id(comet, comet.base), False)
    assert supply.raw == after.accrual.at(time).supplied(after.principal)
    assert (account.rule, account.reported) == (None, None)
