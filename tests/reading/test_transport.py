"""Endpoints that misbehave: retried, failed over, or told apart; never quoted with their key."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from aggregator.model.errors import (
    AuthenticationFailed,
    ProviderUnavailable,
    RateLimited,
    TransportError,
    WrongChain,
)
from aggregator.reading import client
from aggregator.reading.transport import Client, Endpoint, Rpc, RpcError
from tests.reading.conftest import ATTEMPTS
from tests.reading.endpoints import CHAIN, GOOD, NUMBER, PASSING, always, send, then
from tests.reading.servers import Answer, Refusal, Reply, Server, as_json, on_chain


def test_the_chain_id_is_asked_once_and_in_the_same_request() -> None:
    """The first batch carries it; later ones don't."""

    async def live(url: str) -> int:
        async with Client() as client:
            rpc = Rpc([Endpoint.of(url)], None, client)
            assert await rpc.send([NUMBER]) == ["0x1"]
            assert await rpc.send([NUMBER]) == ["0x1"]
            assert rpc.chain == CHAIN
            return rpc.requests

    with Server(GOOD) as server:
        assert asyncio.run(live(server.url)) == 2
    first, second = server.requests
    assert [item["method"] for item in first] == ["eth_chainId", "eth_blockNumber"]
    assert second["method"] == "eth_blockNumber"


def test_a_wrong_chain_is_told_with_both_ids() -> None:
    """Nothing of what it answered is used."""
    with Server(on_chain(1)) as server, pytest.raises(WrongChain) as caught:
        send(server.url)
    assert (caught.value.expected, caught.value.answered) == (CHAIN, 1)
    assert "serves chain 1, not 31337" in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("case", [case for case in PASSING if "JSON-RPC" not in case])
def test_a_fault_that_passes_is_not_noticed(case: str) -> None:
    """Two bad answers, then a good one."""
    with Server(then(PASSING[case], PASSING[case], GOOD)) as server:
        answers, rpc = send(server.url)
    assert answers == ["0x1"]
    assert rpc.requests == len(server.requests) == 3


@pytest.mark.parametrize("case", [case for case in PASSING if "JSON-RPC" not in case])
def test_a_fault_that_stays_fails_over(case: str) -> None:
    """The next endpoint answers, and is asked first from then on."""
    with Server(PASSING[case]) as bad, Server(GOOD) as good:
        answers, rpc = send(bad.url, good.url)
    assert answers == ["0x1"]
    assert len(bad.requests) == ATTEMPTS
    assert [upstream.endpoint.url for upstream in rpc.ordered] == [good.url, bad.url]


def test_a_rate_limit_told_as_json_rpc_is_retried() -> None:
    """Some endpoints say so with status 200."""
    limited = on_chain(CHAIN, lambda *_: Refusal(-32005, "daily request count exceeded"))

    async def live(url: str) -> list[Any | RpcError]:
        async with Client() as client:
            rpc = Rpc([Endpoint.of(url)], CHAIN, client)
            await rpc.send([NUMBER])
            return await rpc.send([NUMBER])

    with Server(then(GOOD, limited, GOOD)) as server:
        assert asyncio.run(live(server.url)) == ["0x1"]
    with Server(then(GOOD, limited)) as server, pytest.raises(RateLimited):
        asyncio.run(live(server.url))
    assert len(server.requests) == 1 + ATTEMPTS


@pytest.mark.parametrize(
    ("reply", "kind", "requests"),
    [
        (Reply(401), AuthenticationFailed, 1),
        (Reply(403), AuthenticationFailed, 1),
        (Reply(404), ProviderUnavailable, 1),
        (Reply(301, headers={"location": "http://127.0.0.1:1/"}), ProviderUnavailable, 1),
        (Reply(429), RateLimited, ATTEMPTS),
        (Reply(429, headers={"retry-after": "1"}), RateLimited, ATTEMPTS),
        (Reply(429, headers={"retry-after": "3600"}), RateLimited, 1),
        (Reply(429, headers={"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}), RateLimited, ATTEMPTS),
        (Reply(500), ProviderUnavailable, ATTEMPTS),
        (as_json([{"id": []}, {"id": {}}, 5, None]), ProviderUnavailable, 1),
        (as_json([]), ProviderUnavailable, 1),
        (as_json([{"id": 0}, {"id": 1}]), ProviderUnavailable, 1),
        (as_json("text"), ProviderUnavailable, 2),
        (as_json([{"id": 0, "result": "no number"}, {"id": 1, "result": "0x1"}]), ProviderUnavailable, 1),
        (as_json([{"id": 0, "result": None}, {"id": 1, "result": "0x1"}]), ProviderUnavailable, 1),
        (as_json([{"id": False, "result": "0x7a69"}, {"id": 1, "result": "0x1"}]), ProviderUnavailable, 1),
        (Reply(200, b"[" * 100_000), ProviderUnavailable, ATTEMPTS),
        (Reply(200, b'{"\xff"}'), ProviderUnavailable, ATTEMPTS),
    ],
)
def test_faults_are_told_apart(reply: Reply, kind: type[TransportError], requests: int) -> None:
    """By class, and only what may pass is asked again."""
    with Server(always(reply)) as server, pytest.raises(kind) as caught:
        send(server.url)
    assert type(caught.value) is kind
    assert caught.value.endpoint == "127.0.0.1"
    assert len(server.requests) == requests


def test_refusals_are_values() -> None:
    """A JSON-RPC error belongs to its own call, whatever its form."""
    refusals = iter([Refusal(-32000, "one"), Refusal(3, "two\x1b[2J")])
    with Server(on_chain(CHAIN, lambda *_: next(refusals))) as server:
        answers, _ = send(server.url, calls=2)
    assert [(a.code, str(a)) for a in answers] == [
        (-32000, "one (code -32000)"),
        (3, "two?[2J (code 3)"),
    ]


@pytest.mark.parametrize("error", ["text", {"code": "x"}, {"message": None}, {"code": -1, "message": ["?"]}])
def test_refusals_of_odd_shape_are_still_refusals(error: Any) -> None:
    """Nothing is expected of an error but that it is there."""
    reply = [{"id": 0, "result": hex(CHAIN)}, {"id": 1, "error": error}]
    with Server(always(as_json(reply))) as server:
        [answer], _ = send(server.url)
    assert isinstance(answer, RpcError)


def test_answers_are_matched_by_id_and_not_by_order() -> None:
    """JSON-RPC lets a batch come back in any order."""
    numbers = iter(range(10, 20))

    def backwards(body: Any) -> Reply:
        whole = json.loads(on_chain(CHAIN, lambda *_: hex(next(numbers)))(body).body)
        return as_json(whole[::-1])

    with Server(backwards) as server:
        answers, _ = send(server.url, calls=3)
    assert answers == ["0xa", "0xb", "0xc"]


def no_batches(refusal: Reply) -> Answer:
    """An endpoint that takes one call at a time."""
    return lambda body: refusal if isinstance(body, list) else GOOD(body)


@pytest.mark.parametrize(
    "refusal",
    [
        as_json({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batches"}}),
        Reply(400, b'{"error": "batch requests are not supported"}'),
        Reply(413, b"too large"),
    ],
)
def test_an_endpoint_without_batches_is_asked_one_by_one(refusal: Reply) -> None:
    """The calls are the same."""
    with Server(no_batches(refusal)) as server:
        answers, rpc = send(server.url, calls=2)
    assert answers == ["0x1", "0x1"]
    assert rpc.requests == 4


def test_a_silent_endpoint_is_left_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """It accepts the connection and says nothing."""
    monkeypatch.setattr(client, "TIMEOUT_S", 0.1)
    with Server(always(Reply(silent=True))) as bad, Server(GOOD) as good:
        assert send(bad.url, good.url)[0] == ["0x1"]
        with pytest.raises(ProviderUnavailable, match="did not answer in time"):
            send(bad.url)


def test_an_endpoint_that_drips_is_left_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then keeps a connection alive, but not a read."""
    monkeypatch.setattr(client, "TIMEOUT_S", 0.2)
    with Server(always(Reply(body=b" " * 10_000, drip_s=0.05))) as bad, Server(GOOD) as good:
        assert send(bad.url, good.url)[0] == ["0x1"]


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_reply_without_end_is_cut(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpacked bytes count: a small reply may be a large one."""
    monkeypatch.setattr(client, "MAX_REPLY_BYTES", 100_000)
    body = b" " * 1_000_000
    reply = (
        Reply(body=gzip.compress(body), headers={"content-encoding": "gzip"})
        if encoding
        else Reply(body=body)
    )
    with Server(always(reply)) as server, pytest.raises(ProviderUnavailable, match="over 100000 bytes"):
        send(server.url)
    assert len(server.requests) == 1


def test_nobody_listens() -> None:
    """A closed port is told as such."""
    with Server(GOOD) as server:
        closed = server.url
    with pytest.raises(ProviderUnavailable, match="connection failed"):
        send(closed)


def test_no_endpoint_is_configured() -> None:
    """It says so."""
    with pytest.raises(ProviderUnavailable, match="no endpoint"):
        send()


def test_every_endpoint_is_named_with_its_reason_when_all_fail() -> None:
    """Two of one name are told apart; what both say is the error's class."""
    with Server(always(Reply(500))) as first, Server(always(Reply(401))) as second:
        with pytest.raises(ProviderUnavailable) as caught:
            send(first.url, second.url)
        with pytest.raises(AuthenticationFailed):
            send(second.url, second.url)
    text = str(caught.value)
    assert "127.0.0.1: failed (HTTP 500)" in text
    assert "127.0.0.1 (2): refused access (HTTP 401): check its key" in text


def test_requests_are_not_sent_to_an_endpoint_that_failed_before() -> None:
    """A dead endpoint costs its retries once, not every round."""

    async def live(bad: str, good: str) -> None:
        async with Client() as client:
            rpc = Rpc([Endpoint.of(bad), Endpoint.of(good)], CHAIN, client)
            for _ in range(3):
                await rpc.send([NUMBER])

    with Server(PASSING["500"]) as bad, Server(GOOD) as good:
        asyncio.run(live(bad.url, good.url))
    assert len(bad.requests) == ATTEMPTS
    assert len(good.requests) == 3


def test_concurrent_requests_survive_a_failover_together() -> None:
    """Several batches that meet the same dead endpoint at once all reach the next."""

    async def live(bad: str, good: str) -> list[list[Any | RpcError]]:
        async with Client() as client:
            rpc = Rpc([Endpoint.of(bad), Endpoint.of(good)], CHAIN, client)
            return await asyncio.gather(*(rpc.send([NUMBER]) for _ in range(5)))

    with Server(PASSING["500"]) as bad, Server(GOOD) as good:
        assert asyncio.run(live(bad.url, good.url)) == [["0x1"]] * 5
