"""Endpoints that die, lag, prune or reorganise during a read: another one answers, at the same block."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from aggregator.contract import Read, ask
from aggregator.model.errors import BlockUnavailable, ProviderUnavailable, ReadError, Reorganised
from aggregator.model.readings import Block
from aggregator.reading.chain import ChainReader
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.run import drive
from tests.devnet.node import Node
from tests.reading.contracts import ECHO, VALUE
from tests.reading.kit import batches, calls_in, numbers, replies, with_reader
from tests.reading.servers import Refusal, Server, on_chain, proxy

Change = Callable[[str, list[Any]], Any]


def values_of(reader: ChainReader, block: Block, count: int = 3) -> Any:
    """A round of calls that answer 0, 1, 2 …"""
    return drive(ask(numbers(count)), reader, block)


def failing_calls(method: str, _: list[Any]) -> Any:
    """A node whose calls fail, and whose headers don't."""
    return Refusal(429, "too many requests") if method == "eth_call" else None


def lagging(behind: int) -> Change:
    """A node that is so many blocks behind."""

    def change(method: str, params: list[Any]) -> Any:
        if method == "eth_blockNumber":
            return hex(behind)
        if method == "eth_getBlockByNumber" and int(params[0], 16) > behind:
            return Refusal(-32001, "Resource not found")
        return Refusal(-32000, "header for hash not found") if method == "eth_call" else None

    return change


def pruned(method: str, _: list[Any]) -> Any:
    """A node that has headers, and no state."""
    return Refusal(-32000, "missing trie node 12ab (path )") if method == "eth_call" else None


def by_number(method: str, params: list[Any]) -> Any:
    """A node that knows blocks by number only."""
    if method == "eth_call" and isinstance(params[1], dict):
        return Refusal(-32602, "invalid argument 1: json: cannot unmarshal object into Go value")
    return None


@pytest.mark.parametrize("change", [failing_calls, lagging(0), pruned])
@pytest.mark.parametrize("second", [None, by_number])
def test_a_read_goes_on_at_the_same_block_elsewhere(
    change: Change, second: Change | None, node: Node
) -> None:
    """Whatever the first lacks; the second is asked by hash or, checked before and after, by number."""
    pinning = iter([True])

    def first(method: str, params: list[Any]) -> Any:
        return None if next(pinning, False) or method == "eth_chainId" else change(method, params)

    async def use(reader: ChainReader) -> list[int]:
        block = await reader.pin("latest")
        node.mine()
        found, _ = await values_of(reader, block)
        return found  # type: ignore[no-any-return]

    with Server(proxy(node.url, first)) as one, Server(proxy(node.url, second)) as two:
        pinning = iter([True, True])
        assert with_reader([one.url, two.url], use) == [0, 1, 2]
    calls = [b for b in two.requests if isinstance(b, list) or b["method"] == "eth_getBlockByNumber"]
    assert len(calls) == (
        1 if second is None else 3
    )  # the chain id with the first; the hash before and after


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ((pruned, pruned), ["has pruned the state", "archive endpoint"]),
        ((lagging(0), lagging(0)), ["is not there yet, its latest is 0"]),
        ((pruned, lagging(0)), ["has pruned the state", "is not there yet"]),
    ],
)
def test_a_block_that_all_lack_is_unavailable(
    changes: tuple[Change, Change], words: list[str], node: Node
) -> None:
    """Each with its reason: pruned, or not there yet."""
    third = {"pin": True}

    def once(change: Change) -> Change:
        return lambda method, params: None if third["pin"] else change(method, params)

    async def use(reader: ChainReader) -> list[int | ReadError]:
        block = await reader.pin("latest")
        third["pin"] = False
        found, _ = await drive(replies(numbers(2)), reader, block)
        return found

    node.mine()
    with Server(proxy(node.url, once(changes[0]))) as one, Server(proxy(node.url, once(changes[1]))) as two:
        found = with_reader([one.url, two.url], use)
    assert [type(reply) for reply in found] == [BlockUnavailable] * 2
    for word in [*words, "127.0.0.1: ", "127.0.0.1 (2): "]:
        assert word in str(found[0])


@pytest.mark.parametrize("change", [None, by_number])
def test_a_reorganisation_is_raised_and_the_next_pin_is_another_block(
    change: Change | None, node: Node
) -> None:
    """Although the text is the same; even where another endpoint could answer."""
    node.mine(4)
    number = str(node.block_number - 1)

    async def use(reader: ChainReader) -> tuple[Block, Block]:
        before = await reader.pin(number)
        await values_of(reader, before)
        node.rpc("anvil_rollback", 3)
        node.warp(100)
        node.mine(3)
        with pytest.raises(Reorganised, match=r"127\.0\.0\.1: block .* was reorganised while reading"):
            await reader.fetch(before, numbers(2))
        return before, await reader.pin(number)

    with Server(proxy(node.url, change)) as one, Server(proxy(node.url)) as two:
        before, after = with_reader([one.url, two.url], use)
    assert before.number == after.number
    assert before.hash != after.hash


def test_an_endpoint_of_another_history_is_passed_over(node: Node) -> None:
    """By number it would answer from another block: its hash is looked at before the first call."""

    def elsewhere(method: str, params: list[Any]) -> Any:
        if method == "eth_getBlockByNumber":
            return {
                "number": params[0],
                "hash": "0x" + "7" * 64,
                "parentHash": "0x" + "1" * 64,
                "timestamp": "0x1",
            }
        return by_number(method, params) or ("0x" + "ff" * 32 if method == "eth_call" else None)

    dead = {"now": False}

    def dying(*_: object) -> Any:
        return Refusal(429, "too many requests") if dead["now"] else None

    async def use(reader: ChainReader) -> list[int]:
        block = await reader.pin("latest")
        dead["now"] = True
        found, _ = await values_of(reader, block)
        return found  # type: ignore[no-any-return]

    with (
        Server(proxy(node.url, dying)) as one,
        Server(proxy(node.url, elsewhere)) as two,
        Server(proxy(node.url)) as three,
    ):
        assert with_reader([one.url, two.url, three.url], use) == [0, 1, 2]
    assert not any(isinstance(b, dict) and b["params"][-1:] == ["latest"] for b in three.requests)
    assert [b["method"] for b in two.requests if isinstance(b, dict)].count("eth_getBlockByNumber") == 1


def test_a_round_that_cannot_be_checked_is_read_elsewhere(node: Node) -> None:
    """An endpoint that is asked by number and dies before the hash is compared has answered nothing."""
    served = {"calls": 0}

    def dying(method: str, params: list[Any]) -> Any:
        if method == "eth_call" and not isinstance(params[1], dict):
            served["calls"] += 1
        if served["calls"] and method == "eth_getBlockByNumber":
            return Refusal(429, "too many requests")
        return by_number(method, params)

    async def use(reader: ChainReader) -> list[int]:
        found, _ = await values_of(reader, await reader.pin("latest"))
        return found  # type: ignore[no-any-return]

    with Server(proxy(node.url, dying)) as one, Server(proxy(node.url)) as two:
        assert with_reader([one.url, two.url], use) == [0, 1, 2]
    assert served["calls"] == 1
    assert any("eth_call" in str(body) for body in two.requests)


def test_what_is_missing_at_the_deadline_fails_and_what_was_read_stands(node: Node) -> None:
    """The one wave that is answered in time is; the error names endpoint and setting."""
    slow = VALUE.at(ECHO, 0x510)

    def change(method: str, params: list[Any]) -> Any:
        if method == "eth_call" and slow.data.hex() in params[0]["data"]:
            time.sleep(2)
        return None

    def reading() -> Read[list[Any]]:
        found = yield from replies(numbers(2))
        return found + (yield from replies([slow]))

    async def use(reader: ChainReader) -> tuple[list[Any], float]:
        block = await reader.pin("latest")
        began = time.monotonic()
        found, _ = await drive(reading(), reader, block)
        return found, time.monotonic() - began

    with Server(proxy(node.url, change)) as server:
        found, took = with_reader([server.url], use, deadline_s=0.6)
    assert found[:2] == [0, 1]
    assert isinstance(found[2], ProviderUnavailable)
    assert "127.0.0.1: the read took longer than 0.6 s" in str(found[2])
    assert "`deadline_s`" in str(found[2])
    assert took < 1.5


def test_an_endpoint_has_no_more_requests_than_it_may(node: Node) -> None:
    """Batches of a large round wait for each other."""
    most = now = 0

    def change(method: str, _: list[Any]) -> Any:
        nonlocal most, now
        if method == "eth_call":
            now += 1
            most = max(most, now)
            time.sleep(0.05)
            now -= 1

    with Server(proxy(node.url, change)) as server:
        endpoint = Endpoint("own", server.url, concurrency=2)

        async def use(reader: ChainReader) -> Any:
            return await values_of(reader, await reader.pin("latest"), 4_400)

        found, _ = with_reader([endpoint], use)
    assert found == list(range(4_400))
    assert most == 2
    assert batches(server) == [1_000, 1_000, 1_000, 1_000, 400]


def test_a_size_that_was_refused_is_not_tried_again_at_once(node: Node) -> None:
    """After the first halves have worked, further batches are as small."""

    def change(method: str, params: list[Any]) -> Any:
        too_big = method == "eth_call" and calls_in(params) > 100
        return Refusal(-32000, "out of gas") if too_big else None

    with Server(proxy(node.url, change)) as server:
        endpoint = Endpoint("own", server.url, concurrency=1)

        async def use(reader: ChainReader) -> Any:
            return await values_of(reader, await reader.pin("latest"), 2_000)

        found, _ = with_reader([endpoint], use)
    assert found == list(range(2_000))
    sizes = batches(server)
    refused = [size for size in sizes if size > 100]
    assert refused[:5] == [1_000, 500, 250, 125, 125]
    assert len(refused) <= 16  # it grows back slowly, and meets the limit again a few hundred calls later


def test_a_call_that_no_node_can_run_makes_no_batch_smaller(node: Node) -> None:
    """What is refused alone says nothing about size."""
    poison = VALUE.at(ECHO, 0xBAD)

    def change(method: str, params: list[Any]) -> Any:
        poisoned = method == "eth_call" and poison.data.hex() in params[0]["data"]
        return Refusal(-32000, "out of gas") if poisoned else None

    with Server(proxy(node.url, change)) as server:

        async def use(reader: ChainReader) -> Any:
            block = await reader.pin("latest")
            await reader.fetch(block, [*numbers(20), poison])
            return await reader.fetch(block, numbers(1_000))

        with_reader([server.url], use)
    assert batches(server)[-2:] == [500, 500]


def test_a_silent_node_is_asked_for_less(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that takes longer than a request may is halved, not tried again as it is."""
    monkeypatch.setattr("aggregator.reading.client.TIMEOUT_S", 0.3)

    def change(method: str, params: list[Any]) -> Any:
        if method == "eth_call" and calls_in(params) > 30:
            time.sleep(0.6)
        return None

    with Server(proxy(node.url, change)) as server:

        async def use(reader: ChainReader) -> Any:
            return await values_of(reader, await reader.pin("latest"), 100)

        found, _ = with_reader([server.url], use)
    assert found == list(range(100))
    assert sorted(batches(server), reverse=True) == [100, 50, 50, 25, 25, 25, 25]


def test_an_endpoint_of_another_chain_is_never_used(node: Node) -> None:
    """Neither first nor second in line."""

    async def use(reader: ChainReader) -> Any:
        return await values_of(reader, await reader.pin("latest"))

    with Server(on_chain(1)) as other, Server(proxy(node.url)) as server:
        found, _ = with_reader([other.url, server.url], use)
    assert found == [0, 1, 2]
    assert len(other.requests) == 1
