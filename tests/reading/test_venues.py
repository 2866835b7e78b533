"""Venues over HTTP: what they say now or a failure by name, whatever the endpoint does."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest

from aggregator.contract import Http, Observed, Row
from aggregator.model.errors import (
    AuthenticationFailed,
    MalformedReply,
    NoVenue,
    ProviderUnavailable,
    RateLimited,
    ReadError,
    VenueRefused,
)
from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.reading.client import Client
from aggregator.reading.deadline import DEADLINE_S, Deadline
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.http import Venues
from aggregator.reading.source import Asked, Raw
from tests.reading.conftest import ATTEMPTS
from tests.reading.kit import CHAIN
from tests.reading.servers import Answer, Reply, Server, as_json

KEY = "k3y-0123456789abcdef"
HERE = Block(ChainId(31337), 5, "0x" + "ab" * 32, "0x" + "aa" * 32, 1_000)
NOW = 1_700_000_000


def worth(row: Row) -> int:
    """What is asked for; a venue may refuse, too."""
    if "error" in row:
        raise VenueRefused("desk", row.text("error"))
    return row.natural("worth")


REQUEST = Http.post("desk", "/public/worth", worth, wallet="0x11")


class VenueOnly:
    """A source of one fixed block that asks venues and no chain."""

    chain = CHAIN

    def __init__(self, venues: Venues) -> None:
        self._venues = venues

    async def pin(self, _: str) -> Block:
        """See ChainSource."""
        return HERE

    def forget(self) -> None:
        """See ChainSource."""

    async def fetch(self, _: Block, requests: Sequence[Asked]) -> list[Raw]:
        """See ChainSource."""
        return [
            *await self._venues.read([one for one in requests if isinstance(one, Http)], Deadline(DEADLINE_S))
        ]


def asked(url: str, requests: Sequence[Http[Any]] = (REQUEST,), **limits: Any) -> list[bytes | ReadError]:
    """The replies as they are kept, of a venue `desk` at a URL."""

    async def live() -> list[Any]:
        async with Client() as client:
            venues = Venues([Endpoint("desk", url, **limits)], client, lambda: NOW)
            return await VenueOnly(venues).fetch(HERE, requests)

    return asyncio.run(live())


def only(answer: Answer) -> Observed[int]:
    """The reply to one request; raises its error."""
    with Server(answer) as server:
        [raw] = asked(server.url)
    if isinstance(raw, ReadError):
        raise raw
    return REQUEST.decode(raw)


def test_a_reply_is_of_the_moment() -> None:
    """With the venue's name and a hash of what it said; below the URL, whose query stays."""
    with Server(lambda _: as_json({"worth": str(10**30)})) as server:
        [raw] = asked(f"{server.url}/v3/?key={KEY}")
        assert server.paths == [f"/v3/public/worth?key={KEY}"]
        assert server.requests == [{"wallet": "0x11"}]
    assert isinstance(raw, bytes)
    found = REQUEST.decode(raw)
    assert (found.value, found.observation.time, found.observation.endpoint) == (10**30, NOW, "desk")
    assert len(found.observation.content_hash) == 66
    assert KEY not in raw.decode()


def test_a_get_has_its_fields_in_the_query() -> None:
    """In one order, encoded."""
    request = Http.get("desk", "/worth", worth, wallet="a&b", deep=True, at=5)
    with Server(lambda _: as_json({"worth": 1})) as server:
        asked(f"{server.url}?key={KEY}", [request])
        assert server.paths == [f"/worth?key={KEY}&at=5&deep=true&wallet=a%26b"]


def test_it_is_asked_within_its_limits() -> None:
    """No more at once than it may be."""
    under_way, most, lock = 0, 0, threading.Lock()

    def answer(_: Any) -> Reply:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.02)
        with lock:
            under_way -= 1
        return as_json({"worth": 1})

    requests = [Http.post("desk", "/public/worth", worth, number=i) for i in range(12)]
    with Server(answer) as server:
        found = asked(server.url, requests, concurrency=2)
        assert len(server.requests) == 12
    assert most == 2
    assert all(isinstance(raw, bytes) for raw in found)


TRANSPORT: dict[str, tuple[Reply, type[ReadError], int]] = {
    "500": (Reply(500), ProviderUnavailable, ATTEMPTS),
    "429": (Reply(429, b"", {"retry-after": "1"}), RateLimited, ATTEMPTS),
    "429 for an hour": (Reply(429, b"", {"retry-after": "3600"}), RateLimited, 1),
    "401": (Reply(401, KEY.encode()), AuthenticationFailed, 1),
    "404": (Reply(404, KEY.encode()), ProviderUnavailable, 1),
    "413": (Reply(413), ProviderUnavailable, 1),
    "a page": (Reply(200, b"<html>login</html>"), ProviderUnavailable, ATTEMPTS),
    "a redirect": (Reply(302, b"", {"location": "http://127.0.0.1:1/"}), ProviderUnavailable, 1),
    "a cut reply": (Reply(200, b'{"worth": 5}', cut=5), ProviderUnavailable, ATTEMPTS),
    "nothing": (Reply(200, b""), ProviderUnavailable, ATTEMPTS),
    "a list": (Reply(200, b"[1]"), ProviderUnavailable, ATTEMPTS),
    "no text": (Reply(200, b'{"worth": "\xff"}'), ProviderUnavailable, ATTEMPTS),
    "not a number": (Reply(200, b'{"worth": NaN}'), ProviderUnavailable, ATTEMPTS),
    "two of one name": (Reply(200, b'{"worth": 5, "worth": 6}'), ProviderUnavailable, ATTEMPTS),
    "nested too deeply": (Reply(200, b'{"worth":' + b"[" * 200_000), ProviderUnavailable, ATTEMPTS),
    "a float": (Reply(200, b'{"worth": 5.5}'), MalformedReply, 1),
    "below zero": (Reply(200, b'{"worth": -5}'), MalformedReply, 1),
    "beyond 256 bits": (Reply(200, b'{"worth": %d}' % 2**256), MalformedReply, 1),
    "another kind": (Reply(200, f'{{"worth": "{KEY}"}}'.encode()), MalformedReply, 1),
    "control characters": (Reply(200, b'{"worth": "\\u001b[31m\\u202e"}'), MalformedReply, 1),
    "nothing of it": (Reply(200, b"{}"), MalformedReply, 1),
    "its own error": (Reply(200, f'{{"error": "no key {KEY} \\u001b[2J"}}'.encode()), VenueRefused, 1),
    "its own error as 400": (Reply(400, b'{"error": "invalid params"}'), VenueRefused, 1),
}


@pytest.mark.parametrize("case", TRANSPORT)
def test_what_is_no_answer_is_told_without_the_key(case: str, caplog: pytest.LogCaptureFixture) -> None:
    """With the retries, limits and names of JSON-RPC endpoints."""
    reply, kind, requests = TRANSPORT[case]
    caplog.set_level("DEBUG")
    with Server(lambda _: reply) as server:
        [error] = asked(f"{server.url}/{KEY}")
        assert len(server.requests) == requests
    assert type(error) is kind
    assert "desk" in str(error)
    assert str(error).isprintable()
    assert KEY not in f"{error} {error!r} {caplog.text}"
    assert all(KEY not in str(vars(record)) for record in caplog.records)


def test_what_passes_is_waited_for() -> None:
    """A failure, a limit, and then the answer."""
    told = iter([Reply(500), Reply(429, b"", {"retry-after": "0"}), as_json({"worth": 7})])
    assert only(lambda _: next(told)).value == 7


def test_a_reply_has_a_limit_of_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is behind it is not read."""
    monkeypatch.setattr("aggregator.reading.client.MAX_REPLY_BYTES", 5_000)
    with pytest.raises(ProviderUnavailable, match="over 5000 bytes"):
        only(lambda _: as_json({"worth": 1, "more": "x" * 5_000}))


def test_a_key_that_is_quoted_is_not_kept() -> None:
    """What a venue says goes into recordings."""
    with Server(lambda _: as_json({"worth": 1, "url": f"https://desk/{KEY}", KEY: 2})) as server:
        [raw] = asked(f"{server.url}/{KEY}")
    assert isinstance(raw, bytes)
    assert KEY not in raw.decode()
    assert REQUEST.decode(raw).value == 1


@pytest.mark.parametrize("key", ["kéy-0123456789", 'k"0123456789', "k\\0123456789", "k\t0123456789"])
def test_a_key_that_json_escapes_is_not_kept(key: str) -> None:
    """A venue that quotes its URL has it decoded, and JSON has it encoded in its own way."""
    with Server(lambda _: as_json({"worth": 1, "url": f"https://desk/{key}"})) as server:
        [raw] = asked(f"{server.url}/{quote(key)}")
    assert isinstance(raw, bytes)
    assert "0123456789" not in raw.decode()
    assert REQUEST.decode(raw).value == 1


def test_one_that_is_not_configured_is_told() -> None:
    """A read can do without it."""
    [error] = asked("http://127.0.0.1:1", [Http.post("absent", "/a", worth)])
    assert isinstance(error, NoVenue)
    assert "'absent'" in str(error)
    assert "`venues`" in str(error)
