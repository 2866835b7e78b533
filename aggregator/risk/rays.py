"""Rays as arrays: directions in which the market moves, to be followed to any stress multiple."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregator.model.families import RayFamily
from aggregator.risk.factors import Axes, Peg

_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Vol(IntEnum):
    """How the implied volatility surface of every underlying moves."""

    NONE = 0
    UP = 1
    DOWN = 2
    SHORT_UP = 3
    """Up to 30 days to expiry up, beyond down, at half the shock."""
    SHORT_DOWN = 4
    TILT_UP = 5
    """Strikes above the forward up, below down."""
    TILT_DOWN = 6


@dataclass(frozen=True, slots=True)
class Ray:
    """One direction: relative moves of underlyings and pegs, a move of volatility, and the share of the
    resulting gain or loss that counts.

    `forwards`: 1 or -1 for underlyings whose forwards and perpetuals rise or fall against the spot. `name` is
    for people; `family` says what it is about.
    """

    name: str
    bases: Mapping[str, float] = field(default_factory=dict)
    pegs: Mapping[Peg, float] = field(default_factory=dict)
    vol: Vol = Vol.NONE
    weight: float = 1.0
    forwards: Mapping[str, int] = field(default_factory=dict)
    family: RayFamily = RayFamily.CUSTOM

    @staticmethod
    def of(
        family: RayFamily,
        rest: str,
        bases: Mapping[str, float] = _NOTHING,
        pegs: Mapping[Peg, float] = _NOTHING,
        *,
        vol: Vol = Vol.NONE,
        weight: float = 1.0,
        forwards: Mapping[str, int] = _NOTHING,
    ) -> Ray:
        """A ray of the set, named after its family."""
        return Ray(f"{family.value} {rest}".strip(), bases, pegs, vol, weight, forwards, family)


@dataclass(frozen=True, eq=False, slots=True)
class Rays:
    """Rays restricted to some axes. `base` (rays, bases) and `peg` (rays, pegs) are relative moves at
    stress multiple 1; `vol` (rays,) holds values of `Vol`; `weight` (rays,) the share that counts; `forward`
    (rays, bases) which way forwards and perpetuals move against their spot: 1, 0 or -1."""

    names: tuple[str, ...]
    families: tuple[RayFamily, ...]
    axes: Axes
    base: NDArray[np.float64]
    peg: NDArray[np.float64]
    vol: NDArray[np.int8]
    weight: NDArray[np.float64]
    forward: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.names)

    @staticmethod
    def of(rays: Sequence[Ray], axes: Axes) -> Rays:
        """The rays on these axes; moves of anything else fall away."""
        return Rays(
            names=tuple(ray.name for ray in rays),
            families=tuple(ray.family for ray in rays),
            axes=axes,
            base=np.array([[ray.bases.get(u, 0.0) for u in axes.bases] for ray in rays]).reshape(
                len(rays), len(axes.bases)
            ),
            peg=np.array([[ray.pegs.get(p, 0.0) for p in axes.pegs] for ray in rays]).reshape(
                len(rays), len(axes.pegs)
            ),
            vol=np.array([ray.vol for ray in rays], dtype=np.int8),
            weight=np.array([ray.weight for ray in rays]),
            forward=np.array(
                [[ray.forwards.get(u, 0) for u in axes.bases] for ray in rays], dtype=np.int8
            ).reshape(len(rays), len(axes.bases)),
        )

    def distinct(self, *, options: bool) -> Rays:
        """Without rays that move what these axes see exactly like an earlier one.

        Without `options` volatility moves nothing, and forwards only the underlyings of perpetuals. The
        result gives the same minimum over rays.
        """
        vol = self.vol if options else np.zeros_like(self.vol)
        dated = np.array([options or u in self.axes.perps for u in self.axes.bases], dtype=np.bool_)
        forward = np.where(dated, self.forward, np.int8(0))
        idle = ~(self.base.any(axis=1) | self.peg.any(axis=1) | (vol != 0) | forward.any(axis=1))
        weight = np.where(idle, 1.0, self.weight)
        rows = np.column_stack([self.base, self.peg, vol, weight, forward]) + 0.0
        _, first = np.unique(rows, axis=0, return_index=True)
        named = self.names, self.families, self.axes
        return Rays(*named, self.base, self.peg, vol, weight, forward).take(np.sort(first))

    @property
    def spot(self) -> NDArray[np.bool_]:
        """Which rays leave forwards and perpetuals at their distance to the spot, (rays,)."""
        unmoved: NDArray[np.bool_] = np.logical_not(np.any(self.forward, axis=1))
        return unmoved

    def take(self, index: NDArray[np.intp]) -> Rays:
        """The rays at these positions."""
        return Rays(
            tuple(self.names[i] for i in index),
            tuple(self.families[i] for i in index),
            self.axes,
            self.base[index],
            self.peg[index],
            self.vol[index],
            self.weight[index],
            self.forward[index],
        )
