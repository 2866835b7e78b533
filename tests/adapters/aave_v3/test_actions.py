"""Owners' actions on the real contracts: what a rule's calls move, refusals, what is left and its health."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from adapters.aave_v3.liquidation import LiquidatableAaveRule
from aggregator.model.actions import AdjustableRule, Applied, AssetAction, Deposit, Repay, Untold, Withdraw
from aggregator.model.assets import AssetId, token_id
from aggregator.model.rules import Amount, Refused, prices_of
from aggregator.model.units import parse_address
from tests.adapters.aave_v3.kit import CHAIN, adapter_of, rule_in
from tests.adapters.aave_v3.liquidations import same_reason
from tests.adapters.aave_v3.states import SYMBOLS, Changes
from tests.adapters.sending import alone, send_all, told
from tests.devnet.errors import TransactionReverted
from tests.reading_kit import read_accounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.devnet.aave import Aave
    from tests.devnet.world import World

CASES = 16


@pytest.mark.parametrize(
    ("choose", "seed"),
    [
        pytest.param(lambda world: world.aave_v301, 301, id="v3.0.1"),
        pytest.param(lambda world: world.aave_v36, 36, id="v3.6"),
    ],
)
def test_random_actions(devnet: World, choose: Callable[[World], Aave], seed: int) -> None:
    """What is paid, supplied, owed and the health, to the wei; the same refusals."""
    market, rng, seen = choose(devnet), random.Random(seed), Counter[str]()
    changes = Changes(market, seed)
    assets = {symbol: token_id(CHAIN, parse_address(market.asset(symbol))) for symbol in SYMBOLS}
    wallets = devnet.spare[:3]
    for wallet, first in zip(wallets, ("WETH", "WBTC", "wstETH"), strict=True):
        market.supply(wallet, first, changes.amount(first, 9_000))
        market.supply(wallet, "USDC", changes.amount("USDC", 2_000))
        market.borrow(wallet, "DAI", changes.amount("DAI", 4_000))
        market.borrow(wallet, "WETH", changes.amount("WETH", 900))
        for symbol in ("DAI", "WETH", "USDC", first):
            market.tokens[symbol].send("mint", wallet, 10**30)
    devnet.node.warp(9 * 86_400 + 11)
    for wallet in wallets:
        rule = _rule(devnet, market, wallet)
        for _ in range(CASES):
            snapshot = devnet.node.snapshot()
            time = devnet.node.timestamp + rng.randrange(5, 40 * 86_400)
            action = _action(rng, rule, assets, time)
            ours = rule.apply(prices_of(rule), time, action)
            seen[_check(devnet, market, wallet, rule, action, ours, time)] += 1
            devnet.node.revert(snapshot)
    for kind, least in {"Repay": 10, "Deposit": 5, "Withdraw": 5, "refused": 3, "untold": 1}.items():
        assert seen[kind] >= least, seen


def _rule(world: World, market: Aave, wallet: str) -> LiquidatableAaveRule:
    rule = rule_in(read_accounts(world.node.url, adapter_of(market), wallet))
    assert isinstance(rule, LiquidatableAaveRule)
    assert isinstance(rule, AdjustableRule)
    return rule


def _action(
    rng: random.Random, rule: LiquidatableAaveRule, assets: dict[str, AssetId], time: int
) -> AssetAction:
    leg = rng.choice(rule.legs)
    held, owed = leg.supplied(rule.maths, time), leg.owed(rule.maths, time)
    asset = leg.feed.asset if rng.random() < 0.95 else assets["DAI"]
    part = rng.choice([None, 0, 1, rng.randrange(owed + held + 1), rng.randrange(2 * (owed + held) + 1)])
    if owed and rng.random() < 0.7:
        return Repay(asset, part)
    if rng.random() < 0.5:
        return Deposit(asset, part or rng.randrange(10**18))
    return Withdraw(asset, part)


def _check(
    world: World,
    market: Aave,
    wallet: str,
    rule: LiquidatableAaveRule,
    action: AssetAction,
    ours: Applied | Refused | Untold,
    time: int,
) -> str:
    token = action.asset.rpartition(":")[2]
    kind = type(action).__name__
    if isinstance(ours, Untold):
        return "untold"
    symbol = next(s for s in SYMBOLS if market.asset(s).lower() == token)
    before = market.tokens[symbol].call("balanceOf", wallet)
    if isinstance(ours, Refused):
        with pytest.raises(TransactionReverted) as refused:
            send_all(
                world, told(rule.calls(action, alone(wallet))), wallet, at=time, main=market.pool.address
            )
        assert same_reason(ours.reason, refused.value.reason), (refused.value.reason, ours, action)
        return "refused"
    send_all(world, told(rule.calls(action, alone(wallet))), wallet, at=time, main=market.pool.address)
    assert market.tokens[symbol].call("allowance", wallet, market.pool.address) == 0
    moved = market.tokens[symbol].call("balanceOf", wallet) - before
    amount = Amount(action.asset, abs(moved))
    assert (ours.paid, ours.received) == ((amount, None) if moved < 0 else (None, amount))
    assert ours.owed in (None, market.owed(wallet, symbol))
    assert ours.supplied in (None, market.supplied(wallet, symbol))
    again = _rule(world, market, wallet)
    successor = ours.successor
    assert successor.health(prices_of(successor), time) == again.health(prices_of(again), time)
    return kind
