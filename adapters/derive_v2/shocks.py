"""What both portfolio managers share: scenarios, options under a shock, basis and naked shorts.

Source: PMRMLib.sol and PMRMLib_2.sol of derivexyz/v2-core 7736900d, with their rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from adapters.derive_v2.black76 import annualised, option_prices
from adapters.derive_v2.holdings import Expiry, OptionHeld
from aggregator.model.fixed_point import multiply, truncated
from aggregator.model.rules import WAD
from aggregator.pricing.exponentials import exp, ln

DAYS_30 = 30 * 86_400


class VolShock(IntEnum):
    """What a scenario does to volatilities; the last two bend the surface, in the second version only."""

    NONE = 0
    UP = 1
    DOWN = 2
    LINEAR = 3
    ABSOLUTE = 4

    @property
    def is_skew(self) -> bool:
        """Whether the surface is bent."""
        return self in (VolShock.LINEAR, VolShock.ABSOLUTE)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A factor of the spot price, what happens to volatilities, and how much of the loss counts."""

    spot: int
    vol: VolShock
    damping: int = WAD


@dataclass(frozen=True, slots=True)
class BasisParameters:
    """Scenarios of the forward alone, and how much of their loss counts: `add` and `mult` per year."""

    up: int
    down: int
    add: int
    mult: int


@dataclass(frozen=True, slots=True)
class VolParameters:
    """How far volatilities move: 18 decimals, the floor in seconds."""

    range_up: int
    range_down: int
    short_term_power: int
    long_term_power: int
    floor_seconds: int

    def factor(self, shock: VolShock, seconds: int) -> int:
        """What volatilities of an expiry are multiplied with.

        Where the contract would divide by no seconds at all, one second is left.
        """
        if shock not in (VolShock.UP, VolShock.DOWN):
            return WAD
        ratio = DAYS_30 * WAD // max(seconds, self.floor_seconds, 1)
        power = self.short_term_power if seconds <= DAYS_30 else self.long_term_power
        far = exp(truncated(ln(ratio) * power, WAD))
        if shock is VolShock.UP:
            return WAD + multiply(self.range_up, far)
        return max(WAD - multiply(self.range_down, far), 0)


def worth(expiry: Expiry, seconds: int, forward: int, vols: Iterable[int], discount: int) -> int:
    """All options of an expiry at a forward, each at its volatility."""
    value = 0
    for option, vol in zip(expiry.options, vols, strict=True):
        call, put = option_prices(seconds, vol, forward, option.strike, discount)
        value += multiply(call if option.is_call else put, option.amount)
    return value


def basis_loss(parameters: BasisParameters, now: int, up: int, down: int, seconds: int) -> int:
    """What moving an expiry's forward alone costs: <= 0 of its worth now, up and down."""
    factor = parameters.add + multiply(parameters.mult, annualised(seconds))
    return multiply(min(up - now, down - now, 0), factor)


def naked_shorts(options: Iterable[OptionHeld]) -> int:
    """Shorts that no option of the other right at the same strike covers."""
    by_strike: dict[int, list[int]] = {}
    for option in options:
        by_strike.setdefault(option.strike, []).append(option.amount)
    return sum(_uncovered(amounts) for amounts in by_strike.values())


def _uncovered(amounts: list[int]) -> int:
    short = -sum(amount for amount in amounts if amount < 0)
    long = sum(amount for amount in amounts if amount > 0)
    return max(short - long, 0)
