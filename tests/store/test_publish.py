"""The copy that readers open: whole, current when it was made, and readable whoever writes."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from aggregator.model.errors import StoreError, StoreLocked
from aggregator.model.units import Address
from aggregator.store.publishing import published_path
from aggregator.store.warehouse import Warehouse
from tests.store.samples import FAMILIES, PORTFOLIO, WALLET, save, save_new
from tests.store.test_idempotence import contents
from tests.store.test_migrations import structure
from tests.store.test_opening import held_by_another_process

OTHER = replace(PORTFOLIO, wallet=Address("0x" + "ff" * 20))


def test_the_copy_is_the_database(tmp_path: Path) -> None:
    """All rows, checks, keys, comments and views, and nothing else is left in the folder."""
    path = tmp_path / "a 'name\" with #.duckdb"
    save(path)
    copy = Warehouse(path).publish()
    assert copy == published_path(path) == tmp_path / "a 'name\" with #.published.duckdb"
    assert contents(copy) == contents(path)
    assert structure(copy) == structure(path)
    assert sorted(tmp_path.iterdir()) == sorted([path, copy])
    with duckdb.connect(str(copy), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM v_positions").fetchall() == [(7,)]
        views = connection.execute("SELECT count(*) FROM duckdb_views() WHERE NOT internal AND comment != ''")
        assert views.fetchall() == [(3,)]


def test_readers_see_what_was_published(tmp_path: Path) -> None:
    """A change is seen once it is published; the database itself where nothing ever was."""
    path = tmp_path / "w.duckdb"
    warehouse = Warehouse(path)
    assert warehouse.reading() == path
    assert warehouse.for_reading().snapshots() == []
    first = save(path)
    assert warehouse.reading() == path
    assert [line.id for line in warehouse.for_reading().snapshots()] == [first.id]
    warehouse.publish()
    second = save(path, OTHER)
    assert warehouse.reading() == published_path(path)
    assert [line.id for line in warehouse.for_reading().snapshots()] == [first.id]
    warehouse.publish()
    assert {line.id for line in warehouse.for_reading().snapshots()} == {first.id, second.id}


def test_readers_are_not_kept_out_by_a_writer(tmp_path: Path) -> None:
    """While another process has the database open the copy can be listed and loaded; publishing waits."""
    path = tmp_path / "w.duckdb"
    saved = save(path)
    Warehouse(path).publish()
    with held_by_another_process(path):
        hurried = Warehouse(path, lock_timeout_s=0.05)
        stored = hurried.for_reading().load(saved.id, FAMILIES)
        assert stored.portfolio.wallet == WALLET
        with pytest.raises(
            StoreLocked, match=r"is kept, but the readers' copy .*: another process has had it"
        ):
            hurried.publish()
    assert contents(published_path(path)) == contents(path)


def test_a_reader_of_the_former_copy_goes_on(tmp_path: Path) -> None:
    """Publishing replaces the name, not the file that another process has open."""
    path = tmp_path / "w.duckdb"
    save(path)
    copy = Warehouse(path).publish()
    code = (
        "import sys, duckdb; c = duckdb.connect(sys.argv[1], read_only=True); print('open', flush=True);"
        "sys.stdin.readline(); print(c.execute('SELECT count(*) FROM snapshot').fetchall()[0][0], flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(copy)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "open\n"
        save(path, OTHER)
        Warehouse(path).publish()
        out, _ = reader.communicate("\n")
    assert out == "1\n"
    assert len(Warehouse(path).for_reading().snapshots()) == 2


def test_what_a_killed_process_left_does_not_matter(tmp_path: Path) -> None:
    """A half-made copy is no copy: readers don't see it, and the next one is made anew."""
    path = tmp_path / "w.duckdb"
    save(path)
    left = tmp_path / ".w.published.duckdb.part"
    left.write_bytes(b"half a copy")
    left.with_name(left.name + ".wal").write_bytes(b"and its log")
    assert Warehouse(path).reading() == path
    Warehouse(path).publish()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["w.duckdb", "w.published.duckdb"]
    assert contents(published_path(path)) == contents(path)


def test_a_copy_that_can_not_be_replaced_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The former copy and the database stay, and nothing else, which could take the room of a full disk."""
    path = tmp_path / "w.duckdb"
    save(path)
    Warehouse(path).publish()
    save(path, OTHER)

    def refuse(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(
        StoreError, match=r"w\.published\.duckdb: .* is kept, but the readers' copy could not be replaced"
    ):
        Warehouse(path).publish()
    monkeypatch.undo()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["w.duckdb", "w.published.duckdb"]
    assert len(Warehouse(path).for_reading().snapshots()) == 1
    assert len(Warehouse(path).snapshots()) == 2


def test_threads_that_save_and_publish_at_once(tmp_path: Path) -> None:
    """The last copy holds everything, whatever the order."""
    path = tmp_path / "w.duckdb"
    wallets = [Address(f"0x{i:040x}") for i in range(4)]

    def work(wallet: Address) -> None:
        save_new(path, replace(PORTFOLIO, wallet=wallet), lock_timeout_s=60)
        Warehouse(path, lock_timeout_s=60).publish()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, wallets))
    assert contents(published_path(path)) == contents(path)
    assert len(Warehouse(path).for_reading().snapshots()) == 4
    assert not any(name.endswith((".part", ".wal")) for name in os.listdir(tmp_path))  # noqa: PTH208  # names
