"""Closes in the cache: by source and day, whole or not at all, and never in place of other rows."""

from __future__ import annotations

import multiprocessing
import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from aggregator.model.readings import Block
from aggregator.model.units import Address, ChainId
from aggregator.pricing.returns import Close
from aggregator.reading.history import ChainlinkHistory
from aggregator.reading.kept_closes import KeptCloses
from aggregator.reading.sqlite_cache import SqliteCache

ETH = ChainlinkHistory("ETH", ChainId(1), Address("0x" + "e1" * 20), "ethereum", "ETH / USD")
BTC = replace(ETH, underlying="BTC", feed=Address("0x" + "b1" * 20))
CLOSES = [Close(10, Decimal("2000.12345678")), Close(11, None), Close(12, Decimal("0.000000000001"))]
BLOCK = Block(ChainId(1), 7, "0x07", "0x06", 1_700_000_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A cache with closes of ETH."""
    file = tmp_path / "reading.sqlite"
    with SqliteCache(file) as cache:
        KeptCloses(cache).put(ETH, CLOSES, BLOCK)
        assert cache.problem is None
    return file


def kept(path: Path, source: ChainlinkHistory = ETH, first: int = 0, last: int = 99) -> list[Close]:
    """What a cache has of a source."""
    with SqliteCache(path) as cache:
        return list(KeptCloses(cache).get(source, first, last))


def test_what_is_kept_comes_out(path: Path) -> None:
    """To the digit, gaps too, in another process, only for its own source, chain and days."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(kept, (path,)) == CLOSES
    assert kept(path, first=11, last=11) == CLOSES[1:2]
    assert kept(path, BTC) == []
    assert kept(path, replace(ETH, chain=ChainId(10))) == []


def test_two_processes_keep_each_others_days(path: Path) -> None:
    """What is there stays, what is given again is replaced."""
    with SqliteCache(path) as one, SqliteCache(path) as other:
        KeptCloses(one).put(ETH, [Close(13, Decimal(5))], BLOCK)
        KeptCloses(other).put(ETH, [Close(10, Decimal(6)), Close(14, Decimal(7))], replace(BLOCK, number=8))
        assert [(c.day, c.price) for c in KeptCloses(one).get(ETH, 0, 99)] == [
            (10, 6),
            (11, None),
            (12, Decimal("1e-12")),
            (13, 5),
            (14, 7),
        ]


@pytest.mark.parametrize(
    "change",
    [
        "price = '2001'",
        "day = 20",
        "price = NULL",
        "hash = '0x08'",
        "chain = 1, source = 'x'",
        "digest = 'x'",
    ],
)
def test_a_changed_row_is_no_row(path: Path, change: str) -> None:
    """Its day is asked for again."""
    with closing(sqlite3.connect(path)) as file:
        file.execute(f"UPDATE closes SET {change} WHERE day = 10")  # noqa: S608  # our own
        file.commit()
    assert kept(path) == CLOSES[1:]


def test_other_rows_make_way_but_closes_stay(tmp_path: Path) -> None:
    """Where the file gets too large."""
    path = tmp_path / "reading.sqlite"
    with SqliteCache(path, max_bytes=400_000) as cache:
        KeptCloses(cache).put(ETH, CLOSES, BLOCK)
        for i in range(300):
            cache.predict(replace(BLOCK, number=i), {i.to_bytes(4): bytes(4_000)})
        assert cache.prediction(ChainId(1), (0).to_bytes(4)) is None
        assert list(KeptCloses(cache).get(ETH, 0, 99)) == CLOSES
