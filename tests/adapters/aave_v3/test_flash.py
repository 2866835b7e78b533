"""Flash bundles through the real pools: an account is deleveraged in one transaction, or not at all."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.aave_v3.liquidation import LiquidatableAaveRule
from aggregator.model.actions import Applied, Repay, Untold, Withdraw
from aggregator.model.assets import AssetId, token_id
from aggregator.model.calls import Hands, Permits, UnsignedCall
from aggregator.model.flash import FlashLender, LendingRule
from aggregator.model.rules import Amount, Refused, prices_of
from aggregator.model.units import Address, parse_address
from tests.adapters.aave_v3.kit import CHAIN, read_market, rule_in
from tests.adapters.aave_v3.liquidations import same_reason
from tests.adapters.sending import send_all, told
from tests.devnet.aave import AaveV36
from tests.devnet.errors import TransactionReverted
from tests.devnet.flash import StandInExchange, executor_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.devnet.aave import Aave
    from tests.devnet.chain import Contract
    from tests.devnet.world import World

BOTH = pytest.mark.parametrize(
    "choose",
    [
        pytest.param(lambda world: world.aave_v301, id="v3.0.1"),
        pytest.param(lambda world: world.aave_v36, id="v3.6"),
    ],
)
PREMIUM_BPS = 9
LENT = 10_000 * 10**18 + 7
RATE = 1_990 * 10**18


class Leveraged:
    """20 WETH against 24,000 DAI that were spent, an executor of the wallet's, and an exchange."""

    def __init__(self, world: World, market: Aave) -> None:
        self.world, self.market, self.user = world, market, world.spare[0]
        for symbol in ("DAI", "WETH"):
            market.configurator.send("setReserveFlashLoaning", market.asset(symbol), True)  # noqa: FBT003
        name = "updateFlashloanPremium" if isinstance(market, AaveV36) else "updateFlashloanPremiumTotal"
        market.configurator.send(name, PREMIUM_BPS)
        market.supply(self.user, "WETH", 20)
        market.borrow(self.user, "DAI", 24_000)
        market.spend(self.user, "DAI", 24_000)
        self.executor: Contract = executor_of(world, self.user)
        self.exchange = StandInExchange(world)
        self.exchange.set_rate(market.asset("WETH"), market.asset("DAI"), RATE)
        world.node.warp(5 * 86_400 + 13)
        self.hands = Hands(parse_address(self.user), self.address)

    @property
    def address(self) -> Address:
        """The executor's."""
        return parse_address(self.executor.address)

    def asset(self, symbol: str) -> AssetId:
        """A token of the market."""
        return token_id(CHAIN, parse_address(self.market.asset(symbol)))

    def rule(self) -> LiquidatableAaveRule:
        """The account as it is read now."""
        rule = rule_in(read_market(self.world, self.market, self.user))
        assert isinstance(rule, LiquidatableAaveRule)
        assert isinstance(rule, LendingRule)
        return rule

    def lender(self) -> FlashLender:
        """What the rule lends through."""
        lender = self.rule().lender
        assert lender is not None
        return lender

    def bundle(self, least: int | None = None) -> tuple[int, list[UnsignedCall], list[UnsignedCall]]:
        """What is sold of the collateral, what the holder allows first, and the bundle."""
        rule, lent, lender = self.rule(), Amount(self.asset("DAI"), LENT), self.lender()
        fee = lender.fee(lent)
        assert isinstance(fee, Amount)
        owed = LENT + fee.raw
        sold = -(-owed * 10**18 // RATE)
        withdraw = Withdraw(self.asset("WETH"), sold)
        permits = rule.permits(withdraw, self.hands)
        assert isinstance(permits, Permits)
        weth, dai = self.market.asset("WETH"), self.market.asset("DAI")
        inner = [
            *told(rule.calls(Repay(lent.asset, LENT), self.hands)),
            *told(rule.calls(withdraw, self.hands)),
            *self.exchange.calls(weth, dai, sold, owed if least is None else least),
        ]
        calls = told(lender.calls(lent, inner, self.address, (self.asset("WETH"),)))
        return sold, list(permits.before), list(calls)


@BOTH
def test_a_bundle_deleverages(devnet: World, choose: Callable[[World], Aave]) -> None:
    """The premium and the health as predicted; no allowance and no token is left anywhere."""
    case = Leveraged(devnet, choose(devnet))
    market, user, executor = case.market, case.user, case.executor.address
    rule, before = case.rule(), market.account_data(user).health_factor
    sold, allowed, calls = case.bundle()
    send_all(devnet, allowed, user)
    [call] = calls
    receipt = devnet.chain.transact(call.to, call.data, sender=user)
    [loan] = market.pool.events(receipt, "FlashLoan")
    fee = case.lender().fee(Amount(case.asset("DAI"), LENT))
    assert fee == Amount(case.asset("DAI"), loan["premium"])

    now, predicted = devnet.node.timestamp, rule
    for action in (Repay(case.asset("DAI"), LENT), Withdraw(case.asset("WETH"), sold)):
        done = predicted.apply(prices_of(rule), now, action)
        assert isinstance(done, Applied)
        assert isinstance(done.successor, LiquidatableAaveRule)
        predicted = done.successor
    ours, theirs = (r.health(prices_of(rule), now) for r in (predicted, case.rule()))
    assert ours.requirement == theirs.requirement
    # Up to V3.4 the rounding of two transfers of aTokens comes on top.
    assert abs(ours.power - theirs.power) <= (0 if isinstance(market, AaveV36) else 10**5)
    after = market.account_data(user).health_factor
    assert after > before * 11 // 10
    assert after == theirs.health

    tokens = [market.tokens["DAI"], market.tokens["WETH"], market.a_token("WETH")]
    assert [token.call("balanceOf", executor) for token in tokens] == [0, 0, 0]
    assert market.a_token("WETH").call("allowance", user, executor) == 0
    for spender in (market.pool.address, case.exchange.address):
        assert [token.call("allowance", executor, spender) for token in tokens] == [0, 0, 0]


@BOTH
def test_a_bundle_whose_call_fails_leaves_everything(devnet: World, choose: Callable[[World], Aave]) -> None:
    """Also without the holder's allowance, and for whoever is not the owner or the lender."""
    case = Leveraged(devnet, choose(devnet))
    market, user, other = case.market, case.user, devnet.spare[1]
    [call] = case.bundle()[2]
    with pytest.raises(TransactionReverted):
        devnet.chain.transact(call.to, call.data, sender=user)
    _, allowed, [greedy] = case.bundle(least=LENT * 2)
    send_all(devnet, allowed, user)
    rule, now = case.rule(), devnet.node.timestamp
    with pytest.raises(TransactionReverted, match="LoanFailed"):
        devnet.chain.transact(greedy.to, greedy.data, sender=user)
    assert case.rule().health(prices_of(rule), now + 100) == rule.health(prices_of(rule), now + 100)

    with pytest.raises(TransactionReverted, match="NotOwner"):
        devnet.chain.transact(call.to, call.data, sender=other)
    dai = market.asset("DAI")
    with pytest.raises(TransactionReverted, match="NotLender"):
        case.executor.send("executeOperation", dai, 1, 0, case.executor.address, b"", sender=other)
    with pytest.raises(TransactionReverted, match="NotLender"):
        market.pool.send("flashLoanSimple", case.executor.address, dai, 1, b"", 0, sender=other)
    # A lender that does not call back has lent nothing.
    balance = market.tokens["DAI"].encode("balanceOf", user)
    with pytest.raises(TransactionReverted, match="NotLent"):
        case.executor.send("run", dai, balance, [], sender=user)


@BOTH
def test_premiums_and_refusals(devnet: World, choose: Callable[[World], Aave]) -> None:
    """Random amounts to the wei; more than there is, and a reserve that lends none, are refused."""
    case, rng = Leveraged(devnet, choose(devnet)), random.Random(9)
    market, user, asset = case.market, case.user, case.asset("DAI")
    lender, dai = case.lender(), market.tokens["DAI"]
    dai.send("mint", user, 10**30)
    for raw in (1, 555, 5_555, *(rng.randrange(1, 10 ** rng.randrange(2, 24)) for _ in range(5))):
        fee = lender.fee(Amount(asset, raw))
        assert isinstance(fee, Amount)
        dai.send("transfer", case.executor.address, fee.raw, sender=user)
        [call] = told(lender.calls(Amount(asset, raw), (), case.address, ()))
        devnet.chain.transact(call.to, call.data, sender=user)
        assert dai.call("balanceOf", case.executor.address) == 0

    cash = dai.call("balanceOf", market.a_token("DAI").address)
    assert isinstance(case.lender().fee(Amount(asset, cash)), Amount)
    assert isinstance(case.lender().fee(Amount(asset, cash + 1)), Refused)
    [call] = told(lender.calls(Amount(asset, cash + 1), (), case.address, ()))
    with pytest.raises(TransactionReverted):
        devnet.chain.transact(call.to, call.data, sender=user)

    market.pause("DAI")
    refused = case.lender().fee(Amount(asset, 1))
    assert isinstance(refused, Refused)
    with pytest.raises(TransactionReverted) as error:
        market.pool.send(
            "flashLoanSimple", case.executor.address, market.asset("DAI"), 1, b"", 0, sender=user
        )
    assert same_reason(refused.reason, error.value.reason)
    market.pause("DAI", paused=False)
    market.configurator.send("setReserveFlashLoaning", market.asset("DAI"), False)  # noqa: FBT003
    disabled = case.lender().fee(Amount(asset, 1))
    # Revisions that are taken for V3.0 may be from before there was a flag.
    assert isinstance(disabled, Refused if isinstance(market, AaveV36) else Untold)
    assert isinstance(case.lender().fee(Amount(case.asset("WBTC"), 1)), Untold)


def test_what_was_not_read_is_not_lent(devnet: World) -> None:
    """A rule from before has no lender, and one whose pool did not tell its premium no fee."""
    case = Leveraged(devnet, devnet.aave_v36)
    rule = case.rule()
    assert replace(rule, pool=None).lender is None
    assert rule.pool is not None
    silent = replace(rule, pool=replace(rule.pool, premium_bps=None)).lender
    assert silent is not None
    assert isinstance(silent.fee(Amount(case.asset("DAI"), 1)), Untold)
