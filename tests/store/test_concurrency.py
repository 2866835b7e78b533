"""Readers beside a writer, and killed writers: `python -m tests.store.stress` does both at length."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb
import pytest

from aggregator.store.warehouse import Warehouse
from tests.store.contention import (
    READERS,
    asked,
    kills_of_a_writer,
    readers_beside_a_writer,
    to_save,
    whole,
)


def test_readers_beside_a_writer_at_full_speed(tmp_path: Path) -> None:
    """No read fails or waits for a lock, none sees half a snapshot, and none sees less than before."""
    outcome = readers_beside_a_writer(tmp_path / "w.duckdb", seconds=0.5, commits=3)
    assert outcome.failures == ()
    assert outcome.commits >= 3
    assert len(outcome.reads) == READERS
    assert min(outcome.reads) >= 1


def test_kills_at_random_moments(tmp_path: Path) -> None:
    """What was acknowledged is there, whole, and the next start needs no repair."""
    outcome = kills_of_a_writer(tmp_path / "w.duckdb", kills=2, seed=20)
    assert outcome.kept >= outcome.acknowledged >= outcome.kills


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with two whole snapshots."""
    path = tmp_path_factory.mktemp("two") / "w.duckdb"
    saved = Warehouse(path).save_many([to_save(3), to_save(4)])
    assert whole(path) == {one.id for one in saved}
    return path


@pytest.mark.parametrize("table", ["position", "risk_result", "snapshot_block", "latest"])
def test_half_a_snapshot_would_be_seen(two: Path, tmp_path: Path, table: str) -> None:
    """The tests above can fail: a snapshot that lacks rows of one table is not whole."""
    path = Path(shutil.copy(two, tmp_path))
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"DELETE FROM {table} WHERE rowid = 0")  # noqa: S608  # names of our own
    with pytest.raises(AssertionError):
        whole(path)


@pytest.mark.parametrize("table", ["position", "snapshot_block"])
def test_half_a_snapshot_would_be_seen_by_a_query(
    two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    """So can the reader that asks `crossmargin query`."""
    path = Path(shutil.copy(two, tmp_path))
    monkeypatch.setenv("CROSSMARGIN_DATABASE", str(path))
    monkeypatch.setenv("CROSSMARGIN_CONFIG", os.devnull)
    assert asked() == 2
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"DELETE FROM {table} WHERE rowid = 0")  # noqa: S608  # names of our own
    with pytest.raises(AssertionError, match=r"half a snapshot|without its block"):
        asked()
