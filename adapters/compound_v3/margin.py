"""Comet's solvency test and its absorption, exact: the integers that `isLiquidatable` and `absorb` work with.

Source: github compound-finance/comet at d5a30b0, Comet and CometWithExtendedAssetList (the same arithmetic).
Both tests count debt as last accrued; `absorb` accrues first, so that time counts here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from adapters.compound_v3.applying import apply, with_room
from adapters.compound_v3.collateral import Collateral, credit_of, usable, value_of
from adapters.compound_v3.interest import Accrual
from adapters.compound_v3.transactions import NO_COMET, calls_of
from aggregator.model.actions import NO_DERIVATIVES, Action, Applied, Trade, Untold
from aggregator.model.assets import AssetId
from aggregator.model.calls import Hands, UnsignedCall
from aggregator.model.rules import (
    WAD,
    Amount,
    Feed,
    Health,
    JsonValue,
    Liquidated,
    Refused,
    Repayment,
)
from aggregator.model.shared import SharedRoom
from aggregator.model.stored import feed_to_json
from aggregator.model.units import Address

PRICE_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class CometRule:
    """The solvency test of one account in one comet.

    `principal` is base at index 1, owed below zero. Power, requirement and prices have 8 decimals in the
    currency that the comet's feeds count in. A supply of base never counts as power. `cash` is what the comet
    has of the base, None where it was not read. The comet's address and the time of reading are None in what
    was stored before they were kept: it has no calls.
    """

    family: ClassVar[str] = "compound_v3"

    base: Feed
    base_decimals: int
    principal: int
    accrual: Accrual
    collaterals: tuple[Collateral, ...]
    absorb_paused: bool
    comet: Address | None = None
    read_at: int | None = None
    cash: int | None = None

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The base's feed, then one per collateral."""
        return (self.base, *(collateral.feed for collateral in self.collaterals))

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        """Weighted collateral over debt at other prices and a later time.

        The quotient is ours, rounded down: a comet only answers whether it is below one. Raises UnusablePrice
        on a price <= 0, of the base only where it is owed.
        """
        requirement = 0
        if self.principal < 0:
            owed = self.accrual.at(time).owed(self.principal)
            requirement = value_of(owed, usable(self.base, prices), self.base_decimals)
        power = sum(
            credit_of(value_of(held.balance, usable(held.feed, prices), held.decimals), held.liquidate_factor)
            for held in self.collaterals
        )
        return Health(
            power=power,
            requirement=requirement,
            decimals=PRICE_DECIMALS,
            health=quotient(power, requirement),
            liquidatable=power < requirement,
        )

    @property
    def loss_told(self) -> str:
        """See DescribedLosses."""
        return (
            "the comet's reserves pay, below zero if they must, and supplies are not written down: whoever "
            "withdraws last may find no cash"
        )

    def liquidate(
        self, prices: Mapping[AssetId, int], time: int, repayment: Repayment
    ) -> Liquidated | Refused:
        """What `absorb` does: the comet takes all collateral and writes off the whole debt.

        The amount offered is of no matter. `repaid` is what the collateral is credited for; what that lacks
        is `bad_debt`, what it exceeds the debt by is the successor's supply of base. Raises UnusablePrice as
        `health` does.
        """
        if repayment.debt.asset != self.base.asset or repayment.collateral is not None:
            return Refused("a comet only absorbs a whole account: name its base, and no collateral")
        if self.absorb_paused:
            return Refused("Paused")
        if not self.health(prices, time).liquidatable:
            return Refused("NotLiquidatable")
        now = self.accrual.at(time)
        owed = now.owed(self.principal)
        credit = sum(
            credit_of(value_of(held.balance, prices[held.feed.asset], held.decimals), held.liquidation_factor)
            for held in self.collaterals
        )
        credited = credit * 10**self.base_decimals // prices[self.base.asset]
        supplied = max(credited - owed, 0)
        base = self.base.asset
        return Liquidated(
            repaid=_amounts((base, min(credited, owed))),
            seized=_amounts(*((held.feed.asset, held.balance) for held in self.collaterals)),
            fees=(),
            bad_debt=_amounts((base, max(owed - credited, 0))),
            successor=replace(self, principal=now.principal_of_supply(supplied), accrual=now, collaterals=()),
            supplied=_amounts((base, supplied)),
        )

    def apply(self, prices: Mapping[AssetId, int], time: int, action: Action) -> Applied | Refused | Untold:
        """See AdjustableRule. A comet counts one balance of base: what repays more than is owed is a supply.

        A withdrawal of collateral beside a debt must leave it covered by the factors that the comet lends at.
        """
        return apply(self, prices, time, action)

    def with_room(self, left: SharedRoom) -> CometRule:
        """See RoomRule."""
        return with_room(self, left)

    def calls(self, action: Action, hands: Hands) -> tuple[UnsignedCall, ...] | Untold:
        """See CallableRule."""
        if isinstance(action, Trade):
            return NO_DERIVATIVES
        if self.comet is None or self.read_at is None:
            return NO_COMET
        owed = self.accrual.at(self.read_at).owed(self.principal)
        held = next((one.balance for one in self.collaterals if one.feed.asset == action.asset), None)
        return calls_of(self.comet, self.base.asset, owed, held, action, hands)

    def to_json(self) -> dict[str, JsonValue]:
        """Data for CometFamily.load; amounts, indices, rates and factors are decimal strings."""
        return {
            "family": self.family,
            "base": _fed(self.base),
            "base_decimals": self.base_decimals,
            "principal": str(self.principal),
            "supply_index": str(self.accrual.supply_index),
            "borrow_index": str(self.accrual.borrow_index),
            "supply_rate": str(self.accrual.supply_rate),
            "borrow_rate": str(self.accrual.borrow_rate),
            "updated_at": self.accrual.updated_at,
            "collaterals": [
                {
                    "feed": _fed(held.feed),
                    "decimals": held.decimals,
                    "balance": str(held.balance),
                    "liquidate_factor": str(held.liquidate_factor),
                    "liquidation_factor": str(held.liquidation_factor),
                    "borrow_factor": None if held.borrow_factor is None else str(held.borrow_factor),
                    **_known("room", held.room),
                }
                for held in self.collaterals
            ],
            "absorb_paused": self.absorb_paused,
            "comet": self.comet,
            "read_at": self.read_at,
            **_known("cash", self.cash),
        }


def quotient(power: int, requirement: int) -> int | None:
    """Power over requirement with 18 decimals, rounded down; None where nothing is required."""
    return power * WAD // requirement if requirement else None


def _amounts(*amounts: tuple[AssetId, int]) -> tuple[Amount, ...]:
    return tuple(Amount(asset, raw) for asset, raw in amounts if raw)


def _fed(feed: Feed) -> dict[str, JsonValue]:
    return {**feed_to_json(feed), "quote": feed.quote}


def _known(name: str, raw: int | None) -> dict[str, JsonValue]:
    """An entry where it was read: what was stored before stays as it was."""
    return {} if raw is None else {name: str(raw)}
