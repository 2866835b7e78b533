"""What is stated where something could not be read, and where a price is late."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.accounts import Account
from aggregator.model.errors import ProviderUnavailable
from aggregator.model.portfolio import Coverage, Portfolio
from aggregator.model.readings import Failure
from aggregator.model.results import RiskResult, Verdict
from aggregator.risk.assess import assess, assess_all
from aggregator.risk.scenarios import ScenarioSet
from tests.risk.books import silos
from tests.risk.builders import holding, portfolio, scenarios, wallet
from tests.risk.linear import FAMILIES, lending


def judged(one: Portfolio, under: ScenarioSet | None = None) -> RiskResult:
    return assess(one, families=FAMILIES, scenarios=under or scenarios())


def without(accounts: tuple[Account, ...], at: int) -> Portfolio:
    """The portfolio of all accounts but one, whose adapter could not be read."""
    lost = accounts[at]
    rest = portfolio(*accounts[:at], *accounts[at + 1 :])
    error = ProviderUnavailable("node", "does not answer")
    return replace(
        rest,
        failures=(Failure(lost.protocol, lost.label, lost.chain, rest.wallet, error),),
        coverage=Coverage(expected=len(accounts), ok=len(accounts) - 1, failed=1),
    )


@settings(max_examples=15)
@given(st.data())
def test_never_a_better_score(data: st.DataObject) -> None:
    """Whatever is lost, the worst that is stated is no better than what reading it would have shown."""
    accounts = data.draw(silos("a"))
    at = data.draw(st.integers(0, len(accounts) - 1))
    whole, part = judged(portfolio(*accounts)), judged(without(accounts, at))
    assert whole.worst_case is None
    assert part.worst_case is not None
    assert part.verdict in (Verdict.UNKNOWN, Verdict.CRITICAL, Verdict.LIQUIDATABLE)
    assert part.worst_case.kappa <= whole.kappa or math.isclose(part.worst_case.kappa, whole.kappa)
    assert part.worst_case.score <= (whole.score or 0.0) + 1e-9


def test_coins_of_the_wallet_cannot_owe() -> None:
    """Without them the score of the rest is a bound; of a lending protocol nothing is promised."""
    accounts = (lending("loan", {"ETH": 10.0, "USDC": -15_000.0}), wallet(holding("ETH", 3.0)))
    bound = judged(without(accounts, 1)).worst_case
    assert bound is not None
    assert bound.kappa == judged(portfolio(accounts[0])).kappa > 0.0
    assert bound.verdict is judged(portfolio(accounts[0])).verdict
    nothing = judged(without(accounts, 0)).worst_case
    assert nothing is not None
    assert (nothing.score, nothing.kappa, nothing.verdict) == (0.0, 0.0, Verdict.LIQUIDATABLE)
    assert "aave_v3 loan" in nothing.why


def test_many_failures_are_named_in_part() -> None:
    """Five are named, the others counted, each once."""
    accounts = (lending("loan", {"ETH": 1.0}),)
    [failure] = without(accounts, 0).failures
    failures = tuple(replace(failure, deployment=f"market {i % 7}") for i in range(9))
    told = judged(replace(portfolio(), failures=failures)).worst_case
    assert told is not None
    assert "market 4 and 2 more may owe" in told.why
    assert "market 5" not in told.why


def test_the_score_if_no_price_were_late() -> None:
    """What it would be without the wider range; nothing for a wallet that the late price does not move."""
    late = replace(scenarios(), staleness_days={"ETH": 4.0})
    loan = lending("loan", {"ETH": 10.0, "USDC": -25_000.0})
    bitcoin = lending("other", {"BTC": 1.0, "USDC": -50_000.0})
    first, second = assess_all([portfolio(loan), portfolio(bitcoin)], families=FAMILIES, scenarios=late)
    assert first.fresh_kappa == pytest.approx(judged(portfolio(loan)).kappa)
    assert first.fresh_kappa is not None
    assert first.fresh_kappa > first.kappa
    assert second.fresh_kappa is None
    assert judged(portfolio(loan)).fresh_kappa is None
