"""Indexes the local chain's real positions as Messari's subgraphs do: as they were after their last event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tests.devnet.aave import Aave
from tests.devnet.aave_deploy import RESERVES
from tests.devnet.chain import Contract
from tests.devnet.node import Node
from tests.devnet.rpc import Json, as_int, as_list, as_object, as_text
from tests.devnet.world import World
from tests.reading.graph_server import Graph, stored_schema

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


def lending(world: World, market: Aave, users: Sequence[str], since: int, *, version: int = 2) -> Graph:
    """A subgraph of a market's users who had their first event at block `since` or later.

    A block per event, and the node's latest one. Balances are read at the block of the event, so that
    interest since then is what it lacks; whatever else a position is comes from the contracts as well.
    """
    graph = Graph(stored_schema("adapters.messari", f"lending-{version}"))
    positions: dict[str, dict[str, Any]] = {}
    for number, user, symbol, token in sorted(events(world.node, market, users, since), key=lambda e: e[0]):
        side = "BORROWER" if token.address == market.debt_token(symbol).address else lender(version)
        identity = position_id(f"{user}-{token.address}-{side}-0", version)
        balance = token.call("balanceOf", user, block=number)
        time = as_int(world.node.block(number)["timestamp"])
        events_so_far = positions.get(identity, {}).get("snapshots", [])
        positions[identity] = {
            "id": identity,
            "account": {"id": user.lower()},
            "market": {
                "id": token.address.lower(),
                "inputToken": {
                    "id": market.asset(symbol).lower(),
                    "symbol": symbol,
                    "decimals": token.call("decimals"),
                },
            },
            "side": side,
            "balance": str(balance),
            "hashClosed": None if balance else "0x" + "cc" * 32,
            "timestampOpened": events_so_far[0]["timestamp"] if events_so_far else str(time),
            "blockNumberOpened": events_so_far[0]["blockNumber"] if events_so_far else str(number),
            "snapshots": [
                *events_so_far,
                {"id": f"{number}", "timestamp": str(time), "blockNumber": str(number)},
            ],
        }
        index(graph, world.node, number, positions.values())
    index(graph, world.node, world.node.block_number, positions.values())
    return graph


def lender(version: int) -> str:
    """What the schema calls the side that lends."""
    return "LENDER" if version == 2 else "COLLATERAL"


def position_id(text: str, version: int) -> str:
    """A text in version 2, bytes in version 3."""
    return text.lower() if version == 2 else "0x" + text.lower().encode().hex()


def events(
    node: Node, market: Aave, users: Sequence[str], since: int
) -> Iterator[tuple[int, str, str, Contract]]:
    """Block, user, symbol and aToken or debt token of every transfer, mint and burn."""
    words = {"0x" + user[2:].lower().rjust(64, "0"): user for user in users}
    for symbol in RESERVES:
        for token in (market.a_token(symbol), market.debt_token(symbol)):
            wanted: dict[str, Json] = {
                "fromBlock": hex(since),
                "toBlock": "latest",
                "address": token.address,
                "topics": [TRANSFER],
            }
            for log in map(as_object, as_list(node.rpc("eth_getLogs", wanted))):
                for topic in as_list(log["topics"])[1:3]:
                    if (user := words.get(as_text(topic))) is not None:
                        yield as_int(log["blockNumber"]), user, symbol, token


def index(graph: Graph, node: Node, number: int, positions: Iterable[dict[str, Any]]) -> None:
    """A block of the node with these positions."""
    graph.index(number, as_text(node.block(number)["hash"]), positions=[dict(one) for one in positions])


def derivatives(world: World, schema: str, positions: Sequence[dict[str, Any]]) -> Graph:
    """A subgraph of perps or options at the node's latest block."""
    graph = Graph(stored_schema("adapters.messari", schema))
    index(graph, world.node, world.node.block_number, positions)
    return graph


def weth(world: World) -> dict[str, Any]:
    """The token by which such subgraphs know ETH."""
    return {"id": world.tokens["WETH"].address.lower(), "symbol": "WETH", "decimals": 18}


def perp(world: World, user: str, side: str, balance: int) -> dict[str, Any]:
    """An open position in ETH."""
    return {
        "id": "0x" + f"{user}-{side}".lower().encode().hex(),
        "account": {"id": user.lower()},
        "asset": weth(world),
        "side": side,
        "balance": str(balance),
    }


def option(world: World, user: str, right: str, strike: str, expiry: int, amount: int) -> dict[str, Any]:
    """An option on ETH that was taken and not closed."""
    return {
        "id": "0x" + f"{user}-{right}-{strike}".lower().encode().hex(),
        "account": {"id": user.lower()},
        "asset": weth(world),
        "amount": str(amount),
        "closedTimestamp": None,
        "option": {
            "id": "0x01",
            "type": right,
            "name": f"ETH {right} {strike}",
            "underlyingAsset": weth(world),
            "strikePrice": strike,
            "expirationTimestamp": str(expiry),
        },
    }
