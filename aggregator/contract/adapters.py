"""Adapter: all knowledge of one protocol."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol, runtime_checkable

from aggregator.contract.deployments import Deployment, Deployments
from aggregator.contract.families import RuleFamily
from aggregator.contract.reads import Read
from aggregator.model.accounts import ProtocolKind
from aggregator.model.readings import Block, Reading
from aggregator.model.units import Address


class Adapter(Protocol):
    """All knowledge of one protocol: where it lives, how to read it, its solvency test."""

    name: str
    kind: ProtocolKind
    deployments: Collection[Deployment]
    family: RuleFamily | None

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """A wallet's accounts at one deployment; `accounts` is empty where it has none.

        Raises ReadError (never returns a smaller number) where a figure of an existing position is missing;
        where that concerns some accounts only, they are `failures` of the reading.
        """
        ...

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """What `doctor` reports of a deployment, as sentences; raises ReadError where it can't be used."""
        ...


@runtime_checkable
class OpeningAdapter(Adapter, Protocol):
    """An adapter that also tells which perps could be opened, in no more dependent rounds than its read."""

    def read_with_openings(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """As `read`, with `openings` of accounts, and accounts that are not there as `openable`.

        What can't be told of an opening costs no account: it is a warning.
        """
        ...


class AdapterFactory(Protocol):
    """What an entry point in the group `crossmargin.adapters` names."""

    def __call__(self, deployments: Deployments) -> Adapter:
        """The adapter over these deployments; raises BadConfiguration where an entry lacks an address."""
        ...
