"""SQL of a user can't read a file, attach, install, write, change settings or escape in another way."""

from __future__ import annotations

import resource
import shutil
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from aggregator.model.errors import QueryError, StoreError, StoreLocked
from aggregator.store import query
from aggregator.store.limits import Limits
from aggregator.store.query import Answer
from tests.queries.asking import LIMITS, World, own

SECRET = "not-for-sql"  # noqa: S105  # what is in the files


@pytest.fixture
def file(world: World, tmp_path: Path) -> Path:
    """A database in a folder with files that SQL would like to read."""
    path = tmp_path / "a.duckdb"
    shutil.copy(world.path, path)
    for name in ("secret.csv", "secret.json", "secret.txt"):
        (tmp_path / name).write_text(f'{{"a": "{SECRET}"}}\n', encoding="utf-8")
    with duckdb.connect() as other:
        other.execute(f"COPY (SELECT '{SECRET}' AS a) TO '{tmp_path / 'secret.parquet'}'")
        other.execute(f"ATTACH '{tmp_path / 'other.duckdb'}' AS o")
        other.execute(f"CREATE TABLE o.t AS SELECT '{SECRET}' AS a")
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump" / "schema.sql").write_text("CREATE TABLE taken(a INTEGER);", encoding="utf-8")
    (tmp_path / "dump" / "load.sql").write_text("", encoding="utf-8")
    return path


READS = [
    "SELECT * FROM read_csv('{}/secret.csv')",
    "SELECT * FROM read_csv_auto('{}/secret.csv')",
    "SELECT * FROM READ_TEXT('{}/secret.txt')",
    "SELECT * FROM read_blob('{}/secret.txt')",
    "SELECT * FROM read_json('{}/secret.json')",
    "SELECT * FROM read_ndjson_objects('{}/secret.json')",
    "SELECT * FROM read_parquet('{}/secret.parquet')",
    "SELECT * FROM parquet_scan(['{}/secret.parquet'])",
    "SELECT * FROM parquet_metadata('{}/secret.parquet')",
    "SELECT * FROM sniff_csv('{}/secret.csv')",
    "SELECT * FROM read_duckdb('{}/other.duckdb')",
    "SELECT * FROM glob('{}/*')",
    "SELECT * FROM '{}/secret.csv'",
    "SELECT * FROM '{}/secret.parquet'",
    'SELECT * FROM "{}/secret.json"',
    "FROM '{}/secret.csv'",
    "SUMMARIZE '{}/secret.csv'",
    "DESCRIBE TABLE '{}/secret.csv'",
    "SELECT (SELECT count(*) FROM read_text('{}/secret.txt'))",
    "SELECT EXISTS (FROM read_text('{}/secret.txt'))",
    "SELECT * FROM position WHERE symbol IN (SELECT content FROM read_text('{}/secret.txt'))",
    "WITH x AS MATERIALIZED (SELECT * FROM read_text('{}/secret.txt')) SELECT * FROM x",
    "WITH RECURSIVE x AS (SELECT content FROM read_text('{}/secret.txt') UNION SELECT content FROM x) FROM x",
    "VALUES ((SELECT content FROM read_text('{}/secret.txt')))",
    "SELECT 1 UNION ALL SELECT size FROM read_text('{}/secret.txt')",
    "SELECT 1 ORDER BY (SELECT size FROM read_text('{}/secret.txt'))",
    "SELECT * FROM position, LATERAL (SELECT * FROM read_text('{}/secret.txt'))",
    "PIVOT (SELECT * FROM read_text('{}/secret.txt')) ON filename IN ('a') USING count(*)",
    "SELECT * FROM query('SELECT * FROM read_text(''{}/secret.txt'')')",
    "SELECT * FROM query_table('{}/secret.csv')",
    "SELECT * FROM json_execute_serialized_sql('{{}}')",
    "SELECT * FROM sqlite_scan('{}/other.db', 't')",
    "SELECT * FROM postgres_scan('host=localhost', 'public', 't')",
    "SELECT * FROM iceberg_scan('{}')",
    "SELECT * FROM delta_scan('{}')",
    "SELECT * FROM 's3://bucket/file.parquet'",
    "SELECT * FROM 'https://localhost/file.parquet'",
    "SELECT * FROM read_parquet('http://localhost/file.parquet')",
    "SELECT getenv('HOME')",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_extensions()",
    "SELECT * FROM duckdb_logs()",
    "SELECT * FROM duckdb_variables()",
    "SELECT * FROM duckdb_databases()",
    "SELECT * FROM pragma_database_list()",
    "SELECT * FROM system.main.read_text('{}/secret.txt')",
    "SELECT * FROM \"read_text\"('{}/secret.txt')",
    "SELECT * FROM main.ReAd_TeXt('{}/secret.txt')",
    "SELECT read_text('{}/secret.txt')",
    "SELECT * FROM (SUMMARIZE '{}/secret.csv')",
    "FROM (DESCRIBE '{}/secret.csv')",
    "SELECT * FROM range(1) POSITIONAL JOIN glob('{}/*')",
    "SELECT * FROM unnest([1]) AS t(a), read_text('{}/secret.txt')",
    "SELECT * FROM range(1) ASOF JOIN read_text('{}/secret.txt') ON range >= size",
    "FROM 'file://{}/secret.csv'",
    "FROM '{}/../*/secret.csv'",
    "SELECT list_transform([1], lambda x: (SELECT size FROM read_text('{}/secret.txt')))",
    "SELECT 1 /* */ FROM /**/ read_text\n--\n('{}/secret.txt')",
    "SELECT 1\u00a0FROM\u00a0read_text('{}/secret.txt')",
    "SELECT 1 FROM position QUALIFY EXISTS (FROM read_text('{}/secret.txt'))",
    "SELECT 1 LIMIT (SELECT size FROM read_text('{}/secret.txt'))",
    "SELECT * FROM which_secret('{}/secret.csv', 's3')",
    "SELECT * FROM seq_scan('position')",
    "SELECT * FROM pandas_scan(1)",
    "SELECT * FROM arrow_scan(1, 2, 3)",
]

CHANGES = [
    "COPY position TO '{}/taken.csv'",
    "COPY (SELECT 1) TO '{}/taken.parquet'",
    "COPY position FROM '{}/secret.csv'",
    "EXPORT DATABASE '{}/taken'",
    "IMPORT DATABASE '{}/dump'",
    "ATTACH '{}/other.duckdb' AS o",
    "ATTACH ':memory:' AS m",
    "DETACH a",
    "USE memory",
    "INSTALL httpfs",
    "INSTALL httpfs FROM '{}'",
    "LOAD httpfs",
    "LOAD json",
    "LOAD '{}/taken.duckdb_extension'",
    "PRAGMA enable_profiling",
    "PRAGMA json_execute_serialized_sql('{{}}')",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET threads = 1",
    "SET VARIABLE x = 1",
    "RESET memory_limit",
    "CALL enable_logging(storage = 'file', storage_path = '{}/taken')",
    "SELECT * FROM enable_logging('QueryLog', storage = 'file', storage_config = {{'path': '{}/taken'}})",
    "SELECT * FROM enable_profiling(save_location = '{}/taken')",
    "SELECT * FROM checkpoint()",
    "SELECT * FROM force_checkpoint()",
    "CHECKPOINT",
    "VACUUM",
    "CREATE TABLE taken(a INTEGER)",
    "CREATE TEMP TABLE taken(a INTEGER)",
    "CREATE MACRO m() AS TABLE SELECT * FROM read_text('{}/secret.txt')",
    "CREATE SECRET s (TYPE http)",
    "INSERT INTO wallet VALUES ('0x', NULL, now())",
    "UPDATE snapshot SET status = 'complete'",
    "DELETE FROM snapshot",
    "TRUNCATE snapshot",
    "DROP TABLE snapshot",
    "ALTER TABLE snapshot ADD COLUMN a INTEGER",
    "COMMENT ON TABLE snapshot IS 'taken'",
    "MERGE INTO wallet USING (SELECT 1) ON false WHEN NOT MATCHED THEN INSERT VALUES ('0x', NULL, now())",
    "BEGIN",
    "COMMIT",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "EXPLAIN ANALYZE SELECT 1",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE snapshot",
    "SELECT 1) AS answer; DROP TABLE snapshot; --",
    "SELECT nextval('s')",
    "CREATE VIEW taken AS SELECT 1",
    "CREATE FUNCTION f(a) AS a",
    "CREATE TEMP MACRO m(a) AS a",
    "DEALLOCATE p",
    "ROLLBACK",
    "SET GLOBAL temp_directory = '{}/taken'",
    "SET home_directory = '{}'",
    "PRAGMA database_size",
    "PRAGMA temp_directory = '{}/taken'",
    "WITH x AS (DELETE FROM wallet RETURNING *) FROM x",
    "FROM (INSERT INTO wallet VALUES (1, 2, 3) RETURNING *)",
    "SELECT 1\x00; DROP TABLE snapshot",
    "SELECT 1 /*",
    "SELECT 1 /* ; */ ; /* */ DROP TABLE snapshot",
    "SELECT 1 -- \n; DROP TABLE snapshot",
    "SELECT 1\uff1b DROP TABLE snapshot",
    "SELECT 1\u037e DROP TABLE snapshot",
    "SELECT $a$ ; $a$; DROP TABLE snapshot",
    "",
    "-- nothing",
    "SELEC 1",
]


@pytest.mark.parametrize("sql", READS + CHANGES)
def test_an_escape_is_refused(sql: str, file: Path) -> None:
    """With a QueryError, and nothing is there afterwards that was not before."""
    before = sorted(p.name for p in file.parent.rglob("*"))
    content = file.read_bytes()
    with pytest.raises(QueryError) as refused:
        own(file, sql.format(*[file.parent] * sql.count("{}")) if "{" in sql else sql)
    assert SECRET not in str(refused.value)
    assert sorted(p.name for p in file.parent.rglob("*")) == before
    assert file.read_bytes() == content


@pytest.mark.parametrize("sql", READS[:21])
def test_the_second_fence_holds_alone(sql: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were every table function allowed, DuckDB itself would still refuse to look beyond the file."""
    monkeypatch.setattr(query, "_table_functions", lambda _: set())
    with pytest.raises(QueryError) as refused:
        own(file, sql.format(file.parent))
    assert SECRET not in str(refused.value)


def test_variables_of_this_program_are_no_tables(file: Path) -> None:
    """DuckDB would find them by name in the frames that call it."""
    taken = pa.table({"a": [SECRET]})
    assert taken.num_rows == 1
    with pytest.raises(QueryError, match="taken does not exist"):
        own(file, "SELECT * FROM taken")


ALLOWED: list[tuple[str, Any]] = [
    ("SELECT 1 AS a;", 1),
    ("SELECT 1 AS a -- with a comment", 1),
    ("SELECT 1 AS a; -- with a comment", 1),
    ("/* first */ SELECT 1 AS a /* last */", 1),
    ("FROM range(3) SELECT max(range)", 2),
    ("VALUES (7)", 7),
    ("WITH a AS (SELECT 2 AS b) SELECT b FROM a", 2),
    ("WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM r WHERE x < 4) SELECT max(x) FROM r", 4),
    ("SELECT count(*) FROM snapshot", 30),
    ("SELECT count(*) > 50 FROM duckdb_columns() WHERE NOT internal AND comment IS NOT NULL", True),
    ("SELECT count(*) FROM information_schema.tables WHERE table_name = 'snapshot'", 1),
    ("SELECT count(*) FROM (DESCRIBE snapshot) WHERE column_name = 'snapshot_id'", 1),
    ("SELECT list_sum([x * 2 FOR x IN [1, 2]])", "6"),
    ("SELECT sum(u) FROM unnest([1, 2, 3]) AS t(u)", "6"),
    ("SELECT json_extract_string('{\"a\": \"b\"}', '$.a')", "b"),
    ("SELECT ';' || '--'", ";--"),
    ("SELECT ';' || 1::HUGEINT ;;; ", ";1"),
    ("SELECT 1::HUGEINT -- a ; b\n; -- c ;", "1"),
]


@pytest.mark.parametrize(("sql", "expected"), ALLOWED)
def test_what_a_question_needs_is_allowed(sql: str, expected: Any, world: World) -> None:
    """Comments, table expressions, the catalogue; sums of integers are HUGEINT and come as text."""
    [row] = own(world.path, sql)
    [value] = row.values()
    assert value == expected


def test_describing_a_table(world: World) -> None:
    """DESCRIBE and SHOW are questions too."""
    assert "snapshot_id" in {row["column_name"] for row in own(world.path, "DESCRIBE snapshot")}
    assert "snapshot" in {row["name"] for row in own(world.path, "SHOW TABLES")}
    assert own(world.path, "SUMMARIZE latest")


@pytest.mark.parametrize("value", [0, 2**127 - 1, 2**127, 2**128, 2**255, 2**256 - 1, -(2**255)])
def test_integers_of_every_size_are_exact(value: int, world: World) -> None:
    """As text, as BIGNUM, and summed."""
    sql = "SELECT $n AS text, $n::BIGNUM AS big, sum($n::BIGNUM) AS total FROM range(3)"
    [row] = own(world.path, sql, n=str(value))
    assert row == {"text": str(value), "big": str(value), "total": str(3 * value)}


def test_each_type_is_fetched_exactly(world: World) -> None:
    """Numbers that Python has as they are; what it has no exact type for as text; zoned times as UTC."""
    [row] = own(
        world.path,
        "SELECT 170141183460469231731687303715884105727::HUGEINT AS huge, 1.10::DECIMAL(38,8) AS dec, "
        "18446744073709551615::UBIGINT AS big, 0.1::DOUBLE AS float, [1, 2] AS list, INTERVAL 1 DAY AS day, "
        "TIMESTAMPTZ '2026-11-22 12:00:00+02' AS zoned, NULL AS nothing, true AS yes, '\\x01'::BLOB AS bytes",
    )
    assert row.pop("zoned").isoformat() == "2026-11-22T10:00:00"
    assert row == {
        "huge": str(2**127 - 1),
        "dec": Decimal("1.10000000"),
        "big": 2**64 - 1,
        "float": 0.1,
        "list": "[1, 2]",
        "day": "1 day",
        "nothing": None,
        "yes": True,
        "bytes": b"\x01",
    }


def test_columns_that_share_a_name_are_told_apart(world: World) -> None:
    """None of them is lost in JSON."""
    [row] = own(world.path, "SELECT 1 AS a, 2::HUGEINT AS a")
    assert list(row.values()) == [1, "2"]


def test_order_survives_the_casts(world: World) -> None:
    """The order of a statement is that of its answer, also where columns are cast around it."""
    rows = own(world.path, "SELECT r AS n, r::HUGEINT AS h FROM range(200000) AS t(r) ORDER BY hash(r)")
    plain = own(world.path, "SELECT r AS n FROM range(200000) AS t(r) ORDER BY hash(r)")
    assert [row["n"] for row in rows] == [row["n"] for row in plain]


@pytest.mark.parametrize(
    ("sql", "values", "told"),
    [
        ("SELECT $a", {}, r"parameter a is missing: it asks for \$a"),
        ("SELECT 1", {"a": 1}, "parameter a is unknown: it asks for none"),
        ("SELECT $a", {"b": 1}, "parameter a is missing"),
        ("SELECT ?", {}, "parameter 1 is missing"),
        ("SELECT nothing FROM snapshot", {}, 'column "nothing" not found'),
        ("SELECT 'a'::INTEGER", {}, "Could not convert"),
        ("SELECT error('own')", {}, "own"),
        ("PIVOT position ON kind USING count(*)", {}, r"(these are 2|this is MULTI) \(PIVOT .* ON column IN"),
        ("SELECT " + " + ".join(["1"] * 700), {}, "nested too deeply"),
        ("SELECT " + "(SELECT " * 300 + "1" + ")" * 300, {}, "nested too deeply"),
        ("SELECT " + "(" * 200_000 + "1" + ")" * 200_000, {}, "memory exhausted|needs more than"),
        ("SELECT '\udcff'", {}, "the statement is not valid UTF-8"),
        ("SELECT $a", {"a": "\udcff"}, "parameter a is not valid UTF-8"),
    ],
)
def test_mistakes_are_told(sql: str, values: dict[str, Any], told: str, world: World) -> None:
    """What DuckDB says, as the user's error."""
    with pytest.raises(QueryError, match=f"(?i){told}"):
        own(world.path, sql, **values)


def test_a_message_quotes_nothing_that_acts_on_a_terminal(world: World) -> None:
    """Names of tokens are texts of strangers."""
    with pytest.raises(QueryError, match="Could not convert") as refused:
        own(world.path, "SELECT symbol::INTEGER FROM position WHERE symbol LIKE '=%'")
    assert "JUNK" in str(refused.value)
    assert "\x1b" not in str(refused.value)


ENDLESS = "SELECT sum(a.range * b.range) FROM range(10000000) AS a, range(10000000) AS b"


def limited(path: Path, sql: str, *, timeout_s: float = 60.0, memory_gb: float = 1.0) -> int:
    """The number of rows within limits."""

    def counted(answer: Answer) -> int:
        return sum(len(rows) for rows in answer.batches)

    limits = Limits(timeout_s, memory_gb)
    return query.run(path, "test", sql, {}, counted, limits=limits, lock_timeout_s=5.0)


@pytest.mark.parametrize("sql", [ENDLESS, "SELECT a.range FROM range(10000000) AS a, range(10000000) AS b"])
def test_time_is_limited(sql: str, world: World) -> None:
    """In one long step, and over endless rows."""
    start = time.monotonic()
    with pytest.raises(QueryError, match=r"more than 0\.3 s.*--timeout"):
        limited(world.path, sql, timeout_s=0.3)
    assert time.monotonic() - start < 20


def test_memory_is_limited(world: World) -> None:
    """Without spilling into files beside the database."""
    sql = "SELECT list(range::VARCHAR || repeat('x', 100)) FROM range(3000000)"
    with pytest.raises(QueryError, match=r"more than 0\.05 GB.*--memory"):
        limited(world.path, sql, memory_gb=0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds what DuckDB does not count")
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT length(repeat('x', 2000000000))",
        "SELECT range(100000000)",
        "SELECT format('{:2000000000d}', 1)",
        "SELECT repeat('x', 1000000) FROM range(5000)",
    ],
)
def test_memory_that_duckdb_does_not_count_is_limited(sql: str, world: World) -> None:
    """In one call of a function, and in the rows that Python holds; afterwards the process may take more."""
    bound = resource.getrlimit(resource.RLIMIT_DATA)
    with pytest.raises(QueryError, match=r"more than 0\.1 GB.*--memory"):
        limited(world.path, sql, memory_gb=0.1)
    assert resource.getrlimit(resource.RLIMIT_DATA) == bound


def test_a_step_that_nothing_interrupts_is_given_up(world: World) -> None:
    """Once, some time after the limit; here the step does end, in the command line the process does."""
    given_up: list[QueryError] = []
    limits = Limits(0.05, 1.0, given_up.append)
    sql = "SELECT levenshtein(repeat('ab', 6000), repeat('ba', 6000))"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aggregator.store.limits._STOPS_WITHIN_S", 0.05)
        with pytest.raises(QueryError, match=r"more than 0\.05 s") as late:
            query.run(world.path, "test", sql, {}, lambda a: list(a.batches), limits=limits, lock_timeout_s=5)
    assert [str(error) for error in given_up] == [str(late.value)]


def test_who_takes_rows_slowly_is_not_given_up(world: World) -> None:
    """A pager may keep the rows for long: DuckDB is not at work then."""
    given_up: list[QueryError] = []

    def slowly(answer: Answer) -> None:
        for _ in answer.batches:
            time.sleep(0.5)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aggregator.store.limits._STOPS_WITHIN_S", 0.2)
        sql, limits = "SELECT range FROM range(1000000)", Limits(0.1, 1.0, given_up.append)
        with pytest.raises(QueryError, match=r"more than 0\.1 s"):
            query.run(world.path, "test", sql, {}, slowly, limits=limits, lock_timeout_s=5)
    assert not given_up


def test_a_quick_answer_leaves_no_thread(world: World) -> None:
    """The clock ends with the query."""
    before = threading.active_count()
    assert limited(world.path, "SELECT 1") == 1
    assert threading.active_count() == before


def test_rows_that_nobody_takes_are_no_trouble(world: World) -> None:
    """A table shows the first rows and leaves the others."""

    def first(answer: Answer) -> Any:
        return next(answer.batches)[0][0]

    sql = "SELECT range FROM range(1000000)"
    for _ in range(2):
        assert query.run(world.path, "test", sql, {}, first, limits=LIMITS, lock_timeout_s=5.0) == 0


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Read-only: it is not made."""
    with pytest.raises(StoreError):
        own(tmp_path / "absent.duckdb", "SELECT 1")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_open_elsewhere(file: Path) -> None:
    """Waits, then names the lock."""
    with duckdb.connect(str(file)), pytest.raises(StoreLocked):
        query.run(file, "test", "SELECT 1", {}, lambda _: None, limits=LIMITS, lock_timeout_s=0.2)
