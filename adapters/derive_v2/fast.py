"""The maintenance margin in float64, for one account and many prices at once.

The same formulas as the exact modules, to which their docstrings point; all amounts in whole units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from adapters.derive_v2.black76 import annualised
from adapters.derive_v2.holdings import HOUR_SECONDS, Expiry, Holdings, PerpHeld
from adapters.derive_v2.portfolio import Portfolio
from adapters.derive_v2.portfolio_2 import Portfolio2
from adapters.derive_v2.shocks import BasisParameters, Scenario, VolShock, naked_shorts
from adapters.derive_v2.standard import Standard, StandardMarket
from aggregator.model.rules import WAD
from aggregator.pricing import black76

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def margin(
    book: Standard | Portfolio | Portfolio2, prices: Sequence[Floats], stable: Floats, time: int
) -> tuple[Floats, Floats]:
    """(maintenance margin, mark to market) without cash, of the book's feeds in their order."""
    if isinstance(book, Standard):
        margins = [_standard(one, spot, stable, time) for one, spot in zip(book.markets, prices, strict=True)]
        none = np.zeros_like(stable)
        return sum((of for of, _ in margins), none), sum((value for _, value in margins), none)
    if isinstance(book, Portfolio):
        return _portfolio(book, prices[0], stable, time)
    return _portfolio_2(book, prices[0], prices[1:], stable, time)


class _Options:
    """An expiry's options as columns, at spot prices (S,) and one time."""

    def __init__(self, expiry: Expiry, then: int, spot: Floats, time: int) -> None:
        self.expiry, self.seconds = expiry, expiry.seconds(time)
        self.years = annualised(self.seconds) / WAD
        options = expiry.options
        self.strike = _column([one.strike / WAD for one in options])
        self.sign = _column([1.0 if one.is_call else -1.0 for one in options])
        self.amount = _column([one.amount / WAD for one in options])
        self.vol = _column([one.vol / WAD for one in options])
        self.fixed = expiry.fixed / WAD
        if expiry.fixed:
            self.variable = expiry.variable / then * spot
        else:
            self.variable = np.maximum(spot + (expiry.variable - then) / WAD, 0.0)

    def each(self, shock: float, vols: Floats, discount: float = 1.0) -> Floats:
        """What each option is worth, (options, S), where the forward's variable part is shocked."""
        forward = self.variable * shock + self.fixed
        price = black76.price(
            forward=forward, strike=self.strike, years=self.years, iv=vols, rate=0.0, sign=self.sign
        )
        worth: Floats = price * self.amount * discount
        return worth

    def basis_loss(self, basis: BasisParameters, discount: float, now: Floats) -> Floats:
        """See shocks.basis_loss."""
        up, down = (
            self.each(shock / WAD, self.vol, discount).sum(axis=0) for shock in (basis.up, basis.down)
        )
        factor = (basis.add + basis.mult * self.years) / WAD
        loss: Floats = np.minimum(np.minimum(up - now, down - now), 0.0) * factor
        return loss


def _standard(one: StandardMarket, spot: Floats, stable: Floats, time: int) -> tuple[Floats, Floats]:
    held, of = one.held, one.parameters
    notional = held.base / WAD * spot
    total, value = notional * (of.base_margin_factor / WAD), notional / stable
    if held.perp is not None:
        cash = _perp_cash(held.perp, spot, time)
        required = np.abs(held.perp.size / WAD) * _perp_price(held.perp, spot) * (of.mm_perp_req / WAD)
        total, value = total + cash - required, value + cash
    for expiry in held.expiries:
        options = _Options(expiry, held.spot.price, spot, time)
        worth = options.each(1.0, options.vol)
        short = np.minimum(options.amount, 0.0)
        by_spot = spot * short * (of.mm_put_spot_req / WAD)
        for_calls = spot * short * (of.mm_call_spot_req / WAD)
        for_puts = np.minimum(by_spot, of.mm_put_mtm_req / WAD * worth)
        isolated = np.where(options.sign > 0, for_calls, for_puts) + worth
        isolated = np.where(options.amount < 0, isolated, 0.0).sum(axis=0)
        strikes = np.array([0.0, *options.strike.ravel()])
        payoffs = (np.maximum(options.sign * (strikes - options.strike), 0.0) * options.amount).sum(axis=0)
        calls = float(np.where(options.sign > 0, options.amount, 0.0).sum())
        forward = options.variable + options.fixed
        unpaired = min(calls, 0.0) * (of.unpaired_mm_scale / WAD) * forward
        total = total + np.maximum(isolated, min(payoffs.min(), 0.0) + unpaired)
        value = value + worth.sum(axis=0)
    return total, value


def _portfolio(book: Portfolio, spot: Floats, stable: Floats, time: int) -> tuple[Floats, Floats]:
    held, of = book.held, book.parameters
    base = held.base / WAD * spot / stable
    expiries = [_Options(expiry, held.spot.price, spot, time) for expiry in held.expiries]
    worths = [one.each(1.0, one.vol).sum(axis=0) for one in expiries]
    losses = [
        sum((one.basis_loss(of.basis, 1.0, w) for one, w in zip(expiries, worths, strict=True)), 0.0 * spot)
    ]
    for scenario in book.scenarios:
        shock = scenario.spot / WAD
        loss = base * (shock - 1) + _perp_move(held, spot, shock)
        for one, worth in zip(expiries, worths, strict=True):
            factor = of.vol.factor(scenario.vol, one.seconds) / WAD
            after = one.each(shock, one.vol * factor).sum(axis=0)
            discount = of.static_discount(one.seconds, one.expiry.rate) / WAD
            loss = loss + np.where(after > 0, after * discount, after) - worth
        losses.append(loss)
    size = abs(held.perp.size) / WAD if held.perp else 0.0
    share = size * of.perp_percent / WAD + held.base / WAD * of.base_percent / WAD
    share += sum(naked_shorts(one.options) for one in held.expiries) / WAD * of.option_percent / WAD
    value = sum(worths, base) + (_perp_cash(held.perp, spot, time) if held.perp else 0.0)
    return np.minimum.reduce(losses) - share * spot + value, value


def _portfolio_2(
    book: Portfolio2, spot: Floats, prices: Sequence[Floats], stable: Floats, time: int
) -> tuple[Floats, Floats]:
    held, of = book.held, book.parameters
    none = np.zeros_like(spot)
    values = [one.amount / WAD * price / stable for one, price in zip(book.collaterals, prices, strict=True)]
    cancelling = sum((v for c, v in zip(book.collaterals, values, strict=True) if c.is_risk_cancelling), none)
    expiries = [_Options(expiry, held.spot.price, spot, time) for expiry in held.expiries]
    discounts = [float(np.exp(-one.expiry.rate / WAD * one.years)) for one in expiries]
    worths = [one.each(1.0, one.vol, df).sum(axis=0) for one, df in zip(expiries, discounts, strict=True)]
    known = list(zip(expiries, discounts, worths, strict=True))
    losses = [sum((one.basis_loss(of.basis, df, worth) for one, df, worth in known), none)]
    for scenario in book.scenarios:
        shock = scenario.spot / WAD
        loss = cancelling * (shock - 1) + _perp_move(held, spot, shock)
        for one, df, worth in known:
            change = _after(book, one, scenario, df) - worth
            loss = loss + (-np.abs(change) if scenario.vol.is_skew else change)
        losses.append(loss * (scenario.damping / WAD))
    size = abs(held.perp.size) / WAD if held.perp else 0.0
    share = size * of.mm_perp_percent / WAD
    share += sum(naked_shorts(one.options) for one in held.expiries) / WAD * of.mm_option_percent / WAD
    cost = share * spot
    for collateral, worth in zip(book.collaterals, values, strict=True):
        cost = cost + worth * (collateral.mm_haircut / WAD)
    value = sum(worths, none) + sum(values, none)
    value = value + (_perp_cash(held.perp, spot, time) if held.perp else 0.0)
    return np.minimum.reduce(losses) * (of.mm_factor / WAD) - cost + value, value


def _after(book: Portfolio2, one: _Options, scenario: Scenario, discount: float) -> Floats:
    """What is counted of an expiry's worth after a scenario."""
    of, shock = book.parameters, scenario.spot / WAD
    if scenario.vol.is_skew:
        shock, vols = 1.0, _bent(book, one, scenario.vol)
    else:
        vols = one.vol * (of.vol.factor(scenario.vol, one.seconds) / WAD)
        if scenario.vol is VolShock.UP:
            vols = np.maximum(vols, of.min_vol_up / WAD)
    after = one.each(shock, vols, discount).sum(axis=0)
    exact = int(discount * WAD)
    above, below = of.static_discounts(one.seconds, one.expiry.rate, exact)
    counted: Floats = after * np.where(after >= 0, above / WAD, below / WAD)
    return counted


def _bent(book: Portfolio2, one: _Options, shock: VolShock) -> Floats:
    """Volatilities under a bent surface, (options, S)."""
    cap, widest = (value / WAD for value in book.parameters.skew.reach(one.seconds, shock))
    forward = one.variable + one.fixed
    if not widest:
        return np.broadcast_to(one.vol, (len(one.vol), len(forward)))
    with np.errstate(divide="ignore"):  # no forward: the contract can't tell either
        distance = np.log(one.strike / forward)
    if shock is VolShock.ABSOLUTE:
        distance = np.abs(distance)
    step = distance * cap / widest
    bend = np.where(distance >= 0, np.minimum(cap, step), np.maximum(-cap, step))
    vols: Floats = one.vol * np.maximum(1 + bend, 0.0)
    return vols


def _perp_price(perp: PerpHeld, spot: Floats) -> Floats:
    return np.full_like(spot, perp.price / WAD) if perp.frozen else np.maximum(spot + perp.gap / WAD, 0.0)


def _perp_move(held: Holdings, spot: Floats, shock: float) -> Floats:
    if held.perp is None:
        return np.zeros_like(spot)
    moved: Floats = held.perp.size / WAD * (shock - 1) * _perp_price(held.perp, spot)
    return moved


def _perp_cash(perp: PerpHeld, spot: Floats, time: int) -> Floats:
    hours = max(time - perp.funding_time, 0) / HOUR_SECONDS
    per_unit = (perp.aggregated - perp.had) / WAD + perp.funding_rate / WAD * hours * spot
    profit = _perp_price(perp, spot) - perp.last_mark / WAD - per_unit
    cash: Floats = perp.size / WAD * profit + (perp.realised + perp.applied) / WAD
    return cash


def _column(values: list[float]) -> Floats:
    return np.array(values, dtype=np.float64)[:, None]
