"""Morpho's own flash loans, other senders, and rules from before there were calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.morpho_blue.stored import load_rule
from adapters.morpho_blue.transactions import NO_VENUE
from aggregator.model.actions import Applied, Deposit, Repay, Untold, Withdraw
from aggregator.model.calls import DelegatedRule, Hands, Permits
from aggregator.model.flash import LendingRule
from aggregator.model.rules import Amount, Refused, prices_of
from aggregator.model.units import parse_address
from tests.adapters.morpho_blue.kit import by_market, read_morpho, rule_of
from tests.adapters.sending import alone, send_all, told
from tests.devnet.errors import TransactionReverted
from tests.devnet.flash import StandInExchange, executor_of

if TYPE_CHECKING:
    from adapters.morpho_blue.margin import MorphoRule
    from tests.devnet.world import World

KEY = "WETH/USDC"
LENT = 8_000 * 10**6 + 3


def _open(world: World, user: str) -> MorphoRule:
    morpho = world.morpho_blue
    morpho.supply_collateral(user, KEY, 10)
    morpho.borrow(user, KEY, raw=12_000 * 10**6)
    world.node.warp(3 * 86_400)
    return _read(world, user)


def _read(world: World, user: str) -> MorphoRule:
    rule = rule_of(by_market(world.morpho_blue, read_morpho(world, user), [KEY])[KEY])
    assert isinstance(rule, LendingRule)
    assert isinstance(rule, DelegatedRule)
    return rule


def test_a_free_bundle_deleverages(devnet: World) -> None:
    """Repay, take collateral out by an authorisation, sell it, pay back; then nobody may act any more."""
    morpho, user, rule = devnet.morpho_blue, devnet.spare[0], _open(devnet, devnet.spare[0])
    executor, exchange = executor_of(devnet, user), StandInExchange(devnet)
    weth, usdc = morpho.tokens["WETH"], morpho.tokens["USDC"]
    exchange.set_rate(weth.address, usdc.address, 1_990 * 10**6)
    loan, sold = rule.feed.quote, -(-LENT * 10**18 // (1_990 * 10**6))
    assert loan is not None
    assert rule.lender is not None
    assert rule.lender.fee(Amount(loan, LENT)) == Amount(loan, 0)
    hands = Hands(parse_address(user), parse_address(executor.address))
    repay, withdraw = Repay(loan, LENT), Withdraw(rule.feed.asset, sold)
    permits = rule.permits(withdraw, hands)
    assert isinstance(permits, Permits)
    inner = [
        *told(rule.calls(repay, hands)),
        *told(rule.calls(withdraw, hands)),
        *exchange.calls(weth.address, usdc.address, sold, LENT),
    ]
    left = (loan, rule.feed.asset)
    [call] = told(rule.lender.calls(Amount(loan, LENT), inner, hands.sender, left))
    with pytest.raises(TransactionReverted, match="LoanFailed"):
        devnet.chain.transact(call.to, call.data, sender=user)
    send_all(devnet, [*permits.before, call], user)
    now, after = devnet.node.timestamp, rule
    for action in (repay, withdraw):
        done = after.apply(prices_of(rule), now, action)
        assert isinstance(done, Applied)
        after = done.successor  # type: ignore[assignment]
    again = _read(devnet, user)
    assert after.health(prices_of(rule), now) == again.health(prices_of(again), now)
    assert [token.call("balanceOf", executor.address) for token in (weth, usdc)] == [0, 0]
    for token in (weth, usdc):
        for spender in (morpho.morpho.address, exchange.address):
            assert token.call("allowance", executor.address, spender) == 0
    send_all(devnet, permits.after, user)
    assert not morpho.morpho.call("isAuthorized", user, executor.address)
    note = bytes(31) + b"\x01" + bytes(31) + b"\x40" + bytes(32)
    with pytest.raises(TransactionReverted, match="NotLender"):
        executor.send("onMorphoFlashLoan", 0, note, sender=user)


def test_no_more_is_lent_than_there_is(devnet: World) -> None:
    """All of both tokens at most, none of others, and no loan of nothing."""
    user, rule = devnet.spare[0], _open(devnet, devnet.spare[0])
    lender, loan = rule.lender, rule.feed.quote
    assert lender is not None
    assert loan is not None
    cash = devnet.morpho_blue.tokens["USDC"].call("balanceOf", devnet.morpho_blue.morpho.address)
    executor = executor_of(devnet, user)
    for raw, told_so in ((cash, Amount), (cash + 1, Refused), (0, Refused)):
        assert isinstance(lender.fee(Amount(loan, raw)), told_so)
        [call] = told(lender.calls(Amount(loan, raw), (), parse_address(executor.address), ()))
        if told_so is Amount:
            devnet.chain.transact(call.to, call.data, sender=user)
        else:
            with pytest.raises(TransactionReverted):
                devnet.chain.transact(call.to, call.data, sender=user)
    other = rule.feed.asset.replace("31337", "1")
    assert isinstance(lender.fee(Amount(other, 1)), Untold)  # type: ignore[arg-type]


def test_others_pay_and_deposit_without_leave(devnet: World) -> None:
    """All of a debt by its shares; what is withdrawn goes to the sender, who needs an authorisation."""
    morpho, (user, other) = devnet.morpho_blue, devnet.spare[:2]
    rule, hands = _open(devnet, user), Hands(parse_address(user), parse_address(other))
    for symbol in ("WETH", "USDC"):
        morpho.tokens[symbol].send("mint", other, 10**24)
    repay = Repay(rule.feed.quote, None)  # type: ignore[arg-type]
    assert rule.permits(repay, hands) == Permits((), ())
    calls = [*told(rule.calls(Deposit(rule.feed.asset, 5), hands)), *told(rule.calls(repay, hands))]
    send_all(devnet, calls, other)
    assert morpho.morpho.call("position", morpho.market_id(KEY), user)[1:] == (0, 10**19 + 5)
    assert morpho.tokens["USDC"].call("allowance", other, morpho.morpho.address) == 0


def test_rules_from_before_have_no_calls(devnet: World) -> None:
    """They load, and say why; those of now come back as they were."""
    user, rule = devnet.spare[0], _open(devnet, devnet.spare[0])
    data = rule.to_json()
    assert load_rule(data) == rule
    del data["venue"]
    old = load_rule(data)
    repay = Repay(rule.feed.quote, None)  # type: ignore[arg-type]
    assert old.calls(repay, alone(user)) == NO_VENUE == old.permits(repay, alone(user))
    assert old.lender is None
    assert isinstance(old.apply(prices_of(old), devnet.node.timestamp + 9, repay), Applied)
