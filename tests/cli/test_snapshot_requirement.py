"""`snapshot requirement`: every saved wallet under today's configuration, and what is not known of them."""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from aggregator.model.portfolio import Coverage
from aggregator.store.publishing import published_path
from aggregator.store.warehouse import Warehouse
from cli.exits import Exit
from tests.cli.runner import crossmargin
from tests.docs.test_schema import errors
from tests.risk.builders import holding, perp, portfolio, wallet
from tests.store.blank import blank
from tests.store.samples import RESULT, save
from tests.store.test_holdings import address, saved

COINS = wallet(holding("ETH", 2.0), perp("ETH", -1.0, funding_24h=None))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two wallets in the database of the command line: one complete, and the sample, which is partial."""
    path = tmp_path / "test.duckdb"
    saved(path, [replace(portfolio(COINS), wallet=address(1))])
    save(path)
    return path


@pytest.mark.usefixtures("path")
def test_figures_of_all_wallets() -> None:
    """By address, as the schema has it; parts that are missing or guessed are said."""
    run = crossmargin("snapshot", "requirement", "--json")
    document = run.json()
    assert errors("snapshot-requirement.json", document) == []
    first, second = document["data"]["wallets"]
    assert run.code == Exit.OK
    assert [first["partial"], second["partial"]] == [False, True]
    figures = {name: float(value) for name, value in first["figures"].items() if name.endswith("_usd")}
    assert figures["equity_usd"] == 8_000.0
    assert figures["requirement_usd"] == figures["scan_requirement_usd"] + figures["add_on_usd"]
    assert first["figures"]["coverage"] == pytest.approx(8_000.0 / figures["requirement_usd"])
    assert first["unknown"]["perps_without_costs"] == 1
    assert float(first["requirement_then_usd"]) == RESULT.scan_requirement_usd + RESULT.add_on_usd
    told = " ".join(document["warnings"])
    assert "expected shortfall" in told
    assert "1 of 2 wallets rest on snapshots in which a read failed" in told
    assert "no price history" in told


@pytest.mark.usefixtures("path")
def test_parameters_are_todays(tmp_path: Path) -> None:
    """A larger add-on on perps is asked of what was saved before."""
    before = crossmargin("snapshot", "requirement", "--json").json()["data"]
    (tmp_path / "none.toml").write_text("[risk.add_on]\nperp = 0.5\n", encoding="utf-8")
    after = crossmargin("snapshot", "requirement", "--json").json()["data"]
    assert after["parameters_hash"] != before["parameters_hash"]
    grown = [float(data["wallets"][0]["figures"]["add_on_usd"]) for data in (before, after)]
    assert grown[1] > 1_900.0 > grown[0]


@pytest.mark.usefixtures("path")
def test_csv_and_table() -> None:
    """The same figures in a row of each wallet."""
    document = crossmargin("snapshot", "requirement", "--json").json()["data"]["wallets"]
    rows = list(csv.DictReader(io.StringIO(crossmargin("snapshot", "requirement", "--csv").out)))
    for row, one in zip(rows, document, strict=True):
        assert row["wallet"] == one["wallet"]
        assert row["requirement_usd"] == one["figures"]["requirement_usd"]
        assert row["partial"] == str(one["partial"]).lower()
    screen = crossmargin("snapshot", "requirement")
    assert "PARTIAL" in screen.out
    assert "$8,000" in screen.out
    assert "expected shortfall" in screen.err
    assert "account by account" in screen.out


def test_the_screen_fits_whatever_the_figures(path: Path) -> None:
    """100 columns for a fortune in a token whose name is long, and a line that says what it is made of."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE position SET amount_raw = '2' || repeat('0', 26) WHERE symbol = 'ETH'")
    screen = crossmargin("snapshot", "requirement")
    lines = screen.out.splitlines()
    assert max(map(len, lines)) <= 100
    assert any(len(line.split("$")) == 4 and line.startswith("0x") and "…" in line for line in lines)
    assert "$800,000,000,000" in screen.out


def test_what_can_not_be_valued(path: Path) -> None:
    """The wallet is listed without figures, and the code says so unless a part is allowed."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE position SET amount_raw = NULL WHERE symbol = 'ETH'")
    run = crossmargin("snapshot", "requirement", "--json")
    document = run.json()
    assert errors("snapshot-requirement.json", document) == []
    assert run.code == Exit.PARTIAL
    assert document["data"]["wallets"][0]["figures"] is None
    assert "its amount is missing" in document["errors"][0]["message"]
    screen = crossmargin("snapshot", "requirement", "--allow-partial")
    assert screen.code == Exit.OK
    assert "not valued" in screen.out
    assert "its amount is missing" in screen.err


def test_no_number(path: Path) -> None:
    """What is no finite number passes for nothing."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE position SET rate = 'NaN' WHERE kind = 'option'")
    _, second = crossmargin("snapshot", "requirement", "--json").json()["data"]["wallets"]
    assert second["figures"] is None
    assert "no finite number" in second["why"]


def test_groups(path: Path) -> None:
    """Only its wallets; those without a snapshot are named."""
    Warehouse(path).add_wallet(address(1), groups=["desk"])
    Warehouse(path).add_wallet(address(9), groups=["desk"])
    run = crossmargin("snapshot", "requirement", "--group", "@desk", "--json")
    [one] = run.json()["data"]["wallets"]
    assert one["wallet"] == address(1)
    assert run.code == Exit.PARTIAL
    assert address(9) in run.json()["errors"][0]["message"]
    assert crossmargin("snapshot", "requirement", "--group", "other").code == Exit.USAGE


def test_published(path: Path) -> None:
    """Readers beside a schedule see the published copy."""
    Warehouse(path).publish()
    assert published_path(path).exists()
    saved(path, [replace(portfolio(COINS, coverage=Coverage(1, 1, 0)), wallet=address(2))])
    assert len(crossmargin("snapshot", "requirement", "--json").json()["data"]["wallets"]) == 2


def test_nothing_there(tmp_path: Path) -> None:
    """No database is an error that says what to do; an empty one has no wallets."""
    absent = crossmargin("snapshot", "requirement")
    assert absent.code == Exit.USAGE
    assert "crossmargin snapshot take" in absent.err
    blank(tmp_path / "test.duckdb")
    empty = crossmargin("snapshot", "requirement", "--json")
    assert errors("snapshot-requirement.json", empty.json()) == []
    assert empty.json()["data"]["wallets"] == []
    assert "no wallet has a snapshot" in crossmargin("snapshot", "requirement").out


@pytest.mark.usefixtures("path")
def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names what to install."""
    monkeypatch.delattr("aggregator.risk.kernels", raising=False)
    monkeypatch.setitem(sys.modules, "aggregator.risk.kernels", None)
    run = crossmargin("snapshot", "requirement")
    assert run.code == Exit.USAGE
    assert "crossmargin[bulk]" in run.err
