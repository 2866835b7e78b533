"""By whose word addresses belong to a wallet, and what was found of them."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.contract import Adapter, Deployment, Owners
from aggregator.model.errors import ReadError
from aggregator.model.holders import Holder
from aggregator.model.readings import Reading
from aggregator.model.units import Address, ChainId

OTHERS = "others decide over it, too"
TOLD = "you said so"


@dataclass(frozen=True, slots=True)
class Finder:
    """One kind of owner contract at one deployment."""

    owners: Owners
    deployment: Deployment

    def part(self, owner: Address, result: Reading | ReadError) -> Part:
        """What it said of an owner's addresses, as one read among others."""
        return Part(self.owners.name, self.deployment, owner, result)


@dataclass(frozen=True, slots=True)
class Link:
    """What the user says: that an address holds positions for a wallet, on one chain or on all (None).

    `counts` None: as contracts say, and where they say nothing, it counts.
    """

    wallet: Address
    address: Address
    chain: ChainId | None = None
    label: str = ""
    counts: bool | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """Where and by whose word addresses of a wallet are found; without `finds` links alone are looked at."""

    finders: tuple[Finder, ...] = ()
    links: tuple[Link, ...] = ()
    finds: bool = True

    def on(self, chain: ChainId) -> list[Finder]:
        """The finders that look for addresses on a chain."""
        return [f for f in self.finders if self.finds and f.owners.finds and f.deployment.chain == chain]


@dataclass(frozen=True, slots=True)
class Part:
    """One read of one address: an adapter's, or a finder's (`adapter` None), whose reading is empty."""

    name: str
    deployment: Deployment
    address: Address
    result: Reading | ReadError
    adapter: Adapter | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """An address of a wallet and all that was read of it; nothing where it is not counted."""

    holder: Holder
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What belongs to a wallet on one chain: the finders' reads of itself, and each address once."""

    wallet: Address
    chain: ChainId
    parts: tuple[Part, ...]
    held: tuple[Held, ...] = ()

    @classmethod
    def failed(cls, wallet: Address, chain: ChainId, search: Search | None, error: ReadError) -> Found:
        """What is found where nothing could be asked: every finder failed."""
        finders = search.on(chain) if search else ()
        return cls(wallet, chain, tuple(finder.part(wallet, error) for finder in finders))
