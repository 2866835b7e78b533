"""Owners, who find a wallet's other addresses and prove whose they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from aggregator.contract.deployments import Deployment, Deployments
from aggregator.contract.reads import Read
from aggregator.model.readings import Block
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class Owned:
    """How an address belongs to an owner, as contracts say.

    `via` is a short text of ours for people, such as `DSProxy` or `Safe 2 of 3`: of what a chain says it
    holds numbers only. `counts` where the owner needs nobody else to use what the address holds, and nobody
    who may use it, too, can have given it to the owner unasked.
    """

    via: str
    counts: bool


class Owners(Protocol):
    """All knowledge of one kind of contract that holds positions for somebody: a proxy or a smart wallet.

    `finds` is False where no contract tells what an owner has: only what the user links is proven then.
    """

    name: str
    finds: bool
    deployments: Collection[Deployment]

    def find(self, deployment: Deployment, owner: Address, block: Block) -> Read[tuple[Address, ...]]:
        """Every address that may belong to an owner here; asked only where `finds`.

        Best in one round: a wallet is asked beside its positions. Raises ReadError where one may be missing.
        """
        ...

    def prove(
        self, deployment: Deployment, owner: Address, address: Address, block: Block
    ) -> Read[Owned | None]:
        """How an address, found here or linked by the user, belongs to an owner; None where it does not.

        In one round, which goes along with the first one of the address's positions. Of a linked address any
        contract may answer: a ReadError then tells that it is of another kind.
        """
        ...

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """See Adapter.probe."""
        ...


class OwnersFactory(Protocol):
    """What an entry point in the group `crossmargin.owners` names."""

    def __call__(self, deployments: Deployments) -> Owners:
        """The finder over these deployments; raises BadConfiguration where an entry lacks an address."""
        ...
