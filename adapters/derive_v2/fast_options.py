"""All options of a market in float64, under many scenarios and prices at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from adapters.derive_v2.black76 import annualised
from adapters.derive_v2.holdings import Holdings
from adapters.derive_v2.shocks import BasisParameters
from aggregator.model.rules import WAD
from aggregator.pricing import black76

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from adapters.derive_v2.holdings import Expiry

    Floats = NDArray[np.float64]

AT_ONCE = 250_000
"""Option values that are worked out together: more would not fit into a processor's cache."""


class Options:
    """The options (O) of a market at one time, expiry (E) by expiry; `first` of each.

    `discount` tells what a payment at an expiry is worth.
    """

    def __init__(self, held: Holdings, time: int, discount: Callable[[Expiry], float]) -> None:
        self.expiries = [expiry for expiry in held.expiries if expiry.options]
        rows = [(expiry, option) for expiry in self.expiries for option in expiry.options]
        sizes = [len(expiry.options) for expiry in self.expiries]
        self.first = np.cumsum([0, *sizes])[:-1]
        self.seconds = [expiry.seconds(time) for expiry in self.expiries]
        self.years = column(annualised(expiry.seconds(time)) / WAD for expiry, _ in rows)
        self.strike = column(option.strike / WAD for _, option in rows)
        self.sign = column(1.0 if option.is_call else -1.0 for _, option in rows)
        self.amount = column(option.amount / WAD for _, option in rows)
        self.vol = column(option.vol / WAD for _, option in rows)
        self._counted = self.amount * column(discount(expiry) for expiry, _ in rows)
        self._fixed = column(expiry.fixed / WAD for expiry, _ in rows)
        then = held.spot.price
        self._slope = column(expiry.variable / then if expiry.fixed else 1.0 for expiry, _ in rows)
        self._offset = column(0.0 if e.fixed else (e.variable - then) / WAD for e, _ in rows)

    def by_option(self, of_expiries: Iterable[float]) -> Floats:
        """A figure of each expiry for each of its options, (O,)."""
        sizes = [len(expiry.options) for expiry in self.expiries]
        return np.repeat(np.array(list(of_expiries), dtype=np.float64), sizes)

    def summed(self, of_options: Floats) -> Floats:
        """Figures (…, O, S) added up by expiry: (…, E, S)."""
        if not self.expiries:
            return np.zeros((*of_options.shape[:-2], 0, of_options.shape[-1]))
        found: Floats = np.add.reduceat(of_options, self.first, axis=-2)
        return found

    def forward(self, spot: Floats, shock: Floats | float = 1.0) -> Floats:
        """The forward of each option's expiry, (O, S), its variable part shocked."""
        found: Floats = np.maximum(self._slope * spot + self._offset, 0.0) * shock + self._fixed
        return found

    def each(self, spot: Floats, shocks: Floats, vols: Floats) -> Floats:
        """What each option is worth, (R, O, S), in R rows of `shocks` (R,) and `vols` (R, O, 1 or S)."""
        price = black76.price(
            forward=self.forward(spot, shocks[:, None, None]),
            strike=self.strike,
            years=self.years,
            iv=vols,
            rate=0.0,
            sign=self.sign,
        )
        worth: Floats = price * self._counted
        return worth

    def worth(self, spot: Floats, shocks: Floats, vols: Floats) -> Floats:
        """What each expiry is worth, (R, E, S); as `each`."""
        step = max(1, AT_ONCE // max(1, len(shocks) * len(self.strike)))
        parts = [
            self.summed(
                self.each(
                    spot[i : i + step], shocks, vols if vols.shape[-1] == 1 else vols[..., i : i + step]
                )
            )
            for i in range(0, len(spot), step)
        ]
        return np.concatenate(parts, axis=-1)

    def basis_loss(self, basis: BasisParameters, now: Floats, up: Floats, down: Floats) -> Floats:
        """What moving forwards alone costs in all, (S,); worths are (E, S)."""
        years = [annualised(seconds) / WAD for seconds in self.seconds]
        factor = column((basis.add + basis.mult * year) / WAD for year in years)
        loss: Floats = (np.minimum(np.minimum(up, down) - now, 0.0) * factor).sum(axis=0)
        return loss


def column(values: Iterable[float]) -> Floats:
    """Numbers below each other, (n, 1)."""
    return np.array(list(values), dtype=np.float64)[:, None]
