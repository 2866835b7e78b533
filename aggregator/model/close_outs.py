"""What a perpetuals protocol does with positions that fail its test: a rule that knows its own close-out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from aggregator.model.assets import AssetId
from aggregator.model.rules import Amount, Refused, Rule


class LossBearer(StrEnum):
    """Who pays what a closed account can't: a pool of liquidity, an insurance fund, traders whose profitable
    positions are reduced, all traders or holders of the settlement asset, or the liquidator."""

    POOL = "pool"
    INSURANCE_FUND = "insurance_fund"
    AUTO_DELEVERAGING = "auto_deleveraging"
    SOCIALISED_LOSS = "socialised_loss"
    LIQUIDATOR = "liquidator"


Receiver: TypeAlias = Literal["liquidator", "insurance_fund", "pool", "protocol"]


@dataclass(frozen=True, slots=True)
class Closed:
    """Part of a position that is closed: `size_raw` as in Perp, signed as the position was.

    `price` is what it is closed at, in the decimals of the index's feed.
    """

    market: str
    size_raw: int
    price: int


@dataclass(frozen=True, slots=True)
class Fee:
    """What a close-out takes from the margin, and for whom."""

    receiver: Receiver
    amount: Amount


@dataclass(frozen=True, slots=True)
class CloseOut:
    """What a close-out does, and the account after it.

    `returned` is paid out to the owner at once; margin that stays with the account is the successor's.
    `forfeited`: margin that the protocol keeps beside fees. `bad_debt` is what the account can't pay;
    `borne_by` says by whom, in order: the next pays what the one before can't. `successor` is None where
    nothing is left of the account. Amounts of zero are left out. `posted` is all that is posted then, owed
    below zero, where that does not follow from these amounts: what was closed in part begins anew, without
    profit and funding; None where it follows.
    """

    closed: tuple[Closed, ...]
    fees: tuple[Fee, ...]
    returned: tuple[Amount, ...]
    forfeited: tuple[Amount, ...]
    bad_debt: tuple[Amount, ...]
    borne_by: tuple[LossBearer, ...]
    successor: Rule | None
    posted: tuple[tuple[AssetId, int], ...] | None = None


@runtime_checkable
class ClosableRule(Rule, Protocol):
    """A rule of positions that the protocol closes where they fail its test."""

    @property
    def loss_bearers(self) -> tuple[LossBearer, ...]:
        """Who pays what the account can't, in order: the next pays what the one before can't."""
        ...

    def liquidation_prices(
        self, prices: Mapping[AssetId, int], time: int, asset: AssetId
    ) -> tuple[int | None, int | None]:
        """The nearest prices of `asset` below and above `prices` at which the test fails, others at `prices`.

        In the feed's decimals: the highest failing price <= the present one, and the lowest failing one >=
        it; both are the present price where the test fails there. None where there is none above 0 or below
        1,000 times the present price.
        """
        ...

    def close_out(
        self, prices: Mapping[AssetId, int], time: int, market: str | None = None
    ) -> CloseOut | Refused:
        """What liquidating does at these prices and this time, with the protocol's own rounding.

        `market` names one position (as in Perp) where the protocol closes them one by one; None is the
        whole account. Raises UnusablePrice on a price <= 0 of an asset that the account depends on.
        """
        ...
