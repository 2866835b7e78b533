"""Closes from price APIs: those that they told of the end of a day, left out, or refused with the reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from aggregator import settings
from aggregator.model.errors import (
    AuthenticationFailed,
    BadConfiguration,
    MalformedReply,
    NoVenue,
    ProviderUnavailable,
    RateLimited,
    ReadError,
)
from aggregator.pricing.returns import DAY_S, Close
from aggregator.reading.client import Client
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.http import Venues
from aggregator.reading.http_history import HttpHistory
from aggregator.reading.registry import price_histories
from aggregator.reading.run import drive
from tests.reading.conftest import ATTEMPTS
from tests.reading.price_apis import BINANCE, COINGECKO, StandInPriceApis
from tests.reading.servers import Reply, Server, as_json
from tests.reading.test_venues import HERE, VenueOnly

KEY = "k3y-0123456789abcdef"
LAST = 20_000
NOW = (LAST + 1) * DAY_S + 3_000
DAYS = list(range(LAST - 9, LAST + 1))
PRICES = {day: f"{100 + day % 7}.0163479{day}" for day in range(LAST - 800, LAST + 2)}


def source(entry: dict[str, Any] = COINGECKO, **changes: Any) -> HttpHistory:
    """A history by a configuration."""
    return HttpHistory(settings.PriceApiSettings.model_validate(entry | changes), "127.0.0.1")


def closes(
    answer: Callable[[str], Reply],
    history: HttpHistory,
    days: list[int] = DAYS,
    path: str = "",
    now: int = NOW,
) -> list[Close]:
    """What comes of a server; raises what the read does."""

    async def live(url: str) -> list[Close]:
        async with Client() as client:
            venues = [Endpoint(name, url + path) for name in ("gecko", "exchange")]
            found, _ = await drive(history.closes(days), VenueOnly(Venues(venues, client, lambda: now)), HERE)
            return found

    with Server(answer) as server:
        return asyncio.run(live(server.url))


def refused(answer: Callable[[str], Reply], history: HttpHistory | None = None, **more: Any) -> ReadError:
    """The error."""
    with pytest.raises(ReadError) as caught:
        closes(answer, history or source(), **more)
    return caught.value


def chart(*rows: Any) -> Callable[[str], Reply]:
    """A reply of these prices."""
    return lambda _: as_json({"prices": list(rows)})


def expected(days: list[int]) -> list[Close]:
    """To the digit."""
    return [Close(day, Decimal(PRICES[day])) for day in days]


def end_ms(day: int) -> int:
    """When a day ends."""
    return (day + 1) * DAY_S * 1_000


def test_both_apis_tell_the_same_closes() -> None:
    """To the digit, in as many requests as configured; the day that goes on is none."""
    apis = StandInPriceApis({"solana": PRICES}, {"ARBUSDT": PRICES})
    days = list(range(LAST - 729, LAST + 1))
    assert closes(apis, source(), days) == expected(days)
    assert len(apis.asked) == 2
    assert closes(apis, source(BINANCE), days) == expected(days)
    assert closes(apis, source(BINANCE, time=6, time_of="price"), days) == expected(days)
    assert [one["limit"] for one in apis.asked[2:]] == ["1000"] * 4
    assert closes(apis, source(BINANCE), [LAST, LAST + 1]) == expected([LAST])


def test_the_last_price_before_the_end_counts() -> None:
    """An hourly series: that of 23:00 and some seconds; none that is later, and none that is too old."""
    apis = StandInPriceApis({"solana": PRICES}, {})
    hourly = source(query={"vs_currency": "usd", "from": "{from_s}", "to": "{to_s}"})
    assert closes(apis, hourly, DAYS) == expected(DAYS)
    before, after = [end_ms(LAST) - 3_600_000, 5], [end_ms(LAST) + 1, 7]
    assert closes(chart(after, before), source(), [LAST]) == [Close(LAST, Decimal(5))]
    assert closes(chart([end_ms(LAST), 6], after, before), source(), [LAST]) == [Close(LAST, Decimal(6))]
    assert closes(chart(after, before), source(max_age_s=3_599), [LAST]) == []
    assert closes(chart([end_ms(LAST) - 12 * 3_600_000 - 1, 5]), source(max_age_s=43_200), [LAST]) == []


def test_a_daily_series_with_a_gap_never_repeats_a_price() -> None:
    """The day is left out, to be asked for again; so is one whose price is null."""
    gaps = {day: price for day, price in PRICES.items() if day not in (LAST - 3, LAST)}
    for history in (source(), source(BINANCE)):
        apis = StandInPriceApis({"solana": gaps}, {"ARBUSDT": gaps})
        assert closes(apis, history) == expected([day for day in DAYS if day not in (LAST - 3, LAST)])
    assert closes(chart([end_ms(LAST), None]), source()) == []
    assert closes(chart(), source()) == []


def test_a_day_that_had_not_ended_when_it_was_asked_for_has_no_close() -> None:
    """Whatever the chain's clock says: its candle goes on."""
    apis = StandInPriceApis({"solana": PRICES}, {"ARBUSDT": PRICES})
    for history in (source(), source(BINANCE)):
        assert closes(apis, history, [LAST, LAST + 1], now=(LAST + 2) * DAY_S - 1) == expected([LAST])


def test_seconds_names_and_nested_rows() -> None:
    """Another API of the user's own."""
    own = source(rows="data.points", time="at", price="usd", time_unit="s")
    points = [{"usd": "5e-3", "at": (LAST + 1) * DAY_S}, {"usd": 7, "at": f"{LAST * DAY_S}.0"}]
    found = closes(lambda _: as_json({"data": {"points": points}}), own)
    assert found == [Close(LAST - 1, Decimal(7)), Close(LAST, Decimal("0.005"))]


@examples(max_examples=30, deadline=None)
@given(st.sets(st.integers(LAST - 2_000, LAST), max_size=40), st.integers(1, 400))
def test_each_day_is_within_one_request(days: set[int], most: int) -> None:
    """That asks for no more days than it may, and none twice."""
    read = source(days_per_request=most, query={"a": "{from_s}", "b": "{to_s}", "n": "{days}"}).closes(
        sorted(days)
    )
    requests: Sequence[Any] = next(read, [])
    asked = [json.loads(request.body) for request in requests]
    for one in asked:
        assert int(one["n"]) <= most
        assert int(one["b"]) - int(one["a"]) == int(one["n"]) * DAY_S + 3_600
    for day in days:
        assert sum(int(one["a"]) <= day * DAY_S < int(one["b"]) - 3_600 for one in asked) == 1


REFUSED: dict[str, tuple[Callable[[str], Reply], dict[str, Any], str]] = {
    "seconds as milliseconds": (chart([end_ms(LAST) // 1_000, 5]), {}, "1970-01-21 .* `time_unit` not 'ms'"),
    "milliseconds as seconds": (chart([end_ms(LAST), 5]), {"time_unit": "s"}, "`time_unit` not 's'"),
    "microseconds": (chart([end_ms(LAST) * 1_000, 5]), {}, "`time_unit` not 'ms'"),
    "a time that never comes": (chart([10**79, 5]), {}, "`time_unit` not 'ms'"),
    "the future": (chart([end_ms(LAST + 3), 5]), {}, "it tells 2024-10-08"),
    "one moment twice": (chart([end_ms(LAST), 5], [end_ms(LAST), 6]), {}, "2024-10-05 00:00 UTC twice"),
    "the same twice": (chart([end_ms(LAST), 5], [end_ms(LAST), 5]), {}, "twice"),
    "another zone": (chart([end_ms(LAST - 1) + 8 * 3_600_000, 5]), {"time_of": "open"}, "08:00 UTC, not at"),
    "no price": (chart([end_ms(LAST), 0]), {}, "row 0 has no price: 0"),
    "below zero": (chart([end_ms(LAST), "-5"]), {}, "row 0 has no price: -5"),
    "too large": (chart([end_ms(LAST), 10**40]), {}, "row 0 has no price"),
    "a text": (chart([end_ms(LAST), "\x1b[31mred"]), {}, "price is no number"),
    "a Boolean": (chart([end_ms(LAST), True]), {}, "price is no number"),
    "no time": (chart([None, 5]), {}, "time is no number"),
    "a short row": (chart([end_ms(LAST)]), {}, "row 0 has no 1"),
    "an object": (chart({"t": 1}), {}, "row 0 has no 0"),
    "a list": (chart([end_ms(LAST), 5]), {"time": "t"}, "row 0 has no 't'"),
    "other rows": (lambda _: as_json({"status": {"error_code": 429}}), {}, "prices is missing: .*429"),
    "no rows": (lambda _: as_json({"prices": "x"}), {}, "prices is no list: x"),
    "an object for a list": (lambda _: as_json({"code": -1121, "msg": "Invalid"}), {"rows": ""}, "-1121"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_as_configured_is_refused(case: str) -> None:
    """With what it was, for people, and nothing of it is kept."""
    answer, changes, why = REFUSED[case]
    error = refused(answer, source(**changes))
    assert isinstance(error, MalformedReply)
    assert str(error).isprintable()
    with pytest.raises(MalformedReply, match=why):
        raise error


def test_an_unknown_symbol_is_told() -> None:
    """In the exchange's own words, although it is HTTP 400."""
    apis = StandInPriceApis({}, {})
    assert "Invalid symbol." in str(refused(apis, source(BINANCE)))
    assert "HTTP 404" in str(refused(apis, source()))


def test_requests_that_contradict_each_other_are_refused() -> None:
    """The hour after one's end is told by the next one, too: otherwise."""
    told = iter([5, 5, 5, 6])
    history = source(days_per_request=1)

    def answer(_: str) -> Reply:
        return as_json({"prices": [[end_ms(LAST - 1), next(told)]]})

    assert closes(answer, history, [LAST - 1, LAST]) == [Close(LAST - 1, Decimal(5))]
    assert "two prices of 2024-10-04 00:00 UTC" in str(refused(answer, history, days=[LAST - 1, LAST]))


FAILURES: dict[str, tuple[Reply, type[ReadError], int]] = {
    "429 for a second": (Reply(429, b"", {"retry-after": "1"}), RateLimited, ATTEMPTS),
    "429 for a minute": (Reply(429, b"", {"retry-after": "60"}), RateLimited, 1),
    "banned": (Reply(418, b"", {"retry-after": "60"}), ProviderUnavailable, 1),
    "401": (Reply(401, KEY.encode()), AuthenticationFailed, 1),
    "500": (Reply(500), ProviderUnavailable, ATTEMPTS),
    "a cut reply": (Reply(200, b'{"prices": []}', cut=5), ProviderUnavailable, ATTEMPTS),
    "a list": (Reply(200, b"[]"), ProviderUnavailable, ATTEMPTS),
    "a name twice": (Reply(200, b'{"prices": [], "prices": []}'), ProviderUnavailable, ATTEMPTS),
    "not a number": (Reply(200, b'{"prices": [[1, NaN]]}'), ProviderUnavailable, ATTEMPTS),
    "its key": (Reply(200, f'{{"error": "{KEY} has no credits"}}'.encode()), MalformedReply, 1),
}


@pytest.mark.parametrize("case", FAILURES)
def test_one_request_that_fails_fails_all_without_the_key(case: str) -> None:
    """Half of a history is none; what was told is asked for again."""
    reply, kind, requests = FAILURES[case]
    apis = StandInPriceApis({"solana": PRICES}, {}, key=KEY)
    second = f"from={(LAST - 4) * DAY_S}"
    apis.change = lambda path: reply if second in path else None
    history = source(days_per_request=5)
    error = refused(apis, history, path=f"/v3?x_cg_demo_api_key={KEY}")
    assert type(error) is kind
    assert KEY not in f"{error} {error!r}"
    assert len([one for one in apis.asked if one["from"] == str((LAST - 4) * DAY_S)]) == requests
    apis.change = lambda _: None
    assert closes(apis, history, path=f"/v3?x_cg_demo_api_key={KEY}") == expected(DAYS)
    assert KEY not in f"{history} {history.key} {history.name}"


def test_what_passes_is_waited_for() -> None:
    """A limit, then prices."""
    apis = StandInPriceApis({"solana": PRICES}, {})
    told = iter([Reply(429, b"", {"retry-after": "0"})])
    apis.change = lambda _: next(told, None)
    assert closes(apis, source()) == expected(DAYS)


@pytest.mark.parametrize(
    "change",
    [
        {"path": "/coins/ethereum/market_chart/range"},
        {"query": {"vs_currency": "eur"}},
        {"rows": "market_caps"},
        {"time": 2},
        {"time_unit": "s"},
        {"time_of": "open"},
        {"price": 2},
        {"quote": "EUR"},
        {"max_age_s": 5},
        {"venue": "other"},
    ],
)
def test_a_source_that_changes_is_another_one(change: dict[str, Any]) -> None:
    """Nothing that was kept of it is mixed with what is told now."""
    assert source(**change).key != source().key
    assert HttpHistory(source().api, "elsewhere").key != source().key
    assert source(prefer=True, reach_days=5, days_per_request=7).key == source().key


def configured(*apis: dict[str, Any], venues: tuple[str, ...] = ("gecko", "exchange")) -> settings.Settings:
    """The settings that ship, and these."""
    named = [{"name": name, "url": f"https://{name}.example/{KEY}"} for name in venues]
    return settings.build({"price_apis": list(apis), "venues": named}, "mine.toml")


def test_feeds_come_first_unless_another_is_chosen() -> None:
    """The first of an underlying counts."""
    found = price_histories(configured(COINGECKO, BINANCE, COINGECKO | {"underlying": "BTC", "prefer": True}))
    first: dict[str, str] = {}
    for one in found:
        first.setdefault(one.underlying, one.name)
    assert first["SOL"] == "Chainlink on ethereum"
    assert first["ARB"] == "venue exchange, in USDT"
    assert first["BTC"] == "venue gecko"
    assert [one.name for one in found if one.underlying == "SOL"] == ["Chainlink on ethereum", "venue gecko"]
    assert all(KEY not in f"{one} {one.key}" for one in found)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"venue": "absent"}, "'absent' is none of the configured `venues`"),
        ({"path": "/../x"}, "path"),
        ({"path": "https://elsewhere.example/"}, "path"),
        ({"query": {"key": "${SECRET}"}}, "venue's `url`"),
        ({"query": {"from": "{from}"}}, "placeholder"),
        ({"query": {"from": "{0.api}"}}, "placeholder"),
        ({"time": -1}, "index from 0"),
        ({"price": ""}, "index from 0"),
        ({"time_unit": "us"}, "time_unit"),
        ({"max_age_s": 86_400}, "max_age_s"),
        ({"underlying": "E\x1b[31m"}, "underlying"),
        ({"header": "x-key"}, "header"),
    ],
)
def test_a_malformed_entry_is_refused(wrong: dict[str, Any], why: str) -> None:
    """With the place of the error."""
    with pytest.raises(BadConfiguration, match=why):
        price_histories(configured(COINGECKO | wrong))


def test_a_venue_that_is_gone_is_told() -> None:
    """By name."""

    async def live() -> list[Close]:
        async with Client() as client:
            found, _ = await drive(source().closes(DAYS), VenueOnly(Venues([], client)), HERE)
            return found

    with pytest.raises(NoVenue, match="gecko"):
        asyncio.run(live())
