"""The two worked cases, by exact rules and by a table's borrowers; made by an independent script."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aggregator.planning.borrowers import Borrowers
from aggregator.planning.cascade import Terms, cascade
from aggregator.risk.factors import Factor
from aggregator.risk.scenarios import CustomScenario
from tests.planning.plain import borrower
from tests.risk.builders import portfolio, scenarios

CASES: dict[str, Any] = json.loads(Path(__file__).with_name("cascade.json").read_text())


def linear(_: str, price: float, units: float) -> float:
    """The case's own impact."""
    return price * (1.0 - 1e-4 * units)


def rows(loans: list[tuple[float, float]], price: float, threshold: float = 0.83) -> Borrowers:
    """Loans of dollars against ether."""
    count = len(loans)
    return Borrowers(
        labels=("plain",),
        assets=("ETH", "USD"),
        factors=(Factor("ETH"), Factor("USD")),
        price_usd=np.array([price, 1.0]),
        label=np.zeros(count, dtype=np.intp),
        collateral_of=np.zeros(count, dtype=np.intp),
        debt_of=np.ones(count, dtype=np.intp),
        collateral=np.array([held for held, _ in loans]),
        debt=np.array([owed for _, owed in loans]),
        threshold=np.full(count, threshold),
        bonus=np.full(count, 0.05),
        part=np.full(count, 0.5),
        part_from=np.full(count, 0.95),
    )


def test_two_borrowers_by_exact_rules() -> None:
    """The sale of the first one's collateral brings down the second; amounts to 1e-9, prices to 1e-12."""
    case = CASES["two_borrower_cascade"]
    # The tests' ether is 4,000 USD, twice the case's: half of it is the same loan.
    accounts = [
        borrower(str(i + 1), one["eth"] / 2, one["debt"]) for i, one in enumerate(case["given"]["borrowers"])
    ]

    def impact(name: str, price: float, units: float) -> float:
        return linear(name, price, 2.0 * units)

    shock = CustomScenario("shock", {"ETH": case["given"]["shock"]})
    found = cascade(portfolio(*accounts), [shock], scenarios=scenarios(), terms=Terms(impact))
    steps, price = found.cascade.steps, 4_000.0 * (1.0 + case["given"]["shock"])
    assert [step.round for step in steps] == [1, 2]
    for step, told in zip(steps, case["rounds"], strict=True):
        [act] = told["acts"]
        assert step.account_id == str(act["borrower"])
        assert step.health == pytest.approx(act["HF"], abs=1e-9)
        assert step.prices_usd["ETH"] == pytest.approx(2.0 * told["price_before"], rel=1e-9)
        assert step.repaid[0].raw / 1e18 == pytest.approx(act["repaid"], rel=1e-9)
        assert step.seized[0].raw / 1e18 == pytest.approx(act["seized"] / 2.0, rel=1e-9)
    assert steps[0].prices_usd["ETH"] == pytest.approx(price)
    assert found.cascade.final_prices_usd["ETH"] == pytest.approx(2.0 * case["final_price"], rel=1e-9)
    assert (found.cascade.bad_debt_usd, found.cascade.converged) == (case["bad_debt"], True)
    for account, left in zip(found.final.accounts, case["final"], strict=True):
        held, owed = (position.raw / 1e18 for position in account.positions)  # type: ignore[union-attr]
        assert (held, owed) == pytest.approx((left["c"] / 2.0, left["d"]), rel=1e-9)


def test_two_borrowers_of_a_table() -> None:
    """The same in floats, beside a wallet that has nothing to do with it."""
    case = CASES["two_borrower_cascade"]
    loans = [(one["eth"], one["debt"]) for one in case["given"]["borrowers"]]
    table = rows(loans, case["given"]["spot"])
    spot = case["given"]["spot"]
    found = cascade(
        replace(portfolio(), spots={"USD": 1.0, "ETH": float(spot)}),
        [CustomScenario("shock", {"ETH": case["given"]["shock"]})],
        scenarios=scenarios(),
        terms=Terms(linear),
        borrowers=table,
    ).cascade
    assert [(step.round, step.accounts) for step in found.steps] == [(1, 1), (2, 1)]
    for step, told in zip(found.steps, case["rounds"], strict=True):
        assert step.liquidated_usd == pytest.approx(
            told["acts"][0]["seized"] * told["price_before"], rel=1e-12
        )
    assert found.bad_debt_usd == 0.0


def test_toxic_debt_is_flagged_and_what_the_bonus_costs_is_bad_debt() -> None:
    """LTV .97 is beyond 1/1.05: paying it all leaves what nobody pays."""
    case = CASES["toxic"]
    given, told = case["given"], case["full_liquidation"]
    held = given["collateral"] / 4_000.0
    one = borrower("toxic", held, given["debt"], threshold=0.9)
    still = CustomScenario("still", {})
    found = cascade(portfolio(one), [still], scenarios=scenarios(), terms=Terms(linear)).cascade
    [step] = found.steps
    assert step.toxic
    assert found.toxic == ("toxic",)
    assert step.repaid[0].raw / 1e18 == pytest.approx(told["repaid"], rel=1e-12)
    assert step.bad_debt_usd == pytest.approx(told["bad_debt"], rel=1e-12)
    # With next to no bonus it is paid in full: it is the bonus that is missing.
    cheap = borrower("cheap", held, given["debt"], threshold=0.9, bonus=0.0001)
    whole = cascade(portfolio(cheap), [still], scenarios=scenarios()).cascade
    assert (len(whole.steps), whole.bad_debt_usd) == (1, case["without_bonus_bad_debt"])


@pytest.mark.parametrize(("ltv", "toxic"), [(0.95, False), (0.955, True)])
def test_the_frontier(ltv: float, toxic: bool) -> None:
    """Below 1/(1+bonus) a liquidation heals, above it harms; of a table's borrowers, too."""
    held = 25.0
    one = borrower("one", held, held * 4_000.0 * ltv, threshold=0.9)
    found = cascade(portfolio(one), [CustomScenario("still", {})], scenarios=scenarios()).cascade
    assert found.steps[0].toxic is toxic
    table = rows([(held, held * 4_000.0 * ltv)], 4_000.0, 0.9)
    other = cascade(
        portfolio(), [CustomScenario("still", {})], scenarios=scenarios(), borrowers=table
    ).cascade
    assert other.steps[0].toxic is toxic
