"""The margin of the first portfolio manager, exact.

Source: PMRM.sol and PMRMLib.sol of derivexyz/v2-core 7736900d, with their rounding. The contract's
intermediate results that it keeps for speed are worked out anew here: they are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.derive_v2.black76 import annualised
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
from aggregator.model.assets import AssetId
from aggregator.model.fixed_point import divide, multiply
from aggregator.model.rules import WAD, Feed
from aggregator.pricing.exponentials import exp


@dataclass(frozen=True, slots=True)
class PortfolioParameters:
    """What PMRMLib is set to; 18 decimals."""

    basis: BasisParameters
    vol: VolParameters
    peg_loss_threshold: int
    peg_loss_factor: int
    confidence_threshold: int
    confidence_margin: int
    base_percent: int
    perp_percent: int
    option_percent: int
    im_factor: int
    rate_mult_scale: int
    rate_add_scale: int
    base_static_discount: int

    def static_discount(self, seconds: int, rate: int) -> int:
        """What a value of options that is left after a shock counts for."""
        shocked = multiply(rate, self.rate_mult_scale) + self.rate_add_scale
        return multiply(self.base_static_discount, exp(-multiply(annualised(seconds), shocked)))

    def confidence_cost(self, confidence: int, amount: int, spot: int) -> int:
        """What too little confidence in prices costs initially."""
        if confidence >= self.confidence_threshold:
            return 0
        return multiply(multiply(multiply(WAD - confidence, self.confidence_margin), amount), spot)


@dataclass(frozen=True, slots=True)
class Portfolio:
    """An account of the first portfolio manager: one market, and the scenarios it is judged by."""

    held: Holdings
    parameters: PortfolioParameters
    scenarios: tuple[Scenario, ...]

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The market's spot price."""
        return (self.held.spot,)

    @property
    def holdings(self) -> tuple[Holdings, ...]:
        """What is held, of the one market."""
        return (self.held,)

    def discount(self, expiry: Expiry, time: int) -> int:  # noqa: ARG002  # another book has one
        """Options are not discounted here."""
        return WAD

    def margin(
        self, prices: Mapping[AssetId, int], stable: int, time: int, *, initial: bool
    ) -> tuple[int, int]:
        """(margin, mark to market) without cash (`getMarginAndMarkToMarket` of all scenarios)."""
        held, of = self.held, self.parameters
        spot = prices[held.spot.asset]
        now = [_Now(expiry, self, spot, time) for expiry in held.expiries]
        value = self._base(spot, stable, WAD) + sum(one.value for one in now)
        if held.perp is not None:
            value += held.perp.cash(spot, time)
        worst = min(
            sum(one.basis_loss() for one in now),
            *(self._loss(now, scenario, spot, stable) for scenario in self.scenarios),
        )
        worst -= self._static(spot)
        if initial:
            factor = of.im_factor
            if stable < of.peg_loss_threshold:
                factor += multiply(of.peg_loss_threshold - stable, of.peg_loss_factor)
            worst = multiply(worst, factor) - self._confidence_cost(spot)
        return worst + value, value

    def _loss(self, now: list[_Now], scenario: Scenario, spot: int, stable: int) -> int:
        """What a scenario does to the account's worth (`getScenarioMtM`)."""
        loss = sum(one.shocked(scenario) - one.value for one in now)
        loss += self._base(spot, stable, scenario.spot) - self._base(spot, stable, WAD)
        if self.held.perp is not None:
            moved = multiply(scenario.spot - WAD, self.held.perp.price_at(spot))
            loss += multiply(self.held.perp.size, moved)
        return loss

    def _base(self, spot: int, stable: int, shock: int) -> int:
        return divide(multiply(multiply(self.held.base, spot), shock), stable) if self.held.base else 0

    def _static(self, spot: int) -> int:
        of, held = self.parameters, self.held
        size = abs(held.perp.size) if held.perp else 0
        cost = multiply(multiply(size, of.perp_percent) + multiply(held.base, of.base_percent), spot)
        for expiry in held.expiries:
            cost += multiply(multiply(naked_shorts(expiry.options), of.option_percent), spot)
        return cost

    def _confidence_cost(self, spot: int) -> int:
        held, of = self.held, self.parameters
        confidence, amount = held.confidence, held.base
        if held.perp is not None:
            confidence, amount = min(confidence, held.perp.confidence), amount + abs(held.perp.size)
        cost = of.confidence_cost(confidence, amount, spot)
        for expiry in held.expiries:
            amount = sum(abs(option.amount) for option in expiry.options)
            cost += of.confidence_cost(min(confidence, expiry.confidence), amount, spot)
        return cost


class _Now:
    """An expiry at one price and time, with what all scenarios need of it."""

    def __init__(self, expiry: Expiry, portfolio: Portfolio, spot: int, time: int) -> None:
        self.expiry, self.of = expiry, portfolio.parameters
        self.seconds = expiry.seconds(time)
        self.variable = expiry.variable_at(portfolio.held.spot.price, spot)
        self.discount = self.of.static_discount(self.seconds, expiry.rate)
        self.value = self.moved(WAD, VolShock.NONE)

    def moved(self, spot: int, shock: VolShock) -> int:
        """Worth after a shock, undiscounted."""
        forward = multiply(self.variable, spot) + self.expiry.fixed
        factor = self.of.vol.factor(shock, self.seconds)
        vols = [multiply(option.vol, factor) for option in self.expiry.options]
        return worth(self.expiry, self.seconds, forward, vols, WAD)

    def shocked(self, scenario: Scenario) -> int:
        """What is counted of the worth after a scenario."""
        value = self.moved(scenario.spot, scenario.vol)
        return multiply(value, self.discount) if value > 0 else value

    def basis_loss(self) -> int:
        """See shocks.basis_loss."""
        basis = self.of.basis
        up, down = (self.moved(spot, VolShock.NONE) for spot in (basis.up, basis.down))
        return basis_loss(basis, self.value, up, down, self.seconds)
