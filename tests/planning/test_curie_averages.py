"""A plan for a trader on Perp Curie holds through the half hour in which the mark follows the pool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aggregator import app
from aggregator.model.plans import Targets
from aggregator.model.units import parse_address
from cli import plan_documents
from tests.devnet.execute import Executor

if TYPE_CHECKING:
    from aggregator.model.plans import Plan
    from tests.devnet.world import World

REQUEST = app.PlanRequest(Targets(floor=1.02, health=1.25, kappa=0.0), gas_usd=0.05, estimates=False)


def trader(world: World, usdc: str) -> str:
    """A long of 3 ETH on 700 USDC, and so much in the wallet; the mark and the pool agree."""
    user = str(world.spare[0])
    world.perp_curie.deposit(user, "USDC", 700)
    world.perp_curie.open(user, "vETH", 3)
    world.node.warp(3_600)
    world.prices.refresh()
    world.tokens.mint("USDC", user, usdc)
    return user


def planned(world: World, user: str) -> tuple[Plan, dict[str, Any], Executor]:
    """A plan, and what sends it."""
    executor = Executor(world)
    answer = app.read_with_markets(app.Selection((parse_address(user),)), executor.config)
    [plan], [portfolio] = app.repair(answer, REQUEST), answer.portfolios
    document: dict[str, Any] = json.loads(json.dumps(plan_documents.plan(plan, portfolio)))
    return plan, document, executor


def healths(world: World, user: str) -> Iterator[float]:
    """The contracts' own word every half minute of the half hour that follows."""
    for _ in range(62):
        said = world.perp_curie.account(user)
        yield said.value / said.requirement
        world.node.warp(30)


def test_safe_now_is_not_safe(perps_devnet: World) -> None:
    """The pool has fallen by 5%, the mark has not: what passes now would fail by itself within minutes."""
    world, curie = perps_devnet, perps_devnet.perp_curie
    user = trader(world, "2000")
    curie.arbitrage("vETH", curie.spot("vETH") * 95 / 100)
    before = curie.account(user)
    assert before.value > 1.5 * before.requirement
    with world.isolated():
        assert min(healths(world, user)) < 1.15
    plan, document, executor = planned(world, user)
    assert plan.status == "feasible"
    assert plan.steps
    for step in executor.run(document):
        assert step.reverted is None, step
    found = list(healths(world, user))
    assert min(found) >= 1.25
    # Nor is it much more than what is needed.
    assert min(found) < 1.28


def test_a_closing_counts_with_what_it_does_to_the_mark(perps_devnet: World) -> None:
    """A wallet without money reduces: what is left is judged by the pool that the trade leaves."""
    world, curie = perps_devnet, perps_devnet.perp_curie
    user = trader(world, "0")
    curie.arbitrage("vETH", curie.spot("vETH") * 95 / 100)
    plan, document, executor = planned(world, user)
    assert plan.status == "feasible"
    assert {step.move.__class__.__name__ for step in plan.steps} == {"Trade"}
    for step in executor.run(document):
        assert step.reverted is None, step
    assert 1.25 <= min(healths(world, user)) < 1.3


def test_what_is_lacking_is_told_with_its_reason(perps_devnet: World) -> None:
    """No plan is feasible where the account can't be brought through the half hour."""
    world, curie = perps_devnet, perps_devnet.perp_curie
    user = trader(world, "0")
    curie.arbitrage("vETH", curie.spot("vETH") * 95 / 100)
    curie.exchange.send("setMaxTickCrossedWithinBlock", curie.bases["vETH"].address, 0)
    plan, _, _ = planned(world, user)
    assert plan.status == "infeasible"
    assert any("averages" in one.needed for one in plan.shortfalls), plan.shortfalls
