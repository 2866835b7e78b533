"""The daemon as a process of its own, on a chain whose time is not the machine's."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aggregator import settings
from aggregator.schedule.daemon import Daemon, line
from aggregator.schedule.definitions import jobs
from aggregator.store.saved import ScheduleRun


def main(configuration: str, ahead_s: str) -> None:
    """`crossmargin schedule run` with a clock that is so many seconds ahead of the machine's.

    It runs until a signal; every slot that is settled is a line on stdout, at once.
    """
    ahead = timedelta(seconds=int(ahead_s))

    def told(run: ScheduleRun) -> None:
        print(line(run), flush=True)

    logging.basicConfig(level=logging.WARNING)
    config = settings.load(Path(configuration))
    Daemon(config, jobs(config), told=told, clock=lambda: datetime.now(UTC) + ahead).run()
