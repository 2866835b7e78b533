"""Subgraphs that answer what was not asked for, or nothing: a failure by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aggregator.contract import Request
from aggregator.model.errors import (
    AuthenticationFailed,
    MalformedReply,
    ProviderUnavailable,
    RateLimited,
    ReadError,
    SubgraphRefused,
)
from aggregator.reading.chain import ChainReader
from aggregator.reading.client import Client
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.run import drive
from aggregator.reading.subgraph import Source, Subgraphs
from aggregator.reading.transport import Rpc
from tests.devnet.node import Node
from tests.reading.conftest import ATTEMPTS
from tests.reading.contracts import HEIGHT, NUMBER
from tests.reading.kit import CHAIN, replies
from tests.reading.own_graph import KEY, REQUEST, failure, graph_of, only, read, reading
from tests.reading.servers import Reply, Server


def test_errors_beside_data_are_a_failure(node: Node) -> None:
    """Never the part that came."""

    def partly(_: int, reply: dict[str, Any]) -> dict[str, Any]:
        return {**reply, "errors": [{"message": "store error: timeout"}, {"message": "again"}]}

    error = failure(node, replace(graph_of(node), change=partly))
    assert isinstance(error, SubgraphRefused)
    assert "beside data: store error: timeout, and 1 more" in str(error)


def moved(number: int, reply: dict[str, Any]) -> dict[str, Any]:
    """The second page is of another block."""
    if number == 2:
        reply["data"]["_meta"]["block"]["hash"] = "0x" + "cd" * 32
    return reply


def redeployed(number: int, reply: dict[str, Any]) -> dict[str, Any]:
    """The second page is of another deployment."""
    reply["data"]["_meta"]["deployment"] = f"Qm{number}"
    return reply


def again(number: int, reply: dict[str, Any]) -> dict[str, Any]:
    """The cursor is ignored: the first page for ever."""
    if number > 1:
        reply["data"]["rows"] = [{"id": f"thing-{i:06d}", "amount": "1"} for i in range(1000)]
    return reply


def backwards(_: int, reply: dict[str, Any]) -> dict[str, Any]:
    """The order is ignored: later pages would miss rows."""
    reply["data"]["rows"].reverse()
    return reply


def without(*path: str) -> Callable[[int, dict[str, Any]], dict[str, Any]]:
    """A reply that lacks something."""

    def change(_: int, reply: dict[str, Any]) -> dict[str, Any]:
        place = reply["data"]
        for name in path[:-1]:
            place = place[name]
        del place[path[-1]]
        return reply

    return change


def said(value: Any, *path: Any) -> Callable[[int, dict[str, Any]], dict[str, Any]]:
    """A reply that says something else."""

    def change(_: int, reply: dict[str, Any]) -> dict[str, Any]:
        place = reply["data"]
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value
        return reply

    return change


HOSTILE: dict[str, Callable[[int, dict[str, Any]], dict[str, Any]]] = {
    "a page of another block": moved,
    "a page of another deployment": redeployed,
    "the same page again": again,
    "rows out of order": backwards,
    "no rows": without("rows"),
    "no head": without("head"),
    "no block": without("_meta", "block"),
    "no hash": without("_meta", "block", "hash"),
    "rows that are null": said(None, "rows"),
    "rows that are a text": said("rows", "rows"),
    "a row that is none": said(7, "rows", 0),
    "an id that is a number": said(7, "rows", 0, "id"),
    "a block number that is a text": said("latest", "_meta", "block", "number"),
    "a block number with a fraction": said(7.0, "head", "block", "number"),
    "a block number below zero": said(-1, "head", "block", "number"),
    "a hash that is none": said("0x12", "_meta", "block", "hash"),
    "a flag that is a number": said(0, "_meta", "hasIndexingErrors"),
    "an amount that is a float": said(1.5e20, "rows", 0, "amount"),
    "an amount that is a word": said("many", "rows", 0, "amount"),
    "an amount with a fraction": said("1.5", "rows", 0, "amount"),
    "an amount below zero": said("-1", "rows", 0, "amount"),
    "an amount beyond 256 bits": said(str(2**256), "rows", 0, "amount"),
    "an amount of a million digits": said("1" * 1_000_000, "rows", 0, "amount"),
    "no field at all": said({}, "rows", 0),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_replies_that_are_none_are_told(node: Node, case: str) -> None:
    """Each is a malformed reply, and never rows."""
    graph = replace(graph_of(node, 1_500), change=HOSTILE[case])
    error = failure(node, graph)
    assert isinstance(error, MalformedReply), error
    assert "things@subgraph things" in str(error)
    assert len(str(error)) < 500


@pytest.mark.parametrize(
    "change",
    [
        said(KEY, "rows", 0, "amount"),
        said({"id": KEY}, "rows", 0),
        said(KEY, "_meta", "block", "hash"),
        lambda number, reply: said(f"{KEY}{number}", "_meta", "deployment")(number, reply),
        said(KEY * 9, "_meta", "deployment"),
    ],
)
def test_a_malformed_reply_does_not_tell_the_key(node: Node, change: Any) -> None:
    """Wherever the subgraph quotes it."""
    graph = replace(graph_of(node, 1_500), change=change)
    [error] = read(node, graph, replies([REQUEST]), path=f"/{KEY}")
    assert isinstance(error, MalformedReply)
    assert KEY not in f"{error}{error!r}"


def test_more_rows_than_were_asked_for(node: Node) -> None:
    """A page that is too long is none: how would the next be asked for?"""

    def longer(_: int, reply: dict[str, Any]) -> dict[str, Any]:
        reply["data"]["rows"] = [{"id": f"{i:06d}", "amount": "1"} for i in range(1_001)]
        return reply

    assert isinstance(failure(node, replace(graph_of(node), change=longer)), MalformedReply)


def test_ids_that_are_no_text_of_any_language(node: Node) -> None:
    """Half of a surrogate pair in an id goes back and forth unharmed, also as a cursor."""

    def odd(number: int, reply: dict[str, Any]) -> dict[str, Any]:
        rows = [{"id": f"{i:06d}\ud800", "amount": "1"} for i in range(1_000)]
        reply["data"]["rows"] = rows if number == 1 else []
        return reply

    assert len(only(node, replace(graph_of(node), change=odd)).rows) == 1_000


TRANSPORT: dict[str, tuple[Reply, type[ReadError], int]] = {
    "500": (Reply(500), ProviderUnavailable, ATTEMPTS),
    "429": (Reply(429), RateLimited, ATTEMPTS),
    "401": (Reply(401, KEY.encode()), AuthenticationFailed, 1),
    "404": (Reply(404, KEY.encode()), ProviderUnavailable, 1),
    "a page": (Reply(200, b"<html>login</html>"), ProviderUnavailable, ATTEMPTS),
    "a redirect": (Reply(302, b"", {"location": "http://127.0.0.1:1/"}), ProviderUnavailable, 1),
    "a cut reply": (Reply(200, b'{"data": {', cut=5), ProviderUnavailable, ATTEMPTS),
    "nothing": (Reply(200, b""), ProviderUnavailable, ATTEMPTS),
    "a list": (Reply(200, b"[1]"), ProviderUnavailable, ATTEMPTS),
    "not a number": (Reply(200, b'{"data": {"rows": [NaN]}}'), ProviderUnavailable, ATTEMPTS),
    "nested too deeply": (Reply(200, b'{"data":' + b"[" * 200_000), ProviderUnavailable, ATTEMPTS),
    "neither data nor errors": (Reply(200, b"{}"), ProviderUnavailable, 1),
    "errors that are none": (Reply(200, b'{"data": {}, "errors": "x"}'), ProviderUnavailable, 1),
    "a limit as an error": (Reply(200, b'{"errors": [{"message": "rate limit"}]}'), RateLimited, ATTEMPTS),
    "a key as an error": (
        Reply(200, f'{{"errors": [{{"message": "auth error: API key {KEY} not found"}}]}}'.encode()),
        AuthenticationFailed,
        1,
    ),
    "errors that quote it": (
        Reply(200, f'{{"errors": [{{"message": "no subgraph at /{KEY}"}}, 5, null]}}'.encode()),
        SubgraphRefused,
        2,  # by hash, then its head
    ),
}


@pytest.mark.parametrize("case", TRANSPORT)
def test_what_is_no_answer_is_told_without_the_key(
    node: Node, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With the retries, limits and names of JSON-RPC endpoints."""
    reply, kind, requests = TRANSPORT[case]
    caplog.set_level("DEBUG")
    with Server(lambda _: reply) as server:
        wanted = replies([REQUEST])
        url = f"{server.url}/{KEY}"
        [error], _ = reading(node, url, lambda source, block: drive(wanted, source, block))
        assert len(server.requests) == requests
    assert type(error) is kind
    assert "things" in str(error)
    assert KEY not in f"{error} {error!r} {caplog.text}"
    assert all(KEY not in str(vars(record)) for record in caplog.records)


def test_a_reply_has_a_limit_of_size(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is behind it is not read."""
    monkeypatch.setattr("aggregator.reading.client.MAX_REPLY_BYTES", 5_000)
    error = failure(node, graph_of(node, 900))
    assert isinstance(error, ProviderUnavailable)
    assert "over 5000 bytes" in str(error)


def test_a_silent_one_ends_at_the_deadline(node: Node) -> None:
    """By name, and the calls beside it stand."""

    async def live(url: str) -> list[Any]:
        async with Client() as client:
            source = Source(Endpoint("things", url), "test-things", 50)
            rpc = Rpc([Endpoint.of(node.url)], CHAIN, client)
            reader = ChainReader(rpc, subgraphs=Subgraphs([source], client), deadline_s=1.0)
            wanted: list[Request[Any]] = [REQUEST, NUMBER.at(HEIGHT)]
            found, _ = await drive(replies(wanted), reader, await reader.pin("latest"))
            return found

    with Server(lambda _: Reply(silent=True)) as server:
        error, height = asyncio.run(live(server.url))
    assert isinstance(error, ProviderUnavailable)
    assert (error.endpoint, height) == ("things", node.block_number)
