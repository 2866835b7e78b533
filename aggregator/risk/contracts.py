"""Distinct options: each is priced once per scenario, whoever holds how many.

European and perpetual ones by Black-76, to the bit what `pricing.black76` says of them; American ones by
`pricing.american`, to a few 1e-7 of spot or strike.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregator.pricing import american, black76
from aggregator.pricing.black76 import OptionGreeks
from aggregator.risk.parameters import RayParameters, VolatilityParameters
from aggregator.risk.rays import Vol


@dataclass(frozen=True, eq=False, slots=True)
class Contracts:
    """Contracts as arrays of shape (contracts,), as a holder values them; a writer without a known IV does
    otherwise, and has a contract of its own.

    `strike` in the settlement asset, which itself is worth `settlement_usd`; `spot` is the index price.
    `price_factor` and `payment_factor` are the positions of the index and of the settlement asset among the
    factors. `shift` is the market's mark less the model's value.
    """

    underlying: tuple[str, ...]
    sign: NDArray[np.float64]
    is_american: NDArray[np.bool_]
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

    def take(self, index: NDArray[np.intp]) -> Contracts:
        """The contracts at these places."""
        named = tuple(self.underlying[i] for i in index.tolist())
        arrays = [getattr(self, field.name)[index] for field in fields(self)[1:]]
        return Contracts(named, *arrays)

    def marked(self, mark: NDArray[np.float64], at_least_model: NDArray[np.bool_]) -> Contracts:
        """The same at these marks in the settlement asset, (contracts,); NaN where the protocol gives none.

        With `at_least_model` a lower mark is not believed.
        """
        if not len(self):
            return self
        shift = np.where(np.isnan(mark), 0.0, mark - self._model(np.ones(len(self)), self.iv))
        return replace(self, shift=np.where(at_least_model, np.maximum(shift, 0.0), shift))

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
        iv = self.iv.reshape(shape) * iv_factor
        model = self._model(factors[self.price_factor], iv, forward_factor)
        paid_usd = self.settlement_usd.reshape(shape) * factors[self.payment_factor]
        values: NDArray[np.float64] = np.maximum(model + self.shift.reshape(shape), 0.0) * paid_usd
        return values

    def greeks(self) -> OptionGreeks:
        """Sensitivities of one unit today, each of shape (contracts,), in the settlement asset."""
        names = ("spot", "strike", "years", "iv", "rate", "sign")
        terms: dict[str, Any] = {name: getattr(self, name) for name in names}
        one = black76.greeks(**terms)
        at = np.flatnonzero(self.is_american)
        if at.size:
            early = american.greeks(**{name: values[at] for name, values in terms.items()})
            for field in fields(OptionGreeks):
                getattr(one, field.name)[at] = getattr(early, field.name)
        return one

    def _model(
        self,
        moves: NDArray[np.float64],
        iv: NDArray[np.float64],
        forward_factor: NDArray[np.float64] | float = 1.0,
    ) -> NDArray[np.float64]:
        """The model's value in the settlement asset where `moves` multiply spots: all (contracts, ...).

        What early exercise adds is that of the spot: a forward that moves alone moves the European part.
        """
        shape = (len(self),) + (1,) * (moves.ndim - 1)
        K, T, r, w = (values.reshape(shape) for values in (self.strike, self.years, self.rate, self.sign))
        forward = (self.spot * np.exp(self.rate * self.years)).reshape(shape) * moves
        terms: dict[str, Any] = {"strike": K, "years": T, "rate": r, "sign": w}
        model = black76.price(forward=forward * forward_factor, iv=iv, **terms)
        at = np.flatnonzero(self.is_american & american.is_early(self.rate, self.sign))
        if at.size:
            some = {name: values[at] for name, values in terms.items()}
            spot = self.spot.reshape(shape)[at] * moves[at]
            early = american.price(spot=spot, iv=iv[at], **some)
            shifted = np.broadcast_to(forward_factor, forward.shape)[at]
            if np.any(shifted != 1.0):
                still = black76.price(forward=forward[at], iv=iv[at], **some)
                exercised = np.maximum(some["sign"] * (spot - some["strike"]), 0.0)
                early = np.maximum(early - still + model[at], exercised)
            model[at] = early
        return model

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
