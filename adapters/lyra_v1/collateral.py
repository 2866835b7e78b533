"""How much collateral a short option must keep, exactly as the contract computes it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from adapters.lyra_v1.black_scholes import option_prices
from adapters.lyra_v1.fixed_point import UNIT


class OptionType(IntEnum):
    """The contracts' kinds of position; a short call holds its collateral in base or in quote."""

    LONG_CALL = 0
    LONG_PUT = 1
    SHORT_CALL_BASE = 2
    SHORT_CALL_QUOTE = 3
    SHORT_PUT_QUOTE = 4

    @property
    def is_short(self) -> bool:
        """Whether the option was written."""
        return self >= OptionType.SHORT_CALL_BASE

    @property
    def is_call(self) -> bool:
        """Whether it is a right to buy."""
        return self not in {OptionType.LONG_PUT, OptionType.SHORT_PUT_QUOTE}


@dataclass(frozen=True, slots=True)
class CollateralParameters:
    """A market's parameters of the minimum collateral.

    18 decimals, but `point_a` and `point_b` in seconds. The shock volatility is `vol_a` up to `point_a`
    before expiry, `vol_b` from `point_b` on, and linear between. `rate` is per year and may be negative.
    """

    static_quote: int
    static_base: int
    vol_a: int
    point_a: int
    vol_b: int
    point_b: int
    call_spot_shock: int
    put_spot_shock: int
    rate: int

    def shock_vol(self, seconds: int) -> int:
        """The volatility that a short is judged at, this long before its expiry."""
        if seconds <= self.point_a:
            return self.vol_a
        if seconds >= self.point_b:
            return self.vol_b
        fall, length = self.vol_a - self.vol_b, self.point_b - self.point_a
        return self.vol_a - fall * (seconds - self.point_a) // length


def min_collateral(
    parameters: CollateralParameters, kind: OptionType, strike: int, seconds: int, spot: int, amount: int
) -> int:
    """The least collateral of a short of `amount` options, 18 decimals of base or quote as the kind holds it.

    The larger of the option's value at shocked spot and volatility and of a static minimum, at most full
    collateral; the static minimum is per position, not per option. `seconds` to expiry, 0 from then on.
    Raises ValueError where spot/strike is below 1e-18: the contract reverts there.
    Source: OptionGreekCache.getMinCollateral of @lyrafinance/protocol 0.1.3-alpha.
    """
    if amount == 0:
        return 0
    is_put = kind is OptionType.SHORT_PUT_QUOTE
    shocked = spot * (parameters.put_spot_shock if is_put else parameters.call_spot_shock) // UNIT
    call, put = option_prices(seconds, parameters.shock_vol(seconds), shocked, strike, parameters.rate)
    if kind is OptionType.SHORT_CALL_BASE:
        return min(max(call * amount // UNIT * UNIT // shocked, parameters.static_base), amount)
    if is_put:
        return min(max(put * amount // UNIT, parameters.static_quote), amount * strike // UNIT)
    return max(call * amount // UNIT, parameters.static_quote)
