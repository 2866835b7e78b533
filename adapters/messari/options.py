"""Options: those that an account has taken. Writers and Greeks are not in the schema."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from adapters.messari.underlyings import Underlyings
from aggregator.contract import Query, Read, Row, SecondSource, ask
from aggregator.model.assets import ListedToken
from aggregator.model.sightings import Sighting, SightingKind, Sightings, option_identity
from aggregator.model.units import Address, ChainId, scaled

RIGHTS = {"CALL": "call", "PUT": "put"}
_KINDS: tuple[SightingKind, ...] = ("option",)


@dataclass(frozen=True, slots=True)
class Taken:
    """A position: `amount` of the underlying in its smallest unit, `expiry` in Unix seconds."""

    id: str
    name: str
    token: Address
    symbol: str
    right: str
    strike: Decimal
    expiry: int
    amount: int
    decimals: int


def taken(row: Row) -> Taken:
    """A position from its row; raises ValueError where its option has no time of expiry."""
    kind = row.text("option", "type")
    if kind not in RIGHTS:
        raise ValueError(f"{kind!r} is no type of an option")
    return Taken(
        id=row.text("id"),
        name=row.text("option", "name"),
        token=row.address("option", "underlyingAsset", "id"),
        symbol=row.text("option", "underlyingAsset", "symbol"),
        right=RIGHTS[kind],
        strike=row.decimal("option", "strikePrice"),
        expiry=row.moment("option", "expirationTimestamp"),
        amount=row.natural("amount"),
        decimals=row.small("asset", "decimals"),
    )


POSITIONS: Query[Taken] = Query(
    "positions",
    "amount asset { id decimals } "
    "option { type name strikePrice expirationTimestamp underlyingAsset { id symbol } }",
    schema="options",
    where="account: $account, closedTimestamp: null",
    id_type="Bytes",
    into=taken,
    account="String!",
)


class Options:
    """Subgraphs of the schema's version 1.3."""

    schema = "messari-options"
    kinds: Collection[SightingKind] = _KINDS

    def __init__(self, tokens: tuple[ListedToken, ...]) -> None:
        self._underlyings = Underlyings(tokens)

    def unseen(self, kind: SightingKind, amount: Decimal) -> str:  # noqa: ARG002
        """Written options."""
        return "who wrote an option" if amount < 0 else ""

    def read(self, subgraph: str, chain: ChainId, owner: Address) -> Read[Sightings]:
        """One round."""
        request = POSITIONS.of(subgraph, account=owner)
        [found] = yield from ask([request])
        sightings = tuple(
            Sighting(
                kind="option",
                what=option_identity(
                    self._underlyings.of(chain, row.token, row.symbol), row.right, row.strike, row.expiry
                ),
                name=row.name,
                amount=scaled(row.amount, row.decimals),
                owner=owner,
                origin=f"position {row.id} of {request.origin}",
            )
            for row in found.rows
            if row.amount
        )
        return Sightings(sightings, found.number, found.lag, found.warnings)


def build(tokens: tuple[ListedToken, ...]) -> SecondSource:
    """See SecondSourceFactory."""
    return Options(tokens)
