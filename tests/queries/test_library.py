"""The files of queries: strict headers, typed parameters, and the same names in header and SQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from aggregator.model.errors import QueryError
from aggregator.store import library
from aggregator.store.library import Kind, parse
from aggregator.store.opening import Opening
from tests.queries.asking import World, answer, same
from tests.queries.synthetic import START, WALLETS, generate

NAMES = [query.name for query in library.queries()]

HEADER = """\
-- name: example
-- question: What is asked?
-- parameter: wallet address = NULL; only this wallet
-- parameter: top integer = 5; how many
-- grain: one row per thing
-- units: USD,
--   and seconds
-- snapshots: latest; the newest
"""


def test_a_header_is_parsed() -> None:
    """Continued lines are joined; a default has the type of its parameter."""
    query = parse(HEADER + "\nSELECT 1\n", "example.sql")
    assert (query.name, query.question, query.sql) == ("example", "What is asked?", "SELECT 1")
    assert (query.grain, query.units, query.snapshots) == (
        "one row per thing",
        "USD, and seconds",
        "latest; the newest",
    )
    assert [(p.name, p.kind, p.default, p.meaning) for p in query.parameters] == [
        ("wallet", Kind.ADDRESS, None, "only this wallet"),
        ("top", Kind.INTEGER, 5, "how many"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("-- grain: one row per thing\n", "", "in this order"),
        ("-- name: example\n", "", "in this order"),
        ("-- grain:", "-- grains:", "in this order"),
        ("-- grain: one", "-- grain: a\n-- grain: one", "in this order"),
        ("-- name: example\n-- question: What is asked?\n", "-- question: a\n-- name: b\n", "in this order"),
        ("--   and seconds", "-- and seconds", "is no line of a header"),
        ("-- name", "--   more\n-- name", "is no line of a header"),
        ("-- units: USD,", "-- units:", "is no line of a header"),
        ("top integer", "top bigint", "is no parameter"),
        ("top integer = 5", "top integer = five", "whole number"),
        ("top integer = 5", "top integer", "is no parameter"),
        ("; how many", "", "is no parameter"),
        ("top integer", "wallet integer", "stands twice"),
        ("latest; the", "newest; the", "latest or all"),
        ("SELECT 1", "", "no SQL"),
    ],
)
def test_any_other_header_is_an_error(old: str, new: str, told: str) -> None:
    """A file that is not understood is not run."""
    text = HEADER + "SELECT 1"
    assert old in text
    with pytest.raises(ValueError, match=told):
        parse(text.replace(old, new, 1), "example.sql")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.TEXT, "", ""),
        (Kind.TEXT, "'; DROP TABLE", "'; DROP TABLE"),
        (
            Kind.ADDRESS,
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        ),
        (Kind.INTEGER, "-17", -17),
        (Kind.NUMBER, "1e-3", 0.001),
        (Kind.BOOLEAN, "True", True),
        (Kind.TIME, "2026-11-22", datetime(2026, 11, 22)),  # noqa: DTZ001  # UTC without a zone, as stored
        (Kind.TIME, "2026-11-22T12:30:05Z", datetime(2026, 11, 22, 12, 30, 5)),  # noqa: DTZ001
        (Kind.TIME, "2026-11-22T01:30+02:00", datetime(2026, 11, 21, 23, 30)),  # noqa: DTZ001
    ],
)
def test_values(kind: Kind, text: str, value: Any) -> None:
    """What -p gives, as what it is bound as."""
    parsed = kind.parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.ADDRESS, "0x12"),
        (Kind.ADDRESS, "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
        (Kind.INTEGER, "1.0"),
        (Kind.INTEGER, "1_000"),
        (Kind.INTEGER, "9" * 19),
        (Kind.INTEGER, ""),
        (Kind.NUMBER, "nan"),
        (Kind.NUMBER, "inf"),
        (Kind.NUMBER, "1e999"),
        (Kind.BOOLEAN, "1"),
        (Kind.TIME, "yesterday"),
        (Kind.TIME, "2026-13-01"),
        (Kind.TIME, "0001-01-01T00:00+23:00"),
    ],
)
def test_malformed_values(kind: Kind, text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=r"."):
        kind.parse(text)


def test_an_unknown_name_is_told_the_choices() -> None:
    """Of queries, of parameters, and of what a parameter can be."""
    with pytest.raises(QueryError, match=r"health_historie.*health_history"):
        library.find("health_historie")
    query = library.find("hedge_map")
    with pytest.raises(QueryError, match="no parameter 'wallets'; it has wallet, group, underlying"):
        query.values({"wallets": WALLETS[0]})
    with pytest.raises(QueryError, match="parameter wallet can't be '0x1': it is not 0x followed by 40"):
        query.values({"wallet": "0x1"})
    assert query.values({"underlying": "ETH"}) == {"wallet": None, "group": None, "underlying": "ETH"}


@pytest.mark.parametrize("name", NAMES)
def test_header_and_sql_name_the_same_parameters(name: str) -> None:
    """One SELECT; no parameter that is not bound, none that does nothing."""
    query = library.find(name)
    [statement] = duckdb.extract_statements(query.sql)
    assert statement.type == duckdb.StatementType.SELECT
    assert statement.named_parameters == {parameter.name for parameter in query.parameters}
    assert {"wallet", "group"} <= statement.named_parameters


@pytest.fixture(scope="module")
def backwards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same rows, written the other way round."""
    data, path = generate(), tmp_path_factory.mktemp("backwards") / "backwards.duckdb"
    for rows in data.rows.values():
        rows.reverse()
    data.write(path)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_rows_come_in_one_order(name: str, world: World, backwards: Path) -> None:
    """Whatever the order in the file: what a diff of two answers shows is a difference."""
    given = {"until": "2026-12-01"} if name == "snapshot_gaps_and_partials" else {}
    found = world.ask(name, **given)
    assert len(found) > 1
    same(answer(backwards, name, **given), found)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without a snapshot."""
    path = tmp_path_factory.mktemp("empty") / "empty.duckdb"
    Opening(path, lock_timeout_s=5.0).write(lambda _: None)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_database_has_no_rows(name: str, empty: Path) -> None:
    """No error, no row of NULLs."""
    assert answer(empty, name) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_stranger_has_no_rows(name: str, world: World) -> None:
    """Neither a wallet nor a group that is not there."""
    assert world.ask(name, wallet="0x" + "00" * 20) == []
    assert world.ask(name, group="nobody") == []


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_bound_not_pasted(name: str, world: World) -> None:
    """SQL in a value is a text that matches nothing."""
    assert world.ask(name, group="desk' OR true --") == []


@pytest.fixture(scope="module")
def usable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same file without orphaned and failed snapshots."""
    data, path = generate(), tmp_path_factory.mktemp("usable") / "usable.duckdb"
    kept = {s["snapshot_id"] for s in data.of("snapshot") if s["status"] in ("complete", "partial")}
    for table, rows in data.rows.items():
        if rows and "snapshot_id" in rows[0]:
            data.rows[table] = [row for row in rows if row["snapshot_id"] in kept]
    data.write(path)
    return path


OF_SNAPSHOTS = [name for name in NAMES if name != "snapshot_gaps_and_partials"]


@pytest.mark.parametrize("name", OF_SNAPSHOTS)
def test_orphaned_and_failed_snapshots_never_count(name: str, world: World, usable: Path) -> None:
    """The answer is the same where they are not there at all."""
    same(answer(usable, name), world.ask(name))


@pytest.mark.parametrize("name", OF_SNAPSHOTS)
def test_what_is_partial_is_flagged(name: str, world: World) -> None:
    """In every row of the wallet whose latest snapshot is partial, and of that one only."""
    latest = [row for row in world.ask(name, wallet=WALLETS[1]) if row.get("as_of") in (None, PARTIAL_AS_OF)]
    assert {row["partial"] for row in latest} <= {True}
    assert {row["partial"] for row in world.ask(name, wallet=WALLETS[0])} <= {False}
    assert any(row["partial"] for row in world.ask(name))


PARTIAL_AS_OF = START + timedelta(hours=18, minutes=1)
