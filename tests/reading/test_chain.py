"""One chain at one block: pins, batches, splits, and nodes that cannot or will not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aggregator.abi.columns import Column
from aggregator.abi.function import Call, Function
from aggregator.contract import Read, ask, attempt
from aggregator.model.errors import (
    BadConfiguration,
    BlockUnavailable,
    CallReverted,
    MalformedReply,
    MissingMulticall,
    NoContract,
    ProviderUnavailable,
    ReadError,
    WrongChain,
)
from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.reading.chain import ChainReader
from aggregator.reading.multicall import MULTICALL3
from aggregator.reading.run import drive
from tests.devnet.node import Node
from tests.reading.contracts import (
    ABSENT,
    CODE,
    ECHO,
    GREEDY,
    HEAVY,
    HEIGHT,
    MUTE,
    NUMBER,
    PAUSED,
    SHORT,
    SLOT,
    VALUE,
)
from tests.reading.kit import fetch, read, with_reader
from tests.reading.servers import Refusal, Server, proxy

Change = Callable[[str, list[Any]], Any]


def pin(url: str, block: str) -> Block:
    """A block as reads see it."""
    return with_reader([url], lambda reader: reader.pin(block))


def numbers(count: int) -> list[Call[int]]:
    """Calls that answer 0, 1, 2 …"""
    return [VALUE.at(ECHO, i) for i in range(count)]


def values(url: str, count: int) -> list[int]:
    """What they answer."""
    return read(url, ask(numbers(count)))


def calls_in(params: list[Any]) -> int:
    """How many calls an eth_call of aggregate3 holds: the length of its array."""
    return int(params[0]["data"][2 + 8 + 64 : 2 + 8 + 128], 16)


def batches(server: Server) -> list[int]:
    """How many calls each eth_call held."""
    return [
        calls_in(body["params"])
        for body in server.requests
        if isinstance(body, dict) and body["method"] == "eth_call"
    ]


# --- the pin


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


# --- reads at one block


def test_every_round_is_answered_at_the_pinned_block(node: Node) -> None:
    """Blocks that are mined meanwhile, and what they change, are not seen."""
    number = node.block_number

    def reading() -> Read[list[int]]:
        found: list[int] = []
        for i in range(3):
            found += yield from ask([NUMBER.at(HEIGHT), Function[int]("slot()(uint256)").at(SLOT)])
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
        for _ in range(2):
            found += yield from ask([NUMBER.at(HEIGHT)])
            node.mine()
        return found

    with Server(proxy(node.url, without_hashes)) as server:
        assert read(server.url, reading()) == [number] * 2
    methods = [body["method"] for body in server.requests[1:]]
    check = "eth_getBlockByNumber"
    assert methods == ["eth_call", "eth_call", check, "eth_call", check]


@pytest.mark.parametrize("change", [None, without_hashes])
def test_a_reorganised_block_is_noticed(change: Change | None, node: Node) -> None:
    """Whether the pin is by hash or by number, a round on another history is never mixed in."""
    node.mine(4)

    def reading() -> Read[list[int]]:
        yield from ask([NUMBER.at(HEIGHT)])
        # anvil_reorg mines the same blocks again where the times are the same.
        node.rpc("anvil_rollback", 3)
        node.warp(100)
        node.mine(3)
        return (yield from ask([NUMBER.at(HEIGHT)]))

    with Server(proxy(node.url, change)) as server, pytest.raises(BlockUnavailable, match="reorganised"):
        read(server.url, reading(), "-1")


# --- failures of calls


def test_failures_of_calls_are_values_beside_good_replies(node: Node) -> None:
    """A revert with its reason, an account without code, a reply of no shape; the others stand."""
    requests = [NUMBER.at(at) for at in (HEIGHT, PAUSED, ABSENT, SHORT, MUTE, HEIGHT)]
    first, paused, absent, short, mute, last = read(node.url, attempt(requests))
    assert first == last == node.block_number
    assert isinstance(paused, CallReverted)
    assert (paused.reason, paused.origin) == ("paused", f"number()@{PAUSED}")
    assert isinstance(absent, NoContract)
    assert isinstance(short, MalformedReply)
    assert isinstance(mute, CallReverted)
    assert "no reason given" in str(mute)


def test_columns_hold_failures_beside_good_values(node: Node) -> None:
    """The same as one columnar request, and equal to single calls."""
    targets = [HEIGHT, PAUSED, ABSENT, SHORT, MUTE, HEIGHT]
    [column] = read(node.url, ask([NUMBER.each(targets)]))
    singles = read(node.url, attempt([NUMBER.at(target) for target in targets]))
    assert isinstance(column, Column)
    assert [type(o) for o in column.outcomes()] == [type(s) for s in singles]
    assert column.outcomes()[0] == singles[0]


def test_a_call_that_takes_all_gas_fails_alone(node: Node) -> None:
    """What it leaves is a sixty-fourth: calls behind it in the batch are asked again, and succeed."""
    hungry = [VALUE.at(ECHO, i) for i in range(3)]
    requests = [NUMBER.at(GREEDY), *hungry, NUMBER.at(HEAVY)]
    replies = read(node.url, attempt(requests))
    assert isinstance(replies[0], CallReverted)
    assert replies[1:4] == list(range(3))
    assert replies[4] == node.block_number


def test_a_call_of_a_column_that_takes_all_gas_fails_alone(node: Node) -> None:
    """The same in the rows of one request; what is left of the failures is the guilty calls' own."""
    targets = [HEIGHT, GREEDY, HEAVY, MUTE, HEAVY, PAUSED, HEIGHT]
    [column] = fetch(node.url, [NUMBER.each(targets)])
    assert isinstance(column, Column)
    assert sorted(column.failures) == [1, 3, 5]
    number = node.block_number
    assert [o for o in column.outcomes() if not isinstance(o, ReadError)] == [number] * 4


def test_calls_that_revert_silently_are_asked_once_more(node: Node) -> None:
    """In a handful of requests, however many they are; a reason is believed at once."""
    with Server(proxy(node.url)) as server:
        replies = read(server.url, attempt([Function[int](f"n{i}()(uint256)").at(MUTE) for i in range(40)]))
    assert [type(reply) for reply in replies] == [CallReverted] * 40
    assert batches(server) == [40, *[5] * 8]
    with Server(proxy(node.url)) as server:
        read(server.url, attempt([NUMBER.at(PAUSED), NUMBER.at(HEIGHT)]))
        read(server.url, attempt([NUMBER.at(MUTE)]))
    assert batches(server) == [2, 1]


# --- batches


def test_many_calls_are_few_requests(node: Node) -> None:
    """1,201 calls are three batches, sent at once, answered in order."""
    with Server(proxy(node.url)) as server:
        assert values(server.url, 1201) == list(range(1201))
    assert sorted(batches(server)) == [201, 500, 500]


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
def test_one_call_that_the_node_cannot_run_fails_alone(message: str, node: Node) -> None:
    """A batch with it is refused whole: halving finds it, the neighbours are answered."""
    poison = VALUE.at(ECHO, 0xBAD)

    def change(method: str, params: list[Any]) -> Any:
        poisoned = method == "eth_call" and poison.data.hex() in params[0]["data"]
        return Refusal(-32000, message) if poisoned else None

    with Server(proxy(node.url, change)) as server:
        replies = fetch(server.url, [*numbers(5), poison, *numbers(20)])
    [failed] = [reply for reply in replies if isinstance(reply, ReadError)]
    assert replies.index(failed) == 5
    assert type(failed) is (ProviderUnavailable if "timeout" in message else CallReverted)
    assert message in str(failed)


def test_a_request_too_large_for_the_node_is_halved(node: Node) -> None:
    """Anvil refuses bodies above 2 MB with an HTTP error of its own."""
    text: Function[Any] = Function("value(uint256,bytes)(uint256)")
    big = [text.at(ECHO, i, bytes(20_000)) for i in range(120)]
    assert read(node.url, ask(big)) == list(range(120))


def test_an_empty_column_needs_no_request(node: Node) -> None:
    """No calls, no batch."""
    with Server(proxy(node.url)) as server:
        [column] = fetch(server.url, [VALUE.each(ECHO, [])])
    assert isinstance(column, Column)
    assert len(column) == 0
    assert batches(server) == []


# --- Multicall3


def test_a_chain_without_multicall3_is_told(node: Node) -> None:
    """With what to do about it."""
    node.set_code(MULTICALL3, b"")
    node.mine()
    with pytest.raises(MissingMulticall, match="configure `multicall3`"):
        values(node.url, 2)


def test_another_contract_in_its_place_is_malformed(node: Node) -> None:
    """Nothing that it answers is read as results."""
    node.set_code(MULTICALL3, CODE[ECHO])
    node.mine()
    with pytest.raises(MalformedReply, match="aggregate3"):
        values(node.url, 2)


@pytest.mark.parametrize("answer", ["0xzz", "0x123", "0x" + "00" * 64, "0x" + "ff" * 320])
def test_a_garbled_reply_is_malformed(answer: str, node: Node) -> None:
    """For every call of the batch."""
    with Server(proxy(node.url, lambda method, _: answer if method == "eth_call" else None)) as server:
        replies = fetch(server.url, numbers(3))
    assert [type(reply) for reply in replies] == [MalformedReply] * 3


@pytest.mark.parametrize("answer", [5, ["0x"], {"a": 1}, "text", True])
def test_a_reply_that_is_no_data_fails_its_endpoint(answer: Any, node: Node) -> None:
    """The node is at fault, not a contract."""
    with Server(proxy(node.url, lambda method, _: answer if method == "eth_call" else None)) as server:
        replies = fetch(server.url, numbers(3))
    assert [type(reply) for reply in replies] == [ProviderUnavailable] * 3


def test_a_second_endpoint_answers_at_the_same_block(own_node: Node, node: Node) -> None:
    """The first dies behind the pin: the second is asked for the same hash, and has or has not that block."""

    async def use(reader: ChainReader) -> list[int | ReadError]:
        pinned = await reader.pin("latest")
        own_node.kill()
        result, _ = await drive(attempt(numbers(2)), reader, pinned)
        return result

    node.mine(2)  # so that the two nodes differ
    own_node.mine(3)
    replies = with_reader([own_node.url, node.url], use)
    assert [type(reply) for reply in replies] == [BlockUnavailable] * 2
