"""What is not exactly an export, or contradicts the database or itself, is refused: nothing is written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from aggregator.model.errors import ExchangeError
from aggregator.store.columns import table_of
from aggregator.store.encodings import Encoding
from aggregator.store.importing import import_export
from aggregator.store.manifest import MANIFEST
from aggregator.store.opening import Opening
from aggregator.store.schema import REVISIONS
from aggregator.store.scope import row_classes
from tests.store.exports import fill, manifest_of, reseal, rewrite, rows, set_value, take_in, write_out

TABLES = [table_of(row).name for row in row_classes()]
Spoil = Callable[[Path], object]


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[Encoding, Path]:
    """An export of each encoding, to be copied."""
    base = tmp_path_factory.mktemp("exports")
    fill(base / "w.duckdb")
    for encoding in Encoding:
        write_out(base / "w.duckdb", base / encoding, encoding)
    return {encoding: base / encoding for encoding in Encoding}


@pytest.fixture
def folder(exports: dict[Encoding, Path], tmp_path: Path) -> Path:
    """A whole export as Parquet, to be spoilt."""
    return Path(shutil.copytree(exports[Encoding.PARQUET], tmp_path / "export"))


def refused(tmp_path: Path, folder: Path, match: str) -> None:
    """The folder is refused before a database is even made."""
    with pytest.raises(ExchangeError, match=match):
        import_export(Opening(tmp_path / "new.duckdb", lock_timeout_s=1), folder)
    assert not (tmp_path / "new.duckdb").exists()


@pytest.mark.parametrize("encoding", list(Encoding))
@pytest.mark.parametrize("table", TABLES)
def test_a_changed_byte(
    exports: dict[Encoding, Path], tmp_path: Path, encoding: Encoding, table: str
) -> None:
    """In any file, of any encoding."""
    folder = Path(shutil.copytree(exports[encoding], tmp_path / "export"))
    path = folder / f"{table}.{encoding}"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused(tmp_path, folder, rf"{table}\.{encoding} is not what was exported")


@pytest.mark.parametrize("at", [0.1, 0.5, 0.99])
def test_a_changed_byte_of_the_manifest(folder: Path, tmp_path: Path, at: float) -> None:
    """Wherever it is: in a name, a hash, or between them."""
    content = bytearray((folder / MANIFEST).read_bytes())
    content[int(at * len(content))] ^= 1
    (folder / MANIFEST).write_bytes(content)
    refused(tmp_path, folder, r"manifest\.json")


def test_a_manifest_that_was_only_formatted(folder: Path, tmp_path: Path) -> None:
    """Not a byte may differ: a missing line break is one."""
    (folder / MANIFEST).write_bytes((folder / MANIFEST).read_bytes().rstrip())
    refused(tmp_path, folder, r"manifest\.json is not what was exported")


def _drop(name: str) -> Spoil:
    return lambda folder: (folder / name).unlink()


def _add(name: str) -> Spoil:
    return lambda folder: (folder / name).write_text("")


def _cut(name: str) -> Spoil:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-1])


def _seal(**changes: object) -> Spoil:
    return lambda folder: reseal(folder, **changes)


def _without_a_table(folder: Path) -> None:
    (folder / "price.parquet").unlink()
    tables = manifest_of(folder).tables
    reseal(folder, tables={name: tables[name] for name in tables if name != "price"})


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (_drop("price.parquet"), r"it lacks price\.parquet"),
        (_drop(MANIFEST), r"manifest\.json can't be read"),
        (_add("more.parquet"), r"does not name: more\.parquet"),
        (_add("price.csv"), r"does not name: price\.csv"),
        (_cut("price.parquet"), r"price\.parquet is not what was exported"),
        (_cut(MANIFEST), r"manifest\.json"),
        (_seal(schema_revision="9999"), rf"has schema 9999 .* knows {REVISIONS[-1]}: use that release"),
        (_seal(schema_revision="0001"), r"has schema 0001 .* import it with that release"),
        (_seal(format="crossmargin-export/2"), r"manifest\.json: format"),
        (_seal(encoding=Encoding.CSV), r"it lacks .*price\.csv"),
        (_without_a_table, r"names other tables than the schema has: price"),
        (shutil.rmtree, r"there is no such folder"),
    ],
)
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # of the manifest with another format
def test_what_is_not_a_whole_export(folder: Path, tmp_path: Path, spoil: Spoil, match: str) -> None:
    """A missing, unknown or shortened file, or a schema of another release."""
    spoil(folder)
    refused(tmp_path, folder, match)


def _rename(column: str, to: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.rename_columns([to if name == column else name for name in table.column_names])


def _double(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table, table.slice(0, 1)])


@pytest.mark.parametrize(
    ("table", "change", "match"),
    [
        (
            "position",
            set_value("amount_raw", "007"),
            r"rows can't be stored .*CHECK constraint failed on table \"?position",
        ),
        ("position", set_value("amount_raw", "1.5"), r"rows can't be stored"),
        ("position", set_value("amount_raw", "-1"), r"rows can't be stored"),
        ("position", set_value("kind", "loan"), r"rows can't be stored"),
        (
            "position",
            set_value("snapshot_id", "another"),
            r"position has rows of snapshots that are not in it",
        ),
        ("position", _double, r"position has a row twice: see snapshot 2026"),
        ("position", _rename("amount_raw", "amount"), r"position\.parquet has other columns"),
        ("price", lambda table: table.drop_columns(["decimals"]), r"price\.parquet has other columns"),
        ("risk_result", lambda table: table.slice(1), r"has no risk_result: see snapshot 2026"),
        ("snapshot", set_value("as_of", 2**62), r"snapshot holds a time that is none"),
        ("snapshot_block", set_value("block_time", -(2**60)), r"snapshot_block holds a time that is none"),
        ("snapshot", _double, r"rows can't be stored .*uplicate"),
        ("snapshot", set_value("wallet", "0x" + "AB" * 20), r"snapshot holds what is no wallet"),
        ("snapshot", set_value("snapshot_id", "a\x1b[31m"), r"snapshot holds what is no snapshot_id"),
        ("read_status", set_value("wallet", "=1+1"), r"read_status holds what is no wallet"),
        ("wallet", set_value("address", "0x" + "ab" * 19 + "\x1b\x07"), r"wallet holds what is no address"),
        ("wallet_group", set_value("group_name", "\x1b[2J"), r"wallet_group holds what is no group_name"),
        ("snapshot", lambda table: table.slice(1), r"has rows of snapshots that are not in it"),
    ],
)
def test_rows_that_make_no_warehouse(
    folder: Path,
    tmp_path: Path,
    table: str,
    change: Callable[[pa.Table], pa.Table],
    match: str,
) -> None:
    """Even where the manifest agrees with the file: the schema and the parts of a snapshot are checked."""
    rewrite(folder, table, change)
    with pytest.raises(ExchangeError, match=match):
        take_in(tmp_path / "new.duckdb", folder)
    assert not any(rows(tmp_path / "new.duckdb").values())


def test_a_changed_export_that_agrees_with_itself(folder: Path, tmp_path: Path) -> None:
    """Fewer prices are no contradiction, so the refusals above are not the kit's own doing."""
    rewrite(folder, "price", lambda table: table.slice(0, 0))
    assert take_in(tmp_path / "new.duckdb", folder).added == 3


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("position", set_value("amount_raw", str(2**256 - 1))),
        ("position", lambda table: table.slice(1)),
        ("price", _double),
        ("price", set_value("updated_at", None)),
        ("account", set_value("rule", '{"debt": "1"}', row=0)),
        ("snapshot", set_value("content_hash", "0" * 64)),
        ("risk_result", set_value("kappa", 1.86 * (1 + 1e-8))),
        ("risk_result", set_value("score", None)),
        ("risk_result", set_value("band", "STRONG")),
        ("account_risk", set_value("native_health", None)),
        ("snapshot_block", set_value("parent_hash", "0x" + "00" * 32)),
    ],
)
def test_another_snapshot_under_the_same_id(
    exports: dict[Encoding, Path],
    folder: Path,
    tmp_path: Path,
    table: str,
    change: Callable[[pa.Table], pa.Table],
) -> None:
    """Whatever differs in what was read or judged is refused, and ours stays."""
    path = Path(shutil.copy(exports[Encoding.CSV].parent / "w.duckdb", tmp_path))
    rewrite(folder, table, change)
    before = rows(path)
    with pytest.raises(ExchangeError, match=rf"{table} differs from the database: see snapshot 2026"):
        take_in(path, folder)
    assert rows(path) == before
