"""What liquidating a position of GMX V1 does, exact.

Source: `liquidatePosition`, `_decreasePosition` and `_reduceCollateral` in Vault.sol of github
gmx-io/gmx-contracts at fe55c4ba.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.gmx_v1.margin import GmxRule
from aggregator.model.assets import AssetId
from aggregator.model.close_outs import Closed, CloseOut, Fee, LossBearer, Receiver
from aggregator.model.flips import flips
from aggregator.model.rules import Amount, JsonValue, Refused

SIZE_DECIMALS = 18
CANNOT_LIQUIDATE = "Vault: position cannot be liquidated"
UNDERFLOW = "SafeMath: subtraction overflow"


@dataclass(frozen=True, slots=True)
class Closing:
    """What a liquidation takes beyond the test.

    Everything is paid in the collateral token `settlement` at `price`, the vault's highest of it, per whole
    token of `decimals`. Of a long that is the index token: its price moves with the feed, the spread between
    the two held still in proportion.
    """

    market: str
    settlement: AssetId
    decimals: int
    price: int

    def __post_init__(self) -> None:
        if self.price <= 0:
            raise ValueError(f"the price of {self.settlement} is positive, not {self.price}")

    def to_json(self) -> dict[str, JsonValue]:
        """Data for stored.load_rule."""
        return {
            "market": self.market,
            "settlement": self.settlement,
            "decimals": self.decimals,
            "price": str(self.price),
        }


@dataclass(frozen=True, slots=True)
class ClosableGmxRule(GmxRule):
    """The solvency test with what a liquidation needs beyond it."""

    closing: Closing

    @property
    def loss_bearers(self) -> tuple[LossBearer, ...]:
        """The pool of the liquidity providers, holders of GLP: it is the other side of every position."""
        return (LossBearer.POOL,)

    @property
    def loss_told(self) -> str:
        """See DescribedLosses."""
        return (
            "GLP is worth what the pool holds and is owed, so that its price falls at the closing; how many "
            "shares there are is not kept with the position"
        )

    @property
    def size_in_tokens(self) -> int:
        """Signed size in whole tokens of the index, with 18 decimals, rounded towards zero."""
        tokens = self.size * int(10**SIZE_DECIMALS) // self.average_price
        return tokens if self.is_long else -tokens

    def tokens(self, usd: int, price: int) -> int:
        """USD in the collateral token, the feed being at a price (`usdToTokenMin`); 0 up to a negative."""
        at = self.closing.price * price // self.feed.price if self.is_long else self.closing.price
        return max(usd, 0) * int(10**self.closing.decimals) // max(at, 1)

    def liquidation_prices(
        self, prices: Mapping[AssetId, int], time: int, asset: AssetId
    ) -> tuple[int | None, int | None]:
        """See ClosableRule; power goes one way with the price, so that there is one flip at most."""
        if asset == self.feed.asset:
            return flips(self, prices, time, asset)
        # No other price matters: it fails at any of them, or at none.
        fails = self.health(prices, time).liquidatable
        return (prices[asset], prices[asset]) if fails else (None, None)

    def close_out(
        self, prices: Mapping[AssetId, int], time: int, market: str | None = None
    ) -> CloseOut | Refused:
        """Liquidating in full.

        Where power is less than all fees nothing is returned: what remains goes to fees and the pool, which
        pays the liquidator's fee in any case. Else leverage alone is too high: the position is closed like
        any other, the rest returned, and the liquidator gets nothing. Raises UnusablePrice on a price <= 0.
        """
        health, price = self.health(prices, time), prices[self.feed.asset]
        if market not in (None, self.closing.market):
            return Refused(f"no position in {market}")
        if not health.liquidatable:
            return Refused(CANNOT_LIQUIDATE)
        fees, liquidator, power = self.margin_fees(time), self.terms.liquidation_fee, health.power
        if power < fees + liquidator:
            # Fees are cut to what remains, but not where the losses alone exceed the collateral.
            fees = power if 0 <= power < fees else fees
            missing = fees + liquidator - power
            returned = 0
        elif power == fees and fees:
            return Refused(UNDERFLOW)  # without a liquidator's fee: no payment is left to take fees from
        else:
            liquidator = missing = 0
            returned = power - fees
        return CloseOut(
            closed=(Closed(self.closing.market, self.size_in_tokens, price),),
            fees=(*self._fee("protocol", fees, price), *self._fee("liquidator", liquidator, price)),
            returned=self._amount(returned, price),
            forfeited=(),
            bad_debt=self._amount(missing, price),
            borne_by=self.loss_bearers if missing else (),
            successor=None,
        )

    def _amount(self, usd: int, price: int) -> tuple[Amount, ...]:
        raw = self.tokens(usd, price)
        return (Amount(self.closing.settlement, raw),) if raw else ()

    def _fee(self, receiver: Receiver, usd: int, price: int) -> tuple[Fee, ...]:
        return tuple(Fee(receiver, amount) for amount in self._amount(usd, price))

    def to_json(self) -> dict[str, JsonValue]:
        """See GmxRule.to_json."""
        return {**GmxRule.to_json(self), "closing": self.closing.to_json()}
