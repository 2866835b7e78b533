"""The file is held only while a transaction runs; whatever else has it, or is in it, is named."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from aggregator.model.errors import StoreError, StoreLocked
from aggregator.model.units import Address
from aggregator.store.opening import Opening
from aggregator.store.saved import SavedSnapshot
from aggregator.store.schema import REVISIONS
from aggregator.store.warehouse import Warehouse
from tests.store.samples import FAMILIES, PORTFOLIO, save, save_new

HOLD = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


@contextmanager
def held_by_another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that keeps the file open until its input is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        assert process.stdin is not None
        process.stdin.close()


def test_a_locked_file_is_named_after_bounded_retries(tmp_path: Path) -> None:
    """Saving, listing and loading all say that another process has the file, and what to do."""
    path = tmp_path / "w.duckdb"
    saved = save(path)
    with held_by_another_process(path):
        with pytest.raises(
            StoreLocked, match=r"w\.duckdb: another process has had it open for 0\.1 s: close it"
        ):
            save_new(path, lock_timeout_s=0.1)
        with pytest.raises(StoreLocked):
            Warehouse(path, lock_timeout_s=0.1).snapshots()
        with pytest.raises(StoreLocked):
            Warehouse(path, lock_timeout_s=0.1).load(saved.id, FAMILIES)
    assert len(Warehouse(path).snapshots()) == 1


def test_a_lock_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    """A save that starts while the file is held ends well once it is free."""
    path = tmp_path / "w.duckdb"
    with held_by_another_process(path) as process:
        assert process.stdin is not None
        release = threading.Timer(0.3, process.stdin.close)
        release.start()
        assert save_new(path, lock_timeout_s=60).created
        release.join()


def test_nothing_holds_the_file_after_a_save_or_a_load(tmp_path: Path) -> None:
    """Another process can open it for writing at once, and no write-ahead log remains."""
    path = tmp_path / "w.duckdb"
    Warehouse(path).load(save_new(path).id, FAMILIES)
    script = (
        "import sys, duckdb; print(duckdb.connect(sys.argv[1]).execute('FROM snapshot').fetchall()[0][0][:8])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "20261122\n"
    assert [file.name for file in tmp_path.iterdir()] == ["w.duckdb"]


def test_threads_that_save_at_once(tmp_path: Path) -> None:
    """Of several writers of one snapshot one creates it, and those of others lose nothing."""
    path = tmp_path / "w.duckdb"
    wallets = [Address(f"0x{i % 3:040x}") for i in range(9)]

    def work(wallet: Address) -> SavedSnapshot:
        return save_new(path, replace(PORTFOLIO, wallet=wallet), lock_timeout_s=60)

    with ThreadPoolExecutor(4) as pool:
        saved = list(pool.map(work, wallets))
    assert sum(one.created for one in saved) == 3
    assert {one.id for one in saved} == {line.id for line in Warehouse(path).snapshots()}
    for one in saved[:3]:
        assert len(Warehouse(path).load(one.id, FAMILIES).portfolio.accounts) == 3


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\x00" * 400, b"\x00" * 20_000])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    """It is left as it is and named."""
    path = tmp_path / "w.duckdb"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"w\.duckdb: it is no DuckDB database, or it is damaged") as caught:
        save_new(path)
    assert not isinstance(caught.value, StoreLocked)
    assert path.read_bytes() == content


def test_a_damaged_database(tmp_path: Path) -> None:
    """A file cut short is an error with its name, never an empty list."""
    path = tmp_path / "w.duckdb"
    save(path)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(StoreError, match=r"w\.duckdb"):
        Warehouse(path).snapshots()


def test_a_database_of_somebody_else(tmp_path: Path) -> None:
    """Tables that are not ours stay alone."""
    path = tmp_path / "w.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE mine(a INTEGER)")
    with pytest.raises(StoreError, match="not of crossmargin"):
        save_new(path)
    with pytest.raises(StoreError, match="not of crossmargin"):
        Warehouse(path).snapshots()


def test_a_schema_of_another_release(tmp_path: Path) -> None:
    """A version that this release does not know is neither read nor written."""
    path = tmp_path / "w.duckdb"
    save(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE schema_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=f"version 9999, this release knows 0001 to {REVISIONS[-1]}"):
        save_new(path)
    with pytest.raises(StoreError, match="version 9999"):
        Warehouse(path).snapshots()


def test_duckdb_never_fetches_an_extension(tmp_path: Path) -> None:
    """Nothing that a file contains makes the process talk to a vendor's server."""
    save(tmp_path / "w.duckdb")
    opening = Opening(tmp_path / "w.duckdb", lock_timeout_s=1)
    sql = "SELECT name FROM duckdb_settings() WHERE name LIKE 'auto%extensions' AND value = 'false'"
    assert opening.read(lambda connection: connection.exec_driver_sql(sql).scalars().all()) == [
        "autoinstall_known_extensions",
        "autoload_known_extensions",
    ]


def test_files_are_made_of_small_blocks(tmp_path: Path) -> None:
    """The database and its published copy."""
    path = tmp_path / "w.duckdb"
    Warehouse(path).remove_wallet(PORTFOLIO.wallet)
    for file in (path, Warehouse(path).publish()):
        with duckdb.connect(str(file), read_only=True) as connection:
            sizes = connection.execute("SELECT block_size FROM pragma_database_size()").fetchall()
        assert sizes == [(16_384,)]


def test_the_folder_is_made(tmp_path: Path) -> None:
    """A first save makes the folders of its file; a folder that can't be made is named."""
    assert save_new(tmp_path / "a folder" / "50% #1?.duckdb").created
    assert (tmp_path / "a folder" / "50% #1?.duckdb").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="its folder can't be made"):
        save_new(tmp_path / "file" / "w.duckdb")
