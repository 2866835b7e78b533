"""A subgraph of a schema of our own, and reads of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from graphql import build_schema

from aggregator.contract import Indexed, Query, Read, Row, Subgraph, ask
from aggregator.model.errors import ReadError
from aggregator.model.readings import Block
from aggregator.reading.chain import ChainReader
from aggregator.reading.client import Client
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.run import drive
from aggregator.reading.source import ChainSource
from aggregator.reading.subgraph import Source, Subgraphs
from aggregator.reading.transport import Rpc
from tests.devnet.node import Node
from tests.reading.graph_server import Graph, protocol
from tests.reading.kit import CHAIN, replies
from tests.reading.servers import Answer, Server

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
