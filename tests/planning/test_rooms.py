"""What a venue ties up beyond its health, as by an initial margin: other steps of the account free it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from aggregator.model.accounts import Account
from aggregator.model.actions import (
    Action,
    Applied,
    Repay,
    Trade,
    Traded,
    Untold,
    Withdraw,
)
from aggregator.model.assets import AssetId
from aggregator.model.plans import Plan
from aggregator.model.rules import Refused
from aggregator.planning.limits import Kind, Limits
from tests.planning.acting import MarginRule, above_cap, flat, lender, trader
from tests.planning.test_repair import planned
from tests.risk.builders import holding, wallet

SHORT = lender("aave", {"ETH": 25, "USDC": -70_000})
"""Lacks 6,000 USDC of repayment to a health of 1.25."""

FREED = 0.1 - 0.0005
"""Of a dollar of the perp that is closed: 1% of maintenance and 9% beside it, less the fee."""


def perp(margin: float) -> Account:
    """25 ETH long, of which 10,000 USDC can't be taken out."""
    return trader("perps", 25, margin, maintenance=0.01, free=0.09)


def totals(plan: Plan) -> dict[tuple[str, str], float]:
    """What all steps of a kind with an account come to, in USD."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for step in plan.steps:
        name = type(step.move).__name__
        if isinstance(step.move, Trade):
            found[step.account_id, name] += abs(step.move.size_raw) / 10**18 * 4_000
        elif step.amount is not None:
            usd = 4_000 if isinstance(step.move, Withdraw) and step.account_id == "aave" else 1
            found[step.account_id, name] += step.amount.raw / 10**18 * usd
    return dict(found)


@pytest.mark.parametrize(("margin", "closed"), [(15_000, 1_000), (10_000, 6_000), (8_000, 8_000)])
def test_a_perp_is_reduced_for_the_margin_that_it_ties_up(margin: float, closed: float) -> None:
    """It is needed elsewhere: 5,000 of it is free, nothing, or less than nothing."""
    plan = planned(SHORT, perp(margin), wallet())
    assert plan.status == "feasible"
    assert totals(plan) == pytest.approx(
        {
            ("perps", "Trade"): closed / FREED,
            ("perps", "Withdraw"): 6_000.0,
            ("aave", "Repay"): 6_000.0,
        },
        rel=1e-4,
    )
    assert plan.cost_usd == pytest.approx(0.0005 * closed / FREED, rel=1e-4)
    assert [type(step.move) for step in plan.steps][-3:] == [Trade, Withdraw, Repay]


@pytest.mark.parametrize(("fee", "used"), [(30, {"perps"}), (5, {"aave"})])
def test_what_is_tied_up_is_freed_only_where_that_is_cheaper(fee: int, used: set[str]) -> None:
    """Closing costs $40.20; collateral is sold for its debt for $50.42 or $8.34."""
    plan = planned(SHORT, perp(8_000), wallet(), markets=[flat("ETH", "USDC", fee)])
    assert plan.status == "feasible"
    assert {account for account, kind in totals(plan) if kind == "Withdraw"} == used
    assert ("perps", "Trade") in totals(plan) or used == {"aave"}
    assert plan.cost_usd == pytest.approx(40.20 if used == {"perps"} else 8.345, rel=1e-3)


@dataclass(frozen=True, slots=True)
class CappedRule(MarginRule):
    """A venue whose vault takes only `room` more."""

    room: int = 0

    def apply(
        self, prices: Mapping[AssetId, int], time: int, action: Action
    ) -> Applied | Traded | Refused | Untold:
        """See AdjustableRule."""
        return above_cap(action, self.room) or MarginRule.apply(self, prices, time, action)


@pytest.mark.parametrize("room", [5_000, 2_001])
def test_a_cap_hides_nothing_of_what_is_tied_up(room: int) -> None:
    """2,000 less than nothing is free, which is seen by what would be if so much more were put in."""
    held = perp(8_000)
    rule = held.rule
    assert isinstance(rule, MarginRule)
    capped = CappedRule(
        rule.weights, rule.cash, rule.settlement, rule.margin, rule.fee, rule.free, room * 10**18
    )
    plan = planned(SHORT, replace(held, rule=capped), wallet())
    assert plan.status == "feasible"
    assert totals(plan) == pytest.approx(totals(planned(SHORT, held, wallet())), rel=1e-5)


def test_only_as_much_is_freed_as_others_lack() -> None:
    """What the wallet has, and what is free today, comes first: both cost nothing."""
    plan = planned(SHORT, perp(11_000), wallet(holding("USDC", 2_000)))
    assert plan.status == "feasible"
    assert totals(plan)["perps", "Trade"] == pytest.approx(3_000 / FREED, rel=1e-4)


def test_nothing_is_freed_where_perps_are_not_to_be_touched() -> None:
    """Only what is free today is taken out, and the rest is missing."""
    kinds: frozenset[Kind] = frozenset({"repay", "withdraw"})
    plan = planned(SHORT, perp(15_000), wallet(), limits=Limits(kinds=kinds))
    assert plan.status == "infeasible"
    assert totals(plan)["perps", "Withdraw"] == pytest.approx(5_000.0, rel=1e-5)
    assert plan.missing_usd == pytest.approx(1.25 * 1_000, rel=1e-4)


def test_several_accounts_are_freed_each_where_that_is_cheaper() -> None:
    """Two tie up all that they have; the one of which less is to be closed pays, and the other is left."""
    near, far = trader("near", 25, 9_900, maintenance=0.01, free=0.09), perp(4_000)
    plan = planned(SHORT, near, far, wallet())
    assert plan.status == "feasible"
    assert set(totals(plan)) == {("near", "Trade"), ("near", "Withdraw"), ("aave", "Repay")}
    assert plan.cost_usd == pytest.approx(0.0005 * 6_100 / FREED, rel=2e-5)
