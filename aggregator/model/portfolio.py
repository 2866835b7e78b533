"""A wallet's positions over all protocols, priced and classified, with what could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId, Classification
from aggregator.model.errors import NativeUnknown
from aggregator.model.holders import Holder
from aggregator.model.oracles import OraclePrice
from aggregator.model.readings import Block, Failure, Quote
from aggregator.model.units import Address, ChainId


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what should have been read was: counts of deployments, once per address of the wallet.

    `unverified` names deployments with positions on which the adapter was never seen working.
    """

    expected: int
    ok: int
    failed: int
    unverified: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.ok == self.expected


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Everything known of one wallet at one block per chain.

    `marks` holds the price in USD of every asset of every position: a position that nobody prices is a
    Failure instead, so none is missing. `spots` holds the price of each underlying; `USD` is 1.
    `holders` are the other addresses that belong to the wallet, counted or not.
    `staleness_days` says how far beyond its heartbeat the oldest feed of an underlying is; `oracles` holds
    every source of the price of a held asset, the one that counts first.
    `openable` are accounts that are not there, in which perps could be opened: their openings' assets have
    marks and classes, too.
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
    staleness_days: Mapping[str, float] = field(default_factory=dict)
    holders: tuple[Holder, ...] = ()
    oracles: tuple[OraclePrice, ...] = ()
    openable: tuple[Account, ...] = ()

    @property
    def nothing_read(self) -> bool:
        """Whether not even a part is known: no account, and no deployment of which nothing is missing."""
        return not self.accounts and self.coverage.ok == 0

    @property
    def known_to_plans(self) -> tuple[Account, ...]:
        """Every account that a step may be of: those that are here, could be opened, or are wallets that have
        nothing yet; of one id the last is the fullest."""
        there = (*self.accounts, *self.openable)
        return (*(account.bare_wallet for account in there), *self.openable, *self.accounts)

    @property
    def unjudged(self) -> tuple[str, ...]:
        """The ids of accounts that are here, and whose own test has no answer."""
        # By its code: a snapshot keeps no more of an error.
        lost = {(f.adapter, f.deployment) for f in self.failures if f.error.code == NativeUnknown.code}
        return tuple(a.id for a in self.accounts if (a.protocol, a.label) in lost and a.rule is None)
