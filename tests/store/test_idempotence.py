"""The same read at the same blocks is one snapshot; whatever differs makes another."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from aggregator.model.errors import CallReverted, ProviderUnavailable
from aggregator.model.portfolio import Coverage, Portfolio
from aggregator.model.positions import Debt
from aggregator.model.results import RiskResult
from aggregator.store.saved import SavedSnapshot
from aggregator.store.warehouse import Warehouse
from tests.store.blank import blank
from tests.store.samples import (
    BLOCK,
    EXPECTED,
    FAILURE,
    FAMILIES,
    LOAN,
    MAINNET,
    PORTFOLIO,
    RESULT,
    TAKEN_AT,
    USDC,
    WALLET,
    save,
)


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of a file."""
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
        return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in tables}  # noqa: S608


def test_a_rerun_changes_nothing(tmp_path: Path) -> None:
    """Saved again later, by another command and in another order, it is the same snapshot."""
    path = tmp_path / "w.duckdb"
    first = save(path)
    before = contents(path)
    turned = replace(
        PORTFOLIO,
        accounts=PORTFOLIO.accounts[::-1],
        marks=dict(reversed(list(PORTFOLIO.marks.items()))),
        blocks=dict(reversed(list(PORTFOLIO.blocks.items()))),
    )
    again = save(
        path, turned, taken_at=TAKEN_AT + timedelta(days=1), trigger="schedule", expected=EXPECTED[::-1]
    )
    assert first == SavedSnapshot(first.id, created=True)
    assert again == SavedSnapshot(first.id, created=False)
    assert contents(path) == before
    assert len(before["snapshot"]) == 1


def test_the_id_is_the_same_in_another_file(tmp_path: Path) -> None:
    """The id depends on nothing but what was read and how it was judged; it sorts by block time."""
    first, second = save(tmp_path / "a.duckdb"), save(blank(tmp_path / "b.duckdb"))
    assert first.id == second.id
    assert re.fullmatch(r"20261122T122002Z-a1a1a1-[0-9a-f]{20}", first.id)


def test_the_wording_of_a_failure_does_not_matter(tmp_path: Path) -> None:
    """Messages may name an endpoint; the same kind of failure at the same block is the same snapshot."""
    path = tmp_path / "w.duckdb"
    first = save(path)
    reworded = replace(
        PORTFOLIO, failures=(replace(FAILURE, error=CallReverted("getReservesList()@0x0f", "")),)
    )
    assert save(path, reworded) == SavedSnapshot(first.id, created=False)


LESS_DEBT = replace(LOAN, positions=(*LOAN.positions[:2], Debt(USDC, 60_999_999_999, "stable", "o")))


@pytest.mark.parametrize(
    "portfolio",
    [
        replace(PORTFOLIO, blocks={**PORTFOLIO.blocks, MAINNET: replace(BLOCK, hash="0x" + "99" * 32)}),
        replace(PORTFOLIO, accounts=(PORTFOLIO.accounts[0], LESS_DEBT, PORTFOLIO.accounts[2])),
        replace(PORTFOLIO, failures=(replace(FAILURE, error=ProviderUnavailable("a", "timed out")),)),
        replace(PORTFOLIO, failures=(), coverage=Coverage(4, 4, 0)),
        replace(PORTFOLIO, spots={**PORTFOLIO.spots, "ETH": math.nextafter(2091.12345678, 0)}),
    ],
    ids=["reorganised block", "one wei of debt", "kind of failure", "no failure", "one bit of a spot"],
)
def test_a_different_read_is_another_snapshot(tmp_path: Path, portfolio: Portfolio) -> None:
    """Nothing that was read differently is taken for the same."""
    path = tmp_path / "w.duckdb"
    first = save(path)
    other = save(path, portfolio)
    assert other.created
    assert other.id != first.id
    assert len(Warehouse(path).snapshots()) == 2


@pytest.mark.parametrize(
    "result",
    [
        replace(RESULT, parameters_hash="other"),
        replace(RESULT, scenario_hash="other"),
        replace(RESULT, framework_version="other"),
    ],
)
def test_another_judgement_is_another_snapshot(tmp_path: Path, result: RiskResult) -> None:
    """The same read under other parameters, scenarios or another framework is kept beside the first."""
    path = tmp_path / "w.duckdb"
    save(path)
    assert save(path, result=result).created


def test_another_release_is_another_snapshot(tmp_path: Path) -> None:
    """A release that computes something else never finds its result kept under an older one's."""
    path = tmp_path / "w.duckdb"
    save(path)
    assert save(path, tool_version="0.2.0").created


def test_reads_that_reached_no_chain_are_kept_apart_by_time(tmp_path: Path) -> None:
    """Without a block only the moment tells two outages apart: both are rows."""
    path = tmp_path / "w.duckdb"
    failures = tuple(
        replace(
            FAILURE, adapter=d.adapter, chain=d.chain, deployment=d.name, error=ProviderUnavailable("a", "b")
        )
        for d in EXPECTED
    )
    outage = replace(
        PORTFOLIO, accounts=(), marks={}, classes={}, blocks={}, failures=failures, coverage=Coverage(4, 0, 4)
    )
    save(path, outage)
    assert not save(path, outage).created
    assert save(path, outage, taken_at=TAKEN_AT + timedelta(seconds=1)).created
    assert [line.status for line in Warehouse(path).snapshots()] == ["failed", "failed"]


def test_every_expected_read_has_a_row(tmp_path: Path) -> None:
    """Reads that succeeded are rows, failures are rows with code and message, by deployment."""
    path = tmp_path / "w.duckdb"
    save(path)
    rows = [row[2:] for row in contents(path)["read_status"]]
    assert rows == [
        ("wallet", "wallet", 1, WALLET, "ok", None, None),
        ("aave_v3", "core", 1, WALLET, "ok", None, None),
        ("perps", "main", 10, WALLET, "ok", None, None),
        ("aave_v3", "prime", 1, WALLET, "error", "reverted", "getReservesList()@0x0f reverted: paused"),
    ]


def test_the_content_hash_follows_from_the_stored_rows(tmp_path: Path) -> None:
    """Saving what was loaded gives the same content hash and id: nothing that it covers was lost."""
    path = tmp_path / "w.duckdb"
    first = save(path)
    stored = Warehouse(path).load(first.id, FAMILIES)
    again = save(tmp_path / "copy.duckdb", stored.portfolio, stored.result)
    assert again == first
