"""In which markets a wallet may have a position: listed in the configuration, or found in logs or a subgraph.

Morpho can't enumerate. A position begins with supply or collateral on its owner's behalf (debt needs
collateral first), so that two events name every market that a wallet ever used. The one exception is the
recipient of the protocol's fees, who gets supply shares without an event. A subgraph names the same markets
until the block that it has indexed; from there on logs do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NewType

from adapters.morpho_blue import subgraph
from adapters.morpho_blue.calls import SUPPLY, SUPPLY_COLLATERAL
from aggregator.contract import Deployment, Logs, Read, ask
from aggregator.model.errors import BadConfiguration
from aggregator.model.units import Address

MarketId = NewType("MarketId", bytes)
"""32 bytes: the hash of a market's parameters."""

OVERLAP = 64
"""Blocks before a subgraph's last one that logs are looked at again: it may have followed another branch."""
_HEX = "0123456789abcdef"


class Discovery(StrEnum):
    """Where the markets of a wallet are known from."""

    LISTED = "listed"
    LOGS = "logs"
    GRAPHQL = "graphql"


@dataclass(frozen=True, slots=True)
class Discovered:
    """The markets to look at, each once, and sentences for the user."""

    markets: tuple[MarketId, ...]
    warnings: tuple[str, ...] = ()


def discover(deployment: Deployment, wallet: Address) -> Read[Discovered]:
    """No round if markets are listed, one for logs; one for a subgraph, and one more where that is behind.

    Raises the failure of the subgraph or of logs: what they may have named is not nothing.
    """
    match discovery_of(deployment):
        case Discovery.LISTED:
            return Discovered(listed_markets(deployment))
        case Discovery.LOGS:
            return Discovered((yield from _logged(deployment, wallet, deployment.first_block or 0)))
        case Discovery.GRAPHQL:
            return (yield from _indexed(deployment, wallet))


def _indexed(deployment: Deployment, wallet: Address) -> Read[Discovered]:
    """What a subgraph names; what began after its last block is found in logs."""
    found = yield from subgraph.read_markets(deployment, subgraph_of(deployment), wallet)
    markets = [MarketId(market) for market in found.markets]
    warnings = found.warnings
    if found.lag:
        since = max(found.number + 1 - OVERLAP, deployment.first_block or 0, 0)
        markets += yield from _logged(deployment, wallet, since)
        warnings = (*warnings, f"{deployment.name}: markets used since block {found.number:,} are from logs")
    return Discovered(tuple(dict.fromkeys(markets)), warnings)


def _logged(deployment: Deployment, wallet: Address, since: int) -> Read[tuple[MarketId, ...]]:
    [logs] = yield from ask([_supplies(deployment, wallet, since)])
    events = {event.topic: event for event in (SUPPLY, SUPPLY_COLLATERAL)}
    found = (events[log.topics[0]].decode(log).market for log in logs)
    return tuple(dict.fromkeys(MarketId(market) for market in found))


def _supplies(deployment: Deployment, wallet: Address, since: int) -> Logs:
    """Both events in one request: their indexed arguments are the same."""
    morpho = deployment.addresses["morpho"]
    supply = SUPPLY.logs(morpho, None, None, wallet, from_block=since)
    return replace(supply, topics=((SUPPLY.topic, SUPPLY_COLLATERAL.topic), *supply.topics[1:]))


def discovery_of(deployment: Deployment) -> Discovery:
    """What `options.discovery` says; by default listed if `options.markets` are given, else logs.

    Raises BadConfiguration on another word, or where what it needs is missing.
    """
    listed = "markets" in deployment.options
    chosen = deployment.options.get("discovery", "listed" if listed else "logs")
    if chosen not in list(Discovery):
        allowed = [kind.value for kind in Discovery]
        raise BadConfiguration(deployment.key, f"options.discovery is {chosen!r}, not one of {allowed}")
    if (chosen == Discovery.LISTED) is not listed:
        raise BadConfiguration(
            deployment.key,
            "options.markets are what discovery by 'listed' looks at: "
            + ("remove them, or options.discovery" if listed else "give them"),
        )
    if chosen == Discovery.LOGS and deployment.first_block is None:
        raise BadConfiguration(
            deployment.key,
            "first_block is missing: logs are read from there on; or list options.markets",
        )
    if chosen != Discovery.GRAPHQL and "subgraph" in deployment.options:
        raise BadConfiguration(deployment.key, "options.subgraph is what discovery by 'graphql' asks")
    return Discovery(chosen)


def subgraph_of(deployment: Deployment) -> str:
    """The name of the subgraph to ask, `options.subgraph`, else its schema's; raises BadConfiguration."""
    name = deployment.options.get("subgraph", subgraph.SCHEMA)
    if not isinstance(name, str) or not name:
        raise BadConfiguration(deployment.key, "options.subgraph should be the name of a subgraph")
    return name


def listed_markets(deployment: Deployment) -> tuple[MarketId, ...]:
    """`options.markets`, each once; raises BadConfiguration where one is no id."""
    listed = deployment.options.get("markets", [])
    if not isinstance(listed, list | tuple):
        raise BadConfiguration(deployment.key, "options.markets should be a list of market ids")
    return tuple(dict.fromkeys(market_id(deployment, text) for text in listed))


def market_id(deployment: Deployment, text: object) -> MarketId:
    """A market's id from its text in a configuration; raises BadConfiguration where it is none."""
    digits = text.removeprefix("0x").lower() if isinstance(text, str) else ""
    if len(digits) != 64 or set(digits) - set(_HEX):
        raise BadConfiguration(deployment.key, f"{text!r} is no market id: 0x and 64 hex digits")
    return MarketId(bytes.fromhex(digits))
