"""What an action's calls are beyond one holder's plain ones: two rates, other senders, older rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.aave_v3.stored import load_rule
from adapters.aave_v3.transactions import NO_POOL, UNTOLD_ALL
from aggregator.model.actions import NO_DERIVATIVES, Applied, Deposit, Repay, Trade, Untold, Withdraw
from aggregator.model.assets import AssetId, token_id
from aggregator.model.calls import DelegatedRule, Hands, Permits
from aggregator.model.rules import Refused, prices_of
from aggregator.model.units import parse_address
from tests.adapters.aave_v3.kit import CHAIN, read_market, rule_in
from tests.adapters.aave_v3.liquidations import same_reason
from tests.adapters.sending import alone, send_all, told
from tests.devnet.errors import TransactionReverted

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.aave_v3.liquidation import LiquidatableAaveRule
    from tests.devnet.aave import Aave
    from tests.devnet.world import World

BOTH = pytest.mark.parametrize(
    "choose",
    [
        pytest.param(lambda world: world.aave_v301, id="v3.0.1"),
        pytest.param(lambda world: world.aave_v36, id="v3.6"),
    ],
)


def _asset(market: Aave, symbol: str) -> AssetId:
    return token_id(CHAIN, parse_address(market.asset(symbol)))


def _rule(world: World, market: Aave, wallet: str) -> LiquidatableAaveRule:
    rule = rule_in(read_market(world, market, wallet))
    assert isinstance(rule, DelegatedRule)
    return rule  # type: ignore[return-value]


def test_a_debt_at_both_rates_is_repaid_as_a_whole(devnet: World) -> None:
    """By one repayment each; a part of it goes to the variable one first."""
    market, user = devnet.aave_v301, devnet.spare[0]
    market.supply(user, "WETH", 20)
    market.borrow(user, "DAI", 5_000)
    market.borrow_stable(user, "DAI", 3_000)
    devnet.node.warp(30 * 86_400)
    rule, dai = _rule(devnet, market, user), _asset(market, "DAI")
    market.tokens["DAI"].send("mint", user, 10**24)

    some = told(rule.calls(Repay(dai, 10**21), alone(user)))
    assert [call.description.startswith("Repay") for call in some] == [False, True]
    over = rule.calls(Repay(dai, 6 * 10**21), alone(user))
    assert isinstance(over, Untold)
    assert "both rates" in over.reason

    everything = told(rule.calls(Repay(dai, None), alone(user)))
    send_all(devnet, everything, user)
    assert (market.owed(user, "DAI"), market.stable_owed(user, "DAI")) == (0, 0)
    assert market.tokens["DAI"].call("allowance", user, market.pool.address) == 0
    assert "stable" in everything[2].description


@BOTH
def test_another_sender_pays_and_takes_out_what_it_is_allowed(
    devnet: World, choose: Callable[[World], Aave]
) -> None:
    """Repayments and deposits need no permission; a withdrawal takes aTokens by an exact allowance."""
    market, user, other = choose(devnet), *devnet.spare[:2]
    market.supply(user, "WETH", 20)
    market.borrow(user, "DAI", 5_000)
    devnet.node.warp(3 * 86_400 + 7)
    rule, dai, weth = _rule(devnet, market, user), _asset(market, "DAI"), _asset(market, "WETH")
    hands = Hands(parse_address(user), parse_address(other))
    for symbol in ("DAI", "WETH"):
        market.tokens[symbol].send("mint", other, 10**24)

    supplied = market.supplied(user, "WETH")
    send_all(devnet, told(rule.calls(Deposit(weth, 10**18), hands)), other)
    assert market.supplied(user, "WETH") >= supplied + 10**18
    send_all(devnet, told(rule.calls(Repay(dai, None), hands)), other)
    assert market.owed(user, "DAI") == 0
    assert rule.permits(Repay(dai, None), hands) == Permits((), ())

    took = Withdraw(weth, 7 * 10**18 + 123_456_789)
    with pytest.raises(TransactionReverted):
        send_all(devnet, told(rule.calls(took, hands)), other)
    permits = rule.permits(took, hands)
    assert isinstance(permits, Permits)
    send_all(devnet, permits.before, user)
    before = market.tokens["WETH"].call("balanceOf", other)
    send_all(devnet, told(rule.calls(took, hands)), other)
    assert market.tokens["WETH"].call("balanceOf", other) - before == took.raw
    # What is taken for rounding stays, here with the interest of the blocks between both calls.
    assert market.supplied(other, "WETH") < 10**10
    assert market.a_token("WETH").call("allowance", user, other) == 0
    assert rule.calls(Withdraw(weth, None), hands) == UNTOLD_ALL == rule.permits(Withdraw(weth, None), hands)


@pytest.mark.parametrize("emode", [0, 1])
@BOTH
def test_what_nobody_may_borrow_on_is_withdrawn_first(
    devnet: World, choose: Callable[[World], Aave], emode: int
) -> None:
    """A loan-to-value of zero blocks the other collaterals, not itself; an eMode has one of its own."""
    market, user = choose(devnet), devnet.spare[0]
    market.supply(user, "WETH", 20)
    market.supply(user, "WBTC", 1)
    market.borrow(user, "WETH", 1)
    market.set_emode(user, emode)
    market.configure("WBTC", ltv_bps=0, threshold_bps=7_800, bonus_bps=10_625)
    rule = _rule(devnet, market, user)
    for symbol, raw in (("WETH", 10**18), ("WBTC", 10**7), ("WBTC", None)):
        snapshot = devnet.node.snapshot()
        action = Withdraw(_asset(market, symbol), raw)
        ours = rule.apply(prices_of(rule), devnet.node.timestamp + 1, action)
        calls = told(rule.calls(action, alone(user)))
        if symbol == "WETH":
            assert isinstance(ours, Refused)
            with pytest.raises(TransactionReverted) as refused:
                send_all(devnet, calls, user)
            assert same_reason(ours.reason, refused.value.reason)
        else:
            assert isinstance(ours, Applied)
            send_all(devnet, calls, user)
        devnet.node.revert(snapshot)


def test_rules_from_before_have_no_calls(devnet: World) -> None:
    """They load, and say why; those of now come back as they were."""
    market, user = devnet.aave_v36, devnet.spare[0]
    market.supply(user, "WETH", 20)
    market.borrow(user, "DAI", 5_000)
    rule, dai = _rule(devnet, market, user), _asset(market, "DAI")
    data: Any = rule.to_json()
    assert load_rule(data) == rule
    del data["pool"]
    for terms in data["terms"]:
        for name in ("ltv_zero", "a_token", "lendable"):
            del terms[name]
    old = load_rule(data)
    assert isinstance(old, DelegatedRule)
    assert old.calls(Repay(dai, None), alone(user)) == NO_POOL == old.permits(Repay(dai, 1), alone(user))
    assert old.health(prices_of(old), devnet.node.timestamp) == rule.health(
        prices_of(rule), devnet.node.timestamp
    )
    assert rule.calls(Trade("ETH", 1), alone(user)) == NO_DERIVATIVES
    assert isinstance(rule.calls(Repay(_asset(market, "WETH"), None), alone(user)), Untold)
