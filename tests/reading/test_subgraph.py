"""Subgraphs: all rows of one block or a failure by name, whatever the endpoint does."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema

from aggregator.contract import Indexed, Query, Read, Request, Row, Subgraph, ask
from aggregator.model.errors import (
    AuthenticationFailed,
    BlockUnavailable,
    MalformedReply,
    NoSubgraph,
    ProviderUnavailable,
    RateLimited,
    ReadError,
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
from aggregator.reading.subgraph import Source, Subgraphs
from aggregator.reading.tapes import Recorder, Replay
from aggregator.reading.transport import Rpc
from tests.devnet.node import Node
from tests.reading.conftest import ATTEMPTS
from tests.reading.contracts import HEIGHT, NUMBER
from tests.reading.graph_server import DEPLOYMENT, Graph, protocol
from tests.reading.kit import CHAIN, SmallAdapter, jobs, replies, texts
from tests.reading.servers import Answer, Reply, Server

OWN = """
type Query {
  _meta(block: Block_height): _Meta_
  things(
    first: Int = 100
    orderBy: Thing_orderBy
    orderDirection: OrderDirection
    where: Thing_filter
    block: Block_height
  ): [Thing!]!
}
type Thing { id: ID! owner: String! amount: BigInt! }
input Thing_filter { id_gt: ID owner: String }
enum Thing_orderBy { id }
"""
SCHEMA = build_schema(protocol() + OWN)
OWNER = "0x" + "11" * 20
KEY = "k3y-0123456789abcdef"


def amount(row: Row) -> tuple[str, int]:
    """Id and amount of a thing."""
    return row.text("id"), row.natural("amount")


THINGS: Query[tuple[str, int]] = Query(
    "things", "amount", schema="own", where="owner: $owner", into=amount, owner="String!"
)
REQUEST = THINGS.of("things", owner=OWNER)


def things(count: int) -> list[dict[str, Any]]:
    """As many of the owner's, and one of somebody else's."""
    own = [{"id": f"thing-{i:06d}", "owner": OWNER, "amount": str(i * 10**20)} for i in range(count)]
    return [*own, {"id": "thing-x", "owner": "0x" + "22" * 20, "amount": "7"}]


def block_of(node: Node, number: int | None = None) -> tuple[int, str]:
    """Number and hash of a block of the node, its latest by default."""
    found = node.block("latest" if number is None else number)
    return int(str(found["number"]), 16), str(found["hash"])


def graph_of(node: Node, count: int = 3, *, behind: int = 0) -> Graph:
    """A subgraph that has indexed the node's latest block, or one before it."""
    graph = Graph(SCHEMA)
    graph.index(*block_of(node, node.block_number - behind), things=things(count))
    return graph


def read(node: Node, answer: Answer, wanted: Read[Any], *, path: str = "", **options: Any) -> Any:
    """What a read comes to that finds this subgraph as `things`; `options` are of Source."""
    with Server(answer) as server:
        return reading(
            node, server.url + path, lambda source, block: drive(wanted, source, block), **options
        )[0]


def reading(node: Node, url: str, use: Callable[[ChainSource, Block], Any], **options: Any) -> Any:
    """What `use` makes of the node's reader with the subgraph at a URL."""

    async def live() -> Any:
        async with Client() as client:
            source = Source(Endpoint("things", url), "test-things", 50)
            reader = ChainReader(
                Rpc([Endpoint.of(node.url)], CHAIN, client),
                subgraphs=Subgraphs([replace(source, **options)], client),
            )
            return await use(reader, await reader.pin("latest"))

    return asyncio.run(live())


def only(node: Node, answer: Answer, request: Subgraph[Any] = REQUEST, **options: Any) -> Indexed[Any]:
    """The reply to one request; raises its error."""
    [found] = read(node, answer, ask([request]), **options)
    assert isinstance(found, Indexed)
    return found


def failure(node: Node, answer: Answer, **options: Any) -> ReadError:
    """The failure of one request, which is a value among replies."""
    found = read(node, answer, replies([REQUEST]), **options)
    [error] = found
    assert isinstance(error, ReadError), found
    return error


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


def test_errors_beside_data_are_a_failure(node: Node) -> None:
    """Never the part that came."""

    def partly(_: int, reply: dict[str, Any]) -> dict[str, Any]:
        return {**reply, "errors": [{"message": "store error: timeout"}, {"message": "again"}]}

    error = failure(node, replace(graph_of(node), change=partly))
    assert isinstance(error, SubgraphRefused)
    assert "beside data: store error: timeout, and 1 more" in str(error)


def moved(number: int, reply: dict[str, Any]) -> dict[str, Any]:
    """The second page is of another block."""
    if number == 2:
        reply["data"]["_meta"]["block"]["hash"] = "0x" + "cd" * 32
    return reply


def redeployed(number: int, reply: dict[str, Any]) -> dict[str, Any]:
    """The second page is of another deployment."""
    reply["data"]["_meta"]["deployment"] = f"Qm{number}"
    return reply


def again(number: int, reply: dict[str, Any]) -> dict[str, Any]:
    """The cursor is ignored: the first page for ever."""
    if number > 1:
        reply["data"]["rows"] = [{"id": f"thing-{i:06d}", "amount": "1"} for i in range(1000)]
    return reply


def backwards(_: int, reply: dict[str, Any]) -> dict[str, Any]:
    """The order is ignored: later pages would miss rows."""
    reply["data"]["rows"].reverse()
    return reply


def without(*path: str) -> Callable[[int, dict[str, Any]], dict[str, Any]]:
    """A reply that lacks something."""

    def change(_: int, reply: dict[str, Any]) -> dict[str, Any]:
        place = reply["data"]
        for name in path[:-1]:
            place = place[name]
        del place[path[-1]]
        return reply

    return change


def said(value: Any, *path: Any) -> Callable[[int, dict[str, Any]], dict[str, Any]]:
    """A reply that says something else."""

    def change(_: int, reply: dict[str, Any]) -> dict[str, Any]:
        place = reply["data"]
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value
        return reply

    return change


HOSTILE: dict[str, Callable[[int, dict[str, Any]], dict[str, Any]]] = {
    "a page of another block": moved,
    "a page of another deployment": redeployed,
    "the same page again": again,
    "rows out of order": backwards,
    "no rows": without("rows"),
    "no head": without("head"),
    "no block": without("_meta", "block"),
    "no hash": without("_meta", "block", "hash"),
    "rows that are null": said(None, "rows"),
    "rows that are a text": said("rows", "rows"),
    "a row that is none": said(7, "rows", 0),
    "an id that is a number": said(7, "rows", 0, "id"),
    "a block number that is a text": said("latest", "_meta", "block", "number"),
    "a block number with a fraction": said(7.0, "head", "block", "number"),
    "a block number below zero": said(-1, "head", "block", "number"),
    "a hash that is none": said("0x12", "_meta", "block", "hash"),
    "a flag that is a number": said(0, "_meta", "hasIndexingErrors"),
    "an amount that is a float": said(1.5e20, "rows", 0, "amount"),
    "an amount that is a word": said("many", "rows", 0, "amount"),
    "an amount with a fraction": said("1.5", "rows", 0, "amount"),
    "an amount below zero": said("-1", "rows", 0, "amount"),
    "an amount beyond 256 bits": said(str(2**256), "rows", 0, "amount"),
    "an amount of a million digits": said("1" * 1_000_000, "rows", 0, "amount"),
    "no field at all": said({}, "rows", 0),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_replies_that_are_none_are_told(node: Node, case: str) -> None:
    """Each is a malformed reply, and never rows."""
    graph = replace(graph_of(node, 1_500), change=HOSTILE[case])
    error = failure(node, graph)
    assert isinstance(error, MalformedReply), error
    assert "things@subgraph things" in str(error)
    assert len(str(error)) < 500


@pytest.mark.parametrize(
    "change",
    [
        said(KEY, "rows", 0, "amount"),
        said({"id": KEY}, "rows", 0),
        said(KEY, "_meta", "block", "hash"),
        lambda number, reply: said(f"{KEY}{number}", "_meta", "deployment")(number, reply),
        said(KEY * 9, "_meta", "deployment"),
    ],
)
def test_a_malformed_reply_does_not_tell_the_key(node: Node, change: Any) -> None:
    """Wherever the subgraph quotes it."""
    graph = replace(graph_of(node, 1_500), change=change)
    [error] = read(node, graph, replies([REQUEST]), path=f"/{KEY}")
    assert isinstance(error, MalformedReply)
    assert KEY not in f"{error}{error!r}"


def test_more_rows_than_were_asked_for(node: Node) -> None:
    """A page that is too long is none: how would the next be asked for?"""

    def longer(_: int, reply: dict[str, Any]) -> dict[str, Any]:
        reply["data"]["rows"] = [{"id": f"{i:06d}", "amount": "1"} for i in range(1_001)]
        return reply

    assert isinstance(failure(node, replace(graph_of(node), change=longer)), MalformedReply)


def test_ids_that_are_no_text_of_any_language(node: Node) -> None:
    """Half of a surrogate pair in an id goes back and forth unharmed, also as a cursor."""

    def odd(number: int, reply: dict[str, Any]) -> dict[str, Any]:
        rows = [{"id": f"{i:06d}\ud800", "amount": "1"} for i in range(1_000)]
        reply["data"]["rows"] = rows if number == 1 else []
        return reply

    assert len(only(node, replace(graph_of(node), change=odd)).rows) == 1_000


TRANSPORT: dict[str, tuple[Reply, type[ReadError], int]] = {
    "500": (Reply(500), ProviderUnavailable, ATTEMPTS),
    "429": (Reply(429), RateLimited, ATTEMPTS),
    "401": (Reply(401, KEY.encode()), AuthenticationFailed, 1),
    "404": (Reply(404, KEY.encode()), ProviderUnavailable, 1),
    "a page": (Reply(200, b"<html>login</html>"), ProviderUnavailable, ATTEMPTS),
    "a redirect": (Reply(302, b"", {"location": "http://127.0.0.1:1/"}), ProviderUnavailable, 1),
    "a cut reply": (Reply(200, b'{"data": {', cut=5), ProviderUnavailable, ATTEMPTS),
    "nothing": (Reply(200, b""), ProviderUnavailable, ATTEMPTS),
    "a list": (Reply(200, b"[1]"), ProviderUnavailable, ATTEMPTS),
    "not a number": (Reply(200, b'{"data": {"rows": [NaN]}}'), ProviderUnavailable, ATTEMPTS),
    "nested too deeply": (Reply(200, b'{"data":' + b"[" * 200_000), ProviderUnavailable, ATTEMPTS),
    "neither data nor errors": (Reply(200, b"{}"), ProviderUnavailable, 1),
    "errors that are none": (Reply(200, b'{"data": {}, "errors": "x"}'), ProviderUnavailable, 1),
    "a limit as an error": (Reply(200, b'{"errors": [{"message": "rate limit"}]}'), RateLimited, ATTEMPTS),
    "a key as an error": (
        Reply(200, f'{{"errors": [{{"message": "auth error: API key {KEY} not found"}}]}}'.encode()),
        AuthenticationFailed,
        1,
    ),
    "errors that quote it": (
        Reply(200, f'{{"errors": [{{"message": "no subgraph at /{KEY}"}}, 5, null]}}'.encode()),
        SubgraphRefused,
        2,  # by hash, then its head
    ),
}


@pytest.mark.parametrize("case", TRANSPORT)
def test_what_is_no_answer_is_told_without_the_key(
    node: Node, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With the retries, limits and names of JSON-RPC endpoints."""
    reply, kind, requests = TRANSPORT[case]
    caplog.set_level("DEBUG")
    with Server(lambda _: reply) as server:
        wanted = replies([REQUEST])
        url = f"{server.url}/{KEY}"
        [error], _ = reading(node, url, lambda source, block: drive(wanted, source, block))
        assert len(server.requests) == requests
    assert type(error) is kind
    assert "things" in str(error)
    assert KEY not in f"{error} {error!r} {caplog.text}"
    assert all(KEY not in str(vars(record)) for record in caplog.records)


def test_a_reply_has_a_limit_of_size(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is behind it is not read."""
    monkeypatch.setattr("aggregator.reading.client.MAX_REPLY_BYTES", 5_000)
    error = failure(node, graph_of(node, 900))
    assert isinstance(error, ProviderUnavailable)
    assert "over 5000 bytes" in str(error)


def test_a_silent_one_ends_at_the_deadline(node: Node) -> None:
    """By name, and the calls beside it stand."""

    async def live(url: str) -> list[Any]:
        async with Client() as client:
            source = Source(Endpoint("things", url), "test-things", 50)
            rpc = Rpc([Endpoint.of(node.url)], CHAIN, client)
            reader = ChainReader(rpc, subgraphs=Subgraphs([source], client), deadline_s=1.0)
            wanted: list[Request[Any]] = [REQUEST, NUMBER.at(HEIGHT)]
            found, _ = await drive(replies(wanted), reader, await reader.pin("latest"))
            return found

    with Server(lambda _: Reply(silent=True)) as server:
        error, height = asyncio.run(live(server.url))
    assert isinstance(error, ProviderUnavailable)
    assert (error.endpoint, height) == ("things", node.block_number)


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
