"""Lending: open positions of an account, a row per market, side and (of some) kind of rate."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from aggregator.contract import Query, Read, Row, SecondSource, ask
from aggregator.model.assets import ListedToken, token_id
from aggregator.model.sightings import Sighting, SightingKind, Sightings
from aggregator.model.units import Address, ChainId, scaled

FIELDS = (
    "side balance timestampOpened blockNumberOpened market { id inputToken { id symbol decimals } } "
    "snapshots(first: 1, orderBy: timestamp, orderDirection: desc) { timestamp blockNumber }"
)
WHERE = "account: $account, hashClosed: null"
SIDES: dict[str, SightingKind] = {"LENDER": "supply", "COLLATERAL": "supply", "BORROWER": "debt"}
"""Version 2 of the schema calls a lender so, version 3 by what is lent."""


@dataclass(frozen=True, slots=True)
class Lent:
    """A position: `balance` in the token's smallest unit as of its last event, at `since` in Unix seconds."""

    id: str
    kind: SightingKind
    token: Address
    symbol: str
    decimals: int
    balance: int
    since: int
    block: int


def lent(row: Row) -> Lent:
    """A position from its row; snapshots are taken after every event, its opening included."""
    side, events = row.text("side"), row.rows("snapshots")
    if side not in SIDES:
        raise ValueError(f"{side!r} is no side of a position")
    return Lent(
        id=row.text("id"),
        kind=SIDES[side],
        token=row.address("market", "inputToken", "id"),
        symbol=row.text("market", "inputToken", "symbol"),
        decimals=row.small("market", "inputToken", "decimals"),
        balance=row.natural("balance"),
        since=events[0].moment("timestamp") if events else row.moment("timestampOpened"),
        block=events[0].moment("blockNumber") if events else row.moment("blockNumberOpened"),
    )


def _positions(schema: str, id_type: Literal["ID", "Bytes"]) -> Query[Lent]:
    return Query(
        "positions", FIELDS, schema=schema, where=WHERE, id_type=id_type, into=lent, account="String!"
    )


POSITIONS_2 = _positions("lending-2", "ID")
POSITIONS_3 = _positions("lending-3", "Bytes")


class Lending:
    """Subgraphs of the schema's version 2 or 3, which differ in the type of their ids."""

    kinds: Collection[SightingKind] = ("supply", "debt")

    def __init__(self, schema: str, query: Query[Lent]) -> None:
        self.schema = schema
        self._query = query

    def unseen(self, kind: SightingKind, amount: Decimal) -> str:  # noqa: ARG002
        """Everything is in the schema but the interest since a position's last event."""
        return ""

    def read(self, subgraph: str, chain: ChainId, owner: Address) -> Read[Sightings]:
        """One round. Positions that are open without a balance are none."""
        request = self._query.of(subgraph, account=owner)
        [found] = yield from ask([request])
        sightings = tuple(
            Sighting(
                kind=row.kind,
                what=token_id(chain, row.token),
                name=row.symbol,
                amount=scaled(row.balance, row.decimals),
                owner=owner,
                origin=f"position {row.id} of {request.origin}",
                since=row.since,
                block=row.block,
            )
            for row in found.rows
            if row.balance
        )
        return Sightings(sightings, found.number, found.lag, found.warnings)


def build(tokens: tuple[ListedToken, ...]) -> SecondSource:  # noqa: ARG001  # assets are known by address
    """Version 2."""
    return Lending("messari-lending", POSITIONS_2)


def build_3(tokens: tuple[ListedToken, ...]) -> SecondSource:  # noqa: ARG001
    """Version 3."""
    return Lending("messari-lending-3", POSITIONS_3)
