"""The daemon: APScheduler wakes each job at its slots; workers do what is due.

The job store (SQLite, a file of its own) holds only when to wake. What is due follows from the warehouse, so
a store that is lost or late costs nothing.
"""

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

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.jobstores.base import JobLookupError
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from aggregator import app
from aggregator.model.errors import CrossmarginError, StoreError
from aggregator.schedule.definitions import ScheduleJob
from aggregator.schedule.exclusive import exclusive
from aggregator.schedule.metrics import Telemetry, serve
from aggregator.schedule.slots import Rule
from aggregator.schedule.taking import LiveChains, WarehouseLedger
from aggregator.schedule.worker import RECHECK, Taken, Worker
from aggregator.settings import Settings
from aggregator.store.saved import ScheduleRun

LOG = logging.getLogger("crossmargin.schedule")
_FIRST_WAIT = timedelta(seconds=2)
_LONGEST_WAIT = timedelta(minutes=1)
_PUBLISH_S = 30.0

_running: dict[str, Daemon] = {}
"""The daemons of this process by their job store: what is in the store can only name a function."""


class SlotTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Wakes at the slots of a rule."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:  # noqa: ARG002
        """The first slot after `now`: a wake-up in between, to try again, moves none."""
        return self.rule.next_after(now.astimezone(UTC))


def wake(store: str, job: str) -> None:
    """What the job store calls."""
    if store in _running:
        _running[store].work(job)


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
        self._store = str(store_path(config).absolute())
        self._scheduler = AsyncIOScheduler(
            jobstores={"default": SQLAlchemyJobStore(url=f"sqlite:///{self._store}")},
            timezone=UTC,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; the slot that is being taken is finished and kept.

        Raises StoreLocked where another process works on this database, BadConfiguration where the address
        of the metrics can't be used, StoreError where a file can't.
        """
        with ExitStack() as stack:
            stack.enter_context(exclusive(self._config.database))
            self._restore()
            if self._config.metrics != "off":
                server = serve(self._config.metrics, self.telemetry)
                stack.callback(server.server_close)
                stack.callback(server.shutdown)
            _running[self._store] = self
            stack.callback(_running.pop, self._store)
            asyncio.run(self._run())
            self._publish()

    async def _run(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()

        def stopping(number: signal.Signals) -> None:
            LOG.info("%s: finishing the slot that is being taken", number.name)
            self._stop.set()
            stop.set()
            for one in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(one)  # a second signal ends the process at once

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping, number)
        self._scheduler.add_listener(self._broke, EVENT_JOB_ERROR)
        self._scheduler.start(paused=True)
        for known in self._scheduler.get_jobs():
            if known.id not in self._workers:
                known.remove()
        for name, worker in self._workers.items():
            self._scheduler.add_job(
                wake,
                SlotTrigger(worker.job.rule),
                args=(self._store, name),
                id=name,
                replace_existing=True,
                next_run_time=datetime.now(UTC),  # what was missed meanwhile
            )
            LOG.info("%s: @%s, %s", name, worker.job.group, worker.job.shown)
        self._scheduler.resume()
        await stop.wait()
        self._scheduler.pause()
        await loop.shutdown_default_executor()  # the slots that are being taken
        self._scheduler.shutdown(wait=False)

    def work(self, name: str) -> None:
        """One pass of a job, in a thread of its own. Failures are logged and told by `/health`."""
        if self._stop.is_set():
            return
        try:
            found = self._workers[name].work()
        except CrossmarginError as error:
            LOG.error("%s: %s", name, error)
            self.telemetry.broke(name, str(error))
            self._wake_again(name, self._longer(name))
            return
        if found.waiting and name not in self._waits:
            LOG.info("%s: %s waits: %s", name, f"{found.waiting[0]:%Y-%m-%dT%H:%M:%SZ}", found.why)
        self.telemetry.passed(name, found)
        if self._unpublished.is_set():
            self._publish()
        if found.done:
            self._waits.pop(name, None)
        if found.waiting:
            self._wake_again(name, self._longer(name))
        else:
            self._waits.pop(name, None)
            if found.young:
                self._wake_again(name, RECHECK)

    def _broke(self, event: JobExecutionEvent) -> None:
        """A defect; APScheduler has logged where. The job is woken at its next slot."""
        if event.job_id in self._workers:
            self.telemetry.broke(event.job_id, f"a defect, see the log: {event.exception!r}")

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

    def _wake_again(self, name: str, wait: timedelta) -> None:
        """Wake a job before its next slot."""
        at = datetime.now(UTC) + wait
        if at >= self._workers[name].job.rule.next_after(datetime.now(UTC)):
            return
        try:
            self._scheduler.modify_job(name, next_run_time=at)
        except JobLookupError:
            LOG.debug("%s: the scheduler has ended", name)

    def _publish(self) -> None:
        """Let readers see what was committed; whoever fails to leaves it for the next pass."""
        self._unpublished.clear()
        self._published_s = time.monotonic()
        try:
            with self._ledger.lock:
                app.publish(self._config)
        except StoreError as error:
            self._unpublished.set()
            LOG.error("%s", error)

    def _restore(self) -> None:
        for name in self._workers:
            self.telemetry.restore(name, self._ledger.runs(name, None))
        Path(self._store).parent.mkdir(parents=True, exist_ok=True)
        self._publish()  # a kill may have come between a commit and its publication


def store_path(config: Settings) -> Path:
    """The daemon's own SQLite file."""
    return config.schedule_store or config.database.with_name(f"{config.database.stem}.schedule.sqlite")


def line(run: ScheduleRun) -> str:
    """A slot in a log."""
    parts: list[Any] = [run.job, f"{run.due_at:%Y-%m-%dT%H:%M:%SZ}", run.outcome, *run.snapshots]
    return " ".join(map(str, parts)) + (f": {run.reason}" if run.reason else "")
