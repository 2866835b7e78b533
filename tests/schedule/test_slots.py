"""When a snapshot is due: cron lines, intervals, and slots between two moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.schedule.cron import Cron
from aggregator.schedule.slots import Rule, due_slots, duration, every
from tests.volume import volume

MOMENTS = st.integers(0, 20 * 365 * 86_400).map(
    lambda s: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
)
RULES: list[Rule] = [
    every("15m"),
    every("7m"),
    every("1d"),
    Cron.parse("*/15 * * * *"),
    Cron.parse("30 9 * * mon-fri"),
    Cron.parse("0 0 1 jan,jul *"),
]


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def following(line: str, start: str, count: int) -> list[str]:
    """The next slots of a cron line, to the minute."""
    found, moment = [], at(start)
    for _ in range(count):
        moment = Cron.parse(line).next_after(moment)
        found.append(moment.strftime("%Y-%m-%d %H:%M"))
    return found


def test_every_field_of_cron() -> None:
    """2026-11-22 is a Sunday; expected moments are read off a calendar."""
    assert following("*/20 8-9 * * *", "2026-11-22T08:30", 4) == [
        "2026-11-22 08:40",
        "2026-11-22 09:00",
        "2026-11-22 09:20",
        "2026-11-22 09:40",
    ]
    assert following("5/30 0 * * *", "2026-11-22T12:00", 2) == ["2026-11-23 00:05", "2026-11-23 00:35"]
    assert following("0 12 31 * *", "2026-11-22", 2) == ["2026-12-31 12:00", "2027-01-31 12:00"]
    assert following("0 0 29 2 *", "2026-11-22", 1) == ["2028-02-29 00:00"]
    assert following("0 0 * Feb *", "2026-11-22", 1) == ["2027-02-01 00:00"]


def test_days_of_the_week_count_as_in_cron() -> None:
    """1 is Monday, 0 and 7 are Sunday; names are the same days."""
    assert following("0 9 * * 1", "2026-11-22", 1) == ["2026-11-23 09:00"]
    assert following("0 9 * * 0", "2026-11-22", 1) == following("0 9 * * 7", "2026-11-22", 1)
    assert following("0 9 * * 7", "2026-11-22", 2) == ["2026-11-22 09:00", "2026-11-29 09:00"]
    assert following("0 9 * * mon-fri", "2026-11-20T10:00", 1) == ["2026-11-23 09:00"]


def test_either_day_suffices_where_both_are_restricted() -> None:
    """The 13th, and every Friday; with a star on one side only the other counts."""
    assert following("0 0 13 * fri", "2026-11-22", 3) == [
        "2026-11-27 00:00",
        "2026-12-04 00:00",
        "2026-12-11 00:00",
    ]
    assert "2026-12-13 00:00" in following("0 0 13 * fri", "2026-11-22", 4)
    assert following("0 0 13 * *", "2026-11-22", 1) == ["2026-12-13 00:00"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("* * * *", "4 fields"),
        ("60 * * * *", "outside 0 to 59"),
        ("* 24 * * *", "outside 0 to 23"),
        ("* * 0 * *", "outside 1 to 31"),
        ("* * * 13 *", "outside 1 to 12"),
        ("* * * * 8", "outside 0 to 7"),
        ("9-5 * * * *", "outside"),
        ("*/0 * * * *", "outside"),
        ("mon * * * *", "no value"),
        ("1,,2 * * * *", "no field"),
        ("-1 * * * *", "no field"),
        ("* * 31 2 *", "never comes"),
        ("* * 30-31 feb *", "never comes"),
    ],
)
def test_what_is_no_cron_line_is_refused(line: str, why: str) -> None:
    """With what is wrong with it."""
    with pytest.raises(ValueError, match=why):
        Cron.parse(line)


@pytest.mark.parametrize("text", ["", "15", "m", "0m", "-5m", "1.5h", "15 m", "1w", "9999999s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="is no duration"):
        duration(text)


def test_durations() -> None:
    """By their unit; an interval is at least a minute."""
    assert [duration(text).total_seconds() for text in ("90s", "15m", "6h", "2d")] == [90, 900, 21600, 172800]
    with pytest.raises(ValueError, match="under a minute"):
        every("59s")


@pytest.mark.parametrize("rule", RULES, ids=str)
@given(moments=st.lists(MOMENTS, min_size=3, max_size=3).map(sorted), limit=st.integers(1, 400))
@settings(max_examples=volume(40, 100))
def test_slots_are_the_same_however_time_is_cut(rule: Rule, moments: list[datetime], limit: int) -> None:
    """Whoever asks at b and then at c finds what one who asks only at c finds: none twice, none lost."""
    a, b, c = moments[0], *(min(m, moments[0] + timedelta(days=limit)) for m in moments[1:])
    whole = due_slots(rule, a, c)
    assert due_slots(rule, a, b) + due_slots(rule, b, c) == whole
    assert all(a < slot <= c for slot in whole)
    assert whole == sorted(set(whole))
    if whole:
        assert rule.next_after(a) == whole[0]
        assert rule.last_until(c) == whole[-1]
        assert due_slots(rule, None, c) == whole[-1:]
    assert due_slots(rule, c, a) == []


@pytest.mark.parametrize("rule", RULES, ids=str)
@given(moment=MOMENTS)
def test_neighbours_of_a_moment(rule: Rule, moment: datetime) -> None:
    """The last slot until a moment and the first after it, with none between."""
    last, following_one = rule.last_until(moment), rule.next_after(moment)
    assert last <= moment < following_one
    assert rule.next_after(last) == following_one


def test_a_cron_line_and_an_interval_mean_the_same_quarters() -> None:
    """Over the two nights at which clocks change in Europe and in America."""
    line, interval = Cron.parse("*/15 * * * *"), every("15m")
    for night in ("2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01"):
        day, end = at(night), at(night) + timedelta(days=1)
        assert due_slots(line, day, end) == due_slots(interval, day, end)
        assert len(due_slots(line, day, end)) == 96
