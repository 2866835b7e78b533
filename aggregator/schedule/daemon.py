"""The daemon: an alarm clock wakes each job at its slots, a worker does what is due, readers see it."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aggregator import app
from aggregator.model.errors import CrossmarginError, StoreError
from aggregator.schedule.alarm import LOG, Alarm
from aggregator.schedule.definitions import ScheduleJob
from aggregator.schedule.exclusive import exclusive
from aggregator.schedule.metrics import Telemetry, serve
from aggregator.schedule.passes import Taken
from aggregator.schedule.taking import LiveChains, WarehouseLedger
from aggregator.schedule.worker import RECHECK, Worker
from aggregator.settings import Settings
from aggregator.store.saved import ScheduleRun

_FIRST_WAIT = timedelta(seconds=2)
_LONGEST_WAIT = timedelta(minutes=1)
_PUBLISH_S = 30.0


class Daemon:
    """Some jobs on one database.

    `told` gets every slot that was settled or failed; `clock` gives aware UTC.
    """

    def __init__(
        self,
        config: Settings,
        jobs: Sequence[ScheduleJob],
        *,
        rpc: tuple[str, ...] = (),
        told: Callable[[ScheduleRun], None] = lambda _: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._config = config
        self._told = told
        self._stop = threading.Event()
        self._unpublished = threading.Event()
        self._published_s = 0.0
        self._waits: dict[str, timedelta] = {}
        self.telemetry = Telemetry(jobs, clock)
        self._ledger = WarehouseLedger(config, self._unpublished.set)
        chains = LiveChains(config, self._ledger, rpc=rpc)
        self._workers = {
            job.name: Worker(
                job, self._ledger, chains, clock=clock, stopping=self._stop.is_set, told=self._note
            )
            for job in jobs
        }
        self._alarm = Alarm(
            store_path(config),
            {job.name: job.rule for job in jobs},
            self.work,
            broke=self._broke,
            beaten=self._beaten,
        )

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; the slot that is being taken is finished and kept.

        Raises StoreLocked where another process works on this database, BadConfiguration where the address
        of the metrics can't be used, StoreError where a file can't.
        """
        with ExitStack() as stack:
            stack.enter_context(exclusive(self._config.database))
            for name in self._workers:
                self.telemetry.restore(name, self._ledger.runs(name, None))
            if self._config.metrics != "off":
                server = serve(self._config.metrics, self.telemetry)
                stack.callback(server.server_close)
                stack.callback(server.shutdown)
            self._publish()  # a kill may have come between a commit and its publication
            asyncio.run(self._run())
            if self._unpublished.is_set():
                self._publish()

    async def _run(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()

        def stopping(number: signal.Signals) -> None:
            LOG.info("%s: finishing the slot that is being taken", number.name)
            self._stop.set()
            stop.set()
            for one in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(one)
                signal.signal(one, signal.SIG_DFL)  # a second signal ends the process at once

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping, number)
        for name, worker in self._workers.items():
            LOG.info("%s: @%s, %s", name, worker.job.group, worker.job.shown)
        await self._alarm.ring(stop)

    def work(self, name: str) -> None:
        """One pass of a job, in a thread of its own. Failures are logged and told by `/health`."""
        if self._stop.is_set():
            return
        try:
            found = self._workers[name].work()
        except CrossmarginError as error:
            LOG.error("%s: %s", name, error)
            self.telemetry.broke(name, str(error))
            self._alarm.again(name, self._longer(name))
            return
        if found.waiting and name not in self._waits:
            LOG.info("%s: %s waits: %s", name, f"{found.waiting[0]:%Y-%m-%dT%H:%M:%SZ}", found.why)
        self.telemetry.passed(name, found)
        if self._unpublished.is_set():
            self._publish()
        if not found.waiting or any(run.outcome != "failed" for run, _ in found.done):
            self._waits.pop(name, None)
        if found.waiting:
            self._alarm.again(name, self._longer(name))
        elif found.young:
            self._alarm.again(name, RECHECK)

    def _broke(self, name: str, error: BaseException) -> None:
        self.telemetry.broke(name, f"a defect, see the log: {error!r}")

    def _beaten(self) -> None:
        """Try again to publish where that failed: the next slot may be far."""
        if self.telemetry.unpublished is not None and time.monotonic() - self._published_s > _PUBLISH_S:
            threading.Thread(target=self._publish, name="publish").start()

    def _note(self, run: ScheduleRun, taken: Taken) -> None:
        LOG.log(logging.INFO if run.outcome == "ok" else logging.WARNING, "%s", line(run))
        self.telemetry.settled(run, taken)
        self._told(run)
        if time.monotonic() - self._published_s > _PUBLISH_S:  # a long catch-up
            self._publish()

    def _longer(self, name: str) -> timedelta:
        wait = min(2 * self._waits.get(name, _FIRST_WAIT / 2), _LONGEST_WAIT)
        self._waits[name] = wait
        return wait

    def _publish(self) -> None:
        """Let readers see what was committed; whoever fails to leaves it for later, and `/health` says so."""
        self._unpublished.clear()
        self._published_s = time.monotonic()
        try:
            with self._ledger.lock:
                app.publish(self._config)
        except StoreError as error:
            self._unpublished.set()
            self.telemetry.unpublished = str(error)
            LOG.error("%s", error)
        else:
            self.telemetry.unpublished = None


def store_path(config: Settings) -> Path:
    """The daemon's own SQLite file."""
    return config.schedule_store or config.database.with_name(f"{config.database.stem}.schedule.sqlite")


def line(run: ScheduleRun) -> str:
    """A slot in a log."""
    parts: list[Any] = [run.job, f"{run.due_at:%Y-%m-%dT%H:%M:%SZ}", run.outcome, *run.snapshots]
    return " ".join(map(str, parts)) + (f": {run.reason}" if run.reason else "")
