"""The maintenance margin in float64, for one account and many prices at once.

The same formulas as the exact modules, to which their docstrings point; all amounts in whole units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from adapters.derive_v2.fast_options import Options, column
from adapters.derive_v2.holdings import HOUR_SECONDS, PerpHeld
from adapters.derive_v2.margin import Book
from adapters.derive_v2.portfolio import Portfolio
from adapters.derive_v2.portfolio_2 import Portfolio2
from adapters.derive_v2.shocks import VolShock, naked_shorts
from adapters.derive_v2.standard import Standard, StandardMarket
from aggregator.model.rules import WAD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Sheet:
    """A book at one time: `margin` gives (maintenance margin, mark to market) without cash.

    Prices are those of the book's feeds, in their order, (S,) each, and that of the stable coin.
    """

    def __init__(self, book: Book, time: int) -> None:
        self.time = time
        self._parts: list[_Market] | _First | _Second
        if isinstance(book, Standard):
            self._parts = [_Market(one, time) for one in book.markets]
        elif isinstance(book, Portfolio):
            self._parts = _First(book, time)
        else:
            self._parts = _Second(book, time)

    def margin(self, prices: Sequence[Floats], stable: Floats) -> tuple[Floats, Floats]:
        """See the class."""
        if not isinstance(self._parts, list):
            return self._parts.margin(prices, stable)
        found = [one.margin(spot, stable) for one, spot in zip(self._parts, prices, strict=True)]
        none = np.zeros_like(stable)
        return sum((of for of, _ in found), none), sum((value for _, value in found), none)


class _Market:
    """A market of the standard manager."""

    def __init__(self, one: StandardMarket, time: int) -> None:
        self._held, self._of, self._time = one.held, one.parameters, time
        self._options = Options(one.held, time, lambda _: 1.0)
        self._lost, self._calls = list[float](), list[float]()
        for expiry in self._options.expiries:
            strikes = [0, *(option.strike for option in expiry.options)]
            payoffs = [sum(option.payoff(price) for option in expiry.options) for price in strikes]
            self._lost.append(min(*payoffs, 0) / WAD)
            calls = sum(option.amount for option in expiry.options if option.is_call)
            self._calls.append(min(calls, 0) / WAD)

    def margin(self, spot: Floats, stable: Floats) -> tuple[Floats, Floats]:
        """See StandardMarket.margin."""
        held, of, options = self._held, self._of, self._options
        notional = held.base / WAD * spot
        total, value = notional * (of.base_margin_factor / WAD), notional / stable
        if held.perp is not None:
            cash = _perp_cash(held.perp, spot, self._time)
            required = np.abs(held.perp.size / WAD) * _perp_price(held.perp, spot) * (of.mm_perp_req / WAD)
            total, value = total + cash - required, value + cash
        if not options.expiries:
            return total, value
        worth = options.each(spot, np.ones(1), options.vol[None])[0]
        short = np.minimum(options.amount, 0.0)
        for_calls = spot * short * (of.mm_call_spot_req / WAD)
        for_puts = np.minimum(spot * short * (of.mm_put_spot_req / WAD), of.mm_put_mtm_req / WAD * worth)
        isolated = np.where(options.sign > 0, for_calls, for_puts) + worth
        isolated = options.summed(np.where(options.amount < 0, isolated, 0.0))
        forward = options.forward(spot)[options.first]
        unpaired = column(self._calls) * (of.unpaired_mm_scale / WAD) * forward
        margins = np.maximum(isolated, column(self._lost) + unpaired)
        return total + margins.sum(axis=0), value + worth.sum(axis=0)


class _Scenarios:
    """What both portfolio managers have: options now, under moved forwards, and in every scenario."""

    def __init__(self, book: Portfolio | Portfolio2, time: int) -> None:
        self.held, self.time = book.held, time
        self.basis = book.parameters.basis
        self.scenarios = [one for one in book.scenarios if not one.vol.is_skew]
        self.options = Options(book.held, time, lambda expiry: book.discount(expiry, time) / WAD)
        self.shock = column(one.spot / WAD for one in self.scenarios)
        moved = [WAD, self.basis.up, self.basis.down, *(one.spot for one in self.scenarios)]
        self._shocks = np.array(moved, dtype=np.float64) / WAD
        shocks = [VolShock.NONE] * 3 + [one.vol for one in self.scenarios]
        self._vols = np.array([self._shocked(book, shock) for shock in shocks])
        self.naked = sum(naked_shorts(expiry.options) for expiry in self.options.expiries) / WAD
        self.size = abs(self.held.perp.size) / WAD if self.held.perp else 0.0

    def _shocked(self, book: Portfolio | Portfolio2, shock: VolShock) -> Floats:
        of, options = book.parameters, self.options
        factors = [of.vol.factor(shock, seconds) / WAD for seconds in options.seconds]
        vols = options.vol * options.by_option(factors)[:, None]
        if shock is VolShock.UP and isinstance(book, Portfolio2):
            vols = np.maximum(vols, book.parameters.min_vol_up / WAD)
        return vols

    def worths(self, spot: Floats) -> tuple[Floats, Floats, Floats]:
        """Worth now (E, S), loss of moved forwards (S,), worths in all scenarios but skews (R, E, S)."""
        now, up, down, *_ = worth = self.options.worth(spot, self._shocks, self._vols)
        return now, self.options.basis_loss(self.basis, now, up, down), worth[3:]

    def perp_moves(self, spot: Floats) -> Floats:
        """What the perp gains in each scenario, (R, S)."""
        if self.held.perp is None:
            return np.zeros((len(self.shock), len(spot)))
        moved: Floats = self.held.perp.size / WAD * (self.shock - 1) * _perp_price(self.held.perp, spot)
        return moved

    def perp_cash(self, spot: Floats) -> Floats:
        """What settling the perp brings."""
        if self.held.perp is None:
            return np.zeros_like(spot)
        return _perp_cash(self.held.perp, spot, self.time)


class _First(_Scenarios):
    """An account of the first portfolio manager."""

    def __init__(self, book: Portfolio, time: int) -> None:
        super().__init__(book, time)
        of, pairs = book.parameters, zip(self.options.seconds, self.options.expiries, strict=True)
        self._discount = column(of.static_discount(seconds, one.rate) / WAD for seconds, one in pairs)
        self._share = self.size * of.perp_percent / WAD + self.held.base / WAD * of.base_percent / WAD
        self._share += self.naked * of.option_percent / WAD

    def margin(self, prices: Sequence[Floats], stable: Floats) -> tuple[Floats, Floats]:
        """See Portfolio.margin."""
        spot = prices[0]
        now, basis, worth = self.worths(spot)
        base = self.held.base / WAD * spot / stable
        counted = np.where(worth > 0, worth * self._discount, worth) - now
        losses = counted.sum(axis=1) + base * (self.shock - 1) + self.perp_moves(spot)
        value = now.sum(axis=0) + base + self.perp_cash(spot)
        return np.minimum(losses.min(axis=0, initial=np.inf), basis) - self._share * spot + value, value


class _Second(_Scenarios):
    """An account of the second portfolio manager."""

    def __init__(self, book: Portfolio2, time: int) -> None:
        super().__init__(book, time)
        self._book = book
        of, pairs = book.parameters, zip(self.options.seconds, self.options.expiries, strict=True)
        both = [of.static_discounts(s, one.rate, book.discount(one, time)) for s, one in pairs]
        self._above, self._below = column(a / WAD for a, _ in both), column(b / WAD for _, b in both)
        self._damping = column(one.damping / WAD for one in self.scenarios)
        self._share = self.size * of.mm_perp_percent / WAD + self.naked * of.mm_option_percent / WAD
        # How far volatilities move at most, and at what distance from the forward, in each skew.
        self._skews = [
            (one, [of.skew.reach(seconds, one.vol) for seconds in self.options.seconds])
            for one in book.scenarios
            if one.vol.is_skew
        ]

    def margin(self, prices: Sequence[Floats], stable: Floats) -> tuple[Floats, Floats]:
        """See Portfolio2.margin."""
        spot, of, collaterals = prices[0], self._book.parameters, self._book.collaterals
        values = [
            one.amount / WAD * price / stable for one, price in zip(collaterals, prices[1:], strict=True)
        ]
        cost, cancelling, all_of = self._share * spot, np.zeros_like(spot), np.zeros_like(spot)
        for one, worth in zip(collaterals, values, strict=True):
            cost, all_of = cost + worth * (one.mm_haircut / WAD), all_of + worth
            cancelling = cancelling + (worth if one.is_risk_cancelling else 0.0)
        now, basis, worths = self.worths(spot)
        gains = (self._counted(worths) - now).sum(axis=1) + cancelling * (self.shock - 1)
        gains = (gains + self.perp_moves(spot)) * self._damping
        worst = np.minimum(gains.min(axis=0, initial=np.inf), basis)
        for scenario, reach in self._skews:
            bent = self.options.worth(spot, np.ones(1), self._bent(spot, scenario.vol, reach)[None])[0]
            lost = -np.abs(self._counted(bent) - now).sum(axis=0) * (scenario.damping / WAD)
            worst = np.minimum(worst, lost)
        value = now.sum(axis=0) + all_of + self.perp_cash(spot)
        return worst * (of.mm_factor / WAD) - cost + value, value

    def _counted(self, worth: Floats) -> Floats:
        counted: Floats = worth * np.where(worth >= 0, self._above, self._below)
        return counted

    def _bent(self, spot: Floats, shock: VolShock, reach: list[tuple[int, int]]) -> Floats:
        """Volatilities under a bent surface, (O, S)."""
        options = self.options
        cap = options.by_option(one / WAD for one, _ in reach)[:, None]
        widest = options.by_option(one / WAD for _, one in reach)[:, None]
        with np.errstate(divide="ignore"):  # no forward: the contract can't tell either
            distance = np.log(options.strike / options.forward(spot))
        if shock is VolShock.ABSOLUTE:
            distance = np.abs(distance)
        step = distance * cap / np.where(widest, widest, np.inf)
        bend = np.where(distance >= 0, np.minimum(cap, step), np.maximum(-cap, step))
        vols: Floats = options.vol * np.maximum(1 + np.where(widest, bend, 0.0), 0.0)
        return vols


def _perp_price(perp: PerpHeld, spot: Floats) -> Floats:
    return np.full_like(spot, perp.price / WAD) if perp.frozen else np.maximum(spot + perp.gap / WAD, 0.0)


def _perp_cash(perp: PerpHeld, spot: Floats, time: int) -> Floats:
    hours = max(time - perp.funding_time, 0) / HOUR_SECONDS
    per_unit = (perp.aggregated - perp.had) / WAD + perp.funding_rate / WAD * hours * spot
    profit = _perp_price(perp, spot) - perp.last_mark / WAD - per_unit
    cash: Floats = perp.size / WAD * profit + (perp.realised + perp.applied) / WAD
    return cash
