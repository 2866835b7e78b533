"""What one adapter read of one wallet, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from aggregator.model.accounts import Account, Observation
from aggregator.model.assets import AssetId
from aggregator.model.errors import ReadError
from aggregator.model.units import Address, ChainId, scaled


@dataclass(frozen=True, slots=True)
class Block:
    """A pinned block: `hash` and `parent_hash` as 0x hex, `timestamp` in Unix seconds."""

    chain: ChainId
    number: int
    hash: str
    parent_hash: str
    timestamp: int


Source: TypeAlias = Block | Observation


@dataclass(frozen=True, slots=True)
class Quote:
    """A price in USD that a protocol's oracle gives: `price / 10**decimals`, > 0.

    `updated_at` in Unix seconds and `heartbeat_s` in seconds, where the oracle says so. `chain` is the one at
    whose block it was read; adapters leave it out, the price book knows it of the reading.
    """

    asset: AssetId
    price: int
    decimals: int
    origin: str
    updated_at: int | None = None
    heartbeat_s: int | None = None
    chain: ChainId | None = None

    @property
    def usd(self) -> Decimal:
        """The price as an exact Decimal."""
        return scaled(self.price, self.decimals)


@dataclass(frozen=True, slots=True)
class AccountFailure:
    """An account that could not be read while others of its deployment could: it makes totals incomplete.

    Names are those that the Account would have; its positions are unknown, and it may have none.
    """

    id: str
    protocol: str
    chain: ChainId
    label: str
    error: ReadError


@dataclass(frozen=True, slots=True)
class Reading:
    """What one adapter read of one wallet at one deployment. `warnings` are sentences for the user.

    `receipts` are tokens that stand for what these accounts (or none, where the wallet has none) already
    count, such as aTokens: a wallet's holding of one is not counted again. `failures` are what is missing
    beside `accounts`. `told` are prices that a venue tells beside the chain, for which no contract answers.
    `openable` are accounts that are not there, without positions, in which perps could be opened: only where
    that was asked for.
    """

    accounts: tuple[Account, ...]
    quotes: tuple[Quote, ...]
    source: Source
    warnings: tuple[str, ...] = ()
    receipts: tuple[AssetId, ...] = ()
    failures: tuple[AccountFailure, ...] = ()
    told: tuple[Quote, ...] = ()
    openable: tuple[Account, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A read that did not succeed: it makes every total incomplete.

    `deployment` is its name, or the label of an account where that account alone is missing.
    """

    adapter: str
    deployment: str
    chain: ChainId
    wallet: Address
    error: ReadError
