"""Many calls in few requests, and in more where a node refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aggregator.abi.columns import Column
from aggregator.abi.function import Function
from aggregator.contract import ask
from aggregator.model.errors import (
    ProviderUnavailable,
    RateLimited,
    ReadError,
)
from aggregator.reading.endpoint import Endpoint
from tests.devnet.node import Node
from tests.reading.contracts import (
    ECHO,
    VALUE,
)
from tests.reading.kit import batches, calls_in, fetch, numbers, read, values
from tests.reading.servers import Refusal, Server, proxy

Change = Callable[[str, list[Any]], Any]


def test_many_calls_are_few_requests(node: Node) -> None:
    """2,201 calls are five batches, sent at once, answered in order; no batch is larger than it may be."""
    with Server(proxy(node.url)) as server:
        assert values(server.url, 2_201) == list(range(2_201))
        assert sorted(batches(server)) == [201, 500, 500, 500, 500]
        assert values(server.url, 8_001) == list(range(8_001))
        assert sorted(batches(server)[5:]) == [1, *[1_000] * 8]


def at_most(limit: int, refusal: Refusal) -> Change:
    """A node that refuses batches of more calls."""
    return lambda method, params: refusal if method == "eth_call" and calls_in(params) > limit else None


@pytest.mark.parametrize("limit", [1, 7, 100])
@pytest.mark.parametrize(
    "refusal", [Refusal(-32000, "out of gas"), Refusal(413, "too large"), Refusal(-32000, "computer says no")]
)
def test_a_batch_that_is_too_big_is_halved_without_loss(limit: int, refusal: Refusal, node: Node) -> None:
    """Single calls and columns, cut wherever the halves fall, keep their order."""
    wanted = {1: 60, 7: 180, 100: 600}[limit]
    columns = [VALUE.each(ECHO, list(range(start, start + wanted // 3))) for start in (0, 1000)]
    with Server(proxy(node.url, at_most(limit, refusal))) as server:
        replies = fetch(server.url, [columns[0], *numbers(wanted // 3), columns[1]])
    assert isinstance(replies[0], Column)
    assert isinstance(replies[-1], Column)
    assert replies[0].values() == list(range(wanted // 3))
    assert [int.from_bytes(raw) for raw in replies[1:-1] if isinstance(raw, bytes)] == list(
        range(wanted // 3)
    )
    assert replies[-1].values() == list(range(1000, 1000 + wanted // 3))
    assert max(size for size in batches(server) if size <= limit) > limit // 2


def test_a_node_that_refuses_everything_is_not_asked_call_by_call(node: Node) -> None:
    """A dozen requests, not a thousand; and its refusal is not taken for the contracts' own."""
    refuse = at_most(0, Refusal(-32001, "your plan has no access"))
    with Server(proxy(node.url, refuse)) as server:
        replies = fetch(server.url, numbers(500))
    assert len(replies) == 500
    assert all(type(reply) is ProviderUnavailable for reply in replies)
    assert "your plan has no access" in str(replies[0])
    assert len(batches(server)) < 12


@pytest.mark.parametrize("message", ["execution aborted (timeout = 5s)", "out of gas", "execution reverted"])
@pytest.mark.parametrize("place", [0, 5, 20])
def test_one_call_that_the_node_cannot_run_fails_alone(place: int, message: str, node: Node) -> None:
    """A batch with it is refused whole: halving finds it, the neighbours are answered."""
    poison = VALUE.at(ECHO, 0xBAD)

    def change(method: str, params: list[Any]) -> Any:
        poisoned = method == "eth_call" and poison.data.hex() in params[0]["data"]
        return Refusal(-32000, message) if poisoned else None

    with Server(proxy(node.url, change)) as server:
        replies = fetch(server.url, [*numbers(place), poison, *numbers(20)])
    [failed] = [reply for reply in replies if isinstance(reply, ReadError)]
    assert replies.index(failed) == place
    assert type(failed) is ProviderUnavailable  # aggregate3 passes reverts on: this is the node's own word
    assert message in str(failed)


def test_a_batch_of_large_calls_is_split_before_it_is_sent(node: Node) -> None:
    """Anvil refuses bodies above 2 MB, and may hang up before it has said so."""
    text: Function[Any] = Function("value(uint256,bytes)(uint256)")
    big = [text.at(ECHO, i, bytes(20_000)) for i in range(120)]
    with Server(proxy(node.url)) as server:
        assert read(server.url, ask(big)) == list(range(120))
    assert batches(server) == [24] * 5


def test_an_empty_column_needs_no_request(node: Node) -> None:
    """No calls, no batch."""
    with Server(proxy(node.url)) as server:
        [column] = fetch(server.url, [VALUE.each(ECHO, [])])
    assert isinstance(column, Column)
    assert len(column) == 0
    assert batches(server) == []


def test_a_batch_that_fails_takes_only_its_own_rows_along(node: Node) -> None:
    """The other rows of the same request stand; the failed ones are named one by one."""
    failed = VALUE.at(ECHO, 1_777).data.hex()

    def change(method: str, params: list[Any]) -> Any:
        broken = method == "eth_call" and failed in params[0]["data"]
        return Refusal(429, "too many requests") if broken else None

    with Server(proxy(node.url, change)) as server:
        [column] = fetch(
            Endpoint("own", server.url, state_overrides=False), [VALUE.each(ECHO, list(range(2_200)))]
        )
    assert isinstance(column, Column)
    assert sorted(column.failures) == list(range(1_500, 2_000))
    assert {type(error) for error in column.failures.values()} == {RateLimited}
    good = [o for o in column.outcomes() if not isinstance(o, ReadError)]
    assert good == [*range(1_500), *range(2_000, 2_200)]
