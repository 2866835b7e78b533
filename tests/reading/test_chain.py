"""Failures of calls as values, calls that take their neighbours' gas, and a Multicall3 that is none."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.abi.columns import Column
from aggregator.abi.function import Function
from aggregator.contract import ask, attempt
from aggregator.model.errors import (
    CallReverted,
    GarbledReply,
    MalformedReply,
    MissingMulticall,
    NoContract,
    ProviderUnavailable,
    ReadError,
)
from aggregator.reading.multicall import MULTICALL3
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
    VALUE,
)
from tests.reading.kit import batches, fetch, numbers, read, values
from tests.reading.servers import Server, proxy


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
    with pytest.raises(GarbledReply, match="aggregate3"):
        values(node.url, 2)


@pytest.mark.parametrize("answer", ["0xzz", "0x123", "0x" + "00" * 64, "0x" + "ff" * 320])
def test_a_garbled_reply_is_malformed(answer: str, node: Node) -> None:
    """For every call of the batch."""
    with Server(proxy(node.url, lambda method, _: answer if method == "eth_call" else None)) as server:
        replies = fetch(server.url, numbers(3))
    assert [type(reply) for reply in replies] == [GarbledReply] * 3


@pytest.mark.parametrize("answer", [5, ["0x"], {"a": 1}, "text", True])
def test_a_reply_that_is_no_data_fails_its_endpoint(answer: Any, node: Node) -> None:
    """The node is at fault, not a contract."""
    with Server(proxy(node.url, lambda method, _: answer if method == "eth_call" else None)) as server:
        replies = fetch(server.url, numbers(3))
    assert [type(reply) for reply in replies] == [ProviderUnavailable] * 3
