"""What the contracts say of an account, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from adapters.synthetix_v3.calls import Capacity, OpenPosition, Order, Strategy, Summary
from adapters.synthetix_v3.funding import Latest
from aggregator.model.units import Address

Costs: TypeAlias = tuple[tuple[int, ...], int]
"""What flagging an account with so many prices to update costs, from none on, and what liquidating does."""


@dataclass(frozen=True, slots=True)
class System:
    """Where a deployment's parts are, and what holds for all of its accounts."""

    perps: Address
    spot: Address
    oracle: Address
    flagged: frozenset[int]
    guards: tuple[int, ...]
    collateral_reward: int
    interest_rate: int
    cost_node: bytes
    from_block: int


@dataclass(frozen=True, slots=True)
class Overview:
    """An account's parts, and the perps market's word on it."""

    account: int
    collaterals: tuple[int, ...]
    markets: tuple[int, ...]
    debt: int
    order: Order
    available: int
    required: int
    liquidatable: bool
    flagged: bool

    @property
    def empty(self) -> bool:
        """Nothing is held or owed."""
        return not (self.collaterals or self.markets or self.debt or self.flagged)


@dataclass(frozen=True, slots=True)
class MarketReply:
    """All that is read of a market, and the account's position in it."""

    identity: int
    position: OpenPosition
    summary: Summary
    name: str
    symbol: str
    funding: tuple[int, int]
    margins: tuple[int, ...]
    limits: tuple[int, int, int, Address]
    capacity: Capacity
    locked_oi_ratio: int
    latest: Latest | None


@dataclass(frozen=True, slots=True)
class SynthReply:
    """All that is read of a synth as collateral, and how much the account has."""

    identity: int
    amount: int
    limits: tuple[int, int, int, int]
    skew_scale: int
    price: int
    token: Address
    name: str


@dataclass(frozen=True, slots=True)
class Held:
    """One account that is there. `costs` of flagging and liquidating; `strategy` of a listed order."""

    overview: Overview
    usd_amount: int
    markets: tuple[MarketReply, ...]
    synths: tuple[SynthReply, ...]
    costs: Costs
    strategy: Strategy | None
