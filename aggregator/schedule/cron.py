"""Cron expressions of five fields, in UTC: minute, hour, day of month, month, day of week.

As in cron(8): `*`, numbers, lists, ranges and steps; names of months and days; 0 and 7 are both Sunday; where
day of month and day of week are both restricted, either suffices. (APScheduler's own trigger counts
days from Monday and wants both, so that the same line would mean other days there.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d{1,2}))?")
# From one 29 February to the next are eight years at most (1896 to 1904, 2096 to 2104).
_LONGEST = timedelta(days=8 * 366)


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression; `parse` makes one. Weekdays count from Sunday, 0."""

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Raises ValueError where it is no expression, or names no day that ever comes."""
        fields = text.lower().split()
        if len(fields) != 5:
            raise ValueError(f"{text!r} has {len(fields)} fields, not the five of cron")
        minute, hour, day, month, weekday = fields
        found = cls(
            text=" ".join(fields),
            minutes=tuple(sorted(_values(minute, 0, 59))),
            hours=tuple(sorted(_values(hour, 0, 23))),
            days=frozenset(_values(day, 1, 31)),
            months=frozenset(_values(month, 1, 12, _MONTHS, 1)),
            weekdays=frozenset(value % 7 for value in _values(weekday, 0, 7, _DAYS)),
            either_day=not day.startswith("*") and not weekday.startswith("*"),
        )
        start = datetime(2000, 1, 1, tzinfo=UTC)
        if next(found.after(start, start + _LONGEST), None) is None:
            raise ValueError(f"{text!r} names a day that never comes")
        return found

    def after(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Every matching moment in (start, end], ascending; both are aware UTC."""
        day = start.date()
        while day <= end.date():
            if self._matches(day):
                for hour in self.hours:
                    for minute in self.minutes:
                        moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                        if start < moment <= end:
                            yield moment
            day += timedelta(days=1)

    def next_after(self, moment: datetime) -> datetime:
        """The first matching moment after another."""
        # `parse` made sure that there is one.
        return next(self.after(moment, moment + _LONGEST))

    def last_until(self, moment: datetime) -> datetime:
        """The last matching moment at or before another."""
        span = timedelta(days=1)
        while True:
            found = list(self.after(moment - span, moment))
            if found:
                return found[-1]
            span *= 4

    def _matches(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        on_day, on_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return on_day or on_weekday if self.either_day else on_day and on_weekday


def _values(field: str, low: int, high: int, names: tuple[str, ...] = (), base: int = 0) -> set[int]:
    values: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is no field of cron")
        step = int(match["step"] or 1)
        first = low if match["first"] is None else _number(match["first"], names, base)
        if match["last"] is not None:
            last = _number(match["last"], names, base)
        else:
            # `5/15` means from 5 on.
            last = high if match["first"] is None or match["step"] else first
        if step == 0 or not low <= first <= last <= high:
            raise ValueError(f"{part!r} is outside {low} to {high}")
        values.update(range(first, last + 1, step))
    return values


def _number(text: str, names: tuple[str, ...], base: int) -> int:
    if text in names:
        return names.index(text) + base
    if not text.isdecimal():
        raise ValueError(f"{text!r} is no value of this field of cron")
    return int(text)
