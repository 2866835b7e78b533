"""Plans that are sent on the local chain, every state of which is held against what was predicted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aggregator import app
from aggregator.app.checks import scenarios_of
from aggregator.model.plans import Plan
from aggregator.model.rules import WAD
from aggregator.model.units import parse_address
from aggregator.planning.certificate import states
from aggregator.risk.copies import Copy
from cli import plan_documents
from tests.devnet.execute import Executed, Executor, missed
from tests.devnet.world import World


def proved(world: World, wallet: str, request: app.PlanRequest) -> tuple[Plan, list[Executed]]:
    """Plan for a wallet, send all of it, and hold every state against what was predicted."""
    executor = Executor(world)
    answer = app.read_with_markets(
        app.Selection((parse_address(wallet),), openings=request.hedge), executor.config
    )
    assert not answer.markets.failures
    [plan], [portfolio] = app.repair(answer, request), answer.portfolios
    document: dict[str, Any] = json.loads(json.dumps(plan_documents.plan(plan, portfolio)))
    steps = list(executor.run(document))
    for step in steps:
        faults = step.faults(request.targets.floor)
        assert not faults, (step.ordinal, step.action, faults)
    assert len(steps) == len(plan.steps)
    if steps:
        assert not missed(document, steps[-1]), missed(document, steps[-1])
        after = executor.read(wallet)
        [state] = states([Copy.of(after)], families=answer.families, scenarios=scenarios_of(answer))
        # To a basis point: options decay, and funding goes on, while blocks are mined and keepers come.
        assert plan.status != "feasible" or state.kappa >= request.targets.kappa * (1 - 1e-4)
        for account in after.accounts:  # the contracts' own word, where they have one
            if account.reported is None or account.reported.health is None:
                continue
            found = next(one.found for one in steps[-1].accounts if one.account_id == account.id)
            assert account.reported.health / WAD == pytest.approx(found, rel=1e-4)
    return plan, steps
