"""Owners' actions on the real contracts of Venus' core pool: what moves, what is left, what is refused."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.compound_v2.margin import CompoundRule
from adapters.compound_v2.transactions import ALL_COINS
from aggregator.model.actions import Applied, AssetAction, Deposit, Repay, Untold, Withdraw
from aggregator.model.rules import WAD, Refused, prices_of
from aggregator.model.units import parse_address
from tests.adapters.compound_v2.kit import asset_of, read_pool, rule_in
from tests.adapters.compound_v2.test_states import Changes
from tests.adapters.sending import alone, send_all, told
from tests.devnet.errors import TransactionReverted
from tests.devnet.venus_deploy import NATIVE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.compound_v2.position import Leg
    from aggregator.model.calls import UnsignedCall
    from tests.devnet.world import World

CASES = 10
BOOKS = (("WETH", ("USDC", "VAI")), ("WBTC", ("DAI",)), ("USDC", (NATIVE, "WETH")))
BLOCKS = 3


def test_random_actions(devnet: World) -> None:
    """Balances and the account as it is read afterwards, all interest added, to the unit."""
    pool, rng, seen = devnet.venus, random.Random(67), Counter[str]()
    changes = Changes(pool, 67)
    for wallet, (collateral, debts) in zip(devnet.spare, BOOKS, strict=False):
        pool.supply(wallet, collateral, changes.amount(collateral, 20_000))
        for debt in debts:
            pool.borrow(wallet, debt, changes.amount(debt, 3_000))
        for symbol in {collateral, *debts} - {NATIVE}:
            if symbol != "VAI":
                pool.tokens[symbol].send("mint", wallet, 10**30)
        devnet.node.set_balance(wallet, 10**24)
        pool.mine(20)
        pool.accrue()
        pool.mine(10)
        # When VAI last accrued can't be read (README.md).
        pool.batch([(pool.vai_controller, "accrueVAIInterest", ())])
        symbols = {asset_of(pool, symbol): symbol for symbol in (collateral, *debts)}
        rule = rule_in(read_pool(devnet, wallet))
        time = _mined(devnet, rule)
        for _ in range(CASES):
            snapshot = devnet.node.snapshot()
            action = _action(rng, rule, time)
            ours = rule.apply(prices_of(rule), time, action)
            assert not isinstance(ours, Untold)
            calls = list(_calls(devnet, wallet, rule, action))
            seen[_check(devnet, wallet, symbols[action.asset], action, ours, calls, time)] += 1
            devnet.node.revert(snapshot)
    for kind, least in {"Repay": 8, "Deposit": 3, "Withdraw": 1, "refused": 2}.items():
        assert seen[kind] >= least, seen


def test_what_a_withdrawal_leaves_to_others(devnet: World) -> None:
    """The market of another account has the same cash and interest; elsewhere nothing changes."""
    pool, [user, other, elsewhere, *_] = devnet.venus, devnet.spare
    books = ((user, "USDC", 3_000, "DAI"), (other, "WETH", 5, "USDC"), (elsewhere, "WBTC", 1, "DAI"))
    for wallet, collateral, amount, debt in books:
        pool.supply(wallet, collateral, amount)
        pool.borrow(wallet, debt, 500)
    pool.mine(20)
    rule, others, away = (rule_in(read_pool(devnet, one)) for one in (user, other, elsewhere))
    time, action = _mined(devnet, rule), Withdraw(asset_of(pool, "USDC"), 1_000 * 10**6)
    done = rule.apply(prices_of(rule), time, action)
    assert isinstance(done, Applied)
    assert done.room is not None
    assert away.with_room(done.room) is away
    assert _send(devnet, user, "USDC", list(_calls(devnet, user, rule, action)))
    left, again = others.with_room(done.room), rule_in(read_pool(devnet, other))
    ours, theirs = (_leg(one, action) for one in (left, again))
    assert ours is not None
    assert theirs is not None
    # The rate changes with what is left, which no rule follows; `initial` is of a market without tokens.
    was = ours.totals
    assert was == replace(theirs.totals, rate=was.rate, initial=was.initial)
    assert 0 <= theirs.owed - ours.owed <= 1
    assert ours.totals.cash < _cash(others, action)


def _cash(rule: CompoundRule, action: AssetAction) -> int:
    leg = _leg(rule, action)
    assert leg is not None
    return leg.totals.cash


def _mined(world: World, rule: CompoundRule) -> int:
    """A time at which the rule takes so many blocks for mined."""
    step = -(-BLOCKS * rule.clock.step_ms // 1_000)
    time = rule.clock.time + step
    assert rule.clock.units(time) == rule.clock.at + BLOCKS == world.node.block_number + BLOCKS
    return time


def _action(rng: random.Random, rule: CompoundRule, time: int) -> AssetAction:
    now = rule.accrued(time)
    if now.vai is not None and rng.random() < 0.3:
        # What was minted is all there is to pay with.
        return Repay(now.vai.feed.asset, rng.randrange(1, now.vai.debt.minted))
    leg = rng.choice(now.legs)
    asset = leg.feed.asset
    if leg.owed:
        more = leg.owed + rng.randrange(1, 10**6)
        return Repay(asset, rng.choice([None, rng.randrange(leg.owed), rng.randrange(leg.owed), more]))
    if rng.random() < 0.5:
        return Deposit(asset, rng.randrange(1, leg.supplied))
    return Withdraw(asset, rng.choice([None, leg.supplied // 2, leg.supplied // 50, 2 * leg.supplied]))


def _check(
    world: World,
    wallet: str,
    symbol: str,
    action: AssetAction,
    ours: Applied | Refused,
    calls: list[UnsignedCall],
    time: int,
) -> str:
    pool = world.venus
    if isinstance(ours, Refused):
        # Reasons of markets are numbers and words of their own; that they refuse is what counts.
        if ours.reason == "INSUFFICIENT_LIQUIDITY" or symbol == NATIVE:
            assert not _send(world, wallet, symbol, calls)
        else:
            with pytest.raises(TransactionReverted):
                assert not _send(world, wallet, symbol, calls, raises=True)
        return "refused"
    assert _send(world, wallet, symbol, calls), action
    again, after = rule_in(read_pool(world, wallet)), ours.successor
    assert isinstance(after, CompoundRule)
    if symbol != "VAI":
        # Nobody can read its last accrual, which was not now: it stands still but for interest.
        again, after = replace(again, vai=None), replace(after, vai=None)
    mine, theirs = (r.health(prices_of(r), time) for r in (after, again.accrued(again.clock.time)))
    assert mine.power == theirs.power
    # A debt whose market was left alone may be one smallest unit more: see Totals.grown.
    unit = sum(prices_of(after)[leg.feed.asset] // WAD for leg in after.legs if leg.owed)
    assert 0 <= theirs.requirement - mine.requirement <= unit
    if symbol != "VAI":
        tokens, owed, _ = pool.snapshot(wallet, symbol)
        assert ours.owed is None or 0 <= owed - ours.owed <= 1
        left = _leg(again, action)
        assert ours.supplied in (None, 0 if left is None else left.supplied)
        assert tokens == (0 if left is None else left.tokens)
    send_all(world, calls, wallet)
    if symbol != NATIVE:
        token = pool.vai if symbol == "VAI" else pool.tokens[symbol]
        market = pool.vai_controller if symbol == "VAI" else pool.markets[symbol]
        assert token.call("allowance", wallet, market.address) == 0
    return type(action).__name__


def _leg(rule: CompoundRule, action: AssetAction) -> Leg | None:
    return next((leg for leg in rule.legs if leg.feed.asset == action.asset), None)


def _calls(world: World, wallet: str, rule: CompoundRule, action: AssetAction) -> Iterator[UnsignedCall]:
    """The rule's, and where coins can't be told to repay all of a debt, what is owed in the end."""
    ours = rule.calls(action, alone(wallet))
    if ours == ALL_COINS:
        grown = rule.accrued(_mined(world, rule)).legs
        owed = next(leg.owed for leg in grown if leg.native and leg.owed)
        ours = rule.calls(replace(action, raw=owed), alone(wallet))
    yield from told(ours)


def _send(world: World, wallet: str, symbol: str, calls: list[UnsignedCall], *, raises: bool = False) -> bool:
    """Everything up to the market's own call, at its block; whether it was done.

    What comes after it stays in `calls`. `raises` lets the contracts' error through.
    """
    pool = world.venus
    market = pool.vai_controller if symbol == "VAI" else pool.markets[symbol]
    before = [call.to for call in calls].index(parse_address(market.address))
    for _ in range(before):
        send_all(world, [calls.pop(0)], wallet)
    pool.mine(BLOCKS - 1 - before)
    main = calls.pop(0)
    try:
        receipt = world.chain.transact(main.to, main.data, sender=wallet, value=main.value)
    except TransactionReverted:
        if raises:
            raise
        return False
    return not market.events(receipt, "Failure")
