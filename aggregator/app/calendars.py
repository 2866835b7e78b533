"""What comes by itself at today's prices and rates."""

from __future__ import annotations

from aggregator.app.answers import Answer
from aggregator.model.calendars import Calendar


def calendars(answer: Answer, days: int) -> tuple[Calendar, ...]:
    """The calendar of each wallet of an answer."""
    from aggregator.planning.calendar import calendar  # noqa: PLC0415  # numpy: not for --help

    return tuple(calendar(portfolio, days) for portfolio in answer.portfolios)
