"""Export and import: the same answers afterwards, and nothing is lost, replaced or doubled."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from aggregator.model.errors import ExchangeError, StoreError
from aggregator.store.encodings import Encoding
from aggregator.store.importing import Imported, import_export
from aggregator.store.manifest import MANIFEST
from aggregator.store.opening import Opening
from aggregator.store.scope import Choice, row_classes
from aggregator.store.warehouse import Warehouse
from tests.store.exports import (
    LATER,
    LATER_AS_OF,
    OTHER,
    fill,
    manifest_of,
    rewrite,
    rows,
    set_value,
    take_in,
    write_out,
)
from tests.store.samples import FAMILIES, PORTFOLIO, RESULT, WALLET, save


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with something in every table that this release fills."""
    path = tmp_path_factory.mktemp("warehouse") / "w.duckdb"
    fill(path)
    return path


@pytest.mark.parametrize("encoding", list(Encoding))
def test_an_empty_warehouse_then_answers_the_same(filled: Path, tmp_path: Path, encoding: Encoding) -> None:
    """Row for row, as objects, and in what is the latest; and a second export has the same bytes."""
    manifest = write_out(filled, tmp_path / "export", encoding)
    copy = tmp_path / "copy.duckdb"
    assert take_in(copy, tmp_path / "export") == Imported(added=3, skipped=0)
    assert rows(copy) == rows(filled)
    ours, theirs = Warehouse(filled), Warehouse(copy)
    assert theirs.snapshots() == ours.snapshots()
    assert theirs.latest(WALLET) == ours.latest(WALLET)
    assert theirs.latest(WALLET) is not None
    assert theirs.wallets("all") == ours.wallets("all")
    assert theirs.runs() == ours.runs()
    stored = theirs.load(ours.snapshots(OTHER)[0].id, FAMILIES)
    assert stored.result == RESULT
    assert stored.portfolio.accounts == PORTFOLIO.accounts
    assert {name: entry.rows for name, entry in manifest.tables.items()} == {
        table: len(found) for table, found in rows(filled).items()
    }
    if encoding is not Encoding.ARROW:  # whose bytes beneath a NULL are nobody's
        assert write_out(copy, tmp_path / "again", encoding) == manifest


@pytest.mark.parametrize("encoding", list(Encoding))
def test_an_empty_database(tmp_path: Path, encoding: Encoding) -> None:
    """Files without rows are whole files."""
    path, copy = tmp_path / "w.duckdb", tmp_path / "copy.duckdb"
    Warehouse(path).remove_wallet(WALLET)
    manifest = write_out(path, tmp_path / "export", encoding)
    assert {entry.rows for entry in manifest.tables.values()} == {0}
    assert len(manifest.tables) == len(row_classes())
    assert take_in(copy, tmp_path / "export") == Imported(added=0, skipped=0)
    assert rows(copy) == rows(path)


def test_importing_twice_changes_nothing(filled: Path, tmp_path: Path) -> None:
    """Every snapshot is compared and skipped."""
    write_out(filled, tmp_path / "export")
    copy = tmp_path / "copy.duckdb"
    take_in(copy, tmp_path / "export")
    before = rows(copy)
    assert take_in(copy, tmp_path / "export") == Imported(added=0, skipped=3)
    assert rows(copy) == before


def test_merging_keeps_what_is_there(filled: Path, tmp_path: Path) -> None:
    """The union of two that overlap; `latest` follows from it, and our own label stays."""
    path = tmp_path / "ours.duckdb"
    newest = replace(LATER, wallet=OTHER)
    save(path)
    save(path, newest)
    warehouse = Warehouse(path)
    warehouse.add_wallet(WALLET, "mine", ["desk"])
    write_out(filled, tmp_path / "export")
    assert take_in(path, tmp_path / "export") == Imported(added=2, skipped=1)
    assert len(warehouse.snapshots()) == 4
    latest = {wallet: warehouse.latest(wallet) for wallet in (WALLET, OTHER)}
    assert {wallet: found and found.as_of for wallet, found in latest.items()} == {
        WALLET: warehouse.snapshots(WALLET)[-1].as_of,  # its newer one is orphaned
        OTHER: LATER_AS_OF,
    }
    assert [(entry.address, entry.label) for entry in warehouse.wallets("desk")] == [(WALLET, "mine")]
    assert {entry.address for entry in warehouse.wallets("all")} == {WALLET, OTHER}
    assert len(warehouse.runs()) == 2


def test_an_orphan_of_theirs_becomes_one_of_ours(filled: Path, tmp_path: Path) -> None:
    """What they know of a reorganisation counts here too."""
    path = tmp_path / "ours.duckdb"
    save(path)
    later = save(path, LATER).id
    write_out(filled, tmp_path / "export")
    take_in(path, tmp_path / "export")
    warehouse = Warehouse(path)
    assert {line.id for line in warehouse.snapshots() if line.status == "orphaned"} == {later}
    latest = warehouse.latest(WALLET)
    assert latest is not None
    assert latest.id != later


def test_ours_that_was_orphaned_stays_so(filled: Path, tmp_path: Path) -> None:
    """An older export of the same snapshot does not bring it back."""
    path = tmp_path / "ours.duckdb"
    later = save(path, LATER).id
    write_out(path, tmp_path / "export")
    copy = Path(shutil.copy(filled, tmp_path / "copy.duckdb"))
    take_in(copy, tmp_path / "export")
    [line] = [line for line in Warehouse(copy).snapshots() if line.id == later]
    assert line.status == "orphaned"


def test_who_else_took_the_same_snapshot_may_have_saved_it_at_another_time(tmp_path: Path) -> None:
    """Moment, trigger, source and the last digits of risk figures are no contradiction; ours stay."""
    path = tmp_path / "ours.duckdb"
    save(path)
    before = rows(path)
    write_out(path, tmp_path / "export")
    rewrite(tmp_path / "export", "snapshot", set_value("trigger", "schedule"))
    rewrite(tmp_path / "export", "snapshot", set_value("taken_at", LATER_AS_OF))
    rewrite(tmp_path / "export", "risk_result", set_value("kappa", 1.86 * (1 + 1e-12)))
    rewrite(tmp_path / "export", "read_status", set_value("error_message", "endpoint b: paused", row=-1))
    assert take_in(path, tmp_path / "export") == Imported(added=0, skipped=1)
    assert rows(path) == before


def test_a_choice_of_wallets(filled: Path, tmp_path: Path) -> None:
    """Nothing of other wallets leaves; runs belong to groups and stay."""
    manifest = write_out(filled, tmp_path / "export", choice=Choice(wallets=(OTHER,)))
    assert manifest.wallets == (OTHER,)
    assert (manifest.tables["snapshot"].rows, manifest.tables["schedule_run"].rows) == (1, 0)
    take_in(tmp_path / "copy.duckdb", tmp_path / "export")
    copy = Warehouse(tmp_path / "copy.duckdb")
    assert [entry.address for entry in copy.wallets()] == [OTHER]
    found = rows(tmp_path / "copy.duckdb")
    [only] = copy.snapshots()
    assert {row[0] for table in ("position", "price", "risk_result") for row in found[table]} == {only.id}
    assert copy.load(only.id, FAMILIES).result == RESULT


def test_a_choice_of_time(filled: Path, tmp_path: Path) -> None:
    """Snapshots as of that moment or later, and runs due then or later."""
    manifest = write_out(filled, tmp_path / "export", choice=Choice(since=LATER_AS_OF))
    assert manifest.tables["snapshot"].rows == 1
    assert manifest.tables["latest"].rows == 0  # the one left is orphaned
    assert manifest.tables["schedule_run"].rows == 1
    assert manifest.tables["wallet"].rows == 2
    assert take_in(tmp_path / "copy.duckdb", tmp_path / "export") == Imported(added=1, skipped=0)


def test_both_choices(filled: Path, tmp_path: Path) -> None:
    """A snapshot must meet each; with none left the import makes the database all the same."""
    chosen, folder = Choice(wallets=(OTHER,), since=LATER_AS_OF), tmp_path / "export"
    assert write_out(filled, folder, choice=chosen).tables["snapshot"].rows == 0
    copy = tmp_path / "copy.duckdb"
    assert import_export(Opening(copy, lock_timeout_s=1), folder) == Imported(added=0, skipped=0)
    assert rows(copy)["wallet"]


def test_an_export_is_replaced_only_on_demand(filled: Path, tmp_path: Path) -> None:
    """The former one stays as it was, or is gone whole; no scratch remains."""
    folder = tmp_path / "export"
    write_out(filled, folder, choice=Choice(wallets=(OTHER,)))
    former = (folder / MANIFEST).read_bytes()
    with pytest.raises(ExchangeError, match=r"there already: replace it with --yes"):
        write_out(filled, folder)
    assert (folder / MANIFEST).read_bytes() == former
    write_out(filled, folder, Encoding.CSV, overwrite=True)
    assert manifest_of(folder).tables["snapshot"].rows == 3
    assert not list(folder.glob("*.parquet"))
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_nobody_elses_files_are_replaced(filled: Path, tmp_path: Path, *, overwrite: bool) -> None:
    """A folder with a file more than an export has, a folder of other files, a file: all stay."""
    mixed, foreign, file = tmp_path / "mixed", tmp_path / "foreign", tmp_path / "file"
    write_out(filled, mixed)
    (mixed / "notes.txt").write_text("mine")
    foreign.mkdir()
    (foreign / "notes.txt").write_text("mine")
    file.write_text("mine")
    for path in (mixed, foreign, file):
        with pytest.raises(ExchangeError, match=r"other files|is a file"):
            write_out(filled, path, overwrite=overwrite)
    for path in (mixed / "notes.txt", foreign / "notes.txt", file):
        assert path.read_text() == "mine"


def test_an_empty_folder_may_be_used(filled: Path, tmp_path: Path) -> None:
    """As `mktemp -d` makes one."""
    (tmp_path / "export").mkdir()
    write_out(filled, tmp_path / "export")
    assert manifest_of(tmp_path / "export").tables["snapshot"].rows == 3


def test_a_folder_that_can_not_be_made(filled: Path, tmp_path: Path) -> None:
    """It is named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ExchangeError, match=r"file/export: it can't be written"):
        write_out(filled, tmp_path / "file" / "export")


def test_an_export_that_fails_leaves_nothing(filled: Path, tmp_path: Path) -> None:
    """Here the database is damaged in its middle, where only some tables lie."""
    content = bytearray(filled.read_bytes())
    middle = len(content) // 4
    content[middle:] = bytes(len(content) - middle)
    broken = tmp_path / "w.duckdb"
    broken.write_bytes(content)
    with pytest.raises((StoreError, ExchangeError)):
        write_out(broken, tmp_path / "export")
    assert [path.name for path in tmp_path.iterdir()] == ["w.duckdb"]
