"""Plans of two holders whose accounts draw on the same room, sent to the contracts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from aggregator import app
from aggregator.model.actions import Deposit, Withdraw
from aggregator.model.plans import Plan, Targets
from aggregator.model.portfolio import Portfolio
from aggregator.model.units import parse_address
from cli import plan_documents
from tests.adapters.compound_v3.kit import fill
from tests.devnet.execute import Executor
from tests.planning.test_full_reserves import MARKETS, moved

if TYPE_CHECKING:
    from tests.devnet.aave import Aave
    from tests.devnet.world import World


def together(portfolios: tuple[Portfolio, ...]) -> Portfolio:
    """The accounts of two wallets as one portfolio, as of a wallet and a proxy of its owner."""
    one, other = portfolios
    return replace(
        one,
        accounts=(*one.accounts, *other.accounts),
        marks={**one.marks, **other.marks},
        spots={**one.spots, **other.spots},
        classes={**one.classes, **other.classes},
    )


class ExecutorOfBoth(Executor):
    """Compares the accounts of both wallets, whichever the plan names."""

    def __init__(self, world: World, users: tuple[str, str]) -> None:
        super().__init__(world)
        self.selection = app.Selection(tuple(map(parse_address, users)))

    def read(self, wallet: str) -> Portfolio:
        """Both as they are now."""
        assert parse_address(wallet) in self.selection.wallets
        return together(app.read(self.selection, self.config).portfolios)


def sent(world: World, users: tuple[str, str], only: tuple[str, ...]) -> Plan:
    """Plan for both together and send all of it; every state is as predicted."""
    executor = ExecutorOfBoth(world, users)
    answer = app.read_with_markets(executor.selection, executor.config)
    answer = replace(answer, portfolios=(together(answer.portfolios),))
    request = app.PlanRequest(
        Targets(floor=1.02, health=1.5, kappa=0.0), only=only, gas_usd=0.05, estimates=False
    )
    [plan], [portfolio] = app.repair(answer, request), answer.portfolios
    document = json.loads(json.dumps(plan_documents.plan(plan, portfolio)))
    steps = list(executor.run(document))
    assert len(steps) == len(plan.steps)
    assert not [fault for step in steps for fault in step.faults(request.targets.floor)]
    return plan


@pytest.mark.parametrize("choose", MARKETS)
def test_both_take_out_no_more_than_a_reserve_has(devnet: World, choose: Callable[[World], Aave]) -> None:
    """Each has 5,000 USDC there, others have borrowed all but 600: the rest is sold of other collateral."""
    market, users, others = choose(devnet), (devnet.spare[0], devnet.spare[2]), devnet.spare[1]
    for user in users:
        market.supply(user, "WETH", 10)
        market.supply(user, "USDC", 5_000)
        market.borrow(user, "DAI", 14_000)
        devnet.tokens.spend("DAI", user, others, 14_000)
        devnet.node.set_balance(user, 0)
    cash = Decimal(devnet.tokens.balance("USDC", market.a_token("USDC").address)).scaleb(-6)
    market.supply(others, "WBTC", 1_000)
    market.borrow(others, "USDC", cash - 600)
    plan = sent(devnet, users, ("withdraw", "swap", "repay"))
    assert plan.status == "feasible", plan.shortfalls
    assert 599 < moved(plan, market, Withdraw, "USDC") <= 600


def test_both_post_no_more_than_a_comet_takes(devnet: World) -> None:
    """Each has four coins, and there is room for three."""
    comet, users, others = devnet.comet_usdc, (devnet.spare[0], devnet.spare[2]), devnet.spare[1]
    for user in users:
        comet.supply(user, "WETH", 10)
        comet.borrow(user, 14_500)
        devnet.tokens.spend("USDC", user, others, 14_500)
        devnet.tokens.mint("WETH", user, 4)
    fill(comet, others, "WETH", 3 * 10**18)
    plan = sent(devnet, users, ("deposit",))
    assert plan.status == "infeasible"
    assert 3 - Decimal("1e-4") < moved(plan, comet, Deposit, "WETH") <= 3
