"""What a trade with the pool costs, as the market's own pricer computes it, and what it leaves behind.

Source: `updateCacheAndGetTradeResult` of OptionMarketPricer.sol, `updateStrikeExposureAndGetPrice` and
`getPriceForForceClose` of OptionGreekCache.sol of @lyrafinance/protocol 0.1.3-alpha.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from adapters.lyra_v1.black_scholes import call_delta, option_prices
from adapters.lyra_v1.collateral import OptionType
from adapters.lyra_v1.pool_value import Pool
from adapters.lyra_v1.premium import BuyBack, Order
from aggregator.model.fixed_point import multiply
from aggregator.model.rules import WAD, Refused

CUTOFF = "TradingCutoffReached"
OUT_OF_BOUNDS = "VolSkewOrBaseIvOutsideOfTradingBounds"
DELTA = "TradeDeltaOutOfRange"
FORCED_SKEW = "ForceCloseSkewOutOfRange"
FORCED_DELTA = "ForceCloseDeltaOutOfRange"


class Bounds(NamedTuple):
    """What trades must stay within, all with 18 decimals: a call's delta, `least_delta` from 0 and from 1,
    and volatilities after the trade. Forced closes need a delta beyond `forced_delta`.
    """

    least_delta: int
    forced_delta: int
    least_iv: int
    most_iv: int
    least_skew: int
    most_skew: int
    least_vol: int
    most_vol: int


class ForcedClose(NamedTuple):
    """How forced closes of shorts are priced: see Forced, which says the same of liquidations."""

    vol_shock: int
    late_vol_shock: int
    least_over_spot: int


class Fill(NamedTuple):
    """A trade as it was filled, in quote with 18 decimals: `cost` is what is paid for all, fees included, or
    got for all, fees deducted; `iv` and `skew` are what it leaves."""

    price: int
    fee: int
    cost: int
    iv: int
    skew: int
    is_forced: bool


class Traded(NamedTuple):
    """Which option is traded, `seconds` before its expiry; 18 decimals.

    `amount` is what the pool sells, below zero where it buys.
    """

    kind: OptionType
    strike: int
    seconds: int
    spot: int
    amount: int


@dataclass(frozen=True, slots=True)
class Amm:
    """What trades depend on beyond BuyBack: `reserved` is the part of their fees that the market keeps from
    the pool, `counted_at` what the pool counts one option of the series at; 18 decimals."""

    bounds: Bounds
    forced_close: ForcedClose
    reserved: int
    counted_at: int

    def fill(self, terms: BuyBack, traded: Traded) -> Fill | Refused:
        """A trade at the market's price, or the forced close of a short where only that is taken.

        That is within the cutoff before expiry, and where a call's delta is out of bounds. Raises ValueError
        where spot/strike is below 1e-18, and WorthlessPool; the contract reverts there.
        """
        found = self._regular(terms, traded)
        if not isinstance(found, Refused) or traded.amount < 0:
            return found
        forced = self._forced(terms, traded)
        if isinstance(forced, Refused) and found.reason != CUTOFF:
            return found
        return forced

    def after(self, terms: BuyBack, amount: int, fill: Fill) -> BuyBack:
        """The terms once a trade is done: volatilities, traders' vega, and what the pool has."""
        vols = terms.vols._replace(iv=fill.iv, skew=fill.skew, net_std_vega=terms.vega_after(amount))
        paid = fill.cost if amount > 0 else -fill.cost
        gain = paid - multiply(fill.fee, self.reserved) - multiply(amount, self.counted_at)
        pool = terms.pool
        if not isinstance(pool, Pool):
            raise TypeError("trades are known in Avalon alone")
        return replace(terms, vols=vols, pool=pool._replace(rest=pool.rest + gain))

    def _regular(self, terms: BuyBack, traded: Traded) -> Fill | Refused:
        if terms.is_late(traded.seconds):
            return Refused(CUTOFF)
        size, sign = abs(traded.amount), 1 if traded.amount > 0 else -1
        iv = terms.vols.iv + sign * terms.iv_move(size)
        skew = terms.vols.skew + sign * terms.skew_move(size)
        if not self._is_within(iv, skew, sign):
            return Refused(OUT_OF_BOUNDS)
        skew = terms.capped(skew)
        kind, strike, seconds, spot, amount = traded
        vol = multiply(iv, skew)
        call, put = option_prices(seconds, vol, spot, strike, terms.rate)
        delta = call_delta(seconds, vol, spot, strike, terms.rate)
        if not self.bounds.least_delta <= delta <= WAD - self.bounds.least_delta:
            return Refused(DELTA)
        price = call if kind.is_call else put
        order = Order(amount, price, vol, iv, skew, terms.variance.default)
        premium, fee = multiply(price, size), terms.fees(order, strike, seconds, spot)
        if amount < 0:
            fee = min(fee, premium)
        return Fill(price, fee, premium + sign * fee, iv, skew, is_forced=False)

    def _forced(self, terms: BuyBack, traded: Traded) -> Fill | Refused:
        kind, strike, seconds, spot, amount = traded
        iv, skew = terms.vols.iv, terms.vols.skew + terms.skew_move(amount)
        if not terms.forced.least_skew < skew < terms.forced.most_skew:
            return Refused(FORCED_SKEW)
        vol, is_late = multiply(iv, skew), terms.is_late(seconds)
        of = self.forced_close
        shocked = multiply(max(terms.mean_vol, vol), of.late_vol_shock if is_late else of.vol_shock)
        price = terms.least_price(kind, shocked, of.least_over_spot, strike, seconds, spot)
        delta = call_delta(seconds, vol, spot, strike, terms.rate)
        if not is_late and self.bounds.forced_delta < delta < WAD - self.bounds.forced_delta:
            return Refused(FORCED_DELTA)
        order = Order(amount, price, shocked, iv, skew, terms.variance.forced)
        fee = terms.fees(order, strike, seconds, spot)
        return Fill(price, fee, multiply(price, amount) + fee, iv, skew, is_forced=True)

    def _is_within(self, iv: int, skew: int, sign: int) -> bool:
        of = self.bounds
        if sign > 0:
            return multiply(iv, skew) <= of.most_vol and iv <= of.most_iv and skew <= of.most_skew
        if iv < 0 or skew < 0:
            return False
        return multiply(iv, skew) >= of.least_vol and iv >= of.least_iv and skew >= of.least_skew
