"""`crossmargin query`: every output exact, untrusted text harmless, mistakes told."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest

from aggregator.store.warehouse import Warehouse
from cli.exits import Exit
from tests.cli.runner import Result, crossmargin
from tests.docs.test_schema import errors
from tests.queries.synthetic import START, UNCLASSIFIED, WALLETS, generate

HUGE = 2**256 - 1
SHIPPED = Path(__file__).parents[2] / "queries"
UNTRUSTED = UNCLASSIFIED.symbol


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up warehouse."""
    path = tmp_path_factory.mktemp("cli-query") / "a.duckdb"
    generate().write(path)
    return path


@pytest.fixture(autouse=True)
def _configured(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the configured database."""
    monkeypatch.setenv("CROSSMARGIN_DATABASE", str(written))


def rows(result: Result) -> list[dict[str, Any]]:
    """The rows of an envelope that meets its schema."""
    assert result.code == 0, result.err
    document = result.json()
    name = document["schema"].split("/")[1].replace(" ", "-")
    assert errors(f"{name}.json", document) == []
    found: list[dict[str, Any]] = document["data"]["rows"]
    return found


def own(sql: str, *more: str) -> Result:
    """`query --sql`."""
    return crossmargin("query", "--sql", sql, *more)


def test_list_and_show() -> None:
    """What there is, without a database."""
    listed = crossmargin("query", "list", "--json").json()
    assert errors("query-list.json", listed) == []
    assert [row["name"] for row in listed["data"]] == sorted(path.stem for path in SHIPPED.glob("*.sql"))
    assert "hedge_map" in crossmargin("query", "list").out
    shown = crossmargin("query", "show", "oracle_staleness", "--json").json()
    assert errors("query-show.json", shown) == []
    assert shown["data"]["parameters"][2] == {
        "name": "only_stale",
        "type": "boolean",
        "default": "false",
        "meaning": "leave out prices within their heartbeat or without one",
    }
    text = crossmargin("query", "show", "health_history").out
    for part in ("-p since=… (time):", "grain: one row per snapshot", "snapshots: all", "\nSELECT\n"):
        assert part in text


def test_help_and_lists_stay_light() -> None:
    """No database library is imported to list queries."""
    code = (
        "import json, sys\n"
        "from tests.cli.runner import crossmargin\n"
        "result = crossmargin('query', 'list')\n"
        "heavy = {'sqlmodel', 'duckdb', 'sqlalchemy', 'pyarrow', 'web3'}\n"
        "print(json.dumps([result.code, sorted(heavy & set(sys.modules))]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=dict(os.environ)
    )
    assert json.loads(done.stdout) == [0, []]


def test_run_gives_the_same_in_every_shape(tmp_path: Path) -> None:
    """JSON, JSON lines, CSV, Parquet and Arrow; dollars as text with eight digits."""
    given = ("query", "run", "wallet_fragility_ranking", "-p", "group=desk")
    documents = rows(crossmargin(*given, "--json"))
    assert [row["wallet"] for row in documents if row["rank"] == 1]
    assert {row["partial"] for row in documents} == {True, False}
    lines = crossmargin(*given, "--jsonl")
    assert [json.loads(line) for line in lines.out.splitlines()] == documents
    table = list(csv.DictReader(io.StringIO(crossmargin(*given, "--csv").out)))
    assert [row["owed_usd"] for row in table] == [row["owed_usd"] for row in documents]
    assert [float(row["score"]) for row in table] == [row["score"] for row in documents]
    parquet, arrow = tmp_path / "a.parquet", tmp_path / "a.arrow"
    assert "3 rows" in crossmargin(*given, "--parquet", str(parquet)).err
    assert crossmargin(*given, "--arrow", str(arrow)).code == 0
    read = pyarrow.parquet.read_table(parquet)
    with pyarrow.ipc.open_stream(arrow.read_bytes()) as stream:
        assert stream.read_all() == read
    assert read.schema.field("owed_usd").type == pa.decimal128(38, 8)
    assert [f"{row['owed_usd']:f}" for row in read.to_pylist()] == [row["owed_usd"] for row in documents]
    assert [row["score"] for row in read.to_pylist()] == [row["score"] for row in documents]
    assert sorted(p.name for p in tmp_path.iterdir() if "part" in p.name) == []


def test_uint256_survives_every_shape(tmp_path: Path) -> None:
    """As stored, summed, and as the text of an integer that is no column."""
    sql = (
        "SELECT max(amount_raw::BIGNUM) AS most, sum(amount_raw::BIGNUM) AS total, $n AS given, "
        "$n::BIGNUM AS big, 9007199254740993::BIGINT AS beyond_float FROM position WHERE symbol = $s"
    )
    more = ("-p", f"n={HUGE}", "-p", f"s={UNTRUSTED}")
    [row] = rows(own(sql, *more, "--json"))
    amounts = [p["amount_raw"] for p in generate().of("position") if p["symbol"] == UNTRUSTED]
    expected = {"most": str(max(amounts)), "total": str(sum(amounts)), "given": str(HUGE), "big": str(HUGE)}
    assert {name: row[name] for name in expected} == expected
    assert row["beyond_float"] == 2**53 + 1
    [line] = csv.DictReader(io.StringIO(own(sql, *more, "--csv").out))
    assert line == expected | {"beyond_float": str(2**53 + 1)}
    for option in ("--parquet", "--arrow"):
        path = tmp_path / option[2:]
        assert own(sql, *more, option, str(path)).code == 0
        if option == "--parquet":
            [kept] = pyarrow.parquet.read_table(path).to_pylist()
        else:
            with pyarrow.ipc.open_stream(path.read_bytes()) as stream:
                [kept] = stream.read_all().to_pylist()
        assert kept == expected | {"beyond_float": 2**53 + 1}
    assert str(HUGE) in own(sql, *more).out


def test_values_of_every_kind_as_json() -> None:
    """Times are UTC with a Z, bytes hex, infinity and NaN null, dollars and decimals text."""
    sql = (
        "SELECT TIMESTAMP '2026-11-22 12:30:05' AS moment, DATE '2026-11-22' AS day, '\\xAB'::BLOB AS bytes, "
        "1e400::DOUBLE AS infinite, 'nan'::DOUBLE AS undefined, 1.5::DOUBLE AS equity_usd, "
        "5 AS whole_usd, 1.5::DOUBLE AS ratio, 1.10::DECIMAL(4,2) AS amount, NULL AS nothing, [1, 2] AS list"
    )
    [row] = rows(own(sql, "--json"))
    assert row == {
        "moment": "2026-11-22T12:30:05Z",
        "day": "2026-11-22",
        "bytes": "0xab",
        "infinite": None,
        "undefined": None,
        "equity_usd": "1.50000000",
        "whole_usd": "5",
        "ratio": 1.5,
        "amount": "1.10",
        "nothing": None,
        "list": "[1, 2]",
    }


def test_untrusted_text_is_harmless() -> None:
    """No escape sequence reaches a terminal, no formula a spreadsheet; Parquet has the text as it is."""
    sql = (
        "SELECT symbol, '-5' AS number, '+1+cmd' AS plus, '@x' AS at, ' =1' AS blank "
        "FROM position WHERE symbol = $s"
    )
    given = ("-p", f"s={UNTRUSTED}")
    first = next(csv.reader(own(sql, *given, "--csv").out.splitlines()[1:]))
    assert first == ["'=JUNK[31m", "-5", "'+1+cmd", "'@x", " =1"]
    for shape in ((), ("--json",), ("--jsonl",)):
        printed = own(sql, *given, *shape).out
        assert "=JUNK[31m" in printed
        assert "\x1b" not in printed
        assert "\\u001b" not in printed
    label = crossmargin("query", "run", "wallet_fragility_ranking", "--csv", "-p", f"wallet={WALLETS[0]}").out
    assert ",'=cmd," in label
    assert "\u202e" not in label


def test_names_of_columns_are_untrusted_too() -> None:
    """A statement from elsewhere may name them."""
    sql = 'SELECT 1 AS "=a\x1b"'
    assert own(sql, "--csv").out == "'=a\n1\n"
    assert "\x1b" not in own(sql).out
    assert rows(own(sql, "--json")) == [{"=a": 1}]


def test_names_that_are_equal_once_clean_are_told_apart() -> None:
    """No column of JSON hides another one."""
    sql = 'SELECT 1 AS "a", 2 AS "a\u200b", 3 AS "a_1", 4 AS "\x07a"'
    assert rows(own(sql, "--json")) == [{"a": 1, "a_2": 2, "a_1": 3, "a_3": 4}]
    assert json.loads(own(sql, "--jsonl").out) == {"a": 1, "a_2": 2, "a_1": 3, "a_3": 4}


def test_a_table_for_people() -> None:
    """Aligned, rounded; of many rows the first ones."""
    printed = own(
        "SELECT 1234567.891 AS value_usd, true AS yes, NULL AS nothing, 0.123456789::DOUBLE AS share"
    )
    assert printed.out.splitlines()[1].split() == ["1,234,567.89", "yes", "–", "0.123457"]
    many = own("SELECT range FROM range(2500)")
    assert len(many.out.splitlines()) == 1001
    assert "the first 1,000 rows" in many.err
    assert len(own("SELECT range FROM range(25000)", "--csv").out.splitlines()) == 25_001


def test_incomplete_answers_say_so() -> None:
    """On stderr, and in the envelope's warnings."""
    given = ("query", "run", "health_history", "-p", f"wallet={WALLETS[1]}")
    assert "1 of 3 rows rest on snapshots in which a read failed" in crossmargin(*given).err
    assert crossmargin(*given, "--json").json()["warnings"] == [
        "1 of 3 rows rest on snapshots in which a read failed"
    ]
    whole = crossmargin("query", "run", "health_history", "-p", f"wallet={WALLETS[0]}", "--json")
    assert whole.json()["warnings"] == []


def test_own_sql_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    """With typed parameters."""
    sql = "SELECT count(*) AS n FROM snapshot WHERE as_of >= $since AND wallet = $wallet AND $many > 2"
    monkeypatch.setattr(sys, "stdin", io.StringIO(sql))
    since = f"since:time={START:%Y-%m-%d}T06:00:00Z"
    given = (
        "-p",
        since,
        "-p",
        f"wallet:address={WALLETS[0].upper().replace('X', 'x')}",
        "-p",
        "many:integer=3",
    )
    assert rows(crossmargin("query", "-", *given, "--json")) == [{"n": 3}]


def test_stdin_that_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes of another encoding are refused."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"SELECT '\xff'"), encoding="utf-8"))
    result = crossmargin("query", "-")
    assert result.code == Exit.USAGE
    assert "stdin: the statement is no text" in result.err


@pytest.mark.parametrize("limit", [("--timeout", "inf"), ("--timeout", "nan"), ("--memory", "1e300")])
def test_a_limit_is_a_number(limit: tuple[str, str]) -> None:
    """One that bounds nothing is refused."""
    assert own("SELECT 1", *limit).code == Exit.USAGE


def test_a_step_that_nothing_interrupts_ends_the_process(written: Path) -> None:
    """With the same message and code as any query that takes too long."""
    sql = "SELECT levenshtein(repeat('ab', 200000), repeat('ba', 200000))"
    command = [sys.executable, "-m", "cli.main", "query", "--sql", sql, "--timeout", "0.1", "--json"]
    environment = {**os.environ, "CROSSMARGIN_DATABASE": str(written)}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert ended.returncode == Exit.USAGE
    assert "it took more than 0.1 s" in ended.stderr
    [error] = json.loads(ended.stdout)["errors"]
    assert error["code"] == "query"


def test_schema_has_every_comment() -> None:
    """Tables and views, from the file itself."""
    found = rows(crossmargin("query", "schema", "--json"))
    assert all(row["comment"] for row in found if row["table_name"] != "schema_version")
    assert {row["table_name"] for row in found} >= {"snapshot", "position", "v_health", "latest"}
    assert {row["is_view"] for row in found if row["table_name"].startswith("v_")} == {True}
    only = rows(crossmargin("query", "schema", "price", "--json"))
    assert {row["table_name"] for row in only} == {"price"}
    assert "USD per whole unit" in crossmargin("query", "schema", "price").out
    assert crossmargin("query", "schema", "price", "--csv").out.startswith("table_name,column_name,")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "health_historie"], "there are bad_debt_by_bearer, binding_account, carry_net_apr"),
        (["show", "nothing"], "there are bad_debt_by_bearer"),
        (["run", "health_history", "-p", "wallets=x"], "it has wallet, group, since, until"),
        (["run", "health_history", "-p", "since=yesterday"], "give a UTC date or time"),
        (["run", "health_history", "-p", "since"], "'since' is not NAME=VALUE"),
        (["run", "health_history", "-p", "group=a", "-p", "group=b"], "group is given twice"),
        (["run", "health_history", "--csv", "--json"], "--csv: not together with --json"),
        (["run", "health_history", "--jsonl", "--parquet", "x"], "--jsonl: not together with --parquet"),
        (["run", "health_history", "--parquet", "no/such/folder/x"], "x can't be written"),
        (["--sql", "SELECT $a", "-p", "a:money=1"], "types are text, address, integer"),
        (["--sql", "SELECT $a", "-p", "a:integer=x"], "can't be 'x': give a whole number"),
        (["--sql", "SELECT $a"], "parameter a is missing"),
        (["--sql", "SELECT 1; SELECT 2"], "exactly one statement"),
        (["--sql", "DROP TABLE snapshot"], "only SELECT is allowed, and this is DROP"),
        (["--sql", "FROM read_csv('x')"], "read_csv is not allowed after FROM"),
        (["--sql", "SELECT 1", "-"], "give one statement"),
        (["sql"], "give one statement"),
        (["--sql", "SELECT '\udcff'"], "the statement is not valid UTF-8"),
        (["run", "health_history", "-p", "group=\udcff"], "parameter group is not valid UTF-8"),
        (["schema", "positions"], "there is no table or view 'positions'"),
        (["--sql", "FROM range(100000000) a, range(100000000) b", "--csv", "--timeout", "0.2"], "--timeout"),
    ],
)
def test_mistakes(arguments: list[str], told: str) -> None:
    """Exit 2 and one sentence; in JSON the same."""
    result = crossmargin("query", *arguments)
    assert result.code == Exit.USAGE
    assert told in result.err
    assert "Traceback" not in result.err
    if "--csv" not in arguments and "--jsonl" not in arguments and "--parquet" not in arguments:
        document = crossmargin("query", *arguments, "--json").json()
        command = "query " + ("sql" if arguments[0].startswith("-") else arguments[0])
        assert document["schema"] == f"crossmargin/{command}/1"
        assert errors(f"{command.replace(' ', '-')}.json", document) == []


def test_options_may_come_first() -> None:
    """`query --json --sql` is `query --sql … --json`."""
    assert rows(crossmargin("query", "--json", "--sql", "SELECT 1 AS a")) == [{"a": 1}]
    assert crossmargin("query", "--help").code == 0


def test_a_former_file_stays_where_the_query_fails(tmp_path: Path) -> None:
    """An output file appears whole or not at all."""
    path = tmp_path / "kept.parquet"
    path.write_bytes(b"former")
    sql = "SELECT CASE WHEN range < 50000 THEN 1 ELSE error('late') END FROM range(60000)"
    assert own(sql, "--parquet", str(path)).code == Exit.USAGE
    assert path.read_bytes() == b"former"
    assert [p.name for p in tmp_path.iterdir() if p.name != "none.toml"] == ["kept.parquet"]


def test_without_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not made, and the user is told what makes it."""
    path = tmp_path / "absent.duckdb"
    monkeypatch.setenv("CROSSMARGIN_DATABASE", str(path))
    result = crossmargin("query", "run", "health_history")
    assert result.code == Exit.USAGE
    assert "`crossmargin snapshot take` makes it" in result.err
    assert not path.exists()


HOLDS = """
import sys, duckdb
with duckdb.connect(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_published_copy_is_read_while_a_writer_has_the_file(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No lock is in the way of a question."""
    path = tmp_path / "busy.duckdb"
    shutil.copy(written, path)
    Warehouse(path).publish()
    monkeypatch.setenv("CROSSMARGIN_DATABASE", str(path))
    monkeypatch.setenv("CROSSMARGIN_LOCK_TIMEOUT_S", "0.3")
    command = [sys.executable, "-c", HOLDS, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "held\n"
        assert len(rows(crossmargin("query", "run", "health_history", "--json"))) == 24
        path.with_name("busy.published.duckdb").unlink()
        assert crossmargin("query", "run", "health_history").code == Exit.LOCKED
        assert writer.stdin is not None
        writer.stdin.close()
