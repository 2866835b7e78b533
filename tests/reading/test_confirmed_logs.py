"""Logs on which several endpoints must agree: one that leaves a log out removes nothing silently."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aggregator.model.errors import Disagreement, ProviderUnavailable
from aggregator.reading import confirm
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.sqlite_cache import SqliteCache
from tests.devnet.node import Node
from tests.reading.kit import CHAIN
from tests.reading.log_chain import ALL, WHO, LogChain, emit, numbers, read_logs
from tests.reading.servers import Refusal, Server, proxy

COUNTS = {5: 2, 40: 1, 60: 1, 95: 3}


def names(*servers: Server) -> list[Endpoint]:
    """Each with a name of its own."""
    return [Endpoint(f"number {i}", server.url) for i, server in enumerate(servers, 1)]


def without(node: Node, change: Callable[[list[Any]], list[Any]]) -> Callable[[str, list[Any]], Any]:
    """For a proxy of a node that changes the logs which it answers."""

    def changed(method: str, params: list[Any]) -> Any:
        return change(node.rpc(method, *params)) if method == "eth_getLogs" else None  # type: ignore[arg-type]

    return changed


def asked(server: Server) -> int:
    """How many ranges of logs an endpoint was asked for."""
    return str(server.requests).count("eth_getLogs")


CHANGES: dict[str, Callable[[list[Any]], list[Any]]] = {
    "without the last": lambda logs: logs[:-1],
    "without the first": lambda logs: logs[1:],
    "without any": lambda logs: [],  # noqa: ARG005
    "with other data": lambda logs: [*logs[:-1], {**logs[-1], "data": "0x" + "7" * 64}],
    "of another argument": lambda logs: [
        *logs[:-1],
        {**logs[-1], "topics": [logs[-1]["topics"][0], f"0x{2:064x}"]},
    ],
    "with another index": lambda logs: [*logs[:-1], {**logs[-1], "logIndex": "0x7"}],
}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("how", CHANGES)
def test_logs_that_differ_are_a_disagreement(node: Node, how: str, *, first: bool) -> None:
    """Whichever endpoint leaves one out or changes it: both are named, and nothing is answered."""
    for i in range(4):
        emit(node, WHO[0], i)
    with Server(proxy(node.url)) as sound, Server(proxy(node.url, without(node, CHANGES[how]))) as odd:
        both = names(odd, sound) if first else names(sound, odd)
        with pytest.raises(Disagreement, match=r"number 1 and number 2: answer differently with .* logs"):
            read_logs(both, ALL, confirm=2)
        alone = read_logs([odd.url], ALL)
    assert len(numbers(alone[0])) <= 4  # one endpoint alone is believed, which is why there is `confirm`


def test_two_that_agree_are_each_asked_once(node: Node) -> None:
    """The same logs as of one; without `confirm` the second is not asked."""
    for i in range(4):
        emit(node, WHO[0], i)
    with Server(proxy(node.url)) as one, Server(proxy(node.url)) as two:
        [alone] = read_logs(names(one, two), ALL)
        assert (asked(one), asked(two)) == (1, 0)
        [both] = read_logs(names(one, two), ALL, confirm=2)
        assert (asked(one), asked(two)) == (2, 1)
    assert both == alone
    assert numbers(both) == [0, 1, 2, 3]


def test_a_third_confirms_where_the_second_refuses_and_nobody_is_a_failure(node: Node) -> None:
    """Never an answer by one alone."""
    emit(node, WHO[0], 1)

    def refuses(method: str, _: list[Any]) -> Any:
        return Refusal(-32601, "the method does not exist") if method == "eth_getLogs" else None

    with (
        Server(proxy(node.url)) as one,
        Server(proxy(node.url, refuses)) as two,
        Server(proxy(node.url)) as three,
    ):
        assert numbers(read_logs(names(one, two, three), ALL, confirm=2)[0]) == [1]
        [found] = read_logs(names(one, two), ALL, confirm=2)
    assert isinstance(found, ProviderUnavailable)
    assert "number 1: nobody else confirms" in str(found)


def test_the_narrower_endpoint_decides_how_wide_ranges_are() -> None:
    """A range that one of the two refuses is halved for both, down to where both answer."""
    wide, narrow = LogChain(300, COUNTS), LogChain(300, COUNTS, most_blocks=40)
    for first, second in ((wide, narrow), (narrow, wide)):
        with Server(first.answer) as one, Server(second.answer) as two:
            [found] = read_logs(names(one, two), ALL, confirm=2)
        assert numbers(found) == [int(log["data"], 16) for log in wide.logs(0, 300)]


def test_an_endpoint_that_lags_a_little_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It had the block when it was pinned; behind a balancer the next answer may come from a node without."""
    monkeypatch.setattr(confirm, "LAG_S", 0.01)
    chain = LogChain(300, COUNTS)
    late = iter([None])

    def behind(method: str, _: list[Any], result: Any) -> Any:
        lags = method == "eth_getLogs" and next(late, "") is None
        return Refusal(-32000, "unknown block") if lags else result

    with Server(chain.answer) as one, Server(chain.changed(behind)) as two:
        [found] = read_logs(names(one, two), ALL, confirm=2)
    assert len(numbers(found)) == 7
    assert next(late, "") == ""


def test_what_one_alone_said_is_not_used_from_the_cache(tmp_path: Path) -> None:
    """A log that was left out once would be missing for ever; what two agreed on is used again."""
    chain = LogChain(100, COUNTS, finalized=80)
    lacking = LogChain(100, {**COUNTS, 40: 0}, finalized=80)
    with SqliteCache(tmp_path / "reading.sqlite") as cache:
        with Server(lacking.answer) as server:
            assert len(numbers(read_logs([server.url], ALL, cache=cache)[0])) == 6
        with Server(chain.answer) as one, Server(chain.answer) as two:
            for _ in range(2):
                [found] = read_logs(names(one, two), ALL, cache=cache, confirm=2)
                assert len(numbers(found)) == 7
        assert chain.asked == [(0, 100), (0, 100), (81, 100), (81, 100)]
        assert len(cache.stretches(CHAIN, ALL.filter_key, 0, 200)) == 1  # for reads by one alone
