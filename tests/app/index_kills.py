"""Kills a run of `index` with -9 at random moments, goes on, and looks what is there.

`python -m tests.app.index_kills [KILLS] [WALLETS]` does it 10 times to 10,000 wallets on a local chain of its
own, and says how much memory the processes took at most.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import duckdb

from aggregator.app.snapshots import families
from aggregator.settings import Settings
from aggregator.store.warehouse import Warehouse
from tests.app import index_process
from tests.app.index_kit import Desk, desk, kept
from tests.devnet.world import World
from tests.forks import Forked
from tests.store.blank import blank

MOST_MIB, END_S = 1024, 60.0


@dataclass
class Outcome:
    """Kills that came before the end, how many wallets were done at each, and the largest process in MiB."""

    done: list[int]
    mib: int = 0


def start(here: Desk, config: Settings, block_size: int) -> Forked:
    """The next process of the run."""
    return Forked(index_process.main, str(here.path), str(config.database), str(here.csv), str(block_size))


def kill_often(here: Desk, config: Settings, count: int, block_size: int, seed: int) -> Outcome:
    """Kill as often, each time after some progress, then let the run end; looks after each.

    Raises AssertionError where something that was acknowledged is lost, anything is there twice, or the end
    differs from that of a run that nobody disturbed.
    """
    dice, outcome = random.Random(seed), Outcome([])
    blocks_between = max(1, len(here.wallets) // block_size // (count + 1))
    for _ in range(count):
        with start(here, config, block_size) as process:
            acknowledged = -1
            heard_at = [time.monotonic()]
            for _ in range(1 + dice.randint(0, 2 * blocks_between - 1)):
                acknowledged = heard(process.stdout.readline(), outcome, acknowledged)
                heard_at.append(time.monotonic())
            # Anywhere in what the next block of wallets takes; the first line comes before any.
            took_s = heard_at[-1] - heard_at[-2] if len(heard_at) > 2 else 0.2
            time.sleep(dice.random() * took_s)
            process.kill()
            for line in process.stdout:
                acknowledged = heard(line, outcome, acknowledged)
        done = check(here, config, acknowledged)
        assert done < len(here.wallets), "it was killed too late: take more wallets"
        assert done >= max(outcome.done, default=0)
        outcome.done.append(done)
    with start(here, config, block_size) as process:
        lines = list(process.stdout)
        assert process.wait(END_S) == 0, process.stderr.read()
    assert lines[0].split()[0] == str(outcome.done[-1]), "the run began anew"
    assert heard(lines[-1], outcome, 0) == len(here.wallets)
    assert check(here, config, len(here.wallets)) == len(here.wallets)
    return outcome


def heard(line: str, outcome: Outcome, before: int) -> int:
    """How many wallets a line acknowledges; one that was cut off says nothing."""
    if not line.endswith("\n"):
        return before
    done, kib = map(int, line.split())
    outcome.mib = max(outcome.mib, kib // 1024)
    return done


def check(here: Desk, config: Settings, acknowledged: int) -> int:
    """One run, whose first wallets have one whole snapshot each at its block, and no other has any."""
    with duckdb.connect(str(config.database), read_only=True) as connection:
        [(done, complete, wallets, ended)] = connection.execute(
            "SELECT done, complete, wallets, ended_at IS NOT NULL FROM index_run"
        ).fetchall()
        rows = connection.execute("SELECT wallet, snapshot_id, status FROM snapshot").fetchall()
        hashes = connection.execute("SELECT block_hash, count(*) FROM snapshot_block GROUP BY 1").fetchall()
        pinned = connection.execute("SELECT blocks::VARCHAR FROM index_run").fetchall()
        beside = connection.execute(
            "SELECT (SELECT count(*) FROM risk_result), (SELECT count(*) FROM latest)"
        ).fetchone()
    assert wallets == len(here.wallets)
    assert done >= acknowledged, f"{acknowledged} were acknowledged, {done} are there"
    assert complete == done == len(rows)
    assert ended == (done == wallets)
    assert Counter(wallet for wallet, _, _ in rows) == Counter(here.wallets[:done])
    assert {status for _, _, status in rows} <= {"complete"}
    assert beside == (done, done)
    [at] = json.loads(pinned[0][0]).values()
    assert hashes == ([(at["hash"], done)] if done else [])
    warehouse, known = Warehouse(config.database), families(config)
    for _, snapshot, _ in random.Random(done).sample(rows, min(5, done)):
        found = warehouse.verify(snapshot, known).faults
        assert found == (), found
    return int(done)


def compare(here: Desk, config: Settings, block_size: int) -> None:
    """The same rows as a run that nobody disturbed has, whose blocks of wallets have another size."""
    other = here.config("undisturbed.duckdb")
    blank(other.database)
    here.index(other, block_size)
    theirs, ours = kept(other.database), kept(config.database)
    for table, rows in theirs.items():
        assert ours[table] == rows, f"{table} differs"
    assert kept(Warehouse(config.database).reading()) == ours, "readers see something else"


def main(kills: int, wallets: int) -> None:
    """Say how it went."""
    with (
        World.start() as world,
        tempfile.TemporaryDirectory() as folder,
        desk(world, Path(folder), wallets) as here,
    ):
        config = here.config()
        began = time.monotonic()
        outcome = kill_often(here, config, kills, min(250, wallets // 40), seed=kills)
        took_s = time.monotonic() - began
        compare(here, config, 333)
    sys.stdout.write(
        f"{wallets} wallets, killed at {outcome.done}: nothing lost, nothing doubled, in {took_s:.0f} s; "
        f"at most {outcome.mib} MiB\n"
    )
    assert outcome.mib < MOST_MIB


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    main(*numbers, *(10, 10_000)[len(numbers) :])
