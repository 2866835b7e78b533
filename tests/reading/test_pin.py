"""The pinned block: by every name, at every round, and what happens when it goes away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aggregator.abi.function import Function
from aggregator.contract import Call, Read, ask, attempt
from aggregator.model.errors import (
    BadConfiguration,
    BlockUnavailable,
    MalformedReply,
    ReadError,
    Reorganised,
    WrongChain,
)
from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.reading.chain import ChainReader
from aggregator.reading.run import drive
from tests.devnet.node import Node
from tests.reading.contracts import (
    HEIGHT,
    NUMBER,
    SLOT,
)
from tests.reading.kit import numbers, read, values, with_reader
from tests.reading.servers import Refusal, Server, proxy

Change = Callable[[str, list[Any]], Any]


def height(i: int) -> Call[int]:
    """A call that answers the block's number, another one for every `i`."""
    return Function[int](f"number{i}()(uint256)").at(HEIGHT)


def pin(url: str, block: str) -> Block:
    """A block as reads see it."""
    return with_reader([url], lambda reader: reader.pin(block))


def test_a_block_is_pinned_by_every_name(node: Node) -> None:
    """Tags, decimal and hex numbers, a hash, and a count back from the latest."""
    node.mine(3)
    latest = node.block()
    number = int(str(latest["number"]), 16)
    for text in ("latest", str(number), hex(number), str(latest["hash"]), "-0".replace("-0", "latest")):
        assert pin(node.url, text).hash == latest["hash"]
    assert pin(node.url, "-2").number == number - 2
    assert pin(node.url, f"-{10**18}").number == 0
    pinned = pin(node.url, "latest")
    assert (pinned.parent_hash, pinned.timestamp) == (latest["parentHash"], int(str(latest["timestamp"]), 16))


@pytest.mark.parametrize(
    "text", ["", "now", "0x", "1.5", "--1", "-", "-0", "01", "0x" + "1" * 63, "pending", "1 "]
)
def test_texts_that_name_no_block_are_refused(text: str, node: Node) -> None:
    """Before anything is sent."""
    with Server(proxy(node.url)) as server, pytest.raises(BadConfiguration, match="is no block"):
        pin(server.url, text)
    assert server.requests == []


@pytest.mark.parametrize("text", ["99999999", "0x" + "12" * 32])
def test_a_block_that_is_not_there_is_told(text: str, node: Node) -> None:
    """A number to come, and an unknown hash."""
    with pytest.raises(BlockUnavailable, match=text):
        pin(node.url, text)


def test_a_text_means_one_block_for_good(node: Node) -> None:
    """A second pin of `latest` by the same reader does not move."""

    async def use(reader: ChainReader) -> tuple[Block, Block]:
        first = await reader.pin("latest")
        node.mine()
        return first, await reader.pin("latest")

    first, second = with_reader([node.url], use)
    assert first == second


@pytest.mark.parametrize(
    "header",
    [
        {},
        "text",
        {"number": "0x1", "hash": "0x12", "parentHash": "0x" + "1" * 64, "timestamp": "0x1"},
        {"number": "x", "hash": "0x" + "1" * 64, "parentHash": "0x" + "1" * 64, "timestamp": "0x1"},
        {"number": "0x7", "hash": "0x" + "1" * 64, "parentHash": "0x" + "1" * 64, "timestamp": "0x1"},
    ],
)
def test_a_header_that_is_none_or_of_another_block_is_malformed(header: Any, node: Node) -> None:
    """The answer to a number must be of that number."""

    def change(method: str, _: list[Any]) -> Any:
        return header if method == "eth_getBlockByNumber" else None

    with Server(proxy(node.url, change)) as server, pytest.raises(MalformedReply):
        pin(server.url, "1")


def test_a_wrong_chain_is_told_at_the_pin(node: Node) -> None:
    """With both ids."""
    with pytest.raises(WrongChain, match="serves chain 31337, not 1"):
        with_reader([node.url], lambda reader: reader.pin("latest"), ChainId(1))


def test_every_round_is_answered_at_the_pinned_block(node: Node) -> None:
    """Blocks that are mined meanwhile, and what they change, are not seen."""
    number = node.block_number

    def reading() -> Read[list[int]]:
        found: list[int] = []
        for i in range(3):
            found += yield from ask([height(i), Function[int](f"slot{i}()(uint256)").at(SLOT)])
            node.mine()  # anvil writes into its latest block
            node.rpc("anvil_setStorageAt", SLOT, "0x" + "0" * 64, "0x" + f"{i + 1:064x}")
            node.mine()
        return found

    assert read(node.url, reading()) == [number, 0] * 3


def test_an_old_block_can_be_read(node: Node) -> None:
    """History is asked for at its own block."""
    before = node.block_number
    node.mine(5)
    assert read(node.url, ask([NUMBER.at(HEIGHT)]), str(before)) == [before]


def without_hashes(method: str, params: list[Any]) -> Any:
    """A node that knows blocks by number only."""
    if method == "eth_call" and isinstance(params[1], dict):
        return Refusal(-32602, "invalid argument 1: json: cannot unmarshal object into Go value")
    return None


def test_a_node_without_hashes_is_read_by_number(node: Node) -> None:
    """The refused form is tried once; the hash of the number is checked after every round."""
    number = node.block_number

    def reading() -> Read[list[int]]:
        found: list[int] = []
        for i in range(2):
            found += yield from ask([height(i)])
            node.mine()
        return found

    with Server(proxy(node.url, without_hashes)) as server:
        assert read(server.url, reading()) == [number] * 2
    methods = [body["method"] for body in server.requests[1:]]
    check = "eth_getBlockByNumber"
    assert methods == ["eth_call", "eth_call", check, "eth_call", check]


def test_batches_that_run_beside_each_other_all_learn_it(node: Node) -> None:
    """Each of three batches is refused by hash, the one of a single call too, and asked again by number."""
    with Server(proxy(node.url, without_hashes)) as server:
        assert values(server.url, 1001) == list(range(1001))


@pytest.mark.parametrize("change", [None, without_hashes])
def test_a_reorganised_block_is_noticed(change: Change | None, node: Node) -> None:
    """Whether the pin is by hash or by number, a round on another history is never mixed in."""
    node.mine(4)

    def reading() -> Read[list[int]]:
        yield from ask([height(1)])
        # anvil_reorg mines the same blocks again where the times are the same.
        node.rpc("anvil_rollback", 3)
        node.warp(100)
        node.mine(3)
        return (yield from ask([height(2)]))

    with Server(proxy(node.url, change)) as server, pytest.raises(BlockUnavailable, match="reorganised"):
        read(server.url, reading(), "-1")


def test_a_second_endpoint_answers_at_the_same_block(own_node: Node, node: Node) -> None:
    """The first dies behind the pin: the second has another block there, which is named anew and read."""

    async def use(reader: ChainReader) -> list[int | ReadError]:
        pinned = await reader.pin("latest")
        own_node.kill()
        with pytest.raises(Reorganised) as caught:
            await drive(attempt(numbers(2)), reader, pinned)
        assert "connection failed" in str(caught.value)
        assert "has another block" in str(caught.value)
        result, _ = await drive(attempt(numbers(2)), reader, await reader.pin("latest"))
        return result

    node.warp(100)
    node.mine(3)  # the same heights, other blocks
    own_node.mine(3)
    assert with_reader([own_node.url, node.url], use) == [0, 1]
