"""SecondSource: what contracts are compared with."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Protocol

from aggregator.contract.reads import Read
from aggregator.model.assets import ListedToken
from aggregator.model.sightings import SightingKind, Sightings
from aggregator.model.units import Address, ChainId


class SecondSource(Protocol):
    """How subgraphs of one schema are asked for a wallet's positions, to be compared with the contracts'.

    `kinds` are the kinds of position that the schema has at all.
    """

    schema: str
    kinds: Collection[SightingKind]

    def unseen(self, kind: SightingKind, amount: Decimal) -> str:
        """Why the schema does not know of a position of one of its kinds, of this amount: "who wrote it".

        Empty where it should know.
        """
        ...

    def read(self, subgraph: str, chain: ChainId, owner: Address) -> Read[Sightings]:
        """All positions of an owner in a subgraph of this name, at the pinned block or a little before it.

        Raises ReadError (never returns fewer) where one can't be read.
        """
        ...


class SecondSourceFactory(Protocol):
    """What an entry point in the group `crossmargin.second_sources` names."""

    def __call__(self, tokens: tuple[ListedToken, ...]) -> SecondSource:
        """The second source, for which `tokens` say what moves them."""
        ...
