"""One pass of jobs, for cron."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from aggregator import app
from aggregator.schedule.definitions import ScheduleJob
from aggregator.schedule.exclusive import exclusive
from aggregator.schedule.passes import Pass
from aggregator.schedule.taking import LiveChains, WarehouseLedger
from aggregator.schedule.worker import Worker
from aggregator.settings import Settings

_POLL_S = 2.0


def take_due(
    config: Settings,
    jobs: Sequence[ScheduleJob],
    *,
    rpc: tuple[str, ...] = (),
    wait_s: float = 0.0,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dict[str, Pass]:
    """What is due of each job, by its name; waits up to `wait_s` for the block after a slot of `latest`.

    Raises StoreLocked where a daemon works on this database, StoreError, and BadConfiguration as `read` does.
    """
    with exclusive(config.database):
        ledger = WarehouseLedger(config)
        chains = LiveChains(config, ledger, rpc=rpc)
        deadline = time.monotonic() + wait_s
        try:
            return {job.name: _settled(Worker(job, ledger, chains, clock=clock), deadline) for job in jobs}
        finally:
            app.publish(config)


def _settled(worker: Worker, deadline: float) -> Pass:
    """Passes until nothing waits or the time is over, as one. A chain that is silent is not waited for."""
    whole = worker.work()
    if worker.job.block != "latest":  # older blocks take minutes
        return whole
    while whole.waiting and not whole.silent and time.monotonic() + _POLL_S < deadline:
        if any(run.outcome == "failed" for run, _ in whole.done):
            break
        time.sleep(_POLL_S)
        further = worker.work()
        whole = replace(further, done=(*whole.done, *further.done))
    return whole
