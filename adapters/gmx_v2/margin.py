"""The liquidation test of GMX V2, exact.

Source: `isPositionLiquidatable` of PositionUtils.sol of github gmx-io/gmx-synthetics (a5c0c883, March 2026),
asked as a liquidation asks it: with the smallest collateral, the factor for liquidations, and after
borrowing and funding were settled at the same prices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from adapters.gmx_v2 import closing, stored
from adapters.gmx_v2.position import Position, remaining, requirement
from adapters.gmx_v2.state import Market, Token
from aggregator.model.assets import AssetId
from aggregator.model.close_outs import CloseOut, LossBearer
from aggregator.model.flips import flips
from aggregator.model.rules import WAD, Feed, Health, JsonValue, Refused

DECIMALS = 30


@dataclass(frozen=True, slots=True)
class GmxRule:
    """One position in its market, as of `time`. USD has 30 decimals.

    `collateral` is the asset of its collateral and `profit` that of its profit, which are the market's long
    or short token.
    """

    family: ClassVar[str] = "gmx_v2"

    time: int
    market: Market
    position: Position
    collateral: AssetId
    profit: AssetId

    def __post_init__(self) -> None:
        sides = (self.market.longs, self.market.shorts)
        distributed = self.market.pool.impact_distributed_at
        stamps = (self.market.funding.updated_at, distributed, *(one.borrowing_updated_at for one in sides))
        if max(stamps) > self.time:
            raise ValueError(f"a market that was updated at {max(stamps)}, as of {self.time}")

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The index, the long and the short token; once each where two of them are one token."""
        return self.market.feeds

    @property
    def collateral_token(self) -> Token:
        """The token of the collateral."""
        return self.market.long if self.position.collateral_is_long else self.market.short

    @property
    def loss_bearers(self) -> tuple[LossBearer, ...]:
        """The pool; and profits are cut where the pool would owe too much."""
        return (LossBearer.POOL, LossBearer.AUTO_DELEVERAGING)

    @property
    def loss_told(self) -> str:
        """See DescribedLosses."""
        return (
            "market tokens are worth what the pool holds less what it owes traders, so that their price "
            "falls at the closing; how many there are is not kept with the position"
        )

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        """The test at other prices and a later time; raises UnusablePrice on a price <= 0.

        Raises ValueError on a time before the block's.
        """
        if time < self.time:
            raise ValueError(f"a position as of {self.time} is asked for {time}")
        power = remaining(self.market, self.position, self.market.prices(prices), time).usd
        required = requirement(self.market, self.position)
        return Health(power, required, DECIMALS, power * WAD // required, liquidatable=power < required)

    def liquidation_prices(
        self, prices: Mapping[AssetId, int], time: int, asset: AssetId
    ) -> tuple[int | None, int | None]:
        """See ClosableRule; where the index is the collateral, both move."""
        return flips(self, prices, time, asset)

    def close_out(
        self, prices: Mapping[AssetId, int], time: int, market: str | None = None
    ) -> CloseOut | Refused:
        """The liquidation of the position, whole; `market` is its name or None."""
        return closing.close_out(self, prices, time, market)

    def to_json(self) -> dict[str, JsonValue]:
        """Data for GmxFamily.load; integers are decimal strings."""
        return stored.rule_to_json(self)
