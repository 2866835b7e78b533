"""Kills a running daemon with -9 at random moments and looks what is left.

`python -m tests.schedule.kills [COUNT]` does it 20 times on a local chain of its own.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aggregator import app
from aggregator.app.snapshots import families
from aggregator.store.saved import ScheduleRun
from tests.devnet.world import World
from tests.schedule.kit import SLOT_S, Desk, desk

START_S = 60.0


@contextmanager
def daemon(here: Desk) -> Iterator[subprocess.Popen[str]]:
    """The daemon of a desk, its clock an hour ahead: only the chain's blocks tell that slots have come."""
    ahead = here.world.node.timestamp + 3_600 - int(time.time())
    command = [sys.executable, "-m", "tests.schedule.process", str(here.path), str(ahead)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def acknowledged(process: subprocess.Popen[str], count: int) -> list[str]:
    """The next slots that the daemon says are settled."""
    assert process.stdout is not None
    found = []
    for _ in range(count):
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        found.append(line.strip())
    return found


def check(here: Desk, said: list[str]) -> list[ScheduleRun]:
    """No slot that was settled is lost, no snapshot is half there; what is recorded."""
    warehouse = app.warehouse(here.config)
    runs = warehouse.runs("desk")
    settled = {f"{run.due_at:%Y-%m-%dT%H:%M:%SZ}": run for run in runs}
    for line in said:
        _, due, outcome, *rest = line.split()
        run = settled[due]
        assert run.outcome == outcome, line
        assert run.outcome == "ok" or (run.reason and line.endswith(run.reason)), line
        assert run.outcome != "ok" or run.snapshots == tuple(rest), line
    for file in (warehouse, warehouse.for_reading()):
        for summary in file.snapshots():
            assert summary.status == "complete"
            stored = file.load(summary.id, families(here.config))
            assert len(stored.portfolio.blocks) == 1
            assert len(stored.portfolio.accounts) > 0
            assert (stored.result.score, stored.result.band) == (summary.score, summary.band)
    return runs


def kill_often(here: Desk, count: int, seed: int) -> tuple[int, int]:
    """Kill as often, each time after some progress of the chain; how many slots were taken and missed."""
    dice = random.Random(seed)
    here.once()  # from now on every slot is due
    said: list[str] = []
    for _ in range(count):
        here.advance(dice.randint(1, 3))
        with daemon(here) as process:
            # Somewhere between its start and well into its work; the first slot tells that it started.
            wanted = dice.choice((0, 1, 1))
            said += acknowledged(process, wanted)
            time.sleep(dice.random() * (2.0 if wanted else 6.0))
        check(here, said)
    here.advance(1)
    with daemon(here) as process:
        due = here.world.node.timestamp // SLOT_S * SLOT_S
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            [line] = acknowledged(process, 1)
            said.append(line)
            if f"{line.split()[1]}" == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(due)):
                break
    runs = check(here, said)
    slots = [int(run.due_at.timestamp()) for run in runs]
    assert slots == list(range(slots[0], due + 1, SLOT_S)), "a slot is neither taken nor missed"
    assert all(run.outcome == "ok" or run.reason for run in runs)
    taken = sum(run.outcome == "ok" for run in runs)
    return taken, len(runs) - taken


def main(count: int) -> None:
    """Say how it went."""
    with World.start() as world, tempfile.TemporaryDirectory() as folder:
        here = desk(world, Path(folder), catch_up=40)
        here.advance(1)
        taken, missed = kill_often(here, count, seed=count)
    sys.stdout.write(f"{count} kills: {taken} slots taken, {missed} missed with the reason, none lost\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
