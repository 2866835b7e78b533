"""Two endpoints that must agree: on the block, and on what is read at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aggregator.contract import Call, Calls, attempt
from aggregator.model.errors import Disagreement, ProviderUnavailable, ReadError
from aggregator.model.readings import Block
from aggregator.reading import confirm
from aggregator.reading.chain import ChainReader
from aggregator.reading.confirm import SAMPLE_CALLS, sample
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.run import drive
from cli.exits import Exit, of_error
from tests.devnet.node import Node
from tests.reading.contracts import ECHO, HEIGHT, MUTE, NUMBER, PAUSED, VALUE
from tests.reading.kit import CHAIN, batches, numbers, with_reader
from tests.reading.servers import Refusal, Server, proxy

Change = Callable[[str, list[Any]], Any]
REQUESTS: list[Call[int] | Calls] = [
    *numbers(3),
    VALUE.each(ECHO, list(range(40))),
    NUMBER.at(PAUSED),
    NUMBER.each([HEIGHT, MUTE]),
]


def names(*servers: Server) -> list[Endpoint]:
    """Each with a name of its own."""
    return [Endpoint(f"number {i}", server.url) for i, server in enumerate(servers, 1)]


async def fetched(reader: ChainReader) -> Any:
    """Two rounds at one block."""
    block = await reader.pin("latest")
    return await reader.fetch(block, REQUESTS), await reader.fetch(block, numbers(2))


def test_two_that_agree_answer_as_one(node: Node) -> None:
    """The second is asked for the block, and once per round for a sample."""
    with Server(proxy(node.url)) as one, Server(proxy(node.url)) as two:
        found = with_reader(names(one, two), fetched, confirm=2)
    alone = with_reader([node.url], fetched)
    assert [[repr(r) for r in part] for part in found] == [[repr(r) for r in part] for part in alone]
    assert batches(two) == [SAMPLE_CALLS, 2]
    assert len(two.requests) == 3


def wrong_calls(method: str, _: list[Any]) -> Any:
    """A node whose Multicall3 answers other values: all results are (true, 7)."""
    if method != "eth_call":
        return None
    words = [32, SAMPLE_CALLS, *(32 * (SAMPLE_CALLS + 4 * i) for i in range(SAMPLE_CALLS))]
    words += [1, 64, 32, 7] * SAMPLE_CALLS
    return "0x" + "".join(f"{word:064x}" for word in words)


def test_another_answer_to_a_call_is_a_disagreement(node: Node) -> None:
    """Both are named; so is the call; the exit code is of an endpoint that can't be used."""
    words = "number 1 and number 2: answer differently at block"
    with (
        Server(proxy(node.url)) as one,
        Server(proxy(node.url, wrong_calls)) as two,
        pytest.raises(Disagreement, match=words) as caught,
    ):
        with_reader(names(one, two), fetched, confirm=2)
    assert "(uint256)@" in str(caught.value) or "()@" in str(caught.value)
    assert of_error(caught.value) is Exit.UNAVAILABLE


def test_another_block_is_a_disagreement(node: Node) -> None:
    """Nothing is read at all."""

    def other(method: str, params: list[Any]) -> Any:
        if method != "eth_getBlockByNumber":
            return None
        return {
            "number": params[0],
            "hash": "0x" + "7" * 64,
            "parentHash": "0x" + "1" * 64,
            "timestamp": "0x1",
        }

    with (
        Server(proxy(node.url)) as one,
        Server(proxy(node.url, other)) as two,
        pytest.raises(Disagreement, match="number 1 and number 2: answer 0x"),
    ):
        with_reader(names(one, two), fetched, confirm=2)
    assert batches(one) == batches(two) == []


def test_a_third_confirms_where_the_second_fails(node: Node) -> None:
    """What is wanted is that two agree, whichever they are."""

    def down(method: str, _: list[Any]) -> Any:
        return None if method == "eth_chainId" else Refusal(429, "too many requests")

    with (
        Server(proxy(node.url)) as one,
        Server(proxy(node.url, down)) as two,
        Server(proxy(node.url)) as three,
    ):
        with_reader(names(one, two, three), fetched, confirm=2)
    assert batches(three) == [SAMPLE_CALLS, 2]


def test_nobody_who_confirms_is_a_failure(node: Node) -> None:
    """Not an answer by one alone."""

    def down(method: str, _: list[Any]) -> Any:
        return Refusal(429, "too many requests") if method == "eth_call" else None

    with (
        Server(proxy(node.url)) as one,
        Server(proxy(node.url, down)) as two,
        pytest.raises(ProviderUnavailable, match=r"number 1: nobody else confirms .* number 2: too many"),
    ):
        with_reader(names(one, two), fetched, confirm=2)


def test_an_endpoint_that_lags_a_little_is_waited_for(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the block a moment later."""
    monkeypatch.setattr(confirm, "LAG_S", 0.01)
    late = iter([None, None])

    def behind(method: str, _: list[Any]) -> Any:
        missing = method == "eth_getBlockByNumber" and next(late, "") is None
        return Refusal(-32001, "Resource not found") if missing else None

    with Server(proxy(node.url)) as one, Server(proxy(node.url, behind)) as two:
        with_reader(names(one, two), fetched, confirm=2)
    assert next(late, "") == ""


def test_failures_that_are_alike_agree(node: Node) -> None:
    """A revert with the same reason is the same answer."""

    async def use(reader: ChainReader) -> list[Any]:
        found, _ = await drive(
            attempt([NUMBER.at(PAUSED), NUMBER.at(MUTE)]), reader, await reader.pin("latest")
        )
        return found

    with Server(proxy(node.url)) as one, Server(proxy(node.url)) as two:
        replies = with_reader(names(one, two), use, confirm=2)
    assert all(isinstance(reply, ReadError) for reply in replies)


def test_the_sample_is_the_same_for_the_same_block_and_another_for_another() -> None:
    """It covers small rounds whole, and every request of it exists."""
    first = Block(CHAIN, 1, "0x" + "1" * 64, "0x", 1)
    second = Block(CHAIN, 1, "0x" + "2" * 64, "0x", 1)
    assert sample(first, REQUESTS) == sample(first, REQUESTS) != sample(second, REQUESTS)
    assert len(set(sample(first, REQUESTS))) == SAMPLE_CALLS
    assert sample(first, numbers(3)) == [(0, 0), (1, 0), (2, 0)]
    for i, k in sample(first, REQUESTS):
        request = REQUESTS[i]
        assert k < (1 if isinstance(request, Call) else len(request))
