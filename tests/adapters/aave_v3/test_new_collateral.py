"""Deposits of what is no collateral yet, on the real contracts: what counts, what must be said first."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.aave_v3.collateral import EITHER
from adapters.aave_v3.liquidation import LiquidatableAaveRule
from adapters.aave_v3.stored import load_rule
from aggregator.model.actions import Applied, Deposit, Untold
from aggregator.model.assets import token_id
from aggregator.model.calls import Hands
from aggregator.model.rules import Refused, prices_of
from aggregator.model.units import parse_address
from tests.adapters.aave_v3.kit import CHAIN, read_market, rule_in
from tests.adapters.aave_v3.states import SYMBOLS, Changes
from tests.adapters.sending import alone, send_all, told
from tests.devnet.errors import TransactionReverted
from tests.volume import volume

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aggregator.model.calls import UnsignedCall
    from tests.devnet.aave import Aave
    from tests.devnet.world import World

BOTH = pytest.mark.parametrize(
    "choose",
    [
        pytest.param(lambda world: world.aave_v301, id="v3.0.1"),
        pytest.param(lambda world: world.aave_v36, id="v3.6"),
    ],
)
REFUSALS = ("62", "UserInIsolationModeOrLtvZero()")


def _govern(market: Aave, rng: random.Random) -> None:
    """Loan-to-values of zero, debt ceilings where nobody holds, frozen reserves: each now and then."""
    for operation, chance in ((_zero_ltv, 0.4), (_isolate, 0.5), (_freeze, 0.2)):
        if rng.random() < chance:
            with suppress(TransactionReverted):
                operation(market, rng.choice(SYMBOLS))


def _zero_ltv(market: Aave, symbol: str) -> None:
    market.configure(symbol, ltv_bps=0, threshold_bps=7_500, bonus_bps=10_600)


def _isolate(market: Aave, symbol: str) -> None:
    """Somebody's supply keeps the pool from a ceiling, so that it is written as the configurator may."""
    market.set_debt_ceiling(symbol if symbol != "WETH" else "wstETH", 10_000_000_00)


def _freeze(market: Aave, symbol: str) -> None:
    market.freeze(symbol)


def _open(market: Aave, changes: Changes, rng: random.Random, wallet: str) -> None:
    """One or two collaterals, some supply that does not count, an eMode, maybe a debt."""
    for symbol in rng.sample(SYMBOLS, rng.randrange(1, 3)):
        with suppress(TransactionReverted):
            market.supply(wallet, symbol, changes.amount(symbol, 5_000))
            if rng.random() < 0.5:
                market.set_collateral(wallet, symbol, enabled=True)
    if rng.random() < 0.4:
        with suppress(TransactionReverted):
            market.set_collateral(wallet, rng.choice(SYMBOLS), enabled=False)
    if rng.random() < 0.4:
        with suppress(TransactionReverted):
            market.set_emode(wallet, 1)
    if rng.random() < 0.6:
        with suppress(TransactionReverted):
            debt = rng.choice(("DAI", "USDC"))
            market.borrow(wallet, debt, changes.amount(debt, 300))


def _deposit(
    world: World, market: Aave, wallet: str, rule: LiquidatableAaveRule, deposit: Deposit, symbol: str
) -> str:
    """One deposit, beside what the pool makes of it."""
    time = world.node.timestamp + 600
    ours = rule.apply(prices_of(rule), time, deposit)
    leg = next((one for one in rule.legs if one.feed.asset == deposit.asset), None)
    known = leg is not None and leg.supplied_scaled
    calls = told(rule.calls(deposit, alone(wallet)))
    if isinstance(ours, Untold):
        # Without a collateral and a debt nothing is asked of what the wallet holds.
        assert ours == EITHER or not rule.legs, (ours, symbol)
        return "either" if ours == EITHER else "untold"
    if isinstance(ours, Refused):
        # The pool may take it, and refuse to count it.
        with pytest.raises(TransactionReverted) as caught:
            _sent_and_counted(world, market, wallet, calls, symbol, time)
        words = caught.value.reason.removesuffix("()")
        assert words in ours.reason or f"({words})" in ours.reason, (words, ours, symbol)
        return "not counted" if caught.value.reason in REFUSALS else "refused"
    assert isinstance(ours, Applied)
    send_all(world, calls, wallet, at=time, main=market.pool.address)
    assert ours.supplied == pytest.approx(market.supplied(wallet, symbol), rel=1e-6)
    again = rule_in(read_market(world, market, wallet))
    assert isinstance(again, LiquidatableAaveRule)
    successor = ours.successor
    # At the deposit's own time: rates are other ones afterwards.
    assert successor.health(prices_of(successor), time) == again.health(prices_of(again), time), symbol
    counted = {one.feed.asset for one in again.legs if one.supplied_scaled}
    assert deposit.asset in counted
    if known:
        return "more"
    return "by itself" if len(calls) == 2 else "said"


def _sent_and_counted(
    world: World, market: Aave, wallet: str, calls: Sequence[UnsignedCall], symbol: str, time: int
) -> None:
    send_all(world, calls, wallet, at=time, main=market.pool.address)
    market.set_collateral(wallet, symbol, enabled=True)


@BOTH
def test_random_new_collaterals(devnet: World, choose: Callable[[World], Aave]) -> None:
    """Health after it to the wei, the call that makes it count where it is needed, or a refusal."""
    market, seen = choose(devnet), Counter[str]()
    wallet = str(devnet.spare[0])
    for seed in range(volume(24, 300)):
        rng = random.Random(seed)
        changes = Changes(market, seed)
        with devnet.isolated():
            if rng.random() < 0.5:
                _govern(market, rng)
                _open(market, changes, rng, wallet)
            else:
                _open(market, changes, rng, wallet)
                _govern(market, rng)
            symbol = rng.choice(SYMBOLS)
            market.tokens[symbol].send("mint", wallet, 10**24)
            devnet.node.warp(rng.randrange(1, 30 * 86_400))
            accounts = read_market(devnet, market, wallet).accounts
            if not accounts:
                continue
            [account] = accounts
            rule = account.rule
            assert isinstance(rule, LiquidatableAaveRule)
            assert load_rule(rule.to_json()) == rule
            asset = token_id(CHAIN, parse_address(market.asset(symbol)))
            raw = market.tokens.units(symbol, changes.amount(symbol, 800))
            seen[_deposit(devnet, market, wallet, rule, Deposit(asset, raw), symbol)] += 1
    enough = {"by itself": 3, "said": 1, "more": 2, "refused": 1}
    for kind, least in enough.items():
        assert seen[kind] >= least, seen
    assert seen["not counted"] + seen["either"] >= 1, seen


@BOTH
def test_only_the_holder_can_make_it_count(devnet: World, choose: Callable[[World], Aave]) -> None:
    """What was told not to count needs a call of the holder; what nothing is known of stays untold."""
    market, user = choose(devnet), str(devnet.spare[0])
    market.supply(user, "WETH", 10)
    market.supply(user, "USDC", 100)
    market.set_collateral(user, "USDC", enabled=False)
    market.borrow(user, "DAI", 1_000)
    devnet.tokens.mint("WBTC", user, 1)
    rule = rule_in(read_market(devnet, market, user))
    assert isinstance(rule, LiquidatableAaveRule)
    usdc, wbtc, wsteth = (
        token_id(CHAIN, parse_address(market.asset(one))) for one in ("USDC", "WBTC", "wstETH")
    )
    other = Hands(parse_address(user), parse_address(devnet.spare[1]))
    assert isinstance(rule.calls(Deposit(usdc, 10**6), other), Untold)
    assert len(told(rule.calls(Deposit(wbtc, 10**6), other))) == 2
    time, prices = devnet.node.timestamp, prices_of(rule)
    assert isinstance(rule.apply(prices, time, Deposit(wsteth, 10**18)), Untold)
    assert isinstance(rule.apply(prices, time, Deposit(wbtc, 10**6)), Applied)
    old = replace(rule, openings=())
    assert isinstance(old.apply(prices, time, Deposit(wbtc, 10**6)), Untold)
