"""Kills a running daemon with -9 at random moments and looks what is left.

`python -m tests.schedule.kills [COUNT]` does it 20 times on a local chain of its own.
"""

from __future__ import annotations

import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aggregator import app
from aggregator.app.snapshots import families
from aggregator.store.saved import ScheduleRun
from aggregator.store.warehouse import Warehouse
from tests.devnet.world import World
from tests.forks import Forked
from tests.schedule import process as schedule_process
from tests.schedule.kit import MEMBERS, SLOT_S, Desk, desk

START_S = 60.0


@contextmanager
def daemon(here: Desk, said: list[str] | None = None) -> Iterator[Forked]:
    """The daemon of a desk, its clock an hour ahead: only the chain's blocks tell that slots have come.

    At the end it is killed; `said` also gets the lines that nobody had read by then.
    """
    ahead = here.world.node.timestamp + 3_600 - int(time.time())
    with Forked(schedule_process.main, str(here.path), str(ahead)) as process:
        try:
            yield process
        finally:
            process.kill()
            if said is not None:
                said += process.stdout.read().splitlines()


def acknowledged(process: Forked, count: int) -> list[str]:
    """The next slots that the daemon says are settled."""
    found = []
    for _ in range(count):
        line = process.stdout.readline()
        assert line, process.stderr.read()
        found.append(line.strip())
    return found


def check(here: Desk, said: list[str]) -> list[ScheduleRun]:
    """No slot that was settled is lost, no snapshot is half there; what is recorded.

    Raises AssertionError. Both what is committed and what readers see is looked at.
    """
    warehouse = app.warehouse(here.config)
    runs = warehouse.runs("desk")
    settled = {f"{run.due_at:%Y-%m-%dT%H:%M:%SZ}": run for run in runs}
    for line in said:
        _, due, outcome, *rest = line.split()
        run = settled[due]
        assert run.outcome == outcome, line
        assert run.outcome == "ok" or (run.reason and line.endswith(run.reason)), line
        assert run.outcome != "ok" or run.snapshots == tuple(rest), line
    kept = whole(here, warehouse)
    assert whole(here, warehouse.for_reading()) <= kept
    for run in runs:
        assert kept.issuperset(run.snapshots), f"acknowledged, but not there: {run}"
        assert len(run.snapshots) == (len(MEMBERS) if run.outcome == "ok" else 0), run
    return runs


def whole(here: Desk, file: Warehouse) -> set[str]:
    """The ids in a file, each with every row that follows from it, at the last block before its slot."""
    known, found = families(here.config), set()
    for summary in file.snapshots():
        verified = file.verify(summary.id, known)
        assert verified.faults == (), f"half a snapshot: {verified}"
        assert (summary.status, summary.trigger) == ("complete", "schedule")
        [block] = verified.blocks
        after = here.block_time(block.number + 1)
        assert block.timestamp // SLOT_S < after // SLOT_S, f"no slot lies after this block: {block}"
        found.add(summary.id)
    return found


def ids(file: Warehouse) -> set[str]:
    """Of all snapshots in a file."""
    return {one.id for one in file.snapshots()}


def kill_often(here: Desk, count: int, seed: int) -> tuple[int, int, int]:
    """Kill as often, each time after some progress of the chain.

    Answers how many slots were taken and missed, and how many kills came between a snapshot and its record.
    """
    dice = random.Random(seed)
    here.once()  # from now on every slot is due
    said: list[str] = []
    between = 0
    for _ in range(count):
        here.advance(dice.randint(1, 3))
        with daemon(here, said) as process:
            # Somewhere between its start and well into its work; the first slot tells that it started.
            wanted = dice.choice((0, 1, 1))
            said += acknowledged(process, wanted)
            time.sleep(dice.random() * 2.0)
        runs = check(here, said)
        between += not ids(app.warehouse(here.config)).issubset(one for run in runs for one in run.snapshots)
    here.advance(1)
    due = here.world.node.timestamp // SLOT_S * SLOT_S
    with daemon(here, said) as process:
        last = ""
        while last != time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(due)):
            [line] = acknowledged(process, 1)
            said.append(line)
            last = line.split()[1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(START_S) == 0
    runs = check(here, said)
    slots = [int(run.due_at.timestamp()) for run in runs]
    assert slots == list(range(slots[0], due + 1, SLOT_S)), "a slot is neither taken nor missed"
    assert all(run.outcome == "ok" or (run.outcome == "missed" and run.reason) for run in runs)
    warehouse = app.warehouse(here.config)
    assert warehouse.for_reading().runs("desk") == runs, "readers do not see what was recorded"
    assert ids(warehouse.for_reading()) == ids(warehouse), "readers do not see what is whole"
    for run in runs:
        blocks = [block for of_one in warehouse.blocks(run.snapshots).values() for block in of_one]
        for block in blocks:
            after = here.block_time(block.number + 1)
            assert block.timestamp <= run.due_at.timestamp() < after, f"not the block of its slot: {run}"
    taken = sum(run.outcome == "ok" for run in runs)
    return taken, len(runs) - taken, between


def main(count: int) -> None:
    """Say how it went."""
    with World.start() as world, tempfile.TemporaryDirectory() as folder:
        here = desk(world, Path(folder), catch_up=40)
        here.advance(1)
        taken, missed, between = kill_often(here, count, seed=count)
    sys.stdout.write(
        f"{count} kills, {between} of them between a snapshot and its record: "
        f"{taken} slots taken, {missed} missed with the reason, none lost\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
