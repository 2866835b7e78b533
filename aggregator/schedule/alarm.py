"""The alarm clock: APScheduler wakes each job at its slots, and sooner where something waits.

The job store (SQLite, a file of its own) holds only when to wake. What is due follows from the warehouse, so
a store that is lost or late costs nothing. APScheduler trusts that the machine's clock runs evenly and that
its store can always be written, and sleeps on where either is not so: a beat looks after it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.jobstores.base import JobLookupError
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from sqlalchemy.exc import SQLAlchemyError

from aggregator.model.errors import StoreError
from aggregator.schedule.slots import Rule

LOG = logging.getLogger("crossmargin.schedule")
BEAT_S = 30.0

_running: dict[str, Alarm] = {}
"""The alarms of this process by their job store: what is in the store can only name a function."""


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


class Alarm:
    """Calls `work` with the name of a job at the slots of its rule, in a thread, never twice at once.

    `broke` is told of what `work` raised. `beaten` is called at every beat.
    """

    def __init__(
        self,
        store: Path,
        rules: Mapping[str, Rule],
        work: Callable[[str], None],
        *,
        broke: Callable[[str, BaseException], None],
        beaten: Callable[[], None] = lambda: None,
        beat_s: float = BEAT_S,
    ) -> None:
        self.work = work
        self._path = store.absolute()
        self._rules = rules
        self._broke = broke
        self._beaten = beaten
        self._beat_s = beat_s
        self._faulty = threading.Event()
        self._jobs = SQLAlchemyJobStore(url=f"sqlite:///{self._path}")
        self._scheduler = AsyncIOScheduler(
            jobstores={"default": self._jobs},
            timezone=UTC,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    async def ring(self, stop: asyncio.Event) -> None:
        """Wake every job now and then at its slots, until `stop`; returns when `work` is done everywhere.

        Raises StoreError where the job store can't be used.
        """
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed)
        self._scheduler.add_listener(self._told, EVENT_JOB_ERROR)
        name = str(self._path)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._scheduler.start(paused=True)
            for known in self._scheduler.get_jobs():
                if known.id not in self._rules:
                    known.remove()
            for job in self._rules:
                self._wake_now(job)  # what was missed meanwhile
        except (SQLAlchemyError, OSError) as error:
            why = f"it can't be the schedule's store: delete it, nothing is lost with it ({_cause(error)})"
            raise StoreError(name, why) from error
        _running[name] = self
        try:
            self._scheduler.resume()
            while not stop.is_set():
                try:
                    async with asyncio.timeout(self._beat_s):
                        await stop.wait()
                except TimeoutError:
                    self._beat()
            self._scheduler.pause()
            await loop.shutdown_default_executor()  # the work that is being done
            self._scheduler.shutdown(wait=False)
        finally:
            del _running[name]

    def again(self, job: str, wait: timedelta) -> None:
        """Wake a job before its next slot."""
        now = datetime.now(UTC)
        if now + wait >= self._rules[job].next_after(now):
            return
        try:
            self._scheduler.modify_job(job, next_run_time=now + wait)
        except JobLookupError:
            LOG.debug("%s: the scheduler has ended", job)
        except SQLAlchemyError as error:
            self._store_failed(error)

    def _beat(self) -> None:
        """Wake whoever would sleep beyond a slot: the clock was set back, or the store was not written."""
        self._beaten()
        try:
            if self._faulty.is_set():
                self._jobs.engine.dispose()
                self._jobs.jobs_t.create(self._jobs.engine, checkfirst=True)
            now = datetime.now(UTC)
            wakes = {job.id: job.next_run_time for job in self._scheduler.get_jobs()}
            for name, rule in self._rules.items():
                if self._faulty.is_set() or name not in wakes or wakes[name] > rule.next_after(now):
                    self._wake_now(name)
            self._faulty.clear()
        except SQLAlchemyError as error:
            self._store_failed(error)
        self._scheduler.wakeup()  # its timer stands still while the machine sleeps

    def _wake_now(self, job: str) -> None:
        self._scheduler.add_job(
            wake,
            SlotTrigger(self._rules[job]),
            args=(str(self._path), job),
            id=job,
            replace_existing=True,
            next_run_time=datetime.now(UTC),
        )

    def _told(self, event: JobExecutionEvent) -> None:
        """A defect; APScheduler has logged where. The job is woken at its next slot."""
        if event.job_id in self._rules:
            self._broke(event.job_id, event.exception)

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """APScheduler's own use of its store ends here."""
        error = context.get("exception")
        if isinstance(error, SQLAlchemyError | JobLookupError):
            self._store_failed(error)
        else:
            loop.default_exception_handler(context)

    def _store_failed(self, error: Exception) -> None:
        self._faulty.set()
        LOG.error("%s: the schedule's store failed, it is tried again (%s)", self._path, _cause(error))


def _cause(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).partition("\n")[0]
