"""Exchange: all knowledge of one spot exchange, where a plan's swaps are made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from aggregator.contract.deployments import Deployment, Deployments
from aggregator.contract.reads import Read
from aggregator.model.assets import Asset
from aggregator.model.readings import Block
from aggregator.model.rules import JsonValue
from aggregator.model.spot_markets import SpotMarket


class Exchange(Protocol):
    """All knowledge of one spot exchange: where it lives, how to read its markets, what a swap brings."""

    name: str
    deployments: Collection[Deployment]

    def read_markets(
        self, deployment: Deployment, assets: Collection[Asset], block: Block
    ) -> Read[tuple[SpotMarket, ...]]:
        """The markets of one deployment between any two of these assets; others' chains are passed over.

        Raises ReadError (never returns a market with less depth than it knows of) where one can't be read.
        """
        ...

    def load(self, data: Mapping[str, JsonValue]) -> SpotMarket:
        """What `SpotMarket.to_json` wrote; raises ValueError on data of another family or shape."""
        ...

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """What `doctor` reports of a deployment, as sentences; raises ReadError where it can't be used."""
        ...


class ExchangeFactory(Protocol):
    """What an entry point in the group `crossmargin.exchanges` names."""

    def __call__(self, deployments: Deployments) -> Exchange:
        """The exchange over these deployments; raises BadConfiguration where an entry lacks an address."""
        ...
