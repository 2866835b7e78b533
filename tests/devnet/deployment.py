"""What one protocol brings to the local chain: the base class that every protocol's kit extends.

Building a world runs, for all protocols in turn: `deploy`, then `fund`; then a month passes; then
`seed`; then an hour passes. A loaded world only attaches: `__init__` gets the addresses that `deploy`
returned. Every protocol deploys from its own account, so that its addresses do not depend on the others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from tests.devnet.errors import DevnetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.devnet.chain import Chain
    from tests.devnet.prices import Prices, Quotes
    from tests.devnet.tokens import Tokens

# Indexes of the node's unlocked accounts. 0 to 9 and from 40 on deploy: 0 what is shared, then one each.
ROLES: Mapping[str, int] = {
    "lp": 10,  # supplies liquidity everywhere
    "borrower": 11,  # borrows from it, so that interest accrues
    "liquidator": 12,
    "keeper": 13,
    "treasury": 14,
    "merchant": 15,  # where wallets spend what they borrowed
}
WALLETS: Mapping[str, int] = {
    "unhedged": 20,  # borrows on one market only
    "hedged": 21,  # collateral and debt, with perps and options against them
    "edge": 22,  # close to liquidation
    "empty": 23,  # holds nothing, owes nothing
    "legacy": 24,  # two collaterals and two debts on the oldest market
}
SPARE = range(25, 40)  # for tests to do with as they like


@dataclass(frozen=True)
class Site:
    """What a protocol finds when it deploys or attaches; `chain` sends from the protocol's own account."""

    chain: Chain
    tokens: Tokens
    prices: Prices

    def account(self, name: str) -> str:
        """Address of a role or seeded wallet. Raises `DevnetError` if there is no such name."""
        index = ROLES.get(name, WALLETS.get(name))
        if index is None:
            raise DevnetError(f"there is no account named {name!r}")
        return self.chain.accounts[index]


@dataclass(frozen=True)
class DeploymentEntry:
    """A deployment in the configuration of crossmargin: what its adapter asks for.

    `first_block` is given where its adapter reads logs. Options are texts, or tables of numbers.
    """

    adapter: str
    name: str
    addresses: Mapping[str, str]
    options: Mapping[str, str | Mapping[str, int]] = field(default_factory=dict)
    first_block: int | None = None


@dataclass(frozen=True)
class TokenEntry:
    """A token in the configuration of crossmargin; `kind` is written as `class`.

    No `address` means the native coin; no `feed` that the token has no price feed of its own.
    """

    address: str
    symbol: str
    decimals: int
    underlying: str
    kind: str
    feed: str = ""


class Deployment(ABC):
    """One deployed protocol: subscribes its feeds to the market and offers operations on it."""

    name: ClassVar[str]
    deployer: ClassVar[int]

    def __init__(self, site: Site, addresses: Mapping[str, str]) -> None:
        self.site = site
        self.chain = site.chain
        self.tokens = site.tokens
        self.addresses = addresses
        site.prices.subscribe(self.write_prices)

    @classmethod
    @abstractmethod
    def deploy(cls, site: Site) -> dict[str, str]:
        """Deploy everything; whatever `__init__` needs to find it again, by name."""

    @abstractmethod
    def write_prices(self, quotes: Quotes) -> None:
        """Write the market into this protocol's feeds."""

    @abstractmethod
    def deployment_entry(self) -> DeploymentEntry:
        """This deployment as crossmargin's configuration names it."""

    def token_entries(self) -> list[TokenEntry]:
        """Tokens of its own that the configuration should name; none by default."""
        return []

    @abstractmethod
    def fund(self) -> None:
        """Supply liquidity and make use of it; a month passes afterwards."""

    @abstractmethod
    def seed(self) -> None:
        """Open the positions of the seeded wallets; an hour passes afterwards."""
