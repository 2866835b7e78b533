"""What liquidating a position of Synthetix Perps V2 does, exact: it is flagged, then closed as a whole.

Source: `flagPosition`, `liquidatePosition` and `forceLiquidatePosition` in PerpsV2MarketLiquidate.sol of npm
`synthetix` 2.102.1. Equal to the wei in the tests, which ask the real contracts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.synthetix_perps_v2.margin import PerpsV2Rule
from adapters.synthetix_perps_v2.nearest import nearest_failing
from adapters.synthetix_perps_v2.settling import (
    margin_after,
    price_in,
    recomputed,
    transferred,
    with_margin,
)
from aggregator.model.actions import Action, Applied, Deposit, Traded, Untold
from aggregator.model.assets import AssetId
from aggregator.model.close_outs import Closed, CloseOut, Fee, LossBearer
from aggregator.model.fixed_point import divide
from aggregator.model.rules import Amount, JsonValue, Refused

CANNOT_LIQUIDATE = "Position cannot be liquidated"
TOO_LARGE = "price impact of liquidation exceeded"
TOO_SKEWED = "instantaneous P/D exceeded"
PENDING = "Pending order exists"


@dataclass(frozen=True, slots=True)
class Closing:
    """What a liquidation takes beyond the test; ratios and amounts with 18 decimals, `settlement` is sUSD.

    Anybody may liquidate where the position is below `max_delta` and the skew below `max_skew` of the skew
    scale; beyond that only addresses that the manager has `endorsed`, if there are any. `suspension` is why
    the market is suspended, None where it is not. The deposits are those of a delayed order.
    """

    market: str
    settlement: AssetId
    max_delta: int
    max_skew: int
    endorsed: bool
    suspension: str | None
    commit_deposit: int
    keeper_deposit: int

    def to_json(self) -> dict[str, JsonValue]:
        """Data for stored.load_rule; amounts and ratios are decimal strings."""
        return {
            "market": self.market,
            "settlement": self.settlement,
            "max_delta": str(self.max_delta),
            "max_skew": str(self.max_skew),
            "endorsed": self.endorsed,
            "suspension": self.suspension,
            "commit_deposit": str(self.commit_deposit),
            "keeper_deposit": str(self.keeper_deposit),
        }


@dataclass(frozen=True, slots=True)
class ClosablePerpsV2Rule(PerpsV2Rule):
    """The solvency test with what a liquidation needs beyond it."""

    closing: Closing

    @property
    def loss_bearers(self) -> tuple[LossBearer, ...]:
        """The debt pool of the SNX stakers: it is the other side of every position, and issues the fees."""
        return (LossBearer.POOL,)

    @property
    def loss_told(self) -> str:
        """See DescribedLosses."""
        return (
            "it is part of the debt that all SNX stakers share by what they have issued; sUSD itself is not "
            "written down"
        )

    def liquidation_prices(
        self, prices: Mapping[AssetId, int], time: int, asset: AssetId
    ) -> tuple[int | None, int | None]:
        """See ClosableRule; funding, fees and premium are those at the price looked for."""
        price = prices[self.feed.asset]
        found = nearest_failing(self, price, time)
        if asset == self.feed.asset:
            return found
        # No other price matters: it fails at any of them, or at none.
        return (prices[asset], prices[asset]) if found == (price, price) else (None, None)

    def close_out(
        self, prices: Mapping[AssetId, int], time: int, market: str | None = None
    ) -> CloseOut | Refused:
        """Flagging and liquidating in one transaction, or liquidating alone where it is flagged already.

        The flagger gets the liquidation fee and the deposit of a delayed order, the liquidator the keeper's
        liquidation fee; all that is left goes to the fee pool and nothing to the owner. Where only endorsed
        addresses may liquidate they do so, for no fee. Fees are issued whatever the margin is: what it can't
        pay is the pool's, and so is a margin below zero. Raises UnusablePrice on a price <= 0.
        """
        closing, price = self.closing, prices[self.feed.asset]
        liquidatable = self.health(prices, time).liquidatable
        if market not in (None, closing.market):
            return Refused(f"no position in {market}")
        if closing.suspension is not None:
            return Refused(closing.suspension)
        if not self.size or not liquidatable:
            return Refused(CANNOT_LIQUIDATE)
        exceeded = self._exceeded()
        if exceeded and not closing.endorsed:
            return Refused(exceeded)
        fees = [
            self.market.liquidation_fee(self.size, price),
            0 if exceeded else self.market.keeper_liquidation_fee,
        ]
        margin = self.margin + self.profit_loss(price) + self.accrued_funding(price, time)
        left = margin - sum(fees)
        if not self.flagged:
            # Flagging removes the order: its first deposit returns to the margin, the other is the flagger's.
            left += closing.commit_deposit
            fees.append(closing.keeper_deposit)
        return CloseOut(
            closed=(Closed(closing.market, self.size, price),),
            fees=tuple(Fee("liquidator", amount) for fee in fees for amount in self._amount(fee)),
            returned=(),
            forfeited=self._amount(left),
            bad_debt=self._amount(-left),
            borne_by=self.loss_bearers if left < 0 else (),
            successor=None,
        )

    def apply(
        self, prices: Mapping[AssetId, int], time: int, action: Action
    ) -> Applied | Traded | Refused | Untold:
        """See AdjustableRule: a deposit is `transferMargin`, which settles profit and funding as well.

        What a withdrawal must leave and a trade costs is not in this rule.
        """
        if not isinstance(action, Deposit) or action.asset != self.closing.settlement:
            return Untold("of a market's actions only depositing its sUSD is known: read it again for others")
        return self.deposited(price_in(self, prices), time, action.raw)

    def deposited(self, price: int, time: int, raw: int) -> Applied | Refused:
        """The account with more margin, or why the market refuses."""
        if halted := self.halted():
            return halted
        rule = recomputed(self, price, time)
        margin = margin_after(rule, price, raw)
        if isinstance(margin, Refused):
            return margin
        return transferred(with_margin(rule, price, margin), self.closing.settlement, raw, price)

    def halted(self) -> Refused | None:
        """Why nothing at all can be changed now: in the contracts' words, in their order."""
        if self.closing.suspension is not None:
            return Refused(self.closing.suspension)
        if self.flagged:
            return Refused("Position flagged")
        return Refused(PENDING) if self.pending else None

    @property
    def pending(self) -> bool:
        """Whether a delayed order waits, as far as its deposits tell."""
        return self.closing.commit_deposit + self.closing.keeper_deposit > 0

    def _exceeded(self) -> str | None:
        """Which of the two limits keeps others than the endorsed from liquidating; both must be above."""
        scale = self.market.skew_scale
        if self.closing.max_delta <= divide(abs(self.size), scale):
            return TOO_LARGE
        return TOO_SKEWED if self.closing.max_skew <= divide(abs(self.market.skew), scale) else None

    def _amount(self, raw: int) -> tuple[Amount, ...]:
        return (Amount(self.closing.settlement, raw),) if raw > 0 else ()

    def to_json(self) -> dict[str, JsonValue]:
        """See PerpsV2Rule.to_json."""
        return {**PerpsV2Rule.to_json(self), "closing": self.closing.to_json()}
