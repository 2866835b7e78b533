"""Plans beside reserves that have little cash to pay out, or room for little more, sent to the contracts."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from aggregator import app
from aggregator.model.actions import Deposit, Withdraw
from aggregator.model.assets import token_id
from aggregator.model.plans import Plan, Targets
from aggregator.model.units import parse_address
from tests.adapters.aave_v3.kit import CHAIN
from tests.adapters.compound_v3.kit import fill
from tests.devnet.errors import TransactionReverted
from tests.planning.executing import proved

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.devnet.aave import Aave
    from tests.devnet.comet import Comet
    from tests.devnet.world import World

MARKETS = [
    pytest.param(lambda world: world.aave_v301, id="v3.0.1"),
    pytest.param(lambda world: world.aave_v36, id="v3.6"),
]


def request(*only: str) -> app.PlanRequest:
    return app.PlanRequest(
        Targets(floor=1.02, health=1.5, kappa=0.0), only=only, gas_usd=0.05, estimates=False
    )


def moved(plan: Plan, market: Aave | Comet, kind: type, symbol: str) -> Decimal:
    """Whole tokens that all steps of a kind move."""
    asset = token_id(CHAIN, parse_address(market.asset(symbol)))
    amounts = [step.amount for step in plan.steps if isinstance(step.move, kind) and step.amount]
    return sum((Decimal(one.raw) for one in amounts if one.asset == asset), Decimal(0)) / market.tokens.units(
        symbol, 1
    )


@pytest.mark.parametrize("choose", MARKETS)
def test_no_more_is_taken_out_than_a_reserve_has(devnet: World, choose: Callable[[World], Aave]) -> None:
    """5,000 USDC are supplied, others have borrowed all but 400: the rest is sold of the other collateral."""
    market, user, others = choose(devnet), devnet.spare[0], devnet.spare[1]
    market.supply(user, "WETH", 10)
    market.supply(user, "USDC", 5_000)
    market.borrow(user, "DAI", 14_000)
    devnet.tokens.spend("DAI", user, others, 14_000)
    cash = Decimal(devnet.tokens.balance("USDC", market.a_token("USDC").address)).scaleb(-6)
    market.supply(others, "WBTC", 1_000)
    market.borrow(others, "USDC", cash - 400)
    devnet.node.set_balance(user, 0)
    plan, _ = proved(devnet, user, request("withdraw", "swap", "repay"))
    assert plan.status == "feasible", plan.shortfalls
    assert 399 < moved(plan, market, Withdraw, "USDC") <= 400
    assert moved(plan, market, Withdraw, "WETH") > 0


@pytest.mark.parametrize("choose", MARKETS)
def test_no_more_is_supplied_than_a_cap_allows(devnet: World, choose: Callable[[World], Aave]) -> None:
    """The wallet has four coins, and there is room for a part of them, which interest fills further."""
    market, user, others = choose(devnet), devnet.spare[0], devnet.spare[1]
    market.supply(user, "WETH", 10)
    market.borrow(user, "USDC", 13_500)
    devnet.tokens.spend("USDC", user, others, 13_500)
    devnet.tokens.mint("WETH", user, 4)
    total = market.a_token("WETH").call("totalSupply")
    market.configurator.send("setSupplyCap", market.asset("WETH"), total // 10**18 + 2)
    devnet.node.warp(40 * 86_400)
    devnet.prices.refresh()
    plan, _ = proved(devnet, user, request("deposit"))
    assert plan.status == "infeasible"
    posted = moved(plan, market, Deposit, "WETH")
    assert posted > 0
    with pytest.raises(TransactionReverted, match=r"SupplyCapExceeded|51"):
        market.supply(others, "WETH", "0.001")


def test_no_more_base_is_taken_out_than_a_comet_has(devnet: World) -> None:
    """5,000 USDC are lent there, others have borrowed all but 400: the rest is sold of the collateral."""
    comet, market = devnet.comet_usdc, devnet.aave_v36
    user, others = devnet.spare[:2]
    comet.supply(user, "DAI", 100)
    comet.supply(user, "USDC", 5_000)
    market.supply(user, "WETH", 10)
    market.borrow(user, "USDC", 13_500)
    devnet.tokens.spend("USDC", user, others, 13_500)
    cash = Decimal(devnet.tokens.balance("USDC", comet.comet.address)).scaleb(-6)
    comet.supply(others, "WBTC", 1_000)
    comet.borrow(others, cash - 400)
    devnet.node.set_balance(user, 0)
    plan, _ = proved(devnet, user, request("withdraw", "swap", "repay"))
    assert plan.status == "feasible", plan.shortfalls
    assert 399 < moved(plan, comet, Withdraw, "USDC") <= 400
    assert moved(plan, market, Withdraw, "WETH") > 0


def test_no_more_is_posted_than_a_comet_takes(devnet: World) -> None:
    """The wallet has four coins, and there is room for two."""
    comet, user, others = devnet.comet_usdc, *devnet.spare[:2]
    comet.supply(user, "WETH", 10)
    comet.borrow(user, 14_500)
    devnet.tokens.spend("USDC", user, others, 14_500)
    devnet.tokens.mint("WETH", user, 4)
    fill(comet, others, "WETH", 2 * 10**18)
    plan, _ = proved(devnet, user, request("deposit"))
    assert plan.status == "infeasible"
    assert 2 - Decimal("1e-9") < moved(plan, comet, Deposit, "WETH") <= 2
    with pytest.raises(TransactionReverted):
        comet.supply(others, "WETH", "0.000001")
