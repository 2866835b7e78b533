"""When snapshots are due: the slots of a rule, as a pure function of time.

A slot is an aware UTC time, so neither daylight saving nor the zone of the machine moves one. Slots are
anchored to the calendar (cron) or to the epoch (intervals), so a restart doesn't shift them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from aggregator.schedule.cron import Cron

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHORTEST = timedelta(minutes=1)
_DURATION = re.compile(r"(\d{1,6})(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed interval: slots are the multiples of `interval` since the epoch."""

    interval: timedelta

    def next_after(self, moment: datetime) -> datetime:
        """The first slot after a moment."""
        return EPOCH + ((moment - EPOCH) // self.interval + 1) * self.interval

    def last_until(self, moment: datetime) -> datetime:
        """The last slot at or before a moment."""
        return EPOCH + ((moment - EPOCH) // self.interval) * self.interval


Rule: TypeAlias = Every | Cron


def duration(text: str) -> timedelta:
    """`15m`, `90s`, `6h`, `1d`; raises ValueError otherwise and on zero."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is no duration: give a number and s, m, h or d, as in 15m")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def every(text: str) -> Every:
    """The rule of an interval; raises ValueError where it is under a minute."""
    interval = duration(text)
    if interval < SHORTEST:
        raise ValueError(f"{text!r} is under a minute")
    return Every(interval)


def due_slots(rule: Rule, last: datetime | None, now: datetime) -> list[datetime]:
    """The slots in (last, now], ascending; without `last` only the newest one.

    Empty where the clock went back behind `last`, so that no slot is due twice.
    """
    if last is None:
        return [rule.last_until(now)]
    if isinstance(rule, Cron):
        return list(rule.after(last, now))
    first = rule.next_after(last)
    return [first + i * rule.interval for i in range((now - first) // rule.interval + 1)]
