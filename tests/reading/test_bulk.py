"""Columnar rounds through the reader contract of a real node, and through Multicall3 where it can't be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aggregator.abi.columns import Column
from aggregator.contract import Calls
from aggregator.reading.bulk import LEAST_CALLS
from aggregator.reading.chain import ChainReader
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.source import Raw, Wanted
from tests.devnet.node import Node
from tests.reading.contracts import ABSENT, ECHO, GREEDY, HEIGHT, MUTE, NUMBER, PAUSED, SHORT, VALUE
from tests.reading.kit import numbers, with_reader
from tests.reading.servers import Refusal, Server, proxy

Change = Callable[[str, list[Any]], Any]
TARGETS = [ECHO, HEIGHT, PAUSED, ABSENT, SHORT, MUTE]


def grid(wallets: int = 60) -> Calls:
    """Every number at every target: good answers and all kinds of failures."""
    return VALUE.each(
        [target for _ in range(wallets) for target in TARGETS], [i for i in range(wallets) for _ in TARGETS]
    )


def round_of(url: str, requests: list[Wanted], *, state_overrides: bool = True, times: int = 1) -> list[Raw]:
    """The last of some equal rounds."""

    async def use(reader: ChainReader) -> list[Raw]:
        block = await reader.pin("latest")
        for _ in range(times - 1):
            await reader.fetch(block, requests)
        return await reader.fetch(block, requests)

    return with_reader([Endpoint("own", url, state_overrides=state_overrides)], use)


def told(replies: list[Raw]) -> list[Any]:
    """Everything of the replies that must be equal."""
    return [
        (reply.raw, [(k, type(e), str(e)) for k, e in reply.failures.items()])
        if isinstance(reply, Column)
        else reply
        for reply in replies
    ]


def overridden(server: Server) -> int:
    """How many requests carried the reader contract."""
    return sum(isinstance(body, dict) and len(body["params"]) == 3 for body in server.requests)


def test_both_ways_answer_alike(node: Node) -> None:
    """Values, failures, their kinds and texts, beside single calls and a second column."""
    requests: list[Wanted] = [numbers(2)[1], grid(), VALUE.at(ECHO, 5), NUMBER.each([HEIGHT, GREEDY, ECHO])]
    with Server(proxy(node.url)) as server:
        through_reader = round_of(server.url, requests)
    plain = round_of(node.url, requests, state_overrides=False)
    assert told(through_reader) == told(plain)
    assert overridden(server) == 1


def test_few_calls_are_not_worth_it(node: Node) -> None:
    """The code would be larger than the calls."""
    few = VALUE.each(ECHO, list(range(LEAST_CALLS - 1)))
    with Server(proxy(node.url)) as server:
        [column] = round_of(server.url, [few])
    assert isinstance(column, Column)
    assert overridden(server) == 0


def without_overrides(method: str, params: list[Any]) -> Any:
    """A node that knows two parameters of eth_call."""
    if method == "eth_call" and len(params) == 3:
        return Refusal(-32602, "too many arguments, want at most 2")
    return None


def ignoring_overrides(method: str, params: list[Any]) -> Any:
    """A node that takes a third parameter and does nothing with it: Multicall3 itself is called."""
    if method == "eth_call" and len(params) == 3:
        return Refusal(3, "execution reverted")
    return None


def answering_anything(method: str, params: list[Any]) -> Any:
    """A node that runs other code."""
    return "0x" + "00" * 64 if method == "eth_call" and len(params) == 3 else None


@pytest.mark.parametrize("change", [without_overrides, ignoring_overrides, answering_anything])
def test_an_endpoint_without_overrides_is_not_asked_again(change: Change, node: Node) -> None:
    """It is read by aggregate3 from then on, with the same answers."""
    with Server(proxy(node.url, change)) as server:
        found = round_of(server.url, [grid()], times=3)
    assert told(found) == told(round_of(node.url, [grid()], state_overrides=False))
    # What is refused as a parameter may be the hash: then the same is tried by number.
    assert overridden(server) == (2 if change is without_overrides else 1)


@pytest.mark.parametrize("message", ["out of gas", "execution aborted (timeout = 5s)", "request too large"])
def test_what_is_too_much_for_one_request_is_halved(message: str, node: Node) -> None:
    """And remembered: the next round begins with the size that worked."""

    def change(method: str, params: list[Any]) -> Any:
        if method == "eth_call" and len(params) == 3 and len(params[0]["data"]) > 4_000:
            return Refusal(-32000, message)
        return None

    wide = VALUE.each(ECHO, list(range(400)))
    with Server(proxy(node.url, change)) as server:
        [first] = round_of(server.url, [wide])
        once = overridden(server)
        [second] = round_of(server.url, [wide], times=2)
    assert isinstance(first, Column)
    assert isinstance(second, Column)
    assert first.values() == second.values() == list(range(400))
    assert once > 4
    assert overridden(server) - once < 2 * once - 3


def test_a_node_that_stops_taking_overrides_is_read_all_the_same(node: Node) -> None:
    """What a later job lacks is asked through aggregate3."""
    taken = iter([True])

    def change(method: str, params: list[Any]) -> Any:
        if method == "eth_call" and len(params) == 3 and not next(taken, False):
            return Refusal(-32603, "internal error")
        return None

    with Server(proxy(node.url, change)) as server:
        found = round_of(server.url, [grid()], times=2)
    assert told(found) == told(round_of(node.url, [grid()], state_overrides=False))
