"""Plans of wallets that hold no token at all: what is taken out of an account is sold from nowhere known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aggregator.model.errors import BadConfiguration
from aggregator.model.plans import Swap, Targets
from aggregator.model.spot_markets import SpotMarket
from aggregator.planning.problem import Problem
from aggregator.planning.repair import repair
from cli import plan_documents, plan_screen
from cli.safe_file import safe_file
from cli.screen import Provenance
from tests.planning.acting import flat, lender
from tests.risk.builders import CHAIN, few_draws, portfolio
from tests.risk.linear import FAMILIES


def test_every_way_to_show_it_knows_its_wallet() -> None:
    """The screen, the document, and the file for a Safe, which says what it lacks."""
    markets: list[SpotMarket] = [flat("ETH", "USDC")]
    problem = Problem(
        portfolio=portfolio(lender("aave", {"ETH": 25, "USDC": -70_000})),
        families=FAMILIES,
        scenarios=few_draws(),
        targets=Targets(floor=1.0, health=1.25, kappa=0.0),
        markets={CHAIN: markets},
    )
    plan = repair(problem)
    assert plan.status == "feasible"
    [swap, *_] = [step for step in plan.steps if isinstance(step.move, Swap)]
    assert swap.account_id not in {account.id for account in problem.portfolio.accounts}
    document = plan_documents.plan(plan, problem.portfolio)
    assert {step["chain_id"] for step in document["steps"]} == {CHAIN}
    assert {step["label"] for step in document["steps"]} == {"aave", "Wallet"}
    assert "swap" in plan_screen.screen(plan, problem.portfolio, Provenance({CHAIN: "chain"}))
    told = replace(plan, steps=tuple(replace(step, untold=None) for step in plan.steps))
    assert safe_file(told, problem.portfolio)["chainId"] == str(CHAIN)
    with pytest.raises(BadConfiguration, match="not known"):
        safe_file(plan, problem.portfolio)
