"""Where no order does what a solution would: what is left of money and room is used all the same."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from aggregator.model.actions import Repay
from aggregator.model.plans import Targets
from aggregator.model.units import Address
from aggregator.planning.limits import Charges, Limits
from aggregator.planning.problem import Problem
from aggregator.planning.repair import repair
from tests.planning.acting import flat, lender
from tests.risk.builders import CHAIN, few_draws, holding, portfolio, wallet
from tests.risk.linear import FAMILIES


def test_below_its_floor_an_account_gets_all_that_the_wallet_has() -> None:
    """Collateral could pay, but none may be taken out first; then all of the debt can't be repaid either."""
    problem = Problem(
        portfolio=portfolio(
            lender("aave", {"USDC": 67_000, "ETH": -12.75}), wallet(holding("LINK", 28), holding("USDC", 62))
        ),
        families=FAMILIES,
        scenarios=few_draws(),
        targets=Targets(floor=1.1, health=1.45, kappa=0.0),
        charges=Charges(gas_elsewhere_usd=20.0),
        markets={CHAIN: [flat("LINK", "ETH"), flat("USDC", "ETH")]},
    )
    plan = repair(problem)
    without = replace(problem, limits=Limits(frozenset({"swap", "repay"})))
    assert plan.status == "infeasible"
    assert plan.missing_usd == pytest.approx(repair(without).missing_usd, abs=1.0)
    assert plan.missing_usd < 1.45 * 12.75 * 4_000 - 0.8 * 67_000 - 400


def test_what_one_account_cannot_repay_keeps_no_other_from_it() -> None:
    """One is repaid to the last in several parts; the other, of another wallet, is stuck below its floor."""
    other = Address("0x" + "5" * 40)
    able, stuck = (
        lender("able", {"ETH": 25, "USDC": -70_000}),
        lender("stuck", {"DAI": 67_000, "LINK": -2_800}),
    )
    problem = Problem(
        portfolio=portfolio(
            able,
            wallet(),
            replace(stuck, owner_path=(other,)),
            replace(wallet(name="other"), owner_path=(other,)),
        ),
        families=FAMILIES,
        scenarios=few_draws(),
        targets=Targets(floor=1.0, health=40.0, kappa=0.0),
        limits=Limits(frozenset({"swap", "repay", "withdraw"})),
        charges=Charges(gas_elsewhere_usd=0.0, slippage=Decimal(0)),
        markets={CHAIN: [flat("ETH", "USDC"), flat("DAI", "LINK")]},
    )
    plan = repair(problem)
    last = [
        step.move.raw for step in plan.steps if isinstance(step.move, Repay) and step.account_id == "able"
    ]
    assert len(last) > 2
    assert last[-1] is None
    assert {one.account_id for one in plan.shortfalls} == {"stuck"}
