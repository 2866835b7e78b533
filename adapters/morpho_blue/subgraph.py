"""What a subgraph of Morpho Blue says: the markets that a wallet ever used, and the contract it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aggregator.contract import Deployment, Query, Read, Row, ask, both
from aggregator.model.errors import Unsupported
from aggregator.model.units import Address

SCHEMA = "morpho-blue"
"""What the user's configuration calls the schema."""
_MARKET = re.compile(r"0x[0-9a-fA-F]{64}")


def market_id(row: Row) -> bytes:
    """The market of a position, 32 bytes; raises ValueError where it is none."""
    found = row.text("market", "id")
    if not _MARKET.fullmatch(found):
        raise ValueError(f"market.id is no id of a market: {found[:80]!r}")
    return bytes.fromhex(found[2:])


def contract(row: Row) -> Address:
    """The contract that is indexed."""
    return row.address("id")


# Closed positions, too: what a wallet has now is for the contract to say.
MARKETS: Query[bytes] = Query(
    "positions",
    "market { id }",
    schema=SCHEMA,
    where="account: $account",
    into=market_id,
    account="String!",
)
CONTRACTS: Query[Address] = Query("lendingProtocols", "", schema=SCHEMA, id_type="Bytes", into=contract)


@dataclass(frozen=True, slots=True)
class Indexed:
    """Markets that a wallet used until the end of block `number`, `lag` blocks before the pinned one."""

    markets: tuple[bytes, ...]
    number: int
    lag: int
    warnings: tuple[str, ...]


def read_markets(deployment: Deployment, source: str, wallet: Address) -> Read[Indexed]:
    """One round; raises the subgraph's failure, Unsupported where it is one of another contract."""
    _, [found] = yield from both(
        check_contract(deployment, source), ask([MARKETS.of(source, account=wallet)])
    )
    return Indexed(found.rows, found.number, found.lag, found.warnings)


def check_contract(deployment: Deployment, source: str) -> Read[int]:
    """The block that the subgraph has indexed, in one round.

    Raises Unsupported where it is about another contract: no position there would look like none here.
    """
    [found] = yield from ask([CONTRACTS.of(source)])
    morpho = deployment.addresses["morpho"]
    if morpho not in found.rows:
        about = ", ".join(found.rows) or "no contract"
        raise Unsupported(
            f"subgraph {source} for {deployment.name}",
            f"it is about {about}, not {morpho}: name the right one in options.subgraph",
        )
    return found.number
