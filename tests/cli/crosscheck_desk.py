"""A wallet with a history on a local chain, subgraphs of it on servers, and what is told of both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.adapters.messari.indexers import lending
from tests.cli.runner import Result, crossmargin
from tests.devnet.world import World
from tests.docs.generated import ROOT
from tests.reading.graph_server import Graph
from tests.reading.servers import Server

KEY = "k3y-0123456789abcdef"
DAY_S = 86_400
EXPLAINED = {"equal", "rounding", "interest"}


@dataclass
class Desk:
    """A wallet with a history on Aave, the subgraph of it, and the command line that knows both."""

    world: World
    wallet: str
    since: int
    path: Path
    servers: ExitStack
    asked: list[Server]
    base: str = ""
    """Configuration of the chain, where it is not the world's alone."""

    def configure(self, *subgraphs: tuple[Graph | Any, Mapping[str, Any]]) -> None:
        """These subgraphs, each on a server of its own whose URL carries a key."""
        parts = [self.base or self.world.config()]
        for number, (graph, options) in enumerate(subgraphs):
            server = self.servers.enter_context(Server(graph))
            self.asked.append(server)
            entry = {
                "name": f"sub{number}",
                "chain": 31337,
                "url": f"{server.url}/{KEY}/graph",
                "schema": "messari-lending",
                "adapter": "aave_v3",
                "deployment": "Aave V3.6 local",
                **options,
            }
            lines = [f"{name} = {json.dumps(value)}" for name, value in entry.items() if value is not None]
            parts.append("\n".join(["[[subgraphs]]", *lines]))
        self.path.write_text("\n\n".join(parts), encoding="utf-8")

    def indexed(self, *, version: int = 2) -> Graph:
        """What has happened to the wallet until now."""
        return lending(self.world, self.world.aave_v36, [self.wallet], self.since, version=version)

    def check(self, *options: str) -> Result:
        """The command."""
        return crossmargin("crosscheck", self.wallet, *options)


def live(world: World) -> int:
    """Two supplies and two debts, one of each with a second event, and time between and behind them.

    The block before all of it.
    """
    wallet, market, since = world.spare[0], world.aave_v36, world.node.block_number
    market.supply(wallet, "WETH", 10)
    market.supply(wallet, "USDC", 3_000)
    market.borrow(wallet, "DAI", 4_000)
    market.borrow(wallet, "USDC", 1_000)
    world.node.warp(20 * DAY_S)
    market.supply(wallet, "USDC", 500)
    market.repay(wallet, "DAI", 1_500)
    world.node.warp(9 * DAY_S)
    world.prices.refresh()
    return since


def desks(world: World, since: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk for its spare wallet."""
    path = folder / "desk.toml"
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(path))
    with ExitStack() as servers:
        yield Desk(world, world.spare[0], since, path, servers, [])


def positions(result: Result, subgraph: int = 0) -> dict[tuple[str, str], dict[str, Any]]:
    """What was compared with a subgraph, by kind and name."""
    found = result.json()["data"]["subgraphs"][subgraph]["positions"]
    return {(one["kind"], one["name"]): one for one in found}


def wrong_schema(document: Any) -> list[str]:
    """Where an envelope breaks its schema."""
    schema = json.loads((ROOT / "docs" / "schema" / "crosscheck.json").read_text(encoding="utf-8"))
    return [f"{e.json_path}: {e.message}" for e in Draft202012Validator(schema).iter_errors(document)]


def changed(graph: Graph, change: Any) -> Graph:
    """The last block's positions altered by `change`, which is given them and may add or remove some."""
    last = graph.blocks.pop()
    entities = [dict(one) for one in last.entities["positions"]]
    change(entities)
    graph.index(last.number, last.hash, positions=entities)
    return graph


def more(entities: list[dict[str, Any]]) -> None:
    """Twice the first amount."""
    entities[0]["balance"] = str(2 * int(entities[0]["balance"]))


def less(entities: list[dict[str, Any]]) -> None:
    """Half of it: interest of more than 100% a year."""
    entities[0]["balance"] = str(int(entities[0]["balance"]) // 2)


def missing(entities: list[dict[str, Any]]) -> None:
    """A position that it never saw, such as one of an aToken that was sent."""
    entities.pop(0)


def invented(entities: list[dict[str, Any]]) -> None:
    """A position that the contracts do not have."""
    entities.append({**entities[0], "id": entities[0]["id"] + "-x", "side": "BORROWER"})
