"""What a market is not told, and rules from before there were calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.compound_v2.family import CompoundFamily
from adapters.compound_v2.transactions import ALL_COINS, NO_CONTROLLER, NOT_ITS_HOLDER
from aggregator.model.actions import NO_DERIVATIVES, Deposit, Repay, Trade, Untold, Withdraw
from aggregator.model.calls import CallableRule, Hands
from aggregator.model.rules import prices_of
from aggregator.model.units import parse_address
from tests.adapters.compound_v2.kit import asset_of, read_pool, rule_in
from tests.adapters.sending import alone, told
from tests.devnet.venus_deploy import NATIVE

if TYPE_CHECKING:
    from tests.devnet.world import World


def test_coins_others_and_rules_from_before(devnet: World) -> None:
    """All of a debt in coins has no word; VAI needs its controller; old rules load and say so."""
    pool, (user, other) = devnet.venus, devnet.spare[:2]
    pool.supply(user, "WETH", 20)
    pool.borrow(user, NATIVE, 3)
    pool.borrow(user, "VAI", 1_000)
    rule = rule_in(read_pool(devnet, user))
    assert isinstance(rule, CallableRule)
    coins, vai, weth = (asset_of(pool, symbol) for symbol in (NATIVE, "VAI", "WETH"))
    assert rule.calls(Repay(coins, None), alone(user)) == ALL_COINS
    [mint] = told(rule.calls(Deposit(coins, 7), alone(user)))
    assert (mint.to, mint.value) == (parse_address(pool.markets[NATIVE].address), 7)
    hands = Hands(parse_address(user), parse_address(other))
    assert rule.calls(Withdraw(weth, None), hands) == NOT_ITS_HOLDER
    assert rule.calls(Trade("ETH", 1), alone(user)) == NO_DERIVATIVES
    assert isinstance(rule.calls(Deposit(vai, 1), alone(user)), Untold)

    data: Any = rule.to_json()
    assert CompoundFamily().load(data) == rule
    for leg in data["legs"]:
        del leg["lending_factor"]
    del data["vai"]["controller"]
    old = CompoundFamily().load(data)
    assert old.calls(Repay(vai, 1), alone(user)) == NO_CONTROLLER
    assert isinstance(old.apply(prices_of(old), devnet.node.timestamp, Withdraw(weth, 10**16)), Untold)
