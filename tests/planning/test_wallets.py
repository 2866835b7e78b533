"""Plans of made-up wallets over two chains keep what they promise, whatever is asked of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.actions import Deposit, Repay, Withdraw
from aggregator.model.plans import AccountState, Flash, Plan, Swap, Transfer
from aggregator.model.positions import Holding
from aggregator.planning.limits import KINDS
from aggregator.planning.problem import Problem
from aggregator.planning.repair import repair
from aggregator.risk.assess import assess_all
from aggregator.risk.copies import Copy
from aggregator.risk.standing import standings
from tests.planning.wallets import problem
from tests.volume import volume

NAMES = {Repay: "repay", Deposit: "deposit", Withdraw: "withdraw", Swap: "swap", Flash: "flash"}
NEARLY, CENTS = 2e-3, 0.02
"""By so much a plan may cost more than it could: bent costs are sampled, rounding is against the user."""


@settings(max_examples=volume(12, 1_000), deadline=None)
@given(seed=st.integers(0, 10**9))
def test_a_plan_keeps_its_word(seed: int) -> None:
    """Floors after every step, targets at the end or what is missing, costs, limits, and no wallet owes."""
    asked = problem(seed)
    plan = repair(asked)
    states = [plan.before, *(step.after for step in plan.steps if step.after is not None)]
    assert len(states) == len(plan.steps) + 1
    for before, after in pairwise(states):
        was = {one.account_id: one for one in before.accounts}
        for one in after.accounts:
            slack = 1e-9 * (1.0 + one.power_usd + one.requirement_usd)
            spare = _spare(one, asked)
            assert spare >= -slack or spare >= _spare(was[one.account_id], asked) - slack
    if plan.status == "infeasible":
        assert plan.shortfalls
    else:
        assert not plan.shortfalls
        assert all(one.health is None or one.health >= asked.targets.health for one in plan.after.accounts)
        assert plan.after.kappa >= asked.targets.kappa
        assert (plan.status == "safe") == (not plan.steps)
    gas = sum(step.cost.gas_usd for step in plan.steps)
    lost = plan.before.equity_usd - plan.after.equity_usd
    assert plan.cost_usd == pytest.approx(lost + gas, abs=1e-6 + 1e-8 * abs(plan.before.equity_usd))
    limits = asked.limits
    assert limits.most_cost_usd is None or plan.cost_usd <= limits.most_cost_usd + 1e-9
    for step in plan.steps:
        kind = NAMES.get(type(step.move))
        assert kind is None or kind in limits.kinds
        if limits.accounts is not None and kind in ("repay", "deposit", "withdraw"):
            assert step.account_id in limits.accounts
    _nobody_owes(asked, plan)


@settings(max_examples=volume(3, 200), deadline=None)
@given(seed=st.integers(0, 10**9))
def test_less_asked_or_more_allowed_costs_no_more(seed: int) -> None:
    """A lower target, and every kind of step."""
    asked = problem(seed)
    plan = repair(asked)
    missing = sum(one.missing_usd for one in plan.shortfalls)
    freer = repair(replace(asked, limits=replace(asked.limits, kinds=frozenset(KINDS))))
    assert sum(one.missing_usd for one in freer.shortfalls) <= missing * (1 + NEARLY) + CENTS
    if plan.status != "infeasible":
        assert freer.cost_usd <= plan.cost_usd * (1 + NEARLY) + CENTS
        health = max(asked.targets.floor, 1.0 + 0.6 * (asked.targets.health - 1.0))
        targets = replace(asked.targets, health=health, kappa=0.8 * asked.targets.kappa)
        lower = repair(replace(asked, targets=targets))
        assert lower.status != "infeasible"
        assert lower.cost_usd <= plan.cost_usd * (1 + NEARLY) + CENTS


@settings(max_examples=volume(5, 200), deadline=None)
@given(seed=st.integers(0, 10**9))
def test_standings_are_those_of_the_assessment(seed: int) -> None:
    """Of variants that share accounts, evaluated together."""
    asked = problem(seed)
    whole = asked.portfolio
    fewer = Copy.of(whole)
    fewer.accounts.popitem()
    variants = [whole, fewer.result(), whole]
    found = standings(variants, families=asked.families, scenarios=asked.scenarios)
    expected = assess_all(variants, families=asked.families, scenarios=asked.scenarios)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.kappa == pytest.approx(theirs.kappa, rel=1e-9)
        assert ours.score == pytest.approx(theirs.score, rel=1e-9)
        assert ours.equity_usd == theirs.equity_usd
        slack = 1e-9 * theirs.gross_usd
        assert ours.requirement_usd == pytest.approx(theirs.requirement_usd, rel=1e-9, abs=slack)
        risks = {risk.account_id: risk for risk in theirs.accounts}
        for one in ours.accounts:
            risk = risks[one.account_id]
            assert (one.power_usd, one.requirement_usd) == (risk.power_usd, risk.native_requirement_usd)
            assert (one.health, one.liquidatable) == (risk.native_health, risk.liquidatable)


def _spare(one: AccountState, asked: Problem) -> float:
    return one.power_usd - asked.targets.floor * one.requirement_usd


def _nobody_owes(asked: Problem, plan: Plan) -> None:
    """What steps say that is paid and received leaves no wallet below zero after any of them."""
    has: dict[tuple[str, str], int] = defaultdict(int)
    for account in asked.portfolio.accounts:
        for position in account.positions:
            if account.kind == "wallet" and isinstance(position, Holding):
                has[account.id, position.asset.id] += position.raw
    for step in plan.steps:
        for part in step.move.steps if isinstance(step.move, Flash) else (step,):
            for amount in part.paid:
                has[step.purse_id, amount.asset] -= amount.raw
            to = part.move.to if isinstance(part.move, Transfer) else step.purse_id
            for amount in part.received:
                has[to, amount.asset] += amount.raw
        if isinstance(step.move, Flash):
            has[step.purse_id, step.move.fee.asset] -= step.move.fee.raw
        assert all(raw >= 0 for raw in has.values()), step


def test_hedges_that_may_be_used_miss_no_more() -> None:
    """Out of reach, and the best program with a hedge leads to a worse state than the best without."""
    asked = problem(5037)
    kinds = asked.limits.kinds - {"hedge"}
    without = repair(replace(asked, limits=replace(asked.limits, kinds=kinds)))
    hedged = repair(replace(asked, limits=replace(asked.limits, kinds=kinds | {"hedge"})))
    assert without.status == "infeasible"
    assert hedged.missing_usd <= without.missing_usd
