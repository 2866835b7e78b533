"""What the pool asks for an option, with its fees, as the contracts compute it: in trades and liquidations.

Source: `updateCacheAndGetTradeResult` of OptionMarketPricer.sol, `getPriceForForceClose` of
OptionGreekCache.sol of @lyrafinance/protocol 0.1.3-alpha; the same in derivexyz/v1-core at ea9e36a.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from adapters.lyra_v1.black_scholes import option_prices, vega
from adapters.lyra_v1.collateral import OptionType
from adapters.lyra_v1.pool_value import WORTHLESS_POOL, AnyPool, WorthlessPool
from aggregator.model.fixed_point import divide, multiply
from aggregator.model.rules import WAD


class Pricing(NamedTuple):
    """Fees of every trade: 18 decimals, points in seconds before expiry."""

    option_fee: int
    option_fee_1x: int
    option_fee_2x: int
    spot_fee: int
    spot_fee_1x: int
    spot_fee_2x: int
    vega_fee: int
    standard_size: int
    skew_factor: int


class Variance(NamedTuple):
    """Parameters of the fee for a volatility that has just moved; 18 decimals. Liquidations pay `forced`."""

    default: int
    forced: int
    skew: int
    reference_skew: int
    least_skew: int
    vega: int
    least_vega: int
    iv: int
    least_iv: int


class Forced(NamedTuple):
    """How liquidations are priced: shocks of the volatility before and after the cutoff, and a least price
    over parity as a share of spot; 18 decimals, `cutoff` in seconds before expiry.

    `least_skew` and `most_skew` bound the skew that a trade leaves, where `caps_skew`.
    """

    vol_shock: int
    late_vol_shock: int
    least_over_spot: int
    cutoff: int
    least_skew: int
    most_skew: int
    caps_skew: bool


class Vols(NamedTuple):
    """The volatility of a series at the block; 18 decimals.

    `mean_iv` and `mean_skew` are the geometric means that liquidations are priced at, `usual_iv` is the one
    that a move is measured against. `std_vega` is the cached one of one option, `net_std_vega` all traders'.
    """

    iv: int
    skew: int
    mean_iv: int
    mean_skew: int
    usual_iv: int
    std_vega: int
    net_std_vega: int


class Order(NamedTuple):
    """A trade with the pool as its fees see it; 18 decimals.

    `amount` is what the pool sells, below zero where it buys, at `price` for one and the volatility `vol`.
    `iv` and `skew` are what it leaves, `coefficient` the one of Variance that it pays.
    """

    amount: int
    price: int
    vol: int
    iv: int
    skew: int
    coefficient: int


@dataclass(frozen=True, slots=True)
class BuyBack:
    """All that the price of buying an option back depends on, beside the option, its amount and the spot."""

    pricing: Pricing
    variance: Variance
    forced: Forced
    vols: Vols
    pool: AnyPool
    rate: int

    def cost(self, kind: OptionType, amount: int, strike: int, seconds: int, spot: int) -> tuple[int, int]:
        """(price of one option, cost of all with fees) in a liquidation, in quote with 18 decimals.

        Raises ValueError where spot/strike is below 1e-18, and WorthlessPool; the contract reverts there.
        """
        forced = self.forced
        shock = forced.late_vol_shock if self.is_late(seconds) else forced.vol_shock
        vol = multiply(self.mean_vol, shock)
        price = self.least_price(kind, vol, forced.least_over_spot, strike, seconds, spot)
        order = Order(amount, price, vol, self.vols.iv, self.skew_after(amount), self.variance.forced)
        return price, multiply(price, amount) + self.fees(order, strike, seconds, spot)

    @property
    def mean_vol(self) -> int:
        """The mean volatility that forced trades start from."""
        return multiply(self.vols.mean_iv, self.vols.mean_skew)

    def is_late(self, seconds: int) -> bool:
        """Whether it is so near to expiry that only forced trades are taken."""
        return self.forced.cutoff > seconds

    def least_price(
        self, kind: OptionType, vol: int, least_over_spot: int, strike: int, seconds: int, spot: int
    ) -> int:
        """What one option costs who is forced to buy it back: at least parity plus a share of the spot."""
        call, put = option_prices(seconds, vol, spot, strike, self.rate)
        parity = spot - strike if kind.is_call else strike - spot
        return max(call if kind.is_call else put, max(parity, 0) + multiply(spot, least_over_spot))

    def fees(self, order: Order, strike: int, seconds: int, spot: int) -> int:
        """All four fees of a trade, in quote with 18 decimals; errors as of `cost`."""
        of, amount = self.pricing, abs(order.amount)
        weighted = _weighted(of.option_fee, of.option_fee_1x, of.option_fee_2x, seconds)
        option_fee = multiply(weighted, multiply(order.price, amount))
        weighted = _weighted(of.spot_fee, of.spot_fee_1x, of.spot_fee_2x, seconds)
        spot_fee = multiply(multiply(weighted, spot), amount)
        others = self._vega_fee(order, spot) + self._variance_fee(order, strike, seconds, spot)
        return option_fee + spot_fee + others

    def vega_after(self, amount: int) -> int:
        """What all options' vega is to traders once the pool has sold so much of this one."""
        return self.vols.net_std_vega + multiply(amount, self.vols.std_vega)

    def _vega_fee(self, order: Order, spot: int) -> int:
        """For adding to the pool's vega, of either sign."""
        value = self.pool.value(spot)
        after = self.vega_after(order.amount)
        if abs(self.vols.net_std_vega) >= abs(after):
            return 0
        if not value:
            raise WorthlessPool(WORTHLESS_POOL)
        used = divide(multiply(order.vol, abs(after)), value)
        return multiply(multiply(self.pricing.vega_fee, used), abs(order.amount))

    def _variance_fee(self, order: Order, strike: int, seconds: int, spot: int) -> int:
        of = self.variance
        # The contract prices the option before it asks for the fee, and reverts where it can't.
        greek = vega(seconds, multiply(order.iv, order.skew), spot, strike, self.rate)
        if not order.coefficient:
            return 0
        by_vega = of.least_vega + multiply(greek, of.vega)
        by_skew = of.least_skew + multiply(abs(order.skew - of.reference_skew), of.skew)
        by_iv = of.least_iv + multiply(abs(self.vols.usual_iv - order.iv), of.iv)
        by_all = multiply(multiply(multiply(order.coefficient, by_vega), by_skew), by_iv)
        return multiply(by_all, abs(order.amount))

    def iv_move(self, amount: int) -> int:
        """By how much a trade of `amount` > 0 moves the board's volatility."""
        return divide(amount, self.pricing.standard_size) // 100

    def skew_after(self, amount: int) -> int:
        """The skew once the pool has sold `amount`, bounded where the market bounds it."""
        return self.capped(self.vols.skew + self.skew_move(amount))

    def skew_move(self, amount: int) -> int:
        """By how much a trade of `amount` > 0 moves the strike's skew."""
        return multiply(self.iv_move(amount), self.pricing.skew_factor)

    def capped(self, skew: int) -> int:
        """A skew within the market's absolute bounds, where it knows any."""
        if self.forced.caps_skew:
            return max(min(skew, self.forced.most_skew), self.forced.least_skew)
        return skew


def _weighted(coefficient: int, once: int, twice: int, seconds: int) -> int:
    """A fee that grows with the time to expiry beyond `once`, to twice of it at `twice`."""
    if seconds <= once:
        return coefficient
    return multiply(coefficient, WAD + (seconds - once) * WAD // (twice - once))
