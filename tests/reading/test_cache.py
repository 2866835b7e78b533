"""The cache file: what is kept comes out, nothing else does, and no state of the file stops a read."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.reading.cache import Stretch
from aggregator.reading.sqlite_cache import SqliteCache
from tests.reading.kit import CHAIN

OTHER = ChainId(10)
FILTER = b"f" * 16


def block(number: int, chain: ChainId = CHAIN) -> Block:
    """A block of this height."""
    return Block(chain, number, f"0x{number:064x}", f"0x{number - 1:064x}", 1_700_000_000 + number)


def stretch(first: int, last: int, packed: bytes = b"logs") -> Stretch:
    """Blocks whose logs are known."""
    return Stretch(first, last, f"0x{last:064x}", packed)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a cache goes; its folder is not there yet."""
    return tmp_path / "cache" / "reading.sqlite"


def filled(path: Path) -> None:
    """A cache with a row of each kind."""
    with SqliteCache(path) as cache:
        cache.put(block(7))
        cache.keep_logs(CHAIN, FILTER, [stretch(1, 9)])
        cache.predict(block(7), {b"request": b"reply"})
        assert cache.problem is None


def found(path: Path) -> tuple[Block | None, list[Stretch], bytes | None, str | None]:
    """What a cache says, and its problem."""
    with SqliteCache(path) as cache:
        rows = cache.get(CHAIN, 7), cache.stretches(CHAIN, FILTER, 0, 20), cache.prediction(CHAIN, b"request")
        return *rows, cache.problem


KEPT = (block(7), [stretch(1, 9)], b"reply", None)
NOTHING: tuple[None, list[Stretch], None] = (None, [], None)


def test_what_is_kept_comes_out(path: Path) -> None:
    """In another process as well, and only for its own chain and key."""
    filled(path)
    assert found(path) == KEPT
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(found, (path,)) == KEPT
    with SqliteCache(path) as cache:
        assert cache.get(OTHER, 7) is None
        assert cache.get(CHAIN, 8) is None
        assert cache.stretches(OTHER, FILTER, 0, 20) == []
        assert cache.stretches(CHAIN, b"g" * 16, 0, 20) == []
        assert cache.prediction(OTHER, b"request") is None
        assert cache.prediction(CHAIN, b"other") is None


def test_stretches_are_those_that_overlap(path: Path) -> None:
    """Inclusive on both sides; new ones take the place of what lies between them."""
    with SqliteCache(path) as cache:
        cache.keep_logs(CHAIN, FILTER, [stretch(1, 4), stretch(5, 9), stretch(20, 30)])
        assert cache.stretches(CHAIN, FILTER, 4, 5) == [stretch(1, 4), stretch(5, 9)]
        assert cache.stretches(CHAIN, FILTER, 10, 19) == []
        assert cache.stretches(CHAIN, FILTER, 30, 99) == [stretch(20, 30)]
        cache.keep_logs(CHAIN, FILTER, [stretch(3, 12), stretch(13, 21)])
        assert cache.stretches(CHAIN, FILTER, 0, 99) == [stretch(3, 12), stretch(13, 21)]
        cache.keep_logs(CHAIN, FILTER, [])
        assert len(cache.stretches(CHAIN, FILTER, 0, 99)) == 2


def test_what_is_too_large_is_not_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply and a stretch beyond their limits."""
    monkeypatch.setattr("aggregator.reading.sqlite_cache.MAX_REPLY_BYTES", 10)
    monkeypatch.setattr("aggregator.reading.sqlite_cache.MAX_LOG_BYTES", 10)
    with SqliteCache(path) as cache:
        cache.predict(block(1), {b"request": bytes(11), b"small": bytes(10)})
        cache.keep_logs(CHAIN, FILTER, [stretch(1, 2, bytes(11)), stretch(3, 4, bytes(10))])
        assert cache.prediction(CHAIN, b"request") is None
        assert cache.prediction(CHAIN, b"small") == bytes(10)
        assert cache.stretches(CHAIN, FILTER, 0, 9) == [stretch(3, 4, bytes(10))]


def test_the_file_stays_within_its_size(path: Path) -> None:
    """Old rows go; what is written last is there."""
    limit = 400_000
    with SqliteCache(path, max_bytes=limit) as cache:
        for i in range(100):
            cache.predict(block(i), {i.to_bytes(4) + bytes([k]): bytes(2_000) for k in range(10)})
            assert path.stat().st_size <= 2 * limit
        assert cache.problem is None
    assert path.stat().st_size <= limit
    with SqliteCache(path) as cache:
        assert cache.prediction(CHAIN, (99).to_bytes(4) + bytes([9])) == bytes(2_000)
        assert cache.prediction(CHAIN, (0).to_bytes(4) + bytes([0])) is None


def overwrite(path: Path) -> None:
    """A text."""
    path.write_bytes(b"no database at all " * 500)


def empty(path: Path) -> None:
    """No byte, as after a full disk."""
    path.write_bytes(b"")


def cut(path: Path) -> None:
    """Half of its pages."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def foreign(path: Path) -> None:
    """Another program's database."""
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (a)")


def folder(path: Path) -> None:
    """A folder of that name."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [overwrite, cut, foreign, folder])
def test_a_file_that_is_no_cache_is_told_and_left_alone(damage: Callable[[Path], None], path: Path) -> None:
    """Nothing is found, nothing raised, nothing kept; the file is not ours to delete."""
    filled(path)
    damage(path)
    before = path.read_bytes() if path.is_file() else None
    *rows, problem = found(path)
    assert rows == list(NOTHING)
    assert problem is not None
    assert str(path) in problem
    assert "off" in problem
    with SqliteCache(path) as cache:
        cache.put(block(7))
        cache.predict(block(7), {b"request": b"reply"})
        cache.keep_logs(CHAIN, FILTER, [stretch(1, 9)])
        assert cache.get(CHAIN, 7) is None
    if before is not None:
        assert path.read_bytes() == before


def test_an_empty_file_becomes_a_cache(path: Path) -> None:
    """It holds nothing that could be lost."""
    filled(path)
    for each in path.parent.iterdir():
        empty(each)
    filled(path)
    assert found(path) == KEPT


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to the superuser")
def test_a_folder_that_may_not_be_written_is_told(path: Path) -> None:
    """As in a read-only container."""
    path.parent.mkdir()
    path.parent.chmod(0o500)
    *rows, problem = found(path)
    path.parent.chmod(0o700)
    assert rows == list(NOTHING)
    assert problem is not None


def test_a_path_below_a_file_is_told(tmp_path: Path) -> None:
    """No folder can be made there."""
    (tmp_path / "file").write_bytes(b"")
    *rows, problem = found(tmp_path / "file" / "reading.sqlite")
    assert rows == list(NOTHING)
    assert problem is not None


def test_another_version_starts_anew(path: Path) -> None:
    """Nothing of it is read, and it is no problem."""
    filled(path)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA user_version = 99")
    assert found(path) == (*NOTHING, None)
    filled(path)
    assert found(path) == KEPT


CHANGES = [
    "UPDATE header SET hash = '0x00'",
    "UPDATE header SET time = time + 1",
    "UPDATE header SET number = 7, chain = 31337, time = 'soon'",
    "UPDATE logs SET packed = X'00'",
    "UPDATE logs SET last = last + 1",
    "UPDATE logs SET hash = NULL",
    "UPDATE prediction SET reply = 'text'",
    "UPDATE prediction SET digest = NULL",
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_row_that_was_changed_is_no_row(change: str, path: Path) -> None:
    """By a flaw of the disk, or by hand; the other rows stay."""
    filled(path)
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute(change)
    table = change.split()[1]
    expected = [
        nothing if table == name else kept
        for name, kept, nothing in zip(("header", "logs", "prediction"), KEPT, NOTHING, strict=False)
    ]
    assert found(path) == (*expected, None)


@given(data=st.data())
def test_no_flipped_bit_gives_a_wrong_row(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Anywhere in the file: each kind of row is what was kept, or not there."""
    path = tmp_path_factory.mktemp("flipped") / "reading.sqlite"
    filled(path)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(whole)
    for row, kept, nothing in zip(found(path)[:3], KEPT, NOTHING, strict=False):
        assert row in (kept, nothing)


def write_many(path: Path, offset: int) -> str | None:
    """Keeps rows one by one, and tells the problem."""
    with SqliteCache(path) as cache:
        for i in range(offset, offset + 100):
            cache.put(block(i))
            assert cache.get(CHAIN, i) in (block(i), None)
        return cache.problem


def test_several_processes_write_at_once(path: Path) -> None:
    """From the first moment on, when there is no file yet; nobody has a problem."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        jobs = [pool.apply_async(write_many, (path, 1_000 * i)) for i in range(3)]
        assert [job.get(60) for job in jobs] == [None] * 3
    with SqliteCache(path) as cache:
        there = sum(cache.get(CHAIN, 1_000 * i + k) is not None for i in range(3) for k in range(100))
    assert there >= 290


def test_a_lock_that_does_not_end_is_not_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row is not kept, and the cache goes on being used."""
    monkeypatch.setattr("aggregator.reading.cache_file._BUSY_MS", 50)
    filled(path)
    with SqliteCache(path) as cache, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        cache.put(block(8))
        assert cache.get(CHAIN, 7) == block(7)
        other.execute("ROLLBACK")
        assert cache.get(CHAIN, 8) is None
        cache.put(block(8))
        assert cache.get(CHAIN, 8) == block(8)
        assert cache.problem is None


def test_a_number_that_no_chain_has_is_not_kept(path: Path) -> None:
    """What an endpoint says is no reason to fail."""
    with SqliteCache(path) as cache:
        cache.put(block(2**70))
        assert cache.get(CHAIN, 2**70) is None
        assert cache.problem is None


def test_rows_that_changed_places_are_none(tmp_path: Path) -> None:
    """Each is sound, and another one than its index says."""
    path, keys = tmp_path / "reading.sqlite", (b"request number 1", b"request number 2")
    block = Block(ChainId(1), 5, "0x" + "05" * 32, "0x" + "04" * 32, 1_700_000_000)
    with SqliteCache(path) as cache:
        cache.predict(block, {key: b"reply " + key[-1:] for key in keys})
    raw = path.read_bytes()
    size = len(keys[0]) + len(block.hash) + len(b"reply 1") + 16  # up to and with the digest
    first, second = (raw.index(key + b"0x") for key in keys)
    one, two = raw[first : first + size], raw[second : second + size]
    spoilt = bytearray(raw)
    spoilt[first : first + size], spoilt[second : second + size] = two, one
    path.write_bytes(spoilt)
    with SqliteCache(path) as cache:
        assert [cache.prediction(ChainId(1), key) for key in keys] == [None, None]
        assert cache.problem is None
