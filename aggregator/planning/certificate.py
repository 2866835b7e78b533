"""The full model run on every state of a plan: exact rules, full revaluation, expected shortfall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import inf

from aggregator.contract import RuleFamily
from aggregator.model.accounts import Account
from aggregator.model.ahead import AveragedRule
from aggregator.model.plans import AccountState, Shortfall, State
from aggregator.model.positions import Debt
from aggregator.model.rules import WAD
from aggregator.planning.goals import Goal, ahead_tests, currency_usd, goals_of, own_test
from aggregator.planning.later import AHEAD_S, later_test
from aggregator.planning.ordering import keeps_floor
from aggregator.planning.problem import Problem
from aggregator.risk.copies import Copy
from aggregator.risk.reserves import reserves
from aggregator.risk.scenarios import ScenarioSet
from aggregator.risk.standing import OwnTest, Standing, standings


def states(
    copies: Sequence[Copy], *, families: Mapping[str, RuleFamily], scenarios: ScenarioSet
) -> list[State]:
    """What the full model says of each; raises as `assess` does."""
    found = standings([one.result() for one in copies], families=families, scenarios=scenarios)
    return [_state(one, standing) for one, standing in zip(copies, found, strict=True)]


def _state(copy: Copy, found: Standing) -> State:
    accounts = tuple(_account(copy, one) for one in found.accounts)
    return State(accounts, found.equity_usd, found.requirement_usd, found.kappa, found.score)


def _account(copy: Copy, found: OwnTest) -> AccountState:
    """What is found, with N, Q and health while the plan is sent, and until averages have caught up."""
    account = copy.accounts[found.account_id]
    ahead = own_test(copy, account, AHEAD_S)
    unit_usd = 0.0 if ahead is None else currency_usd(copy, account) / 10**ahead.decimals
    said = (own_test(copy, account), ahead, later_test(copy, account), *ahead_tests(copy, account))
    healths = [inf if one.health is None else one.health / WAD for one in said if one is not None]
    low, high = min(healths, default=inf), max(healths, default=inf)
    return AccountState(
        account_id=found.account_id,
        label=account.label,
        power_usd=found.power_usd,
        requirement_usd=found.requirement_usd,
        health=found.health,
        liquidatable=found.liquidatable,
        power_ahead_usd=None if ahead is None else ahead.power * unit_usd,
        requirement_ahead_usd=None if ahead is None else ahead.requirement * unit_usd,
        health_low=None if low == inf else low,
        health_high=None if high == inf else high,
    )


def unsafe(before: Copy, after: Copy, floor: Fraction) -> tuple[str, ...]:
    """The accounts that a step takes below the floor, or further below it, by their exact rules."""
    return tuple(
        name
        for name, account in after.accounts.items()
        if account.kind != "wallet"
        and account is not before.accounts.get(name)
        and not keeps_floor(before, after, name, floor)
    )


def shortfalls(copy: Copy, state: State, problem: Problem) -> tuple[Shortfall, ...]:
    """What is missing to the targets in a state, the largest first; of what can't be judged nothing holds."""
    targets = problem.targets
    found = []
    ruled = [account for account in copy.accounts.values() if account.rule is not None]
    for goal in goals_of(problem, 0.0).accounts:
        rows = {figure.of: spare for figure, spare in goal.rows(copy, copy.accounts).items()}
        for account in ruled:
            spare = rows.get(account.id)
            if spare is None:
                unknown = f"whether {account.label} has the margin {goal.told} is not known"
                found.append(Shortfall(account.id, 0.0, f"{unknown}: its own test has no answer there"))
            elif spare < 0.0:
                found.append(
                    Shortfall(
                        account.id,
                        -spare,
                        _needed(account, -spare, goal, copy.portfolio.blocks[account.chain].timestamp),
                    )
                )
    if state.kappa < targets.kappa:
        places = reserves([copy.result()], problem.scenarios, targets.kappa)
        missing = max(0.0, *(-float(place.values[0]) for place in places))
        told = f"the whole survives {state.kappa:.4g} standard stresses of {targets.kappa:g}"
        found.append(Shortfall(None, missing, told))
    return tuple(sorted(found, key=lambda one: -one.missing_usd))


def _needed(account: Account, missing_usd: float, goal: Goal, time: int) -> str:
    """What would bring an account to a goal by itself."""
    lacks = f"{account.label} lacks ${missing_usd:,.2f} of margin {goal.told}"
    if isinstance(account.rule, AveragedRule) and account.rule.ahead(account.prices, time):
        lacks += ", at the worst while the averages that it is judged at catch up with today's prices"
    if any(isinstance(position, Debt) for position in account.positions):
        return f"{lacks}: repaying ${missing_usd / float(goal.health):,.2f} of its debt would do"
    return f"{lacks}: depositing so much would do"
