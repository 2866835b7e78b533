"""Logs: all of those asked for at the pinned block, however the endpoint limits them, or a named failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from aggregator.contract import Read, ask
from aggregator.model.errors import (
    BlockUnavailable,
    MalformedReply,
    ProviderUnavailable,
    ReadError,
    Reorganised,
)
from tests.devnet.node import Node
from tests.reading.contracts import ECHO, LOGGER, VALUE
from tests.reading.kit import read
from tests.reading.log_chain import ALL, ELSEWHERE, NOTED, WHO, LogChain, emit, numbers, read_logs
from tests.reading.servers import Refusal, Reply, Server, proxy, rpc

# --- a real node


def test_logs_of_a_node_up_to_the_pinned_block(node: Node) -> None:
    """By contract, event and argument; what is newer than the pinned block is not there."""
    blocks = [emit(node, WHO[i % 2], i) for i in range(6)]
    node.mine(3)
    at = str(blocks[4])
    found = read_logs(
        [node.url],
        ALL,
        NOTED.logs(LOGGER, WHO[1]),
        NOTED.logs((), [WHO[0], WHO[2]], from_block=blocks[1], to_block=blocks[2]),
        NOTED.logs(ELSEWHERE),
        replace(ALL, from_block=blocks[5]),
        replace(ALL, to_block=blocks[5]),
        block=at,
    )
    assert [numbers(logs) for logs in found] == [[0, 1, 2, 3, 4], [1, 3], [2], [], [], [0, 1, 2, 3, 4]]
    assert isinstance(found[0], tuple)
    assert [log.block_number for log in found[0]] == blocks[:5]
    assert [log.block_hash for log in found[0]] == [node.block(number)["hash"] for number in blocks[:5]]


def test_a_read_takes_logs_and_calls_in_one_round(node: Node) -> None:
    """Replies in the order of the requests."""
    emit(node, WHO[0], 5)

    def both_kinds() -> Read[Any]:
        requests: list[Any] = [VALUE.at(ECHO, 1), ALL, VALUE.at(ECHO, 2)]
        before, logs, after = yield from ask(requests)
        return before, [NOTED.decode(log).n for log in logs], after

    assert read(node.url, both_kinds()) == (1, [5], 2)


def test_ranges_of_a_real_node_are_put_together(node: Node) -> None:
    """A proxy that refuses more than four blocks at once."""
    blocks = [emit(node, WHO[0], i) for i in range(10)]

    def narrow(method: str, params: list[Any]) -> Any:
        if method != "eth_getLogs":
            return None
        width = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
        return Refusal(-32602, "block range is too wide: 4 blocks") if width > 4 else None

    with Server(proxy(node.url, narrow)) as server:
        [found] = read_logs([server.url], replace(ALL, from_block=blocks[0]))
    assert numbers(found) == list(range(10))


# --- a chain of our own, so that limits and faults can be exact


@hypothesis_settings(max_examples=60)
@given(
    counts=st.dictionaries(st.integers(0, 300), st.integers(1, 30), max_size=20),
    most_blocks=st.none() | st.integers(1, 400),
    most_logs=st.none() | st.integers(30, 200),
    first=st.integers(0, 320),
    length=st.none() | st.integers(0, 320),
)
def test_all_logs_whatever_the_limits(
    counts: dict[int, int], most_blocks: int | None, most_logs: int | None, first: int, length: int | None
) -> None:
    """Each exactly once and in order, although ranges and results are limited."""
    chain = LogChain(300, counts, most_blocks=most_blocks, most_logs=most_logs)
    last = None if length is None else first + length
    with Server(chain.answer) as server:
        [found] = read_logs([server.url], replace(ALL, from_block=first, to_block=last))
    expected = chain.logs(first, 300 if last is None else last)
    assert numbers(found) == [int(log["data"], 16) for log in expected]
    assert all(end <= 300 for _, end in chain.asked)


def test_the_width_of_ranges_is_learned_and_grows_back() -> None:
    """A million blocks: a few refusals, then ranges close to what is allowed, several at once."""
    chain = LogChain(1_000_000, dict.fromkeys(range(0, 1_000_000, 50_000), 1), most_blocks=10_000)
    with Server(chain.answer) as server:
        [found] = read_logs([server.url], ALL)
    assert len(numbers(found)) == 20
    widths = [last - first + 1 for first, last in chain.asked]
    assert sum(width > 10_000 for width in widths) <= 20
    assert len(widths) <= 200
    unlimited = LogChain(10_000_000)
    with Server(unlimited.answer) as server:
        assert numbers(read_logs([server.url], ALL)[0]) == []
    assert len(unlimited.asked) <= 40


@pytest.mark.parametrize("limit", [1_000, 1_024])
def test_a_reply_that_was_cut_silently_is_not_believed(limit: int) -> None:
    """A round number of logs is asked for again in halves."""
    chain = LogChain(300, dict.fromkeys(range(100, 200), 25), most_logs=limit, silently=True)
    with Server(chain.answer) as server:
        [found] = read_logs([server.url], ALL)
    assert len(numbers(found)) == 2_500
    assert numbers(found) == sorted(numbers(found))


def test_a_single_block_that_may_be_cut_fails() -> None:
    """Nobody can say whether it is all: that is told, and is not taken for all."""
    chain = LogChain(30, {7: 1_500}, most_logs=1_000, silently=True)
    with Server(chain.answer) as server:
        [found] = read_logs([server.url], ALL)
    assert isinstance(found, ProviderUnavailable)
    assert "exactly 1,000 logs" in str(found)


def test_a_single_block_of_too_many_logs_fails() -> None:
    """Where it can't be split any more."""
    chain = LogChain(30, {7: 300}, most_logs=200)
    with Server(chain.answer) as server:
        [found, other] = read_logs([server.url], ALL, replace(ALL, from_block=8))
    assert isinstance(found, ProviderUnavailable)
    assert "more than 200 results" in str(found)
    assert numbers(other) == []


def test_a_single_block_that_one_refuses_is_asked_of_another() -> None:
    """No narrower range is left, but there is another endpoint."""
    limited, able = (LogChain(30, {7: 300}, most_logs=most) for most in (200, None))
    with Server(limited.answer) as first, Server(able.answer) as second:
        [found] = read_logs([first.url, second.url], ALL)
    assert numbers(found) == list(range(7_000, 7_300))
    assert (7, 7) in limited.asked


def test_an_endpoint_that_refuses_everything_narrows_nothing() -> None:
    """The next one is asked for the same range, not for a thousand of one block each."""
    chain = LogChain(1_000, {7: 1, 900: 2})

    def refuse(method: str, _: list[Any], result: Any) -> Any:
        return result if method == "eth_chainId" else Refusal(-32000, "the project has no credits")

    with Server(chain.changed(refuse)) as first, Server(chain.answer) as second:
        [found] = read_logs([first.url, second.url], ALL)
        refused, chain.asked = len(chain.asked), []
        [alone] = read_logs([second.url], ALL)
    assert numbers(found) == numbers(alone) == [7_000, 900_000, 900_001]
    assert refused == 2 * len(chain.asked)


def test_nor_where_it_should_confirm_what_another_answers() -> None:
    """The one after it confirms the same range."""
    chain = LogChain(1_000, {7: 1, 900: 2})

    def refuse(method: str, _: list[Any], result: Any) -> Any:
        return result if method == "eth_chainId" else Refusal(-32000, "the project has no credits")

    with Server(chain.answer) as first, Server(chain.changed(refuse)) as bad, Server(chain.answer) as third:
        [found] = read_logs([first.url, bad.url, third.url], ALL, confirm=2)
    assert numbers(found) == [7_000, 900_000, 900_001]
    assert len(chain.asked) == 3


def test_one_that_refuses_a_large_batch_as_a_whole_confirms_small_ones() -> None:
    """Of 100 blocks; nobody else is left to confirm more at once."""
    able, limited = LogChain(1_000, {7: 1, 900: 2}), LogChain(1_000, {7: 1, 900: 2}, most_blocks=100)
    refused: list[Refusal | None] = [None]

    def whole(method: str, _: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            refused[0] = Refusal(-32000, "too large") if isinstance(result, Refusal) else None
        return result if method == "eth_chainId" else refused[0] or result

    with Server(able.answer) as first, Server(limited.changed(whole)) as second:
        [found] = read_logs([first.url, second.url], ALL, confirm=2)
    assert numbers(found) == [7_000, 900_000, 900_001]


def test_an_endpoint_that_answers_too_little_to_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One block at a time over millions of blocks is no way."""
    monkeypatch.setattr("aggregator.reading.logs.MAX_REQUESTS", 50)
    chain = LogChain(10_000, most_blocks=1)
    with Server(chain.answer) as server:
        [found] = read_logs([server.url], ALL)
    assert isinstance(found, ProviderUnavailable)
    assert "more than 50 requests" in str(found)


def test_an_endpoint_without_the_method_fails_over() -> None:
    """A refusal that no narrower range mends."""
    chain = LogChain(50, {5: 2})

    def without(method: str, _: list[Any], result: Any) -> Any:
        return Refusal(-32601, "the method eth_getLogs does not exist") if method == "eth_getLogs" else result

    with Server(chain.changed(without)) as bad, Server(chain.answer) as good:
        [found] = read_logs([bad.url], ALL)
        assert isinstance(found, ProviderUnavailable)
        assert "does not exist" in str(found)
        assert numbers(read_logs([bad.url, good.url], ALL)[0]) == [5_000, 5_001]


def test_a_range_that_takes_too_long_is_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that never answers more than ten blocks."""
    monkeypatch.setattr("aggregator.reading.client.TIMEOUT_S", 0.3)
    chain = LogChain(39, {5: 1, 35: 1})

    def answer(body: Any) -> Reply:
        bodies = body if isinstance(body, list) else [body]
        for one in bodies:
            if one["method"] == "eth_getLogs":
                first, last = (int(one["params"][0][key], 16) for key in ("fromBlock", "toBlock"))
                if last - first + 1 > 10:
                    return Reply(silent=True)
        return chain.answer(body)

    with Server(answer) as server:
        [found] = read_logs([server.url], ALL)
    assert numbers(found) == [5_000, 35_000]


# --- endpoints that lag, lie, or follow another history


def test_an_endpoint_that_lags_never_shortens_the_answer() -> None:
    """It would answer the range with what it has: the next endpoint is asked, or it is told."""
    chain = LogChain(50, {5: 1, 45: 1})
    behind = LogChain(40, {5: 1, 45: 1})
    with Server(chain.answer) as good, Server(behind.answer) as bad:

        def pinned(method: str, params: list[Any]) -> Any:
            """Answers pins like the first, everything else like the second."""
            at_head = method == "eth_getBlockByNumber" and params[0] == "latest"
            return (chain if at_head else behind).result(method, params)

        with Server(rpc(pinned)) as split:
            [found] = read_logs([split.url], ALL)
            assert isinstance(found, BlockUnavailable)
            assert numbers(read_logs([split.url, good.url], ALL)[0]) == [5_000, 45_000]
        assert numbers(read_logs([bad.url], ALL)[0]) == [5_000]  # at its own latest block


def test_a_reorganisation_between_pin_and_logs_is_raised() -> None:
    """The endpoint had the block, and has another one now."""
    chain = LogChain(50, {5: 1})

    def reorganised(method: str, _: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber":
            chain.fork = 1  # from the first header on
        return result

    with Server(chain.changed(reorganised)) as server, pytest.raises(Reorganised):
        read_logs([server.url], ALL)


def test_another_branch_is_not_mixed_in() -> None:
    """An endpoint that never had the pinned block is passed over."""
    chain, other = LogChain(50, {5: 1}), LogChain(50, {5: 1, 6: 1}, fork=1)
    unable = chain.changed(
        lambda method, _, result: Refusal(-32601, "no such method") if method == "eth_getLogs" else result
    )
    with Server(unable) as first, Server(other.answer) as branch, Server(chain.answer) as good:
        assert numbers(read_logs([first.url, branch.url, good.url], ALL)[0]) == [5_000]
        with pytest.raises(Reorganised, match="another block 50"):  # whoever answers knows no such block
            read_logs([first.url, branch.url], ALL)


def first_log(**changes: Any) -> Callable[[Any], Any]:
    """Changes the first log of an answer."""
    return lambda logs: [{**logs[0], **changes}, *logs[1:]]


HOSTILE: dict[str, Callable[[Any], Any]] = {
    "a log of another contract": first_log(address=ELSEWHERE),
    "a log of another event": first_log(topics=["0x" + "12" * 32]),
    "a log without topics": first_log(topics=[]),
    "a log of a block before": first_log(blockNumber="0x1"),
    "a log of a block after": lambda logs: [*logs, {**logs[-1], "blockNumber": "0x33"}],
    "a removed log": first_log(removed=True),
    "a pending log": first_log(blockNumber=None),
    "a log twice": lambda logs: [logs[0], *logs],
    "logs backwards": lambda logs: logs[::-1],
    "two hashes of one block": first_log(blockHash="0x" + "12" * 32),
    "an address that is none": first_log(address="0x12"),
    "a number as number": first_log(logIndex=5),
    "a negative number": first_log(logIndex="-0x1"),
    "a number with a line": first_log(logIndex="0x1\n"),
    "a number above 64 bits": first_log(logIndex="0x" + "f" * 17),
    "half a byte of data": first_log(data="0x123"),
    "data as bytes": first_log(data=[1, 2]),
    "topics as text": first_log(topics="0x"),
    "five topics": first_log(topics=["0x" + NOTED.topic.hex()] * 5),
    "no hash": lambda logs: [{k: v for k, v in logs[0].items() if k != "blockHash"}, *logs[1:]],
    "no log": lambda logs: [*logs, "log"],
    "nothing": lambda _: None,
    "a text": lambda _: "logs",
    "a table": lambda _: {"logs": []},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_no_honest_endpoint_answers_is_malformed(case: str) -> None:
    """No crash, no log that was not asked for."""
    chain = LogChain(50, {5: 2, 45: 2})
    change = HOSTILE[case]

    def hostile(method: str, _: list[Any], result: Any) -> Any:
        return change(result) if method == "eth_getLogs" else result

    with Server(chain.changed(hostile)) as server:
        [found] = read_logs([server.url], replace(ALL, from_block=5))
    assert isinstance(found, MalformedReply | Reorganised)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["0x", "0x1", LOGGER]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@hypothesis_settings(max_examples=60)
@given(key=st.sampled_from(["whole", "entry", *LogChain(1).log(0, 0)]), value=json_values)
def test_arbitrary_json_is_an_error_or_the_logs(key: str, value: Any) -> None:
    """Whatever stands in a log's fields, in place of a log, or of all of them."""
    chain = LogChain(50, {5: 2})

    def hostile(method: str, _: list[Any], result: Any) -> Any:
        if method != "eth_getLogs":
            return result
        if key == "whole":
            return value
        return [result[0], value] if key == "entry" else [{**result[0], key: value}, result[1]]

    with Server(chain.changed(hostile)) as server:
        try:
            [found] = read_logs([server.url], ALL)
        except ReadError:
            return
    assert isinstance(found, ReadError) or {log.address for log in found} <= {LOGGER}
