"""Plans that let a token of the wallet become collateral, sent to the real contracts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from aggregator import app
from aggregator.model.actions import Deposit
from aggregator.model.plans import Targets
from aggregator.model.units import parse_address
from cli import plan_documents
from tests.devnet.execute import Executor

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.devnet.aave import Aave
    from tests.devnet.world import World

REQUEST = app.PlanRequest(
    Targets(floor=1.02, health=1.6, kappa=0.0), only=("deposit",), gas_usd=0.05, estimates=False
)


@pytest.mark.parametrize("enabled", [None, False])
@pytest.mark.parametrize(
    "choose",
    [
        pytest.param(lambda world: world.aave_v301, id="v3.0.1"),
        pytest.param(lambda world: world.aave_v36, id="v3.6"),
    ],
)
def test_a_token_of_the_wallet_becomes_collateral(
    devnet: World, choose: Callable[[World], Aave], enabled: bool | None
) -> None:
    """Supplied for the first time it counts by itself; what was told not to count is told to count again."""
    market, user = choose(devnet), str(devnet.spare[0])
    market.supply(user, "WETH", 10)
    market.borrow(user, "USDC", 13_000)
    devnet.tokens.spend("USDC", user, devnet.spare[1], 13_000)
    if enabled is not None:
        market.supply(user, "WBTC", "0.01")
        market.set_collateral(user, "WBTC", enabled=enabled)
    devnet.tokens.mint("WBTC", user, "0.5")
    executor = Executor(devnet)
    answer = app.read_with_markets(app.Selection((parse_address(user),)), executor.config)
    [plan], [portfolio] = app.repair(answer, REQUEST), answer.portfolios
    assert plan.status == "feasible", plan.shortfalls
    assert {type(step.move) for step in plan.steps} == {Deposit}
    document: dict[str, Any] = json.loads(json.dumps(plan_documents.plan(plan, portfolio)))
    for step in executor.run(document):
        assert not step.faults(1.02), step
        assert step.sent == (3 if enabled is None else 4) - 1
    assert market.account_data(user).health_factor >= 1.6e18
