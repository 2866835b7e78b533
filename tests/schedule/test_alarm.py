"""The alarm clock: it wakes at slots whatever becomes of the machine's clock and of its own file."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import apscheduler.schedulers.base
import pytest

from aggregator.model.errors import StoreError
from aggregator.schedule import alarm
from aggregator.schedule.alarm import Alarm
from aggregator.schedule.slots import Every

SECONDLY, RARE = Every(timedelta(seconds=1)), Every(timedelta(days=36_500))


class Told(datetime):
    """A clock that is so far ahead of the machine's."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """See datetime."""
        return super().now(tz) + cls.ahead


class Woken:
    """An alarm whose jobs count how often they were woken, until enough was."""

    def __init__(self, store: Path, **rules: Every) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.alarm = Alarm(
            store, rules, self.work, broke=lambda _, error: self.faults.append(str(error)), beat_s=0.2
        )

    def work(self, job: str) -> None:
        """Count."""
        self.counts[job] += 1
        self.loop.call_soon_threadsafe(self.woken.set)

    async def ring(self, *steps: tuple[str, int]) -> None:
        """Ring until each of these jobs was woken so often, and do between the steps what `between` does."""
        stop, self.woken, self.loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            tasks.create_task(self.alarm.ring(stop))
            for number, (job, count) in enumerate(steps):
                while self.counts[job] < count:
                    await self.woken.wait()
                    self.woken.clear()
                self.between(number)
            stop.set()

    def between(self, number: int) -> None:
        """Nothing; tests do something else."""


def test_it_wakes_at_the_start_and_at_every_slot(tmp_path: Path) -> None:
    """A job whose slot is far is woken at once too: something may have been missed."""
    woken = Woken(tmp_path / "s.sqlite", often=SECONDLY, rarely=RARE)
    asyncio.run(woken.ring(("often", 3)))
    assert woken.counts["rarely"] == 1


def test_a_clock_that_is_set_back_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was two months ahead and is corrected: nobody sleeps for two months."""
    monkeypatch.setattr(alarm, "datetime", Told)
    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", Told)
    monkeypatch.setattr(Told, "ahead", timedelta(days=60))

    class Corrected(Woken):
        def between(self, number: int) -> None:
            if number == 0:
                Told.ahead = timedelta()

    woken = Corrected(tmp_path / "s.sqlite", often=SECONDLY, rarely=Every(timedelta(days=1)))
    asyncio.run(woken.ring(("often", 2), ("often", 5), ("rarely", 2)))


def test_a_store_that_is_lost_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is made anew while the jobs go on; the log says so."""
    path = tmp_path / "s.sqlite"

    class Lost(Woken):
        def between(self, number: int) -> None:
            if number == 0:
                path.unlink()

    woken = Lost(path, often=SECONDLY)
    with caplog.at_level(logging.ERROR):
        asyncio.run(woken.ring(("often", 2), ("often", 6)))
    assert path.exists()
    assert "the schedule's store failed" in caplog.text
    assert "Traceback" not in caplog.text
    assert woken.faults == []


def test_a_defect_of_a_job_is_told_and_it_is_woken_again(tmp_path: Path) -> None:
    """At its next slot."""

    class Broken(Woken):
        def work(self, job: str) -> None:
            super().work(job)
            raise RuntimeError(f"boom {self.counts[job]}")

    woken = Broken(tmp_path / "s.sqlite", often=SECONDLY)
    asyncio.run(woken.ring(("often", 2)))
    assert woken.faults[:2] == ["boom 1", "boom 2"]


def test_a_job_that_is_not_configured_any_more_is_forgotten(tmp_path: Path) -> None:
    """What a former configuration left in the store wakes nobody."""
    path = tmp_path / "s.sqlite"
    former = Woken(path, old=SECONDLY)
    asyncio.run(former.ring(("old", 1)))
    woken = Woken(path, often=SECONDLY)
    asyncio.run(woken.ring(("often", 3)))
    assert woken.counts["old"] == 0


@pytest.mark.parametrize("what", ["other", "folder"])
def test_a_store_that_is_none_is_told(tmp_path: Path, what: str) -> None:
    """And left as it is: it may be somebody's file."""
    path = tmp_path / "s.sqlite"
    if what == "other":
        path.write_bytes(b"no database " * 500)
    else:
        path.mkdir()
    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(Woken(path, often=SECONDLY).ring(("often", 1)))
    [error] = raised.value.exceptions
    assert isinstance(error, StoreError)
    assert "delete it, nothing is lost with it" in str(error)
    assert path.is_dir() if what == "folder" else path.read_bytes().startswith(b"no database")


def test_again_is_before_the_next_slot_or_not_at_all(tmp_path: Path) -> None:
    """Whoever waits is woken sooner; where the slot comes first that is enough."""

    class Again(Woken):
        def between(self, number: int) -> None:
            if number == 0:
                self.alarm.again("rarely", timedelta(seconds=0.1))
                self.alarm.again("rarely", timedelta(days=40_000))

    woken = Again(tmp_path / "s.sqlite", rarely=RARE)
    asyncio.run(woken.ring(("rarely", 1), ("rarely", 2)))
    assert woken.counts["rarely"] == 2
