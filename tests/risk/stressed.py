"""Portfolios of the tests under scenarios."""

from __future__ import annotations

from aggregator.model.accounts import Account
from aggregator.model.portfolio import Portfolio
from aggregator.model.stresses import StressOutcome, StressReport
from aggregator.risk.scenarios import CustomScenario
from aggregator.risk.stress import Stress, stress
from tests.risk.builders import portfolio, scenarios
from tests.risk.linear import FAMILIES


def report(ours: Portfolio, *given: CustomScenario, grid: tuple[CustomScenario, ...] = ()) -> StressReport:
    stresses = [Stress(scenario) for scenario in given]
    return stress(ours, stresses, families=FAMILIES, scenarios=scenarios(), grid=grid)


def outcome(scenario: CustomScenario, *accounts: Account) -> StressOutcome:
    return report(portfolio(*accounts), scenario).outcomes[0]


def equity(one: StressOutcome, name: str) -> float:
    risk = one.after.account(name)
    assert risk is not None
    return risk.equity_usd
