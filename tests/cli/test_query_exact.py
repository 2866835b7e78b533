"""Integers of every size through what `crossmargin query` prints and writes: not one digit is lost."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import duckdb
import pyarrow.ipc
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aggregator.store.account_tables import PositionRow
from aggregator.store.columns import table_of
from aggregator.store.warehouse import Warehouse
from tests.cli.runner import crossmargin
from tests.store.samples import save
from tests.volume import volume

Rows: TypeAlias = list[dict[str, Any]]

EDGES = [0, 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**127, 2**128, 10**38, 2**255, 2**256 - 1]
UINT256 = st.one_of(st.integers(0, 2**256 - 1), st.sampled_from(EDGES))
INT256 = st.one_of(st.integers(-(2**255), 2**255 - 1), st.sampled_from([-(2**255), -(2**63) - 1, -1, 0]))

# As they are stored, as DuckDB's own integer of any size, and summed.
SQL = (
    "SELECT ordinal, amount_raw, pnl_raw, amount_raw::BIGNUM AS amount, pnl_raw::BIGNUM AS pnl, "
    "sum(amount_raw::BIGNUM) OVER () AS total FROM position WHERE account_id = 'exact' ORDER BY ordinal"
)


def as_json(arguments: list[str], _: Path) -> Rows:
    found: Rows = crossmargin(*arguments, "--json").json()["data"]["rows"]
    return found


def as_json_lines(arguments: list[str], _: Path) -> Rows:
    return [json.loads(line) for line in crossmargin(*arguments, "--jsonl").out.splitlines()]


def as_csv(arguments: list[str], _: Path) -> Rows:
    return list(csv.DictReader(io.StringIO(crossmargin(*arguments, "--csv").out)))


def as_parquet(arguments: list[str], folder: Path) -> Rows:
    assert crossmargin(*arguments, "--parquet", str(folder / "p")).code == 0
    found: Rows = pyarrow.parquet.read_table(folder / "p").to_pylist()
    return found


def as_arrow(arguments: list[str], folder: Path) -> Rows:
    assert crossmargin(*arguments, "--arrow", str(folder / "a")).code == 0
    with pyarrow.ipc.open_stream((folder / "a").read_bytes()) as stream:
        found: Rows = stream.read_all().to_pylist()
    return found


def as_table(arguments: list[str], _: Path) -> Rows:
    header, *lines = crossmargin(*arguments).out.splitlines()
    return [dict(zip(header.split(), line.split(), strict=True)) for line in lines]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse whose schema is the real one."""
    path = tmp_path_factory.mktemp("exact") / "w.duckdb"
    save(path)
    assert Warehouse(path).snapshots()
    return path


def store(path: Path, pairs: list[tuple[int, int]]) -> None:
    """Positions of an account `exact`, under the CHECKs of their table; what the file held of it is gone."""
    others = [
        c.name for c in table_of(PositionRow).columns if c.name not in {"ordinal", "amount_raw", "pnl_raw"}
    ]
    chosen = ", ".join("'exact'" if name == "account_id" else name for name in others)
    names = ", ".join([*others, "ordinal", "amount_raw", "pnl_raw"])
    insert = f"INSERT INTO position ({names}) SELECT {chosen}, ?, ?, ? FROM position WHERE rowid = 0"  # noqa: S608
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM position WHERE account_id = 'exact'")
        for i, (amount, pnl) in enumerate(pairs):
            connection.execute(insert, [i, str(amount), str(pnl)])


READERS: tuple[Callable[[list[str], Path], Rows], ...] = (
    as_table,
    as_json,
    as_json_lines,
    as_csv,
    as_parquet,
    as_arrow,
)


@settings(
    max_examples=volume(3, 25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pairs=st.lists(st.tuples(UINT256, INT256), min_size=1, max_size=8))
@example(pairs=[(edge, -min(edge, 2**255)) for edge in EDGES])
def test_integers_of_every_size(
    database: Path, monkeypatch: pytest.MonkeyPatch, pairs: list[tuple[int, int]]
) -> None:
    """uint256 and int256 as text, as BIGNUM and as their sum: the same digits in every output."""
    monkeypatch.setenv("CROSSMARGIN_DATABASE", str(database))
    store(database, pairs)
    total = str(sum(amount for amount, _ in pairs))
    expected = [
        {"amount_raw": str(one), "pnl_raw": str(pnl), "amount": str(one), "pnl": str(pnl), "total": total}
        for one, pnl in pairs
    ]
    for read in READERS:
        with TemporaryDirectory() as folder:
            found = read(["query", "--sql", SQL], Path(folder))
        assert [int(row.pop("ordinal")) for row in found] == list(range(len(pairs)))
        assert found == expected, read.__name__
