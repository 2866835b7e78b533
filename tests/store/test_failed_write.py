"""A write that fails leaves nothing of its snapshot, and says why."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from aggregator.model.errors import StoreError, UnusablePrice
from aggregator.model.portfolio import Coverage, Portfolio
from aggregator.model.positions import Holding
from aggregator.model.rules import Health
from aggregator.store import bulk
from aggregator.store.risk_tables import ScenarioAccountLossRow
from aggregator.store.warehouse import Warehouse
from tests.store.blank import blank
from tests.store.samples import (
    EXPECTED,
    LOAN,
    PORTFOLIO,
    RESULT,
    SUSD,
    TAKEN_AT,
    WALLET_ACCOUNT,
    LoanRule,
    save,
    save_new,
)
from tests.store.test_idempotence import contents


def holding(raw: int) -> Portfolio:
    """The sample with one more holding of the wallet."""
    held = (*WALLET_ACCOUNT.positions, Holding(SUSD, raw, "o"))
    return replace(PORTFOLIO, accounts=(replace(WALLET_ACCOUNT, positions=held), *PORTFOLIO.accounts[1:]))


@pytest.mark.parametrize(
    ("portfolio", "result", "why"),
    [
        (replace(PORTFOLIO, accounts=(*PORTFOLIO.accounts, LOAN)), RESULT, "account would hold .* twice"),
        (replace(PORTFOLIO, blocks={}), RESULT, "no pinned block"),
        (holding(-1), RESULT, "-1 is no integer that a contract can hold"),
        (holding(2**256), RESULT, "no integer that a contract can hold"),
        (PORTFOLIO, replace(RESULT, kappa=math.nan), "finite"),
        (PORTFOLIO, replace(RESULT, equity_usd=-math.inf), "finite"),
        (PORTFOLIO, replace(RESULT, greeks=(replace(RESULT.greeks[0], delta_usd=math.nan),)), "finite"),
        (PORTFOLIO, replace(RESULT, greeks=(RESULT.greeks[0],) * 2), "greek would hold .*ETH.* twice"),
        (PORTFOLIO, replace(RESULT, accounts=(RESULT.accounts[0],) * 2), "account_risk would hold"),
        (replace(PORTFOLIO, accounts=(replace(LOAN, label="\ud800"),)), RESULT, "surrogates"),
    ],
    ids=[
        "account twice", "account without block", "negative amount", "beyond uint256", "kappa NaN",
        "equity infinite", "Greek NaN", "Greek twice", "risk twice", "text that is no text",
    ],
)  # fmt: skip
def test_nothing_is_left(tmp_path: Path, portfolio: Portfolio, result: Any, why: str) -> None:
    """Snapshots saved before stay as they are; of the refused one no row remains in any table."""
    path = tmp_path / "w.duckdb"
    save(path)
    before = contents(path)
    with pytest.raises(StoreError, match=why):
        save(path, portfolio, replace(result, scenario_hash="another"))
    assert contents(path) == before


def test_a_failure_at_the_last_table_undoes_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ORM rows and Arrow rows written before the failing statement are rolled back together."""
    path = tmp_path / "w.duckdb"
    insert = bulk.insert
    written: list[str] = []

    def insert_and_break(connection: sa.Connection, row: Any, columns: bulk.Columns) -> None:
        insert(connection, row, columns)
        written.append(row.__tablename__)
        if row is ScenarioAccountLossRow:
            connection.exec_driver_sql("SELECT error('the disk is full')")

    monkeypatch.setattr(bulk, "insert", insert_and_break)
    with pytest.raises(StoreError, match="the disk is full"):
        save(blank(path))
    assert "position" in written
    assert {name for name, rows in contents(path).items() if rows} == {"schema_version"}
    monkeypatch.undo()
    assert save(path).created


def test_a_rule_that_can_not_be_evaluated_is_not_stored(tmp_path: Path) -> None:
    """Its own error comes through, and the file is not even opened."""

    class Broken(LoanRule):
        def health(self, prices: Any, time: int) -> Health:
            raise UnusablePrice("WETH", f"feed at {time}", len(prices) - 1)

    path = tmp_path / "w.duckdb"
    broken = replace(LOAN, rule=Broken(1, 1, 1, 1))
    with pytest.raises(UnusablePrice):
        save_new(path, replace(PORTFOLIO, accounts=(broken,)))
    assert not path.exists()


def test_coverage_must_agree_with_the_expected_reads(tmp_path: Path) -> None:
    """A snapshot that would claim more reads than it lists is refused."""
    path = tmp_path / "w.duckdb"
    with pytest.raises(StoreError, match="misstate its coverage: 4 deployments are named, 5 were to be read"):
        save(path, replace(PORTFOLIO, coverage=Coverage(5, 4, 1)))
    with pytest.raises(StoreError, match="misstate its coverage"):
        Warehouse(path).save(PORTFOLIO, RESULT, expected=EXPECTED[1:], tool_version="1", taken_at=TAKEN_AT)
