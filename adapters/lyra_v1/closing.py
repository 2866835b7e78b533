"""What liquidating a short does, exact: the pool sells the option back to it and takes a penalty.

Source: `liquidatePosition` of OptionMarket.sol, `liquidate` and `getLiquidationFees` of OptionToken.sol of
@lyrafinance/protocol 0.1.3-alpha; the same in derivexyz/v1-core at ea9e36a, whose tokens may have less than
18 decimals. Equal to the wei in the tests, which ask Avalon's real contracts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from adapters.lyra_v1.base_exchange import BaseExchange, BaseRate
from adapters.lyra_v1.collateral import OptionType
from adapters.lyra_v1.margin import ShortOptionRule
from adapters.lyra_v1.pool_value import WorthlessPool
from adapters.lyra_v1.premium import BuyBack
from aggregator.model.assets import AssetId
from aggregator.model.close_outs import Closed, CloseOut, Fee, LossBearer, Receiver
from aggregator.model.errors import UnusablePrice
from aggregator.model.fixed_point import divide, multiply
from aggregator.model.flips import FURTHEST, bisected
from aggregator.model.rules import WAD, Amount, JsonValue, Refused

PAUSED = "MarketIsPaused"
FROZEN = "BoardIsFrozen"
EXPIRED = "BoardExpired"
NOT_LIQUIDATABLE = "PositionNotLiquidatable"
TOKEN_DECIMALS = 18


class NumbersTuple(Protocol):
    """A named tuple of integers."""

    def _asdict(self) -> dict[str, Any]: ...


class Penalty(NamedTuple):
    """What a liquidation takes of the collateral that closing leaves: ratios and quote with 18 decimals."""

    ratio: int
    liquidator: int
    security_module: int
    least: int


@dataclass(frozen=True, slots=True)
class Closing:
    """What a liquidation needs beyond the test.

    `market` names the position; `collateral` and `quote` are the assets it is paid in, with their decimals;
    `exchange` tells what base a cost in quote takes. `refusal` is why nothing can be liquidated at the
    block, None where it can.
    """

    market: str
    collateral: AssetId
    quote: AssetId
    refusal: str | None
    exchange: BaseExchange
    penalty: Penalty
    buy_back: BuyBack
    collateral_decimals: int = TOKEN_DECIMALS
    quote_decimals: int = TOKEN_DECIMALS

    def to_json(self) -> dict[str, JsonValue]:
        """Data for stored.load_rule; numbers are decimal strings."""
        terms, exchange = self.buy_back, self.exchange
        told: dict[str, JsonValue] = (
            {"base_rate": numbers(exchange)}
            if isinstance(exchange, BaseRate)
            else {"base_fee": str(exchange.fee)}
        )
        return {
            "market": self.market,
            "collateral": self.collateral,
            "quote": self.quote,
            "refusal": self.refusal,
            **told,
            "collateral_decimals": str(self.collateral_decimals),
            "quote_decimals": str(self.quote_decimals),
            "penalty": numbers(self.penalty),
            "buy_back": {
                "pricing": numbers(terms.pricing),
                "variance": numbers(terms.variance),
                "forced": {**numbers(terms.forced), "caps_skew": terms.forced.caps_skew},
                "vols": numbers(terms.vols),
                "pool": numbers(terms.pool),
                "rate": str(terms.rate),
            },
        }


class Split(NamedTuple):
    """How the collateral is divided: in its asset, `insolvent` in quote; 18 decimals."""

    returned: int
    premium: int
    pool: int
    liquidator: int
    security_module: int
    insolvent: int


@dataclass(frozen=True, slots=True)
class ClosableShortRule(ShortOptionRule):
    """The solvency test with what a liquidation needs beyond it.

    The means of the volatility and the cached Greeks stay those of the block: views don't tell what the means
    will be later, so a close-out at a later time is exact where the volatility did not move in their periods.
    """

    closing: Closing

    @property
    def loss_bearers(self) -> tuple[LossBearer, ...]:
        """The market's liquidity pool: it is the other side of every option."""
        return (LossBearer.POOL,)

    @property
    def loss_told(self) -> str:
        """See DescribedLosses."""
        return (
            "the pool pays what the short can't, which lowers the price of its tokens at once; how many "
            "there are is not kept with the position"
        )

    def liquidation_prices(
        self, prices: Mapping[AssetId, int], time: int, asset: AssetId
    ) -> tuple[int | None, int | None]:
        """See ClosableRule; a call fails from some price on, a put up to one, rounding apart."""
        price = prices[self.spot.asset]

        def fails(at: int) -> bool:
            return self.health({self.spot.asset: at}, time).liquidatable

        if fails(price):
            return prices[asset], prices[asset]
        if asset != self.spot.asset:
            return None, None
        if self.kind.is_call:
            furthest = price * FURTHEST
            return None, bisected(fails, price, furthest) if fails(furthest) else None
        lowest = _lowest(self)
        return (bisected(fails, price, lowest) if lowest < price and fails(lowest) else None), None

    def close_out(
        self, prices: Mapping[AssetId, int], time: int, market: str | None = None
    ) -> CloseOut | Refused:
        """The whole short is bought back at once; `Closed.price` is that of one option, in quote.

        The fees are the penalty's: the liquidator's, the security module's (as insurance fund) and the
        pool's. `forfeited` is what the pool is paid for the option itself, all of it in the collateral's
        asset; `bad_debt`, in quote, is what it is not paid. Raises UnusablePrice on a price <= 0 and on one
        so low that the contract's logarithm reverts.
        """
        closing, spot = self.closing, prices[self.spot.asset]
        liquidatable = self.health(prices, time).liquidatable
        if market not in (None, closing.market):
            return Refused(f"no position in {market}")
        if closing.refusal is not None:
            return Refused(closing.refusal)
        if time >= self.expiry:
            return Refused(EXPIRED)
        try:
            price, cost = closing.buy_back.cost(self.kind, self.amount, self.strike, self.expiry - time, spot)
        except WorthlessPool as error:
            return Refused(str(error))
        except ValueError as error:
            raise UnusablePrice(self.spot.asset, self.spot.origin, spot) from error
        if not liquidatable:
            return Refused(NOT_LIQUIDATABLE)
        split, least = self.split(cost, spot), 10 ** (TOKEN_DECIMALS - closing.collateral_decimals)
        # Each transfer is cut to the token's decimals, the pool's fee and what it is paid together.
        pool = split.pool // least
        premium = (split.pool + split.premium) // least - pool
        receivers: list[tuple[Receiver, int]] = [
            ("liquidator", split.liquidator // least),
            ("insurance_fund", split.security_module // least),
            ("pool", pool),
        ]
        insolvent = split.insolvent // 10 ** (TOKEN_DECIMALS - closing.quote_decimals)
        return CloseOut(
            closed=(Closed(closing.market, -self.amount, price),),
            fees=tuple(
                Fee(receiver, one) for receiver, raw in receivers for one in _amount(closing.collateral, raw)
            ),
            returned=_amount(closing.collateral, split.returned // least),
            forfeited=_amount(closing.collateral, premium),
            bad_debt=_amount(closing.quote, insolvent),
            borne_by=self.loss_bearers if insolvent else (),
            successor=None,
        )

    def to_json(self) -> dict[str, JsonValue]:
        """See ShortOptionRule.to_json."""
        return {**ShortOptionRule.to_json(self), "closing": self.closing.to_json()}

    def split(self, cost: int, spot: int) -> Split:
        """How a cost in quote divides the collateral; where it is in base, the cost is exchanged first."""
        penalty, least, value = self.closing.penalty, self.closing.penalty.least, WAD
        if self.kind is OptionType.SHORT_CALL_BASE:
            cost = self.closing.exchange.base_for(cost, spot)
            least, value = divide(least, spot), spot
        returned = insolvent = 0
        if self.collateral >= cost + least:
            left = self.collateral - cost
            taken = max(multiply(left, penalty.ratio), least)
            returned = left - taken
        elif self.collateral >= least:
            taken, insolvent = least, multiply(cost + least - self.collateral, value)
        else:
            taken, insolvent = self.collateral, multiply(cost, value)
        module, liquidator = multiply(taken, penalty.security_module), multiply(taken, penalty.liquidator)
        return Split(
            returned=returned,
            premium=self.collateral - taken - returned,
            pool=taken - module - liquidator,
            liquidator=liquidator,
            security_module=module,
            insolvent=insolvent,
        )


def numbers(data: NumbersTuple) -> dict[str, JsonValue]:
    """A tuple of integers as data: decimal strings by field."""
    return {name: str(value) for name, value in data._asdict().items()}


def _lowest(rule: ShortOptionRule) -> int:
    """The lowest price whose logarithm the contract can take, shocked."""
    shocked = -(-rule.strike // WAD)
    return max(-(-shocked * WAD // rule.parameters.put_spot_shock), 1)


def _amount(asset: AssetId, raw: int) -> tuple[Amount, ...]:
    return (Amount(asset, raw),) if raw else ()
