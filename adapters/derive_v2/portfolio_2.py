"""The margin of the second portfolio manager (versions 2 and 2.1), exact.

Source: PMRM_2.sol, PMRM_2_1.sol and PMRMLib_2.sol of derivexyz/v2-core 7736900d, with their rounding. It
knows several kinds of collateral, discounts options by the rate, and has scenarios that bend the surface.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.derive_v2.black76 import YEAR_SECONDS, annualised
from adapters.derive_v2.holdings import Expiry, Holdings
from adapters.derive_v2.shocks import (
    BasisParameters,
    Scenario,
    VolParameters,
    VolShock,
    basis_loss,
    naked_shorts,
    worth,
)
from adapters.derive_v2.skew import SkewParameters
from aggregator.model.assets import AssetId
from aggregator.model.fixed_point import divide, multiply, truncated
from aggregator.model.rules import WAD, Feed
from aggregator.pricing.exponentials import exp


@dataclass(frozen=True, slots=True)
class Portfolio2Parameters:
    """What PMRMLib_2 is set to; 18 decimals."""

    basis: BasisParameters
    vol: VolParameters
    min_vol_up: int
    skew: SkewParameters
    peg_loss_threshold: int
    peg_loss_factor: int
    confidence_threshold: int
    confidence_margin: int
    mm_perp_percent: int
    im_perp_percent: int
    mm_option_percent: int
    im_option_percent: int
    im_factor: int
    mm_factor: int
    short_rate_mult_scale: int
    long_rate_mult_scale: int
    short_rate_add_scale: int
    long_rate_add_scale: int
    short_static_discount: int
    long_static_discount: int

    def static_discounts(self, seconds: int, rate: int, discount: int) -> tuple[int, int]:
        """What values of options above and below zero that are left after a shock count for."""
        years = annualised(seconds)
        above = multiply(rate, self.long_rate_mult_scale) + self.long_rate_add_scale
        below = multiply(rate, self.short_rate_mult_scale) + self.short_rate_add_scale
        grown = divide(self.short_static_discount, exp(-multiply(years, below)))
        return (
            multiply(self.long_static_discount, exp(-multiply(years, above))),
            min(divide(WAD, discount), grown),
        )

    def confidence_cost(self, confidence: int, notional: int) -> int:
        """What too little confidence in prices costs initially."""
        if confidence >= self.confidence_threshold:
            return 0
        return multiply(multiply(WAD - confidence, self.confidence_margin), notional)


@dataclass(frozen=True, slots=True)
class Collateral:
    """So much of an asset; `is_risk_cancelling` where scenarios of the spot price move it, too."""

    feed: Feed
    amount: int
    confidence: int
    is_risk_cancelling: bool
    mm_haircut: int
    im_haircut: int

    def value(self, price: int, stable: int) -> int:
        """Worth in cash."""
        return self.amount * price // stable


@dataclass(frozen=True, slots=True)
class Portfolio2:
    """An account of the second portfolio manager: one market, collaterals, and the scenarios."""

    held: Holdings
    collaterals: tuple[Collateral, ...]
    parameters: Portfolio2Parameters
    scenarios: tuple[Scenario, ...]

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The market's spot price, then each collateral's."""
        return (self.held.spot, *(one.feed for one in self.collaterals))

    @property
    def holdings(self) -> tuple[Holdings, ...]:
        """What is held, of the one market."""
        return (self.held,)

    def discount(self, expiry: Expiry, time: int) -> int:
        """What a payment at expiry is worth."""
        return exp(truncated(-expiry.rate * expiry.seconds(time), YEAR_SECONDS))

    def margin(
        self, prices: Mapping[AssetId, int], stable: int, time: int, *, initial: bool
    ) -> tuple[int, int]:
        """(margin, mark to market) without cash (`getMarginAndMarkToMarket` of all scenarios)."""
        held, of = self.held, self.parameters
        spot = prices[held.spot.asset]
        now = [_Now(expiry, self, spot, time) for expiry in held.expiries]
        collaterals = [one.value(prices[one.feed.asset], stable) for one in self.collaterals]
        value = sum(collaterals) + sum(one.value for one in now)
        if held.perp is not None:
            value += held.perp.cash(spot, time)
        worst = min(
            sum(one.basis_loss() for one in now),
            *(self._profit(now, scenario, spot, collaterals) for scenario in self.scenarios),
        )
        factor = of.im_factor if initial else of.mm_factor
        if initial and stable < of.peg_loss_threshold:
            factor += multiply(of.peg_loss_threshold - stable, of.peg_loss_factor)
        maintenance, further = self._contingencies(spot, collaterals)
        worst = multiply(worst, factor) - maintenance - (further if initial else 0)
        return worst + value, value

    def _profit(self, now: list[_Now], scenario: Scenario, spot: int, collaterals: list[int]) -> int:
        """What a scenario does to the account's worth (`getScenarioPnL`)."""
        profit, move = 0, scenario.spot - WAD
        if self.held.perp is not None:
            moved = multiply(self.held.perp.size, multiply(move, self.held.perp.price_at(spot)))
            profit += multiply(moved, scenario.damping)
        for one in now:
            of_expiry = multiply(one.shocked(scenario) - one.value, scenario.damping)
            profit += -abs(of_expiry) if scenario.vol.is_skew else of_expiry
        for collateral, value in zip(self.collaterals, collaterals, strict=True):
            if collateral.is_risk_cancelling:
                profit += multiply(multiply(value, move), scenario.damping)
        return profit

    def _contingencies(self, spot: int, collaterals: list[int]) -> tuple[int, int]:
        """What is needed for maintenance, and what initially on top."""
        held, of = self.held, self.parameters
        confidence, perps = held.confidence, 0
        if held.perp is not None:
            confidence = min(confidence, held.perp.confidence)
            perps = multiply(abs(held.perp.size), spot)
        maintenance = multiply(perps, of.mm_perp_percent)
        further = multiply(perps, of.im_perp_percent) + of.confidence_cost(confidence, perps)
        for expiry in held.expiries:
            shorts = multiply(naked_shorts(expiry.options), spot)
            maintenance += multiply(shorts, of.mm_option_percent)
            further += multiply(shorts, of.im_option_percent)
            amount = sum(abs(option.amount) for option in expiry.options)
            further += of.confidence_cost(min(confidence, expiry.confidence), multiply(amount, spot))
        for one, value in zip(self.collaterals, collaterals, strict=True):
            maintenance += multiply(value, one.mm_haircut)
            # A collateral does not care for the perp's price.
            lower = min(one.confidence, held.confidence)
            further += multiply(value, one.im_haircut) + of.confidence_cost(lower, value)
        return maintenance, further


class _Now:
    """An expiry at one price and time, with what all scenarios need of it."""

    def __init__(self, expiry: Expiry, portfolio: Portfolio2, spot: int, time: int) -> None:
        self.expiry, self.of = expiry, portfolio.parameters
        self.seconds = expiry.seconds(time)
        self.variable = expiry.variable_at(portfolio.held.spot.price, spot)
        self.discount = portfolio.discount(expiry, time)
        self.discounts = self.of.static_discounts(self.seconds, expiry.rate, self.discount)
        self.value = self.moved(WAD, VolShock.NONE)

    def moved(self, spot: int, shock: VolShock) -> int:
        """Worth after a shock of the spot price and all volatilities alike."""
        factor = self.of.vol.factor(shock, self.seconds)
        least = self.of.min_vol_up if shock is VolShock.UP else 0
        vols = [max(least, multiply(option.vol, factor)) for option in self.expiry.options]
        forward = multiply(self.variable, spot) + self.expiry.fixed
        return worth(self.expiry, self.seconds, forward, vols, self.discount)

    def bent(self, shock: VolShock) -> int:
        """Worth after the wings of the surface have moved."""
        forward = self.variable + self.expiry.fixed
        vols = self.of.skew.shocked(self.expiry.options, forward, self.seconds, shock)
        return worth(self.expiry, self.seconds, forward, vols, self.discount)

    def shocked(self, scenario: Scenario) -> int:
        """What is counted of the worth after a scenario."""
        value = self.bent(scenario.vol) if scenario.vol.is_skew else self.moved(scenario.spot, scenario.vol)
        above, below = self.discounts
        return multiply(value, above if value >= 0 else below)

    def basis_loss(self) -> int:
        """See shocks.basis_loss."""
        basis = self.of.basis
        up, down = (self.moved(spot, VolShock.NONE) for spot in (basis.up, basis.down))
        return basis_loss(basis, self.value, up, down, self.seconds)
