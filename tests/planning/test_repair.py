"""Plans as a whole: the optimum, the order, the floors on the way, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.accounts import Account
from aggregator.model.actions import Deposit, Repay, Trade, Withdraw
from aggregator.model.plans import Flash, Plan, Swap, Targets
from aggregator.model.spot_markets import SpotMarket
from aggregator.model.units import Address
from aggregator.planning.limits import Charges, Limits
from aggregator.planning.problem import Problem
from aggregator.planning.repair import repair
from tests.planning.acting import MarginRule, TieredRule, flat, lender, trader
from tests.risk.builders import CHAIN, few_draws, holding, portfolio, wallet
from tests.risk.linear import FAMILIES

FREE = Charges(gas_elsewhere_usd=0.0, slippage=Decimal(0))
ALONE = Targets(floor=1.0, health=1.25, kappa=0.0)


def planned(
    *accounts: Account,
    targets: Targets = ALONE,
    charges: Charges = FREE,
    limits: Limits | None = None,
    markets: Sequence[SpotMarket] = (),
) -> Plan:
    """The plan of a wallet with these accounts."""
    problem = Problem(
        portfolio=portfolio(*accounts),
        families=FAMILIES,
        scenarios=few_draws(),
        targets=targets,
        limits=limits or Limits(),
        charges=charges,
        markets={CHAIN: markets},
    )
    return repair(problem)


def moved(plan: Plan, kind: type) -> float:
    """Units of what all steps of a kind move."""
    return sum(step.amount.raw for step in plan.steps if isinstance(step.move, kind) and step.amount) / 10**18


def test_a_debt_is_repaid_from_the_wallet() -> None:
    """80,000 / (70,000 - r) = 1.25: r is 6,000, and costs nothing."""
    plan = planned(lender("aave", {"ETH": 25, "USDC": -70_000}), wallet(holding("USDC", 20_000)))
    assert plan.status == "feasible"
    assert len(plan.steps) == 1
    assert moved(plan, Repay) == pytest.approx(6_000.0, abs=0.2)
    assert plan.cost_usd == pytest.approx(0.0, abs=1e-6)
    [account] = plan.after.accounts
    assert account.health is not None
    assert 1.25 <= account.health < 1.25 + 1e-5


def test_collateral_pays_for_its_debt_in_loops() -> None:
    """0.8(100,000 - w) = 1.25(70,000 - 0.997w); the floor less a basis point allows 12,491.25 first."""
    plan = planned(lender("aave", {"ETH": 25, "USDC": -70_000}), wallet(), markets=[flat("ETH", "USDC")])
    assert plan.status == "feasible"
    kinds = [type(step.move) for step in plan.steps]
    assert kinds == [Withdraw, Swap, Repay, Withdraw, Swap, Repay]
    first = plan.steps[0].amount
    assert first is not None
    assert first.raw / 10**18 * 4_000 == pytest.approx(12_491.25, abs=0.2)
    assert moved(plan, Withdraw) * 4_000 == pytest.approx(16_806.72268907563, rel=2e-5)
    assert plan.cost_usd == pytest.approx(50.42016806722689, rel=2e-5)


def test_the_cheapest_source_comes_first_until_its_cap() -> None:
    """4,000 of margin that is free beside a position costs no swap; collateral costs one."""
    accounts = (
        lender("aave", {"ETH": 25, "USDC": -70_000}),
        replace(trader("perps", 0.25, 4_012.5, maintenance=0.01), debt_is_recourse=True),
        wallet(),
    )
    plan = planned(*accounts, markets=[flat("ETH", "USDC")], targets=ALONE)
    assert plan.status == "feasible"
    taken = {
        account.id: sum(
            step.amount.raw / 10**18
            for step in plan.steps
            if step.account_id == account.id and isinstance(step.move, Withdraw) and step.amount
        )
        for account in accounts
    }
    assert taken["perps"] == pytest.approx(4_000.0, abs=0.2)
    # 0.8(100,000 - w) = 1.25(70,000 - 4,000 - 0.997w)
    assert taken["aave"] * 4_000 == pytest.approx((1.25 * 66_000 - 80_000) / (1.25 * 0.997 - 0.8), rel=5e-5)


def test_a_perp_is_reduced_or_topped_up() -> None:
    """4,000 - 0.0005k >= 1.2 * 0.05 * (100,000 - k); a deposit is free and comes first."""
    targets = replace(ALONE, health=1.2)
    alone = planned(trader("perps", 25, 4_000, maintenance=0.05), wallet(), targets=targets)
    [step] = alone.steps
    assert isinstance(step.move, Trade)
    assert -step.move.size_raw / 10**18 * 4_000 == pytest.approx(33_613.445378151264, rel=2e-5)
    assert alone.cost_usd == pytest.approx(16.80672268907563, rel=3e-5)
    topped = planned(
        trader("perps", 25, 4_000, maintenance=0.05), wallet(holding("USDC", 1_000)), targets=targets
    )
    assert {type(step.move) for step in topped.steps} == {Deposit, Trade}
    assert moved(topped, Deposit) == pytest.approx(1_000.0, abs=0.2)
    assert topped.cost_usd == pytest.approx(8.403361344537815, rel=3e-5)


def test_nothing_reaches_the_target_and_that_is_said() -> None:
    """From a health of .784 no venue lets collateral out: the plan has no steps, and says what is missing."""
    plan = planned(lender("aave", {"ETH": 25, "USDC": -102_000}), wallet(), markets=[flat("ETH", "USDC")])
    assert plan.status == "infeasible"
    assert not plan.steps
    [shortfall] = plan.shortfalls
    assert shortfall.account_id == "aave"
    assert shortfall.missing_usd == pytest.approx(1.25 * 102_000 - 80_000)


@pytest.mark.parametrize(
    ("gas_usd", "kind", "total_usd"), [(5.0, Flash, 63.87630368958169), (0.5, Withdraw, 53.42016806722689)]
)
def test_a_flash_bundle_is_weighed_against_loops(gas_usd: float, kind: type, total_usd: float) -> None:
    """It saves five transactions and pays a fee: the choice flips with the gas."""
    plan = planned(
        lender("aave", {"ETH": 25, "USDC": -70_000}),
        wallet(),
        charges=replace(FREE, gas_elsewhere_usd=gas_usd),
        limits=Limits(executors={CHAIN: Address("0x" + "ee" * 20)}),
        markets=[flat("ETH", "USDC")],
    )
    assert plan.status == "feasible"
    assert isinstance(plan.steps[0].move, kind)
    assert plan.cost_usd == pytest.approx(total_usd, rel=3e-5)
    if kind is Flash:
        [step] = plan.steps
        assert isinstance(step.move, Flash)
        assert [type(part.move) for part in step.move.steps] == [Repay, Withdraw, Swap]
        assert step.move.lent.raw / 10**18 == pytest.approx(16_771.3356510037, rel=3e-5)


def test_a_bundle_helps_where_no_order_does() -> None:
    """Below the floor nothing may be taken out, except for what repays in the same transaction."""
    accounts = (lender("aave", {"ETH": 25, "USDC": -79_000}), wallet())
    targets = replace(ALONE, floor=1.02)
    alone = planned(*accounts, targets=targets, markets=[flat("ETH", "USDC")])
    assert alone.status == "infeasible"
    assert not alone.steps
    limits = Limits(executors={CHAIN: Address("0x" + "ee" * 20)})
    plan = planned(*accounts, targets=targets, limits=limits, markets=[flat("ETH", "USDC")])
    assert plan.status == "feasible"
    assert [type(step.move) for step in plan.steps] == [Flash]


def test_a_limit_on_the_cost_is_kept() -> None:
    """What it allows is done, and the rest is missing."""
    limits = Limits(most_cost_usd=20.0)
    plan = planned(
        lender("aave", {"ETH": 25, "USDC": -70_000}), wallet(), limits=limits, markets=[flat("ETH", "USDC")]
    )
    assert plan.status == "infeasible"
    assert plan.cost_usd <= 20.0 + 1e-6
    assert plan.cost_usd == pytest.approx(20.0, rel=1e-3)


def test_an_account_of_several_cuts_counts_once() -> None:
    """Of 15 ETH that $30 close: 10 where each requires 15% until there, and then those of 10%, not of 5%."""
    tiered = trader("tiered", 25, 1_000, maintenance=0.05)
    rule = tiered.rule
    assert isinstance(rule, MarginRule)
    curved = TieredRule(
        rule.weights, rule.cash, rule.settlement, rule.margin, rates=(500, 1_500), kink=15 * 10**18
    ).tiered()
    plan = planned(
        replace(tiered, rule=curved),
        trader("flat", 25, 1_000, maintenance=0.1),
        wallet(),
        limits=Limits(kinds=frozenset({"reduce"}), most_cost_usd=30.0),
    )
    closed = {
        step.account_id: -step.move.size_raw / 10**18 for step in plan.steps if isinstance(step.move, Trade)
    }
    assert closed == pytest.approx({"tiered": 10.0, "flat": 5.0}, rel=1e-3)
    assert plan.missing_usd == pytest.approx(1.25 * (3_000 + 8_000) - 2_000 + 30, rel=1e-3)


def test_only_what_is_allowed_is_done() -> None:
    """Neither another kind of step, nor another account."""
    accounts = (
        lender("aave", {"ETH": 25, "USDC": -70_000}),
        wallet(holding("USDC", 3_000), holding("ETH", 5)),
    )
    plan = planned(*accounts, limits=Limits(kinds=frozenset({"repay"})), markets=[flat("ETH", "USDC")])
    assert [type(step.move) for step in plan.steps] == [Repay]
    assert plan.status == "infeasible"
    other = planned(*accounts, limits=Limits(accounts=frozenset({"another"})))
    assert not other.steps


def test_gas_of_more_steps_is_weighed() -> None:
    """A dollar of ETH in the wallet is not worth the gas of a swap while collateral must be sold anyway."""
    accounts = (
        lender("aave", {"ETH": 25, "USDC": -70_000}),
        wallet(holding("USDC", 5_990), holding("ETH", 1)),
    )
    cheap = planned(*accounts, charges=replace(FREE, gas_elsewhere_usd=1.0), markets=[flat("ETH", "USDC")])
    dear = planned(
        *accounts, charges=replace(FREE, gas_elsewhere_usd=1.0), markets=[flat("ETH", "USDC", 5_000)]
    )
    assert {type(step.move) for step in cheap.steps} in ({Swap, Repay}, {Deposit, Repay})
    assert {type(step.move) for step in dear.steps} == {Deposit, Repay}


@settings(max_examples=25, deadline=None)
@given(
    collateral=st.floats(5.0, 200.0),
    share=st.floats(0.3, 0.99),
    cash=st.floats(0.0, 50_000.0),
    target=st.floats(1.05, 1.6),
)
def test_every_plan_keeps_its_word(collateral: float, share: float, cash: float, target: float) -> None:
    """Floors hold after every step, targets at the end or what is missing is said; wallets owe nothing; a
    lower target costs no more."""
    debt = collateral * 4_000 * 0.8 * share
    accounts = (lender("aave", {"ETH": collateral, "USDC": -debt}), wallet(holding("USDC", round(cash, 2))))
    markets = [flat("ETH", "USDC")]
    targets = replace(ALONE, floor=1.02, health=target)
    plan = planned(*accounts, targets=targets, markets=markets)
    healths = [plan.before, *(step.after for step in plan.steps)]
    seen = [state.accounts[0].health for state in healths if state is not None and state.accounts]
    for before, after in pairwise(seen):
        assert before is not None
        assert after is None or after >= 1.02 - 1e-12 or after >= before
    final = seen[-1]
    if plan.status == "infeasible":
        assert plan.shortfalls
    else:
        assert final is None or final >= target
        assert (plan.status == "safe") == (not plan.steps)
    lower = planned(*accounts, targets=replace(targets, health=1.0 + (target - 1.0) / 2), markets=markets)
    if plan.status == "feasible":
        assert lower.status in ("feasible", "safe")
        assert lower.cost_usd <= plan.cost_usd * (1.0 + 1e-6) + 1e-6
