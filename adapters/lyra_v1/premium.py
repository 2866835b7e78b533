"""What the pool asks for the option that a liquidation buys back from it, as the contracts compute it.

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
        """(price of one option, cost of all with fees), in quote with 18 decimals.

        Raises ValueError where spot/strike is below 1e-18, and WorthlessPool; the contract reverts there.
        """
        vol = self._vol(seconds)
        call, put = option_prices(seconds, vol, spot, strike, self.rate)
        parity = spot - strike if kind.is_call else strike - spot
        least = max(parity, 0) + multiply(spot, self.forced.least_over_spot)
        price = max(call if kind.is_call else put, least)
        premium = multiply(price, amount)
        fees = self.pricing
        weighted = _weighted(fees.option_fee, fees.option_fee_1x, fees.option_fee_2x, seconds)
        option_fee = multiply(weighted, premium)
        weighted = _weighted(fees.spot_fee, fees.spot_fee_1x, fees.spot_fee_2x, seconds)
        spot_fee = multiply(multiply(weighted, spot), amount)
        others = self._vega_fee(amount, vol, spot) + self._variance_fee(amount, strike, seconds, spot)
        return price, premium + option_fee + spot_fee + others

    def _vol(self, seconds: int) -> int:
        is_late = self.forced.cutoff > seconds
        shock = self.forced.late_vol_shock if is_late else self.forced.vol_shock
        return multiply(multiply(self.vols.mean_iv, self.vols.mean_skew), shock)

    def _vega_fee(self, amount: int, vol: int, spot: int) -> int:
        """For adding to the pool's vega; closing a short adds to what traders hold net."""
        value = self.pool.value(spot)
        before = self.vols.net_std_vega
        after = before + multiply(amount, self.vols.std_vega)
        if abs(before) >= abs(after):
            return 0
        if not value:
            raise WorthlessPool(WORTHLESS_POOL)
        used = divide(multiply(vol, abs(after)), value)
        return multiply(multiply(self.pricing.vega_fee, used), amount)

    def _variance_fee(self, amount: int, strike: int, seconds: int, spot: int) -> int:
        of, vols = self.variance, self.vols
        skew = self._skew_after(amount)
        # The contract prices the option before it asks for the fee, and reverts where it can't.
        greek = vega(seconds, multiply(vols.iv, skew), spot, strike, self.rate)
        if not of.forced:
            return 0
        by_vega = of.least_vega + multiply(greek, of.vega)
        by_skew = of.least_skew + multiply(abs(skew - of.reference_skew), of.skew)
        by_iv = of.least_iv + multiply(abs(vols.usual_iv - vols.iv), of.iv)
        return multiply(multiply(multiply(multiply(of.forced, by_vega), by_skew), by_iv), amount)

    def _skew_after(self, amount: int) -> int:
        move = multiply(divide(amount, self.pricing.standard_size) // 100, self.pricing.skew_factor)
        skew = self.vols.skew + move
        if self.forced.caps_skew:
            return max(min(skew, self.forced.most_skew), self.forced.least_skew)
        return skew


def _weighted(coefficient: int, once: int, twice: int, seconds: int) -> int:
    """A fee that grows with the time to expiry beyond `once`, to twice of it at `twice`."""
    if seconds <= once:
        return coefficient
    return multiply(coefficient, WAD + (seconds - once) * WAD // (twice - once))
