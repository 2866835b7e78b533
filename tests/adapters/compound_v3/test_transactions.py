"""What a comet is not told, all of a supply of base, and rules from before there were calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.compound_v3.stored import load_rule
from adapters.compound_v3.transactions import NO_COMET, NOT_ITS_HOLDER
from aggregator.model.actions import NO_DERIVATIVES, Repay, Trade, Untold, Withdraw
from aggregator.model.calls import CallableRule, Hands
from aggregator.model.rules import prices_of
from aggregator.model.units import parse_address
from tests.adapters.compound_v3.kit import asset_id, read_comet, rule_in
from tests.adapters.sending import alone, send_all, told

if TYPE_CHECKING:
    from tests.devnet.world import World


def test_stand_in_all_of_a_supply_of_base(devnet: World) -> None:
    """The largest number takes the interest along, which a balance that was read would leave."""
    comet, user = devnet.comet_usdc, devnet.spare[0]
    comet.supply(user, "USDC", 5_000)
    comet.supply(user, "WETH", 1)
    rule = rule_in(read_comet(devnet, comet, user))
    devnet.node.warp(86_400)
    send_all(devnet, told(rule.calls(Withdraw(rule.base.asset, None), alone(user))), user)
    assert comet.supplied(user) == 0


def test_stand_in_rules_from_before(devnet: World) -> None:
    """They load and say why they have no calls; a withdrawal beside a debt is untold as it was."""
    comet, (user, other) = devnet.comet_usdc, devnet.spare[:2]
    comet.supply(user, "WETH", 10)
    comet.borrow(user, 5_000)
    rule = rule_in(read_comet(devnet, comet, user))
    assert isinstance(rule, CallableRule)
    data: Any = rule.to_json()
    assert load_rule(data) == rule
    for name in ("comet", "read_at"):
        del data[name]
    [held] = data["collaterals"]
    del held["borrow_factor"]
    old, weth = load_rule(data), asset_id(comet, "WETH")
    assert old.calls(Repay(old.base.asset, None), alone(user)) == NO_COMET
    assert isinstance(old.apply(prices_of(old), devnet.node.timestamp, Withdraw(weth, 10**17)), Untold)
    hands = Hands(parse_address(user), parse_address(other))
    assert rule.calls(Repay(rule.base.asset, None), hands) == NOT_ITS_HOLDER
    assert rule.calls(Trade("ETH", 1), alone(user)) == NO_DERIVATIVES
    assert isinstance(rule.calls(Withdraw(asset_id(comet, "WBTC"), None), alone(user)), Untold)
