"""Tables of loans within a cascade: their oracles, prices and bad debts, and cells that are none."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from aggregator.model.errors import BadConfiguration
from aggregator.planning import impact as impacts
from aggregator.planning.borrowers import Borrowers
from aggregator.planning.cascade import Terms, cascade
from aggregator.planning.market_risk import over_draws
from aggregator.planning.tables import COLUMNS, borrowers_of
from aggregator.risk.scenarios import CustomScenario
from tests.planning.test_cascade_vectors import linear, rows
from tests.risk.builders import (
    COINS,
    few_draws,
    portfolio,
    scenarios,
)

STILL = CustomScenario("still", {})


def fall(change: float) -> CustomScenario:
    return CustomScenario("fall", {"ETH": change})


def table(*loans: tuple[object, ...], **more: list[object]) -> Borrowers:
    """Loans of a table at the tests' prices."""
    columns: dict[str, list[object]] = {name: [loan[i] for loan in loans] for i, name in enumerate(COLUMNS)}
    return borrowers_of(columns | more, portfolio(), scenarios(), "loans")


@pytest.mark.parametrize(
    ("lags", "second"), [({}, 2), ({"aave_v3": 2}, 4), ({"aave_v3:1": 1}, 3), ({"morpho_blue": 2}, 2)]
)
def test_a_tables_oracle_lags_as_its_protocols_does(lags: dict[str, int], second: int) -> None:
    """By its whole label or by the protocol that it begins with; another protocol's lag is not its own."""
    loans = table(
        ("aave_v3:1", "ETH", 100.0, "USD", 300_000.0, 0.83, 0.05, "aave_v3"),
        ("aave_v3:1", "ETH", 50.0, "USD", 149_000.0, 0.83, 0.05, "aave_v3"),
    )
    found = cascade(
        portfolio(), [fall(-0.1)], scenarios=scenarios(), terms=Terms(linear, lags=lags), borrowers=loans
    ).cascade
    assert [step.round for step in found.steps] == [1, second]


def test_what_nothing_quotes_is_sold_at_the_price_of_what_is_pegged_to_it() -> None:
    """A table's wrapped bitcoin moves bitcoin, where the wallet has none of either; that is said."""
    ours = portfolio()
    ours = replace(ours, spots={name: price for name, price in ours.spots.items() if name != "BTC"})
    loan = ("x", "WBTC", 1_000, "USD", 9e7, 0.83, 0.05, "full")
    loans = borrowers_of(
        {name: [value] for name, value in zip(COLUMNS, loan, strict=True)}, ours, scenarios(), "loans"
    )
    found = cascade(ours, [STILL], scenarios=scenarios(), borrowers=loans).cascade
    sold = found.steps[0].sold_usd["BTC"]
    depth = scenarios().asset_parameters("BTC").depth_usd
    assert found.start_prices_usd["BTC"] == COINS["WBTC"].usd
    assert found.final_prices_usd["BTC"] == pytest.approx(COINS["WBTC"].usd * math.exp(-0.02 * sold / depth))
    assert "nothing quotes BTC itself: WBTC stands for its price" in found.told


def test_nobody_gains_by_the_rounding_of_floats() -> None:
    """Without a bonus no loan of a table is liquidated, whatever its last bits are."""
    draw = np.random.default_rng(3)
    held = draw.uniform(0.1, 50.0, 2_000)
    loans = rows(list(zip(held, held * draw.uniform(3_400.0, 3_900.0, len(held)), strict=True)), 4_000.0)
    loans = replace(loans, bonus=np.zeros(len(held)), price_usd=np.array([4_000.0 / 3.0 * 3.0001, 1.0 / 1.1]))
    found = cascade(portfolio(), [fall(-0.0123)], scenarios=scenarios(), borrowers=loans).cascade
    assert found.steps == ()
    assert "of the table fail, and" in found.refusals[0].reason


def test_who_pays_a_tables_bad_debt_is_said_to_be_unknown() -> None:
    """It is booked on suppliers; that reserves might pay, and the wallet be one of them, is said."""
    loans = table(("pool", "ETH", 1, "USD", 3_900, 0.83, 0.05, "full"))
    found = cascade(portfolio(), [fall(-0.5)], scenarios=scenarios(), borrowers=loans).cascade
    assert found.bad_debt_usd > 0.0
    assert any(told.startswith("pool: what reserves would pay") for told in found.told)
    whole = table(("pool", "ETH", 1, "USD", 3_000, 0.83, 0.05, "full"))
    paid = cascade(portfolio(), [fall(-0.1)], scenarios=scenarios(), borrowers=whole).cascade
    assert (paid.bad_debt_usd, paid.told, len(paid.steps)) == (0.0, (), 1)


def test_a_price_of_the_table_beside_one_that_was_read_is_told() -> None:
    """And of USD there is no other price."""
    loan = ("x", "ETH", 1, "USDC", 1_000, 0.83, 0.05, "full")
    loans = table(loan, collateral_price_usd=[3_900.0], debt_price_usd=[1.0])
    assert loans.told == ("the table's own price of ETH, 3,900 USD, is taken for its loans: 4,000 was read",)
    found = cascade(portfolio(), [STILL], scenarios=scenarios(), borrowers=loans).cascade
    assert loans.told[0] in found.told
    with pytest.raises(BadConfiguration, match="USD is 1 USD"):
        table(("x", "ETH", 1, "USD", 1_000, 0.83, 0.05, "full"), debt_price_usd=[0.9])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"protocol": None}, "row 1 has no protocol"),
        ({"collateral_units": True}, "row 1: collateral_units is no number"),
        ({"collateral_units": 10**18}, "row 1: collateral_units are worth more than"),
        ({"debt_units": 1e308}, "row 1: debt_units are worth more than"),
    ],
)
def test_cells_that_are_none(change: dict[str, object], why: str) -> None:
    """A null is no label, a truth no number, and the smallest units no whole ones."""
    loan = dict(zip(COLUMNS, ("x", "ETH", 1, "USDC", 1_000, 0.83, 0.05, "full"), strict=True))
    columns = {name: [value] for name, value in (loan | change).items()}
    with pytest.raises(BadConfiguration, match=why):
        borrowers_of(columns, portfolio(), scenarios(), "loans")


def test_what_only_a_table_has_can_be_shocked() -> None:
    """By a scenario, a path and the framework's draws alike."""
    ours = portfolio()
    loan = dict(zip(COLUMNS, ("x", "DOGE", 1e6, "USD", 150_000, 0.83, 0.05, "full"), strict=True))
    columns: dict[str, list[object]] = {name: [value] for name, value in loan.items()}
    loans = borrowers_of(columns | {"collateral_price_usd": [0.2]}, ours, scenarios(), "loans")
    terms, down = Terms(impacts.none), CustomScenario("down", {"DOGE": -0.3})
    for path in ([down], [STILL, down]):
        found = cascade(ours, path, scenarios=scenarios(), terms=terms, borrowers=loans).cascade
        assert [step.sold_usd for step in found.steps] == [pytest.approx({"DOGE": 140_000.0})]
    risk = over_draws(ours, 32, scenarios=few_draws(), terms=terms, borrowers=loans)
    assert risk.liquidated_es_usd > 0.0
    with pytest.raises(BadConfiguration, match="moves 'DOGE', which nothing is"):
        cascade(ours, [down], scenarios=scenarios())
