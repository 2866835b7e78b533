"""A swap where no market was read: a share of the amount, and what the price gives way by the depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import ClassVar

from aggregator.model.actions import Untold
from aggregator.model.assets import Asset, AssetId
from aggregator.model.calls import UnsignedCall
from aggregator.model.rules import Amount, JsonValue, Refused
from aggregator.model.spot_markets import Swapped
from aggregator.model.units import Address, ChainId

IMPACT = Decimal("0.01")
"""The mean price of selling the depth is half of the 2% by which it moves (see risk/liquidity.py)."""


@dataclass(frozen=True, slots=True)
class EstimatedMarket:
    """One direction: `sold` for `bought` at their marks, `price` units of it for one, smallest units both.

    `fee` is a share. `depth` is how much of `sold` moves its price by 2%, 0 where nothing does; `before` is
    what has been sold already.
    """

    family: ClassVar[str] = "estimated"

    chain: ChainId
    sold: Asset
    bought: Asset
    price: Decimal
    fee: Decimal
    depth: int
    before: int = 0

    @property
    def assets(self) -> tuple[AssetId, AssetId]:
        """What it sells for what."""
        return self.sold.id, self.bought.id

    @property
    def label(self) -> str:
        """Said to be an estimate."""
        return f"{self.sold.symbol} for {self.bought.symbol}, estimated"

    def swap(self, sold: Amount) -> Swapped | Refused:
        """What it would bring, rounded down."""
        if sold.asset != self.sold.id:
            return Refused(f"it sells {self.sold.symbol} only")
        lost = self.fee
        if self.depth:
            lost += IMPACT * Decimal(2 * self.before + sold.raw) / self.depth
        received = int(sold.raw * self.price * max(1 - lost, Decimal(0)))
        if received <= 0:
            return Refused("it brings nothing")
        after = replace(self, before=self.before + sold.raw)
        return Swapped(Amount(self.bought.id, received), after)

    def calls(
        self, sold: Amount, least: Amount, sender: Address, deadline: int
    ) -> Sequence[UnsignedCall] | Untold:
        """None: nobody was asked for a price."""
        del sold, least, sender, deadline
        pair = f"{self.sold.symbol} for {self.bought.symbol}"
        return Untold(f"no market of {pair} was read: the cost is an estimate")

    def to_json(self) -> dict[str, JsonValue]:
        """What the estimate is made of."""
        return {
            "family": self.family,
            "sold": self.sold.id,
            "bought": self.bought.id,
            "price": str(self.price),
            "fee": str(self.fee),
            "depth": str(self.depth),
            "before": str(self.before),
        }
