"""Hedges that are opened at made-up venues: only where allowed, never dearer, and every floor is kept."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.accounts import Account
from aggregator.model.actions import Deposit, Trade
from aggregator.model.plans import Plan, Targets
from aggregator.model.units import ChainId
from aggregator.planning.limits import DEFAULT_KINDS, Charges, Kind, Limits
from aggregator.planning.problem import Problem
from aggregator.planning.repair import repair
from tests.planning.acting import lender
from tests.planning.opening import random_venue, venue
from tests.planning.test_wallets import CENTS, NEARLY
from tests.planning.wallets import problem
from tests.risk.builders import few_draws, holding, portfolio, wallet
from tests.risk.linear import FAMILIES
from tests.volume import volume

HEDGING: frozenset[Kind] = frozenset({*DEFAULT_KINDS, "hedge"})
ALONE: frozenset[Kind] = frozenset({"hedge", "deposit"})


def asked(
    *accounts: Account,
    kappa: float,
    openable: tuple[Account, ...] = (),
    kinds: frozenset[Kind] = ALONE,
    limits: Limits | None = None,
) -> Problem:
    """A borrower with 25 ETH who owes 72,000 USDC, and what else he has."""
    held = portfolio(lender("aave", {"ETH": 25, "USDC": -72_000}), *accounts)
    return Problem(
        portfolio=replace(held, openable=openable),
        families=FAMILIES,
        scenarios=few_draws(),
        targets=Targets(floor=1.0, health=1.05, kappa=kappa),
        limits=limits or Limits(kinds),
        charges=Charges(gas_elsewhere_usd=1.0, slippage=Decimal(0)),
    )


def trades(plan: Plan) -> list[Trade]:
    """Of a plan."""
    return [step.move for step in plan.steps if isinstance(step.move, Trade)]


def test_margin_is_posted_before_a_short_is_sold() -> None:
    """In an account that was not there; with more margin than the venue asks, by no more than 5%."""
    plan = repair(asked(wallet(holding("USDC", 20_000)), openable=(venue("new", fixed=3.0),), kappa=6.0))
    assert plan.status == "feasible"
    assert [type(step.move) for step in plan.steps] == [Deposit, Trade]
    [trade] = trades(plan)
    assert trade.size_raw < 0
    assert plan.after.kappa == pytest.approx(6.0, rel=1e-4)
    posted = plan.steps[0].amount
    assert posted is not None
    notional, cost = -trade.size_raw * 4_000, -trade.size_raw * 4_000 * 5 / 10_000 + 3 * 10**18
    assert 1.0 < posted.raw / (0.1 * notional + cost) < 1.06
    assert plan.cost_usd == pytest.approx(cost / 10**18 + 2.0, rel=1e-6)


def test_nothing_is_opened_that_is_not_allowed() -> None:
    """Without hedges, in accounts that are not named, and where the whole is safe: nothing is."""
    cash, new = wallet(holding("USDC", 20_000)), (venue("new"),)
    only: frozenset[Kind] = frozenset({"deposit"})
    for kinds in (only, DEFAULT_KINDS):
        assert not trades(repair(asked(cash, openable=new, kinds=kinds, kappa=6.0)))
    named = Limits(ALONE, accounts=frozenset({"aave"}))
    assert not trades(repair(asked(cash, openable=new, limits=named, kappa=6.0)))
    named = Limits(ALONE, accounts=frozenset({"new"}))
    assert trades(repair(asked(cash, openable=new, limits=named, kappa=6.0)))
    assert repair(asked(cash, openable=new, kinds=HEDGING, kappa=0.1)).status == "safe"


def test_free_margin_needs_no_deposit() -> None:
    """What is posted already suffices: one step."""
    plan = repair(asked(venue("there", posted=4_000), wallet(), kappa=2.5))
    assert plan.status == "feasible"
    assert [type(step.move) for step in plan.steps] == [Trade]


def test_a_size_is_a_multiple_of_its_step() -> None:
    """Of a hundredth of an ETH."""
    plan = repair(asked(venue("there", posted=4_000, step=10**16), wallet(), kappa=2.5))
    assert plan.status == "feasible"
    assert all(trade.size_raw % 10**16 == 0 for trade in trades(plan))


def test_what_margin_bounds_is_opened_as_far_as_it_goes() -> None:
    """4,000 USDC of margin at 10% and 0.05% of fees: 9.95 ETH, and what is missing is said."""
    plan = repair(asked(venue("there", posted=4_000), wallet(), kappa=4.0))
    assert plan.status == "infeasible"
    [trade] = trades(plan)
    assert -trade.size_raw / 10**18 == pytest.approx(4_000 / (0.1 + 0.0005) / 4_000, rel=1e-6)


def test_without_money_nothing_can_be_posted() -> None:
    """The plan is infeasible, has no steps, and says what is missing."""
    plan = repair(asked(wallet(), openable=(venue("new"),), kappa=6.0))
    assert plan.status == "infeasible"
    assert not plan.steps
    assert plan.shortfalls


@settings(max_examples=volume(4, 300), deadline=None)
@given(seed=st.integers(0, 10**9))
def test_openings_cost_no_more(seed: int) -> None:
    """Than the same without them; a lower target with them costs no more; floors hold after every step."""
    random, made = Random(seed), problem(seed)
    chain: ChainId = random.choice(list(made.portfolio.blocks))
    targets = replace(made.targets, kappa=random.choice((0.8, 2.0, 4.0)))
    without = replace(made, targets=targets, limits=Limits(HEDGING))
    with_it = replace(without, portfolio=replace(made.portfolio, openable=(random_venue(random, chain),)))
    plan, freer = repair(without), repair(with_it)
    missing = sum(one.missing_usd for one in plan.shortfalls)
    assert sum(one.missing_usd for one in freer.shortfalls) <= missing * (1 + NEARLY) + CENTS
    if plan.status != "infeasible":
        assert freer.cost_usd <= plan.cost_usd * (1 + NEARLY) + CENTS
    states = [freer.before, *(step.after for step in freer.steps if step.after is not None)]
    for before, after in pairwise(states):
        was = {one.account_id: one.power_usd - targets.floor * one.requirement_usd for one in before.accounts}
        for one in after.accounts:
            slack = 1e-9 * (1.0 + one.power_usd + one.requirement_usd)
            spare = one.power_usd - targets.floor * one.requirement_usd
            assert spare >= -slack or spare >= was.get(one.account_id, 0.0) - slack
    if freer.status != "infeasible":
        lower = repair(replace(with_it, targets=replace(targets, kappa=0.8 * targets.kappa)))
        assert lower.status != "infeasible"
        assert lower.cost_usd <= freer.cost_usd * (1 + NEARLY) + CENTS
