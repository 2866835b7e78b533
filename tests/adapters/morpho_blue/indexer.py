"""Indexes the real local Morpho as its public subgraph does: positions by owner, market and side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eth_utils.crypto import keccak

from adapters.morpho_blue.subgraph import SCHEMA
from tests.devnet.rpc import Json, as_list, as_object, as_text
from tests.reading.graph_server import Graph, stored_schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.devnet.morpho import MorphoBlue
    from tests.devnet.world import World

# Which side an event opens, and which of its topics is the owner.
OPENING = {
    "Supply(bytes32,address,address,uint256,uint256)": ("SUPPLIER", 3),
    "SupplyCollateral(bytes32,address,address,uint256)": ("COLLATERAL", 3),
    "Borrow(bytes32,address,address,address,uint256,uint256)": ("BORROWER", 2),
}


def indexed(world: World, *, upto: int | None = None) -> Graph:
    """A subgraph that has come to block `upto`, by default the node's latest one."""
    number = world.node.block_number if upto is None else upto
    graph = Graph(stored_schema("adapters.morpho_blue", SCHEMA))
    index(graph, world, number, opened(world, world.morpho_blue, number))
    return graph


def index(
    graph: Graph,
    world: World,
    number: int,
    positions: Iterable[dict[str, Any]],
    *,
    contract: str = "",
    block_hash: str = "",
) -> None:
    """One more block with these positions, of the node and its Morpho unless others are named."""
    graph.index(
        number,
        block_hash or as_text(world.node.block(number)["hash"]),
        positions=list(positions),
        lendingProtocols=[{"id": (contract or world.morpho_blue.morpho.address).lower()}],
    )


def opened(world: World, morpho: MorphoBlue, upto: int) -> list[dict[str, Any]]:
    """Positions that events opened until a block, those that were closed again included."""
    by_topic = {"0x" + keccak(text=event).hex(): of for event, of in OPENING.items()}
    wanted: dict[str, Json] = {
        "address": morpho.morpho.address,
        "fromBlock": "0x0",
        "toBlock": hex(upto),
        "topics": [list(by_topic)],
    }
    found: dict[str, dict[str, Any]] = {}
    for log in map(as_object, as_list(world.node.rpc("eth_getLogs", wanted))):
        topics = [as_text(topic) for topic in as_list(log["topics"])]
        side, at = by_topic[topics[0]]
        owner, market = "0x" + topics[at][-40:], topics[1]
        identity = f"{owner}-{market}-{side}-0"
        found[identity] = {"id": identity, "account": {"id": owner}, "market": {"id": market}}
    return list(found.values())
