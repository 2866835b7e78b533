"""What liquidating a naked vault does, exact: a liquidator returns its options for collateral at an auction.

Source: `_liquidate` in Controller.sol, `isLiquidatable` and `_getDebtPrice` in MarginCalculator.sol of github
opynfinance/GammaProtocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from adapters.opyn_gamma.fixed_point import OPTION_DECIMALS, divide, from_scaled, multiply, to_scaled
from adapters.opyn_gamma.margin import NakedVaultRule
from adapters.opyn_gamma.requirement import NO_LEG, Prices, cash_value
from aggregator.model.assets import AssetId
from aggregator.model.close_outs import Closed, CloseOut, Fee, LossBearer
from aggregator.model.flips import flips
from aggregator.model.rules import Amount, JsonValue, Refused

AUCTION_SECONDS = 3_600
ONE_OPTION = 10**OPTION_DECIMALS

HEALTHY = "C33: can not liquidate vault"
EXPIRED = "MarginCalculator: can not liquidate expired position"
TOO_EARLY = "MarginCalculator: auction timestamp should be post vault latest update"
NO_ROUND = "the time of the oracle's latest round, at which the auction begins, is not known"
NO_COLLATERAL = "the vault has no collateral to sell"


@dataclass(frozen=True, slots=True)
class Auction:
    """What a liquidation takes beyond the test.

    `market` is the option's name, `round_time` when the round of the feed's price was published (None where
    its pricer has no rounds), `latest_update` when the vault last changed; Unix seconds. `deviation` is the
    oracle's, 27 decimals. `paused` is the contract's word for why nothing can be liquidated, None where it
    can.
    """

    market: str
    round_time: int | None
    latest_update: int
    deviation: int
    paused: str | None

    def to_json(self) -> dict[str, JsonValue]:
        """Data for stored.load_rule."""
        return {
            "market": self.market,
            "round_time": None if self.round_time is None else str(self.round_time),
            "latest_update": str(self.latest_update),
            "deviation": str(self.deviation),
            "paused": self.paused,
        }


@dataclass(frozen=True, slots=True)
class ClosableNakedVaultRule(NakedVaultRule):
    """The solvency test with what a liquidation needs beyond it."""

    auction: Auction

    @property
    def loss_bearers(self) -> tuple[LossBearer, ...]:
        """The margin pool, which holds everybody's collateral and pays holders of expired options in full
        while it lasts: a vault that owes more than it has can't be settled, and nobody makes up for it."""
        return (LossBearer.POOL,)

    @property
    def loss_told(self) -> str:
        """See DescribedLosses."""
        return (
            "holders of expired options are paid in full while the margin pool lasts, and whoever comes last "
            "may find nothing there"
        )

    def liquidation_prices(
        self, prices: Mapping[AssetId, int], time: int, asset: AssetId
    ) -> tuple[int | None, int | None]:
        """See ClosableRule; before expiry only the underlying's price matters."""
        return flips(self, prices, time, asset)

    def close_out(
        self, prices: Mapping[AssetId, int], time: int, market: str | None = None
    ) -> CloseOut | Refused:
        """All written options are returned at the auction's price of the moment.

        The auction begins with the round: the one that was read where the underlying stands at its price,
        else a round at `time` itself. What the liquidator receives is the fee, and `price` that per option in
        USD; what is left stays in the vault, which is the successor. A liquidator may return less (the
        collateral left must then exceed the dust) or choose an earlier round. Raises UnusablePrice on a price
        <= 0.
        """
        at, auction = self.prices_at(prices), self.auction
        if market not in (None, auction.market):
            return Refused(f"no option {market}")
        if auction.paused is not None:
            return Refused(auction.paused)
        if not self.leg.size:
            return Refused(HEALTHY)
        if time >= self.expiry:
            return Refused(EXPIRED)
        started = auction.round_time if at.underlying == self.underlying_feed.price else time
        if started is None:
            return Refused(NO_ROUND)
        if started <= auction.latest_update:
            return Refused(TOO_EARLY)
        if not self.health(prices, time).liquidatable:
            return Refused(HEALTHY)
        if not self.collateral:
            return Refused(NO_COLLATERAL)
        price = self.debt_price(at, time - started)
        sold = self.leg.size * price // ONE_OPTION
        left = self.collateral - sold
        asset = self.collateral_feed.asset
        return CloseOut(
            closed=(
                Closed(
                    auction.market,
                    -self.leg.size,
                    price * at.collateral // 10**self.collateral_decimals,
                ),
            ),
            fees=(Fee("liquidator", Amount(asset, sold)),) if sold else (),
            returned=(),
            forfeited=(),
            bad_debt=(),
            borne_by=(),
            successor=replace(self, leg=NO_LEG, collateral=left) if left else None,
        )

    def debt_price(self, at: Prices, elapsed: int) -> int:
        """Collateral for one option so many seconds into the auction, in its smallest unit.

        It begins at the option's cash value less the oracle's deviation, and ends after an hour at all of the
        vault's collateral per option. The contract takes prices as if the strike asset were worth 1 USD.
        """
        ending = divide(self.deposited, from_scaled(self.leg.size))
        if elapsed >= AUCTION_SECONDS:
            return to_scaled(ending, self.collateral_decimals)
        spot = from_scaled(at.underlying)
        value = cash_value(self.leg.strike, spot, is_put=self.is_put)
        starting = max(value - multiply(self.auction.deviation, spot), 0)
        if not self.is_put:
            starting = divide(starting, spot)
        step = multiply(ending - starting, from_scaled(elapsed, 18))
        price = starting + divide(step, from_scaled(AUCTION_SECONDS, 18))
        return to_scaled(min(price, ending), self.collateral_decimals)

    def to_json(self) -> dict[str, JsonValue]:
        """See NakedVaultRule.to_json."""
        return {**NakedVaultRule.to_json(self), "auction": self.auction.to_json()}
