"""Distinct options: each is priced once per scenario, whoever holds how many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregator.pricing import black76
from aggregator.risk.parameters import RayParameters, VolatilityParameters
from aggregator.risk.rays import Vol


class Contract(NamedTuple):
    """One option as its holder values it (a writer without a known IV values it otherwise).

    `spot`, `strike` and `mark` (None where the protocol gives none) in the settlement asset, which itself is
    worth `settlement_usd`. With `at_least_model` a lower mark is not believed. `price_factor` and
    `payment_factor` are the positions of the index and of the settlement asset among the book's factors.
    """

    underlying: str
    sign: float
    strike: float
    years: float
    iv: float
    rate: float
    spot: float
    mark: float | None
    at_least_model: bool
    price_factor: int
    payment_factor: int
    settlement_usd: float


@dataclass(frozen=True, eq=False, slots=True)
class Contracts:
    """Contracts as arrays of shape (contracts,); `shift` is the market's mark less the model's value."""

    underlying: tuple[str, ...]
    sign: NDArray[np.float64]
    strike: NDArray[np.float64]
    years: NDArray[np.float64]
    iv: NDArray[np.float64]
    rate: NDArray[np.float64]
    spot: NDArray[np.float64]
    shift: NDArray[np.float64]
    price_factor: NDArray[np.intp]
    payment_factor: NDArray[np.intp]
    settlement_usd: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.underlying)

    @staticmethod
    def of(rows: Sequence[Contract]) -> Contracts:
        """The contracts in this order."""

        def floats(name: str) -> NDArray[np.float64]:
            return np.array([getattr(row, name) for row in rows], dtype=np.float64)

        sign, strike, years = floats("sign"), floats("strike"), np.maximum(floats("years"), 0.0)
        iv, rate, spot, mark = floats("iv"), floats("rate"), floats("spot"), floats("mark")
        shift = np.zeros(len(rows))
        if rows:
            forward = spot * np.exp(rate * years)
            model = black76.price(forward=forward, strike=strike, years=years, iv=iv, rate=rate, sign=sign)
            shift = np.where(np.isnan(mark), 0.0, mark - model)
            shift = np.where([row.at_least_model for row in rows], np.maximum(shift, 0.0), shift)
        return Contracts(
            underlying=tuple(row.underlying for row in rows),
            sign=sign,
            strike=strike,
            years=years,
            iv=iv,
            rate=rate,
            spot=spot,
            shift=shift,
            price_factor=np.array([row.price_factor for row in rows], dtype=np.intp),
            payment_factor=np.array([row.payment_factor for row in rows], dtype=np.intp),
            settlement_usd=floats("settlement_usd"),
        )

    def values(
        self,
        factors: NDArray[np.float64],
        iv_factor: NDArray[np.float64],
        forward_factor: NDArray[np.float64] | float = 1.0,
    ) -> NDArray[np.float64]:
        """USD per unit: `factors` (factors, ...) and `iv_factor` (contracts, ...) multiply prices and IV.

        `forward_factor` (contracts, ...) multiplies forwards beyond what the spot does.
        Mark plus the model's change; an option is never worth less than nothing.
        """
        if not len(self):
            return np.zeros((0, *factors.shape[1:]))
        shape = (len(self),) + (1,) * (factors.ndim - 1)
        carry = np.exp(self.rate * self.years)
        model = black76.price(
            forward=(self.spot * carry).reshape(shape) * factors[self.price_factor] * forward_factor,
            strike=self.strike.reshape(shape),
            years=self.years.reshape(shape),
            iv=self.iv.reshape(shape) * iv_factor,
            rate=self.rate.reshape(shape),
            sign=self.sign.reshape(shape),
        )
        paid_usd = self.settlement_usd.reshape(shape) * factors[self.payment_factor]
        values: NDArray[np.float64] = np.maximum(model + self.shift.reshape(shape), 0.0) * paid_usd
        return values

    def log_forward_factors(self, way: NDArray[np.int8], size: RayParameters) -> NDArray[np.float64]:
        """The logarithm of the forward factor at stress multiple 1, shape (contracts, ...).

        `way` (contracts, ...) is 1, 0 or -1: up, unchanged or down. RISK.md section 2, FWD: by 2% from a
        quarter of a year to expiry on, in proportion before.
        """
        share = np.minimum(1.0, self.years / size.forward_years).reshape(-1, *(1,) * (way.ndim - 1))
        moves: NDArray[np.float64] = np.log1p(way * size.forward * share)
        return moves

    def log_iv_factors(self, size: VolatilityParameters) -> NDArray[np.float64]:
        """The logarithm of the IV factor at stress multiple 1, shape (contracts, moves of `Vol`).

        RISK.md section 1: up 1+a*g, down max(lowest, 1-b*g), g = (30/max(days,1))^p; section 2 for twists
        (g halved) and tilts (on the forward and IV of today).
        """
        days = self.years * 365.0
        near = days <= 30.0
        g = (30.0 / np.maximum(days, 1.0)) ** np.where(near, size.power_short, size.power_long)

        def up(scale: float) -> NDArray[np.float64]:
            return np.log(1.0 + size.up * scale * g)

        def down(scale: float) -> NDArray[np.float64]:
            return np.log(np.maximum(size.lowest_factor, 1.0 - size.down * scale * g))

        total = self.iv * np.sqrt(self.years)
        forward = self.spot * np.exp(self.rate * self.years)
        depth = np.log(self.strike / forward)
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = np.where(depth == 0.0, 0.0, depth / total)
        tilt = size.skew_tilt * np.tanh(steps)
        result = np.zeros((len(self), len(Vol)))
        result[:, Vol.UP], result[:, Vol.DOWN] = up(1.0), down(1.0)
        result[:, Vol.SHORT_UP] = np.where(near, up(0.5), down(0.5))
        result[:, Vol.SHORT_DOWN] = np.where(near, down(0.5), up(0.5))
        result[:, Vol.TILT_UP], result[:, Vol.TILT_DOWN] = np.log1p(tilt), np.log1p(-tilt)
        return result
