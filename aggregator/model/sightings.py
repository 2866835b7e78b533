"""What a second source says of a wallet: it is compared with what was read from contracts, never counted."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from aggregator.model.units import Address, plain

SightingKind: TypeAlias = Literal["supply", "debt", "perp", "option"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A position as a second source tells it.

    `what` identifies it within its kind: an asset's id for a supply or debt, what moves a perp's price
    (`ETH`), and `option_identity` for an option. `name` is untrusted text. `amount` is in whole units, of a
    short perp below zero. `since` and `block` are the last moment, in Unix seconds, and the block at whose
    end the amount was so; None where the source does not say.
    """

    kind: SightingKind
    what: str
    name: str
    amount: Decimal
    owner: Address
    origin: str
    since: int | None = None
    block: int | None = None


@dataclass(frozen=True, slots=True)
class Sightings:
    """All that a second source says of an owner, of which block, with sentences for the user.

    `lag` is how many blocks that is behind the pinned one.
    """

    found: tuple[Sighting, ...]
    number: int
    lag: int
    warnings: tuple[str, ...] = ()


def option_identity(underlying: str, right: str, strike: Decimal, expiry: int | None) -> str:
    """`ETH:call:2500:1793500000`: equal for equal options, with whatever zeros their strike was written."""
    until = "perpetual" if expiry is None else expiry
    return f"{underlying}:{right}:{plain(strike)}:{until}"
