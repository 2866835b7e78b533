"""The margin of the standard manager, exact.

Source: StandardManager.sol of derivexyz/v2-core 7736900d, with its rounding. Margins are signed: what is
below zero is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.derive_v2.black76 import option_prices
from adapters.derive_v2.holdings import Expiry, Holdings, OptionHeld, PerpHeld
from aggregator.model.assets import AssetId
from aggregator.model.fixed_point import divide, multiply
from aggregator.model.rules import WAD, Feed


@dataclass(frozen=True, slots=True)
class StandardParameters:
    """A market's parameters, all with 18 decimals; names are those of the contract's structs."""

    max_spot_req: int
    min_spot_req: int
    mm_call_spot_req: int
    mm_put_spot_req: int
    mm_put_mtm_req: int
    unpaired_im_scale: int
    unpaired_mm_scale: int
    mm_offset_scale: int
    mm_perp_req: int
    im_perp_req: int
    base_margin_factor: int
    base_im_scale: int
    perp_threshold: int
    option_threshold: int
    base_threshold: int
    oc_factor: int

    def initial_ratio(self, out_of_the_money: int, spot: int) -> int:
        """The share of the spot price that a short option needs initially."""
        ratio = divide(out_of_the_money, spot) if out_of_the_money > 0 else 0
        return max(self.max_spot_req - ratio, self.min_spot_req)


@dataclass(frozen=True, slots=True)
class StandardMarket:
    """One market of the account."""

    held: Holdings
    parameters: StandardParameters

    def margin(self, spot: int, stable: int, depeg: int, time: int, *, initial: bool) -> tuple[int, int]:
        """(margin, mark to market) of the market, where what is exposed to a depeg costs `depeg` of it."""
        held = self.held
        margin, value = self._base(spot, stable, initial=initial)
        if held.perp is not None:
            profit = held.perp.cash(spot, time)
            margin += self._perp(held.perp, spot, initial=initial) + profit
            value += profit
        for expiry in held.expiries:
            of_expiry, worth = self._expiry(expiry, spot, time, initial=initial)
            margin += of_expiry
            value += worth
        return margin - multiply(multiply(self._exposed(), depeg), spot), value

    def _exposed(self) -> int:
        """Contracts that a depeg makes dearer: shorts and perps."""
        shorts = sum(_shorts(expiry) for expiry in self.held.expiries)
        return shorts + (abs(self.held.perp.size) if self.held.perp else 0)

    def _penalty(self, confidence: int, threshold: int, amounts: tuple[int, int]) -> int:
        """What too little confidence costs, of the product of two amounts."""
        if threshold == 0 or confidence >= threshold:
            return 0
        return multiply(
            multiply(multiply(WAD - confidence, self.parameters.oc_factor), amounts[0]), amounts[1]
        )

    def _perp(self, perp: PerpHeld, spot: int, *, initial: bool) -> int:
        of, size = self.parameters, abs(perp.size)
        notional = multiply(size, perp.price_at(spot))
        margin = -multiply(notional, of.im_perp_req if initial else of.mm_perp_req)
        if not initial:
            return margin
        confidence = min(perp.confidence, self.held.confidence)
        return margin - self._penalty(confidence, of.perp_threshold, (spot, size))

    def _base(self, spot: int, stable: int, *, initial: bool) -> tuple[int, int]:
        if self.held.base == 0:
            return 0, 0
        of = self.parameters
        notional = multiply(self.held.base, spot)
        margin, value = multiply(notional, of.base_margin_factor), divide(notional, stable)
        if not initial:
            return margin, value
        margin = multiply(margin, of.base_im_scale)
        if margin == 0:
            return 0, value
        return margin - self._penalty(self.held.confidence, of.base_threshold, (notional, WAD)), value

    def _expiry(self, expiry: Expiry, spot: int, time: int, *, initial: bool) -> tuple[int, int]:
        of = self.parameters
        forward = expiry.fixed + expiry.variable_at(self.held.spot.price, spot)
        most_lost = min(_payoff(expiry, 0), 0)
        isolated = value = net_calls = 0
        for option in expiry.options:
            call, put = option_prices(expiry.seconds(time), option.vol, forward, option.strike)
            worth = multiply(call if option.is_call else put, option.amount)
            value += worth
            if option.amount < 0:
                isolated += self._short(option, worth, spot, initial=initial)
            if option.is_call:
                net_calls += option.amount
            most_lost = min(most_lost, _payoff(expiry, option.strike))
        if net_calls < 0:
            scale = of.unpaired_im_scale if initial else of.unpaired_mm_scale
            most_lost += multiply(multiply(scale, forward), net_calls)
        margin = max(isolated, most_lost)
        if initial:
            confidence = min(self.held.confidence, expiry.confidence)
            margin -= self._penalty(confidence, of.option_threshold, (spot, _shorts(expiry)))
        return margin, value

    def _short(self, option: OptionHeld, worth: int, spot: int, *, initial: bool) -> int:
        """The margin of a short on its own."""
        of, amount = self.parameters, option.amount
        if option.is_call:
            if not initial:
                return worth + multiply(multiply(of.mm_call_spot_req, spot), amount)
            ratio = of.initial_ratio(option.strike - spot, spot)
            return multiply(multiply(ratio, spot), amount) + worth
        by_spot = multiply(multiply(of.mm_put_spot_req, spot), amount)
        maintenance = min(by_spot, multiply(of.mm_put_mtm_req, worth)) + worth
        if not initial:
            return maintenance
        ratio = of.initial_ratio(spot - option.strike, spot)
        return min(multiply(multiply(ratio, spot), amount) + worth, multiply(maintenance, of.mm_offset_scale))


@dataclass(frozen=True, slots=True)
class Standard:
    """The markets of an account of the standard manager, and what a stable coin below its peg costs."""

    markets: tuple[StandardMarket, ...]
    depeg_threshold: int
    depeg_factor: int

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """Each market's spot price."""
        return tuple(one.held.spot for one in self.markets)

    @property
    def holdings(self) -> tuple[Holdings, ...]:
        """What is held, market by market."""
        return tuple(one.held for one in self.markets)

    def discount(self, expiry: Expiry, time: int) -> int:  # noqa: ARG002  # another book has one
        """Options are not discounted here."""
        return WAD

    def margin(
        self, prices: Mapping[AssetId, int], stable: int, time: int, *, initial: bool
    ) -> tuple[int, int]:
        """(margin, mark to market) without cash (`_getMarginAndMarkToMarket`)."""
        depeg = 0
        if initial and stable < self.depeg_threshold:
            depeg = multiply(self.depeg_threshold - stable, self.depeg_factor)
        margin = value = 0
        for one in self.markets:
            of_market, worth = one.margin(prices[one.held.spot.asset], stable, depeg, time, initial=initial)
            margin += of_market
            value += worth
        return margin, value


def _payoff(expiry: Expiry, price: int) -> int:
    return sum(option.payoff(price) for option in expiry.options)


def _shorts(expiry: Expiry) -> int:
    return sum(-option.amount for option in expiry.options if option.amount < 0)
