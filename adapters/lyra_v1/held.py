"""One position of a wallet with its series: what it pays, at its expiry and before."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.lyra_v1.calls import HeldPosition, Series, Settlement
from adapters.lyra_v1.collateral import OptionType
from adapters.lyra_v1.fixed_point import UNIT
from adapters.lyra_v1.market import PRICE_DECIMALS
from adapters.lyra_v1.options import Contract
from aggregator.model.assets import Asset


@dataclass(frozen=True, slots=True)
class Holding:
    """One position of a wallet with its series; `is_expired` at the block that was read."""

    kind: OptionType
    position: HeldPosition
    series: Series
    settlement: Settlement
    is_expired: bool

    def contract(self, origin: str) -> Contract:
        """The option itself; `origin` is the view that told its series."""
        series = self.series
        iv = series.base_iv * series.skew // UNIT
        return Contract(self.kind.is_call, series.strike, series.expiry, iv, origin)

    def intrinsic(self, price: int) -> int:
        """What one option is worth at a price of the underlying without time; 18 decimals."""
        return self.contract("").intrinsic(price)

    @property
    def is_settled(self) -> bool:
        """Whether its board has its settlement price, so that the position is a fixed claim."""
        return self.settlement.price_at_expiry > 0

    @property
    def can_be_liquidated(self) -> bool:
        """A short before its expiry: afterwards the market refuses."""
        return self.kind.is_short and not self.is_expired


def payout(held: Holding) -> int:
    """What a settled position is paid, in base for SHORT_CALL_BASE, else in quote; 18 decimals.

    A short gets back the collateral that its loss leaves; a loss beyond it is the pool's, and a Newport pool
    that can't pay its longs pays each the same part. Source: ShortCollateral.settleOptions of
    @lyrafinance/protocol 0.1.3-alpha and of derivexyz/v1-core at ea9e36a.
    """
    position, price = held.position, held.settlement.price_at_expiry
    if held.kind is OptionType.SHORT_CALL_BASE:
        return max(position.collateral - held.settlement.base_ratio * position.amount // UNIT, 0)
    if not held.kind.is_short:
        return held.intrinsic(price) * (position.amount * held.settlement.long_scale // UNIT) // UNIT
    return max(position.collateral - held.intrinsic(price) * position.amount // UNIT, 0)


def in_units(asset: Asset, amount: int) -> int:
    """18 decimals as the asset's own, cut off as transfers do."""
    return amount // int(10 ** (PRICE_DECIMALS - asset.decimals))
