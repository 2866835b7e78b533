"""Scenarios that bend the volatility surface: how far an option's volatility moves.

Source: PMRMLib_2.sol of derivexyz/v2-core 7736900d, `_getExpirySkewedShockedMTM`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from adapters.derive_v2.black76 import annualised
from adapters.derive_v2.holdings import OptionHeld
from adapters.derive_v2.shocks import VolShock
from aggregator.model.fixed_point import divide, multiply, truncated
from aggregator.model.rules import WAD
from aggregator.pricing.exponentials import ln, sqrt


@dataclass(frozen=True, slots=True)
class SkewParameters:
    """How steep and how wide the wings move; 18 decimals, signed."""

    linear_base_cap: int
    abs_base_cap: int
    linear_c_base: int
    abs_c_base: int
    min_k_star: int
    width_scale: int
    vol_param_static: int
    vol_param_scale: int

    def reach(self, seconds: int, shock: VolShock) -> tuple[int, int]:
        """How far volatilities move at most, and at what distance from the forward they do."""
        root = sqrt(annualised(seconds))
        if shock is VolShock.LINEAR:
            cap = multiply(self.linear_c_base, root) + self.linear_base_cap
        else:
            cap = multiply(self.abs_c_base, root) + self.abs_base_cap
        vol = self.vol_param_static + multiply(root, self.vol_param_scale)
        return cap, max(self.min_k_star, multiply(multiply(root, self.width_scale), vol))

    def shocked(
        self, options: Iterable[OptionHeld], forward: int, seconds: int, shock: VolShock
    ) -> list[int]:
        """The options' volatilities, each by its distance from the forward.

        Where the contract can't divide (a flat surface, or no forward) they stay.
        """
        cap, widest = self.reach(seconds, shock)
        linear = shock is VolShock.LINEAR
        return [
            multiply(option.vol, max(WAD + _bend(option.strike, forward, cap, widest, linear=linear), 0))
            for option in options
        ]


def _bend(strike: int, forward: int, cap: int, widest: int, *, linear: bool) -> int:
    moneyness = divide(strike, forward) if forward else 0
    if not moneyness or not widest:
        return 0
    distance = ln(moneyness) if linear else abs(ln(moneyness))
    step = truncated(distance * cap, widest)
    return min(cap, step) if distance >= 0 else max(-cap, step)
