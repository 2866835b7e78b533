"""A writer at full speed beside readers, and a writer that is killed at random moments."""

from __future__ import annotations

import itertools
import os
import random
import time
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb

from aggregator.model.portfolio import Portfolio
from aggregator.model.units import Address
from aggregator.store import saving
from aggregator.store.columns import table_of
from aggregator.store.saving import Saving
from aggregator.store.warehouse import Warehouse
from tests.cli.runner import crossmargin
from tests.forks import PROCESSES
from tests.store.samples import BLOCK, EXPECTED, FAMILIES, LOAN, MAINNET, PORTFOLIO, RESULT, TAKEN_AT

WALLETS, SHAPES = 7, 5
READERS = 4
LOCK_TIMEOUT_S = 60.0
KILLED_WITHIN_S = 2.0
ASKED = """
SELECT s.snapshot_id, any_value(b.block_number) AS number, count(p.snapshot_id) AS positions
FROM snapshot AS s
LEFT JOIN snapshot_block AS b ON b.snapshot_id = s.snapshot_id AND b.chain_id = 1
LEFT JOIN position AS p ON p.snapshot_id = s.snapshot_id
GROUP BY s.snapshot_id
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What readers beside a writer came to: failures tell everything that went wrong."""

    commits: int
    reads: tuple[int, ...]
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Killing:
    """What kills came to: snapshots that were acknowledged before a kill, and those that were there after."""

    kills: int
    acknowledged: int
    kept: int


def portfolio(number: int) -> Portfolio:
    """The snapshot of a number: its wallet, its block and how many rows it has follow from it."""
    block = replace(BLOCK, number=number, timestamp=BLOCK.timestamp + 12 * number, hash=f"0x{number:064x}")
    loan = replace(LOAN, positions=LOAN.positions * (1 + number % SHAPES))
    accounts = tuple(loan if account is LOAN else account for account in PORTFOLIO.accounts)
    wallet = Address(f"0x{number % WALLETS:040x}")
    return replace(PORTFOLIO, wallet=wallet, accounts=accounts, blocks={**PORTFOLIO.blocks, MAINNET: block})


def to_save(number: int) -> Saving:
    """The snapshot of a number with a result."""
    return Saving(portfolio(number), RESULT, EXPECTED, "0.1.0", TAKEN_AT, "schedule")


def whole(path: Path) -> set[str]:
    """The ids in a file, in which each snapshot has exactly the rows that belong to it.

    Opens it as any client would. Raises AssertionError on half a snapshot, or a `latest` that is not.
    """
    with duckdb.connect(str(path), read_only=True) as connection:
        numbers = dict(
            connection.execute(
                "SELECT snapshot_id, max(block_number) FILTER (chain_id = 1)"
                " FROM snapshot LEFT JOIN snapshot_block USING (snapshot_id) GROUP BY ALL"
            ).fetchall()
        )
        found: dict[str, dict[str, int]] = {snapshot: {} for snapshot in numbers}
        for table in _tables():
            counts = f'SELECT snapshot_id, count(*) FROM "{table}" GROUP BY ALL'  # noqa: S608  # our names
            for snapshot, count in connection.execute(counts).fetchall():
                found[snapshot][table] = count
        stale = connection.execute(
            "SELECT wallet FROM snapshot FULL JOIN latest USING (wallet)"
            " GROUP BY wallet HAVING max(snapshot.as_of) IS DISTINCT FROM max(latest.as_of)"
        ).fetchall()
    for snapshot, number in numbers.items():
        assert number is not None, f"a snapshot without its block: {snapshot}"
        assert found[snapshot] == _rows(number % SHAPES), f"half a snapshot: {number} has {found[snapshot]}"
    assert stale == [], f"latest is not the latest of {stale}"
    return set(numbers)


def asked() -> int:
    """How many snapshots `crossmargin query` finds in the configured database, each of them whole."""
    answer = crossmargin("query", "--sql", ASKED, "--json")
    assert answer.code == 0, answer.err
    found = answer.json()["data"]["rows"]
    for row in found:
        assert row["number"] is not None, f"a snapshot without its block: {row}"
        assert row["positions"] == _rows(int(row["number"]) % SHAPES)["position"], f"half a snapshot: {row}"
    return len(found)


def readers_beside_a_writer(path: Path, *, seconds: float, commits: int) -> Reading:
    """Save and publish at full speed, while READERS processes read all they can.

    For some seconds, and until there were so many commits, or some of these failed.
    """
    warehouse = Warehouse(path)  # a file to read from the first moment on
    warehouse.save_many([to_save(0)])
    warehouse.publish()
    stop, reports = PROCESSES.Event(), PROCESSES.Queue()
    acknowledged = path.with_suffix(".acks")
    writer = PROCESSES.Process(target=_write, args=(path, 1, acknowledged))
    readers = [PROCESSES.Process(target=_read, args=(path, stop, reports)) for _ in range(READERS)]
    for process in (writer, *readers):
        process.start()
    enough, late = time.monotonic() + seconds, time.monotonic() + seconds + LOCK_TIMEOUT_S
    while time.monotonic() < late and all(process.is_alive() for process in (writer, *readers)):
        if time.monotonic() > enough and len(_acknowledged(acknowledged)) >= commits:
            break
        time.sleep(0.1)
    failures = [] if writer.is_alive() else ["the writer died"]
    stop.set()
    told = [reports.get(timeout=LOCK_TIMEOUT_S) for _ in readers]
    writer.kill()
    for process in (writer, *readers):
        process.join()
    failures += [failure for _, failure in told if failure]
    return Reading(len(_acknowledged(acknowledged)), tuple(reads for reads, _ in told), tuple(failures))


def kills_of_a_writer(path: Path, *, kills: int, seed: int) -> Killing:
    """Kill a saving and publishing process with -9 at random moments, and look at what is left each time.

    Raises AssertionError where an acknowledged snapshot is lost, half a one is there, in the database or in
    the readers' copy, or the next start finds either unusable.
    """
    moments, acknowledged = random.Random(seed), path.with_suffix(".acks")
    for kill in range(kills):
        before = len(_acknowledged(acknowledged))
        writer = PROCESSES.Process(target=_write, args=(path, 1_000 * kill, acknowledged))
        writer.start()
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while len(_acknowledged(acknowledged)) == before and time.monotonic() < deadline:
            time.sleep(0.01)
        # Anywhere in what follows: publishing what was acknowledged, saving more, publishing that.
        time.sleep(moments.uniform(0, KILLED_WITHIN_S))
        assert writer.is_alive(), "the writer ended by itself"
        writer.kill()
        writer.join()
        there = whole(path)
        assert set(_acknowledged(acknowledged)) <= there, f"kill {kill} lost an acknowledged snapshot"
        assert whole(Warehouse(path).reading()) <= there
    newest = Warehouse(path).snapshots(limit=1)[0]
    number = Warehouse(path).load(newest.id, FAMILIES).portfolio.blocks[MAINNET].number
    assert Warehouse(path).load(newest.id, FAMILIES).portfolio.accounts == portfolio(number).accounts
    Warehouse(path).publish()
    assert whole(Warehouse(path).reading()) == whole(path)
    left = {file.name for file in path.parent.iterdir()} - {acknowledged.name}
    assert left == {path.name, Warehouse(path).reading().name}, f"left lying: {left}"
    return Killing(kills, len(_acknowledged(acknowledged)), len(whole(path)))


def _write(path: Path, start: int, acknowledged: Path) -> None:
    """Save one to three snapshots at a time and publish them, forever; tell of each that is saved."""
    acks = os.open(acknowledged, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    warehouse, number = Warehouse(path, lock_timeout_s=LOCK_TIMEOUT_S), start
    for size in itertools.cycle((1, 2, 3)):
        saved = warehouse.save_many(to_save(n) for n in range(number, number + size))
        os.write(acks, "".join(f"{one.id}\n" for one in saved).encode())
        warehouse.publish()
        number += size


def _read(path: Path, stop: Event, reports: Queue[tuple[int, str]]) -> None:
    """Read the published copy all the time: as any client of DuckDB, as a reader of ours, and by `query`."""
    reads, known, failure = 0, 0, ""
    os.environ |= {"CROSSMARGIN_DATABASE": str(path), "CROSSMARGIN_CONFIG": os.devnull}
    while not failure and not (stop.is_set() and reads):
        try:
            there = len(whole(Warehouse(path).reading()))
            warehouse = Warehouse(path).for_reading()
            stored = warehouse.load(warehouse.snapshots(limit=1)[0].id, FAMILIES)
            expected = portfolio(stored.portfolio.blocks[MAINNET].number)
            assert stored.portfolio.accounts == expected.accounts, "other accounts than were saved"
            assert there >= known, "snapshots that were there are gone"
            assert asked() >= there, "`query` sees less than was there"
            reads, known = reads + 1, there
        except Exception as error:  # noqa: BLE001  # told to the process that judges
            failure = f"{type(error).__name__}: {error}"
    reports.put((reads, failure))


@cache
def _rows(shape: int) -> dict[str, int]:
    """How many rows each table has of a snapshot."""
    tables = saving.prepare(to_save(shape)).tables
    counts = {table_of(row).name: len(next(iter(columns.values()))) for row, columns in tables.items()}
    return {name: count for name, count in counts.items() if count}


def _tables() -> list[str]:
    return [table_of(row).name for row in saving.prepare(to_save(0)).tables]


def _acknowledged(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []
