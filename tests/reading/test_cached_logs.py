"""Finalized logs from the cache: fewer requests, the same logs, and none of another history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from aggregator.model.errors import ProviderUnavailable
from aggregator.reading.cache import LogCache, Stretch
from aggregator.reading.sqlite_cache import SqliteCache
from tests.devnet.node import Node
from tests.reading.kit import CHAIN
from tests.reading.log_chain import ALL, NOTED, WHO, LogChain, emit, numbers, read_logs
from tests.reading.servers import Refusal, Server

COUNTS = {5: 2, 40: 1, 60: 1, 95: 3}


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[SqliteCache]:
    """A cache that is empty."""
    with SqliteCache(tmp_path / "reading.sqlite") as made:
        yield made
        assert made.problem is None


def read_from(
    chain: LogChain, cache: LogCache | None, **blocks: Any
) -> tuple[list[int], list[tuple[int, int]]]:
    """What the logs say, and the ranges that were asked for."""
    before = len(chain.asked)
    with Server(chain.answer) as server:
        [found] = read_logs([server.url], replace(ALL, **blocks), cache=cache)
    return numbers(found), sorted(chain.asked[before:])  # several are under way at once


def expected(chain: LogChain, first: int = 0, last: int = 10**9) -> list[int]:
    """What they should say."""
    return [int(log["data"], 16) for log in chain.logs(first, last)]


def test_only_what_is_new_is_asked_for(cache: SqliteCache) -> None:
    """From the last finalized block on; the rest was kept, and is neither lost nor doubled."""
    chain = LogChain(100, COUNTS, finalized=80)
    assert read_from(chain, cache) == (expected(chain), [(0, 100)])
    chain.head, chain.finalized = 120, 110
    chain.counts[115] = 1
    assert read_from(chain, cache) == (expected(chain), [(81, 120)])
    assert read_from(chain, cache) == (expected(chain), [(111, 120)])
    assert read_from(chain, cache, to_block=70) == (expected(chain, 0, 70), [])
    assert read_from(chain, cache, from_block=41, to_block=100) == (expected(chain, 41, 100), [])
    assert cache.stretches(CHAIN, ALL.filter_key, 0, 200)[0].last == 110


def test_a_warm_read_is_one_request_more_than_its_pin(cache: SqliteCache) -> None:
    """Confirmation and what is new are asked for at once."""
    chain = LogChain(100, COUNTS, finalized=80)
    read_from(chain, cache)
    with Server(chain.answer) as server:
        read_logs([server.url], ALL, cache=cache)
        assert len(server.requests) == 3  # the pin, the tail, the confirmation beside it


def test_gaps_are_filled(cache: SqliteCache) -> None:
    """Ranges that were read one by one become one."""
    chain = LogChain(100, COUNTS, finalized=100)
    read_from(chain, cache, from_block=30, to_block=50)
    read_from(chain, cache, from_block=70, to_block=80)
    assert read_from(chain, cache) == (expected(chain), [(0, 29), (51, 69), (81, 100)])
    assert [(s.first, s.last) for s in cache.stretches(CHAIN, ALL.filter_key, 0, 100)] == [(0, 100)]


def test_nothing_is_kept_without_finality(cache: SqliteCache) -> None:
    """A chain that does not tell what is final."""
    chain = LogChain(100, COUNTS)
    read_from(chain, cache)
    assert cache.stretches(CHAIN, ALL.filter_key, 0, 200) == []


def test_another_filter_has_logs_of_its_own(cache: SqliteCache) -> None:
    """The same blocks of another event argument are asked for."""
    chain = LogChain(100, COUNTS, finalized=100)
    read_from(chain, cache)
    other = NOTED.logs(ALL.addresses, WHO[0])
    with Server(chain.changed(lambda m, _, r: r[:1] if m == "eth_getLogs" else r)) as server:
        assert numbers(read_logs([server.url], other, cache=cache)[0]) == [5_000]
    assert chain.asked == [(0, 100), (0, 100)]


def test_a_chain_that_began_anew_is_not_mixed_with_the_old_one(cache: SqliteCache) -> None:
    """The same id and heights, other blocks and logs, as of a local node."""
    read_from(LogChain(100, COUNTS, finalized=80), cache)
    anew = LogChain(100, {7: 1}, finalized=80, fork=1)
    with Server(anew.answer) as server:
        assert numbers(read_logs([server.url], ALL, cache=cache)[0]) == [7_000]
        assert numbers(read_logs([server.url], ALL, cache=cache)[0]) == [7_000]
    assert anew.asked[-1] == (81, 100)


def test_what_was_read_before_a_failure_is_kept(cache: SqliteCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long history is read in several runs, each of which goes on where the last one failed."""
    monkeypatch.setattr("aggregator.reading.logs.WIDTH", 10)
    chain = LogChain(1_000, dict.fromkeys(range(0, 1_000, 50), 1), finalized=1_000, most_blocks=10)

    def failing(method: str, params: list[Any], result: Any) -> Any:
        beyond = method == "eth_getLogs" and int(params[0]["toBlock"], 16) > 500
        return Refusal(-32601, "not for you") if beyond else result

    with Server(chain.changed(failing)) as server:
        [found] = read_logs([server.url], ALL, cache=cache)
    assert isinstance(found, ProviderUnavailable)
    logs, asked = read_from(chain, cache)
    assert logs == expected(chain)
    assert min(first for first, _ in asked) >= 450


@hypothesis_settings(max_examples=50)
@given(
    garbage=st.lists(
        st.tuples(st.integers(0, 110), st.integers(0, 40), st.booleans(), st.binary(max_size=200)), max_size=5
    )
)
def test_garbage_in_the_cache_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, garbage: list[tuple[int, int, bool, bytes]]
) -> None:
    """Stretches of any bytes, whose hashes are of this chain or not."""
    chain = LogChain(100, COUNTS, finalized=90)
    with SqliteCache(tmp_path_factory.mktemp("garbage") / "reading.sqlite") as cache:
        for first, length, known, packed in garbage:
            block_hash = chain.hash(first + length) if known and packed else "0x" + "77" * 32
            cache.keep_logs(CHAIN, ALL.filter_key, [Stretch(first, first + length, block_hash, packed)])
        for _ in range(2):
            assert read_from(chain, cache)[0] == expected(chain)


def test_a_real_node_that_reorganises_what_it_called_final(own_node: Node, cache: SqliteCache) -> None:
    """Deeper than it should: kept logs are of a block that is gone, and are asked for again."""
    for i in range(4):
        emit(own_node, WHO[0], i)
    own_node.mine(5)
    first = read_logs([own_node.url], ALL, cache=cache)[0]
    assert numbers(first) == [0, 1, 2, 3]
    kept = cache.stretches(CHAIN, ALL.filter_key, 0, 100)[-1]
    own_node.rpc("anvil_rollback", 7)
    emit(own_node, WHO[0], 9)
    own_node.mine(9)
    assert own_node.block(kept.last)["hash"] != kept.hash
    assert numbers(read_logs([own_node.url], ALL, cache=cache)[0]) == [0, 1, 9]
