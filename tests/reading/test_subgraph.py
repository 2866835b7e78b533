"""Subgraphs: all rows of one block or a failure by name, whatever the endpoint does."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aggregator.contract import Read, Request, ask
from aggregator.model.errors import (
    BlockUnavailable,
    NoSubgraph,
    ProviderUnavailable,
    StaleSource,
    SubgraphRefused,
)
from aggregator.model.readings import Block, Failure
from aggregator.reading import subgraph as subgraph_module
from aggregator.reading.chain import ChainReader
from aggregator.reading.client import Client
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.recording import Recording
from aggregator.reading.run import drive, run
from aggregator.reading.source import ChainSource
from aggregator.reading.tapes import Recorder, Replay
from aggregator.reading.transport import Rpc
from tests.devnet.node import Node
from tests.reading.contracts import HEIGHT, NUMBER
from tests.reading.graph_server import DEPLOYMENT, Graph
from tests.reading.kit import CHAIN, SmallAdapter, jobs, replies, texts
from tests.reading.own_graph import (
    KEY,
    OWNER,
    REQUEST,
    SCHEMA,
    THINGS,
    block_of,
    failure,
    graph_of,
    only,
    read,
    reading,
    things,
)
from tests.reading.servers import Server


def test_rows_are_of_the_pinned_block(node: Node) -> None:
    """Asked by its hash, in one request; those of others and of other blocks are not among them."""
    graph = graph_of(node)
    number, block_hash = block_of(node)
    graph.index(number + 1, "0x" + "ff" * 32, things=[])
    found = only(node, graph)
    assert found.rows == (("thing-000000", 0), ("thing-000001", 10**20), ("thing-000002", 2 * 10**20))
    assert (found.number, found.hash, found.lag, found.deployment) == (number, block_hash, 0, DEPLOYMENT)
    assert found.warnings == ()
    [asked] = graph.queries
    assert asked["variables"]["block"] == {"hash": block_hash}


@pytest.mark.parametrize("count", [0, 999, 1000, 1001, 5_500])
def test_any_number_of_rows(node: Node, count: int) -> None:
    """In pages by cursor, all of one block, none twice."""
    graph = graph_of(node, count)
    found = only(node, graph)
    assert [row[1] for row in found.rows] == [i * 10**20 for i in range(count)]
    assert len(graph.queries) == count // 1000 + 1
    assert {str(query["variables"]["block"]) for query in graph.queries} == {str({"hash": found.hash})}


def test_more_rows_than_there_may_be_are_none(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure that says so, not the first of them."""
    monkeypatch.setattr(subgraph_module, "MAX_ROWS", 2_000)
    assert len(only(node, graph_of(node, 1_999)).rows) == 1_999
    error = failure(node, graph_of(node, 2_500))
    assert isinstance(error, ProviderUnavailable)
    assert "more than 2,000 rows of things" in str(error)


def test_calls_and_subgraphs_share_a_round(node: Node) -> None:
    """In the order in which they were asked for."""

    def mixed() -> Read[Any]:
        wanted: list[Request[Any]] = [REQUEST, NUMBER.at(HEIGHT), REQUEST]
        return (yield from ask(wanted))

    with Server(graph_of(node)) as server:
        found, rounds = reading(node, server.url, lambda source, block: drive(mixed(), source, block))
        assert len(server.requests) == 1
    assert rounds == 1
    assert found[0] == found[2]
    assert found[1] == node.block_number


def test_one_that_takes_no_hash_is_asked_by_number(node: Node) -> None:
    """Its head says that it has the block; what it does not say, its hash, is not invented."""
    graph = graph_of(node)
    graph.hashes = False
    found = only(node, graph)
    assert (len(found.rows), found.number, found.hash, found.lag) == (3, node.block_number, None, 0)


def test_another_branch_is_none(node: Node) -> None:
    """The same number with another hash: rows of a history that the chain does not have."""
    graph = Graph(SCHEMA)
    graph.index(node.block_number, "0x" + "ab" * 32, things=things(3))
    error = failure(node, graph)
    assert isinstance(error, BlockUnavailable)
    assert "another branch" in str(error)


def test_a_little_behind_is_said(node: Node) -> None:
    """Its own head is answered, with how far that is behind."""
    node.mine(10)
    found = only(node, graph_of(node, behind=4))
    assert (found.number, found.lag, len(found.rows)) == (node.block_number - 4, 4, 3)
    assert found.warnings == (
        f"subgraph things is 4 blocks behind: what it says is of block {node.block_number - 4:,}",
    )


@pytest.mark.parametrize("most", [50, 0])
def test_too_far_behind_is_stale(node: Node, most: int) -> None:
    """Indexing has halted, and `hasIndexingErrors` is false: blocks tell."""
    node.mine(most + 1)
    graph = graph_of(node, behind=most + 1)
    error = failure(node, graph, max_lag_blocks=most)
    assert isinstance(error, StaleSource)
    assert (error.pinned - error.head, error.most) == (most + 1, most)
    assert f"{most + 1} before block {node.block_number}" in str(error)
    node.mine()
    assert only(node, graph_of(node, behind=most), max_lag_blocks=most).lag == most


def test_rows_of_the_head_for_a_hash_that_it_lacks(node: Node) -> None:
    """Some answered so, and repeated the hash that was asked for: the head gives them away."""
    node.mine(60)
    graph = graph_of(node, behind=60)
    graph.echoes = True
    assert isinstance(failure(node, graph), StaleSource)
    near = graph_of(node, behind=5)
    near.echoes = True
    assert only(node, near).lag == 5


def test_indexing_errors_are_said(node: Node) -> None:
    """Refused by name where the subgraph refuses, a warning where it answers all the same."""
    graph = graph_of(node)
    graph.indexing_errors = True
    error = failure(node, graph)
    assert isinstance(error, SubgraphRefused)
    assert "indexing_error" in str(error)

    def flagged(_: int, reply: dict[str, Any]) -> dict[str, Any]:
        reply["data"]["_meta"]["hasIndexingErrors"] = True
        return reply

    assert "may be wrong" in str(only(node, replace(graph_of(node), change=flagged)).warnings)


def test_one_that_is_not_configured_is_told(node: Node) -> None:
    """By another name, or with two of one schema; one is found by its name or its schema."""
    by_schema = THINGS.of("test-things", owner=OWNER)
    assert len(only(node, graph_of(node), by_schema).rows) == 3
    [error] = read(node, graph_of(node), replies([THINGS.of("absent", owner=OWNER)]))
    assert isinstance(error, NoSubgraph)
    assert "without a subgraph 'absent'" in str(error)

    async def none() -> list[Any]:
        async with Client() as client:
            reader = ChainReader(Rpc([Endpoint.of(node.url)], CHAIN, client))
            return (await drive(replies([REQUEST]), reader, await reader.pin("latest")))[0]

    assert isinstance(asyncio.run(none())[0], NoSubgraph)


def test_a_recording_answers_as_it_was_answered(node: Node, tmp_path: Path) -> None:
    """Rows and failures, byte for byte; version 3 of the format only where there are such replies."""

    def read_of(_: Any, __: Block) -> Read[Any]:
        wanted: list[Request[Any]] = [REQUEST, THINGS.of("absent", owner=OWNER), NUMBER.at(HEIGHT)]
        found = yield from replies(wanted)
        return [repr(one) for one in found]

    work = jobs(SmallAdapter("a", read_of))
    recording = Recording("local node", {}, {})

    async def record(source: ChainSource, _: Block) -> Any:
        return await run(work, {CHAIN: Recorder(source, recording)}, "latest")

    with Server(graph_of(node, 2_345)) as server:
        live = reading(node, f"{server.url}/{KEY}", record)
    recording.save(tmp_path / "one.cmrec")
    again = Recording.load(tmp_path / "one.cmrec")
    replayed = asyncio.run(run(work, {CHAIN: Replay(CHAIN, again.tapes[CHAIN])}, "latest"))
    assert "thing-002344" in str(texts(live)[0])
    assert "NoSubgraph" in str(texts(live)[0])
    assert texts(replayed) == texts(live)
    again.save(tmp_path / "two.cmrec")
    packed = (tmp_path / "one.cmrec").read_bytes()
    assert (tmp_path / "two.cmrec").read_bytes() == packed
    assert KEY not in str(recording)

    def other(_: Any, __: Block) -> Read[Any]:
        return (yield from ask([THINGS.of("things", owner="0x" + "33" * 20)]))

    [outcome] = asyncio.run(
        run(jobs(SmallAdapter("a", other)), {CHAIN: Replay(CHAIN, again.tapes[CHAIN])}, "latest")
    ).outcomes
    assert isinstance(outcome.result, Failure)
    assert outcome.result.error.code == "not_recorded"


def test_gql_is_imported_only_where_a_subgraph_is_asked() -> None:
    """Its import takes as long as a whole check."""
    code = (
        "import sys, aggregator.contract, aggregator.reading.chain, aggregator.reading.subgraph\n"
        "sys.exit(any(name.split('.')[0] in ('gql', 'graphql') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
