"""Perpetual futures: sizes of open positions. Margin, entry price and funding are for contracts to say."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from adapters.messari.underlyings import Underlyings
from aggregator.contract import Query, Read, Row, SecondSource, ask
from aggregator.model.assets import ListedToken
from aggregator.model.sightings import Sighting, SightingKind, Sightings
from aggregator.model.units import Address, ChainId, scaled

SIDES = {"LONG": 1, "SHORT": -1}
_KINDS: tuple[SightingKind, ...] = ("perp",)


@dataclass(frozen=True, slots=True)
class Held:
    """A position: `size` in the asset's smallest unit, of a short below zero."""

    id: str
    token: Address
    symbol: str
    decimals: int
    size: int


def held(row: Row) -> Held:
    """A position from its row."""
    side = row.text("side")
    if side not in SIDES:
        raise ValueError(f"{side!r} is no side of a position")
    return Held(
        id=row.text("id"),
        token=row.address("asset", "id"),
        symbol=row.text("asset", "symbol"),
        decimals=row.small("asset", "decimals"),
        size=SIDES[side] * row.natural("balance"),
    )


# Not by `hashClosed`, which early versions of the schema lack: a closed position has no balance.
POSITIONS: Query[Held] = Query(
    "positions",
    "side balance asset { id symbol decimals }",
    schema="perpetuals",
    where='account: $account, balance_gt: "0"',
    id_type="Bytes",
    into=held,
    account="String!",
)


class Perpetuals:
    """Subgraphs of the schema's version 1.3."""

    schema = "messari-perpetuals"
    kinds: Collection[SightingKind] = _KINDS

    def __init__(self, tokens: tuple[ListedToken, ...]) -> None:
        self._underlyings = Underlyings(tokens)

    def unseen(self, kind: SightingKind, amount: Decimal) -> str:  # noqa: ARG002
        """Sizes are in the schema."""
        return ""

    def read(self, subgraph: str, chain: ChainId, owner: Address) -> Read[Sightings]:
        """One round."""
        request = POSITIONS.of(subgraph, account=owner)
        [found] = yield from ask([request])
        sightings = tuple(
            Sighting(
                kind="perp",
                what=self._underlyings.of(chain, row.token, row.symbol),
                name=row.symbol,
                amount=scaled(row.size, row.decimals),
                owner=owner,
                origin=f"position {row.id} of {request.origin}",
            )
            for row in found.rows
        )
        return Sightings(sightings, found.number, found.lag, found.warnings)


def build(tokens: tuple[ListedToken, ...]) -> SecondSource:
    """See SecondSourceFactory."""
    return Perpetuals(tokens)
