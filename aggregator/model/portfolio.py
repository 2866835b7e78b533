"""A wallet's positions over all protocols, priced and classified, with what could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId, Classification
from aggregator.model.readings import Block, Failure, Quote
from aggregator.model.units import Address, ChainId


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what should have been read was: counts of (deployment, wallet) reads."""

    expected: int
    ok: int
    failed: int

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.ok == self.expected


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Everything known of one wallet at one block per chain.

    `marks` holds the price in USD of every asset of every position (an asset without a usable price makes
    its account a Failure, so none is missing). `spots` holds the price of each underlying; `USD` is 1.
    """

    wallet: Address
    accounts: tuple[Account, ...]
    marks: Mapping[AssetId, Quote]
    spots: Mapping[str, float]
    classes: Mapping[AssetId, Classification]
    blocks: Mapping[ChainId, Block]
    failures: tuple[Failure, ...]
    coverage: Coverage
    warnings: tuple[str, ...]
