"""Daily closes of an underlying from a price API over HTTP, whose replies the configuration describes.

An API tells either prices with their moments, or days (candles) by their begin. Of prices the last one at or
before 00:00 UTC that ends a day is its close, if it is not too old by then; of days the one price that the
configuration names is, which is that of the last trade before 00:00.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any, TypeAlias

from aggregator.contract import Http, Observed, Read, Row, ask
from aggregator.model.errors import MalformedReply
from aggregator.model.units import ChainId
from aggregator.pricing.returns import DAY_S, Close, day_text
from aggregator.reading.price_history import is_price
from aggregator.settings import PriceApiSettings

Point: TypeAlias = tuple[Decimal, Decimal]
"""A moment in Unix seconds, and a price."""

LIST = "rows"
"""What a reply that is a list is called."""
EARLIEST_S = 1_230_940_800
"""2009-01-03: no price of any crypto-asset is older."""
LATER_S = 3_600
"""Prices are asked for up to so much later than the end of a day: not every API counts the end itself."""
_AHEAD_S = 2 * DAY_S
"""The end of a day that goes on may be told, by a clock that is not ours."""
_LATEST_S = 10**11
"""Beyond it there are no dates that can be written."""
_MOST_SHOWN = 120


@dataclass(frozen=True, eq=False, slots=True)
class HttpHistory:
    """A PriceHistory (price_history.py) that a venue tells; `host` is the venue's, without what may be a key.

    A day that it does not tell is left out, to be asked for again: an API may fill a gap.
    """

    api: PriceApiSettings
    host: str

    @property
    def underlying(self) -> str:
        """See PriceHistory."""
        return self.api.underlying

    @property
    def chain(self) -> ChainId:
        """See PriceHistory."""
        return ChainId(self.api.chain)

    @property
    def key(self) -> str:
        """See PriceHistory: another one for whatever is asked or read in another way."""
        how = self.api.model_dump(
            mode="json", include={"path", "query", "rows", "time", "time_unit", "time_of", "price", "quote"}
        )
        text = json.dumps([self.host, how, self.api.max_age_s], sort_keys=True)
        return f"{self.api.venue}:{blake2b(text.encode(), digest_size=16).hexdigest()}"

    @property
    def name(self) -> str:
        """See PriceHistory: with the currency, where that is no dollar."""
        return f"venue {self.api.venue}" + ("" if self.api.quote == "USD" else f", in {self.api.quote}")

    @property
    def reach_days(self) -> int | None:
        """See PriceHistory."""
        return self.api.reach_days

    def closes(self, days: Sequence[int]) -> Read[list[Close]]:
        """See PriceHistory; a failure of one request is one of all."""
        pages = list(_pages(sorted(days), self.api.days_per_request))
        replies = yield from ask([self._request(page[0], page[-1]) for page in pages])
        found: dict[int, Decimal] = {}
        told: dict[Decimal, Decimal] = {}
        for page, reply in zip(pages, replies, strict=True):
            points = self._checked(reply, (page[-1] + 1) * DAY_S)
            for time, price in points:
                if told.setdefault(time, price) != price:
                    raise self._refused(f"it tells two prices of {_moment(time)}")
            ended = [day for day in page if (day + 1) * DAY_S <= reply.observation.time]
            found.update(self._of_days(points, ended))
        return [Close(day, found[day]) for day in sorted(found)]

    def _request(self, first: int, last: int) -> Http[list[Point]]:
        """One that tells days `first` to `last`."""
        begin, end = first * DAY_S, (last + 1) * DAY_S
        if self.api.time_of == "price":
            end += LATER_S
        values = {
            "{from_s}": begin,
            "{from_ms}": begin * 1_000,
            "{to_s}": end,
            "{to_ms}": end * 1_000,
            "{days}": last - first + 1,
        }
        fields = {name: _filled(value, values) for name, value in self.api.query.items()}
        body = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        list_as = "" if self.api.rows else LIST
        return Http(self.api.venue, "GET", self.api.path, body, self._points, list_as)

    def _points(self, reply: Row) -> list[Point]:
        """The prices of a reply by time; raises ValueError where it is not what the configuration says."""
        path = self.api.rows.split(".") if self.api.rows else [LIST]
        try:
            rows = reply.at(*path)
        except ValueError:
            what = f"{self.api.rows} is missing" if self.api.rows else "it is no list"
            raise ValueError(f"{what}: {str(dict(reply))[:_MOST_SHOWN]}") from None
        if not isinstance(rows, list):
            raise ValueError(f"{self.api.rows} is no list: {str(rows)[:_MOST_SHOWN]}")
        found: dict[Decimal, Decimal] = {}
        seen: set[Decimal] = set()
        for number, row in enumerate(rows):
            fields = Row({name: _at(row, place, number) for name, place in self._places.items()})
            time = fields.decimal("time").scaleb(-3 if self.api.time_unit == "ms" else 0)
            if not EARLIEST_S <= time < _LATEST_S:
                why = f"row {number} is of {_moment(time)}: is `time_unit` not {self.api.time_unit!r}?"
                raise ValueError(why)
            if self.api.time_of == "open" and time % DAY_S:
                why = f"row {number} begins at {_moment(time)}, not at 00:00 UTC: ask for whole days of UTC"
                raise ValueError(why)
            if time in seen:
                raise ValueError(f"it tells {_moment(time)} twice")
            seen.add(time)
            if fields.at("price") is None:
                continue
            price = fields.decimal("price")
            if not is_price(price):
                raise ValueError(f"row {number} has no price: {str(price)[:60]}")
            found[time] = price
        return sorted(found.items())

    @property
    def _places(self) -> Mapping[str, int | str]:
        return {"time": self.api.time, "price": self.api.price}

    def _checked(self, reply: Observed[list[Point]], end: int) -> list[Point]:
        """Raises MalformedReply where a moment has not come yet: in another unit it is far off."""
        latest = max(reply.observation.time, end) + _AHEAD_S
        if reply.value and (time := reply.value[-1][0]) > latest:
            raise self._refused(f"it tells {_moment(time)}: is `time_unit` not {self.api.time_unit!r}?")
        return reply.value

    def _of_days(self, points: Sequence[Point], days: Sequence[int]) -> dict[int, Decimal]:
        """The closes of days by prices that are in order of time."""
        if self.api.time_of == "open":
            by_begin = dict(points)
            return {day: by_begin[time] for day in days if (time := Decimal(day * DAY_S)) in by_begin}
        times, found = [time for time, _ in points], {}
        for day in days:
            end = (day + 1) * DAY_S
            place = bisect_right(times, end) - 1
            if place >= 0 and end - times[place] <= self.api.max_age_s:
                found[day] = points[place][1]
        return found

    def _refused(self, why: str) -> MalformedReply:
        return MalformedReply(f"{self.api.path}@venue {self.api.venue}", why)


def _pages(days: Sequence[int], most: int) -> Iterator[list[int]]:
    """Days that one request tells: `most` from the first to the last of them."""
    page: list[int] = []
    for day in days:
        if page and day - page[0] >= most:
            yield page
            page = []
        page.append(day)
    if page:
        yield page


def _filled(value: str | int, values: Mapping[str, int]) -> str | int:
    """A text with what its placeholders stand for."""
    if isinstance(value, str):
        for name, number in values.items():
            value = value.replace(name, str(number))
    return value


def _at(row: Any, place: int | str, number: int) -> Any:
    """What a row has at a place: an index of a list, a name of an object."""
    if isinstance(place, int):
        if isinstance(row, list) and place < len(row):
            return row[place]
    elif isinstance(row, dict) and place in row:
        return row[place]
    raise ValueError(f"row {number} has no {place!r}: {str(row)[:_MOST_SHOWN]}")


def _moment(time: Decimal) -> str:
    """A time for people; the number itself where that is none of this calendar."""
    if not 0 <= time < _LATEST_S:
        return f"time {time:.6g}"
    seconds = int(time)
    return f"{day_text(seconds // DAY_S)} {seconds % DAY_S // 3_600:02}:{seconds % 3_600 // 60:02} UTC"
