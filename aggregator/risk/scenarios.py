"""The scenario set: rays that depend on the market snapshot and the configuration, never on the portfolio.

That is rule R0; subadditivity and monotonicity of the score rest on it. The set is defined for every asset
there is. For a token that a portfolio does not hold, its own rays move nothing or reduce to rays that are
always present (`NONE`, `VOL`, `EXT vol up`, `SYS half down`), so that only those of held ones are built.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aggregator.model.assets import USD, AssetId, Classification, TokenList
from aggregator.model.errors import BadConfiguration
from aggregator.risk.factors import Axes, Factor, Peg
from aggregator.risk.parameters import PEG_CLASSES, USD_PEGS, AssetParameters, Parameters
from aggregator.risk.rays import Ray, Rays, Vol

FRAMEWORK_VERSION = "1"
"""Changes whenever the same inputs would give another result."""

LARGEST_RANGE = 0.95
"""Staleness may widen a scan range up to here: a price never reaches zero."""

STALE_QUANTILE = 2.33
"""Normal quantile of one day's move at 99%, for each day that a feed is late."""

_SIGNS = ((1.0, "up"), (-1.0, "down"))
_VOLS = ((Vol.NONE, ""), (Vol.UP, ", vol up"), (Vol.DOWN, ", vol down"))


@dataclass(frozen=True, slots=True)
class CustomScenario:
    """A plain list of moves: of underlyings, peg classes or listed tokens by name (-0.3 is 30% down)."""

    name: str
    moves: Mapping[str, float]
    vol: Vol = Vol.NONE


@dataclass(frozen=True, eq=False, slots=True)
class ScenarioSet:
    """The configuration's scenarios. `pegs` by listed token; `mid` the underlyings of class mid;
    `staleness_days` by underlying, how late the oldest of its feeds is; `hash` identifies all of it."""

    parameters: Parameters
    pegs: Mapping[AssetId, Peg]
    mid: frozenset[str]
    staleness_days: Mapping[str, float]
    hash: str
    _idio: Mapping[str, float] = field(repr=False)

    def factor(self, asset: AssetId, known: Classification) -> Factor:
        """What moves an asset."""
        if known.risk_class not in PEG_CLASSES:
            return Factor(known.underlying)
        peg = self.pegs.get(asset) or Peg(asset, known.underlying, known.risk_class)
        return Factor(known.underlying, (peg,))

    def asset_parameters(self, underlying: str) -> AssetParameters:
        """Those of its name, or of class mid or tail."""
        named = self.parameters.assets.get(underlying)
        return named or (self.parameters.mid if underlying in self.mid else self.parameters.tail)

    def scan_range(self, underlying: str) -> float:
        """The price scan range (PSR), widened where its feeds are late; 0 for USD."""
        if underlying == USD:
            return 0.0
        asset = self.asset_parameters(underlying)
        late = (STALE_QUANTILE * asset.daily_volatility) ** 2 * self.staleness_days.get(underlying, 0.0)
        return min(LARGEST_RANGE, float(np.sqrt(asset.scan_range**2 + late)))

    def daily_volatility(self, underlying: str) -> float:
        """The standard deviation of its daily log returns; 0 for USD."""
        return 0.0 if underlying == USD else self.asset_parameters(underlying).daily_volatility

    def correlations(self) -> NDArray[np.float64]:
        """Those of the named assets' returns, in the order of the configuration."""
        return self.parameters.correlations()

    def axes(self, factors: Sequence[Factor]) -> Axes:
        """The axes of these factors, in the order of the configuration."""
        return Axes.of(factors, self.parameters.assets)

    def rays(self, axes: Axes, *, options: bool) -> Rays:
        """Every ray as these axes see it, each distinct one once; `options`: whether volatility matters.

        The first of equal rays gives the name, so general ones come before those of single assets.
        """
        rays = [
            *self._market(axes),
            *self._pegs(axes),
            *self._extreme(axes),
            *self._unnamed(axes),
        ]
        return Rays.of(rays, axes).distinct(options=options)

    def custom(self, scenarios: Sequence[CustomScenario], axes: Axes) -> Rays:
        """Custom scenarios on these axes, in their order; raises BadConfiguration on an unknown name."""
        tokens = {peg.name for peg in (*self.pegs.values(), *axes.pegs)}
        bases = {*self.parameters.assets, *self.mid, *axes.bases, *(p.underlying for p in self.pegs.values())}
        known = tokens | bases | set(PEG_CLASSES)
        rays = []
        for scenario in scenarios:
            for name, move in scenario.moves.items():
                if name not in known:
                    raise BadConfiguration(f"scenario {scenario.name!r}", f"moves {name!r}, which nothing is")
                if not move >= -1.0:
                    raise BadConfiguration(f"scenario {scenario.name!r}", f"{name!r} falls below nothing")
            pegs = {
                peg: scenario.moves.get(peg.name, scenario.moves.get(peg.risk_class, 0.0))
                for peg in axes.pegs
            }
            rays.append(Ray(scenario.name, scenario.moves, pegs, scenario.vol))
        return Rays.of(rays, axes)

    def _market(self, axes: Axes) -> Iterator[Ray]:
        P = {u: self.scan_range(u) for u in {*axes.bases, *self.parameters.assets}}
        names, R = tuple(self.parameters.assets), self.parameters.correlations()
        yield Ray("NONE")
        for sign, way in _SIGNS:
            for vol, how in _VOLS:
                yield Ray(f"SYS {way}{how}", {u: sign * P[u] for u in axes.bases}, vol=vol)
        yield Ray("SYS half down", {u: -0.5 * P[u] for u in axes.bases})
        yield Ray("VOL up", vol=Vol.UP)
        yield Ray("VOL down", vol=Vol.DOWN)
        yield Ray("VOL near up, far down", vol=Vol.SHORT_UP)
        yield Ray("VOL near down, far up", vol=Vol.SHORT_DOWN)
        yield Ray("VOL high strikes up, low down", vol=Vol.TILT_UP)
        yield Ray("VOL high strikes down, low up", vol=Vol.TILT_DOWN)
        for i, u in enumerate(names):
            for sign, way in _SIGNS:
                for vol, how in _VOLS:
                    yield Ray(f"IDIO {u} {way}{how}", {u: sign * self._idio[u] * P[u]}, vol=vol)
                    moves = {j: sign * float(R[i, k]) * P[j] for k, j in enumerate(names)}
                    yield Ray(f"COND {u} {way}{how}", moves, vol=vol)
        floor = self.parameters.rays.spread_floor
        for i, u in enumerate(names):
            for k, j in enumerate(names):
                if i != k:
                    a = max(floor, float(np.sqrt((1.0 - R[i, k]) / 2.0)))
                    yield Ray(f"SPREAD {u} up, {j} down", {u: a * P[u], j: -a * P[j]})

    def _pegs(self, axes: Axes) -> Iterator[Ray]:
        classes = [
            (f"PEG all {name}", [p for p in axes.pegs if p.risk_class == name]) for name in PEG_CLASSES
        ]
        tokens = [(f"PEG {peg.name}", [peg]) for peg in axes.pegs]
        half = {u: -0.5 * self.scan_range(u) for u in axes.bases}
        for name, pegs in tokens + classes:
            down = {peg: self.parameters.peg[peg.risk_class] for peg in pegs}
            yield Ray(f"{name} down", pegs=down)
            yield Ray(f"{name} down with SYS half down", half, down)
            if pegs and pegs[0].risk_class in USD_PEGS:
                yield Ray(f"{name} up", pegs=dict.fromkeys(pegs, self.parameters.peg_up))

    def _extreme(self, axes: Axes) -> Iterator[Ray]:
        yield self._far("EXT vol up", {})
        for sign, way in _SIGNS:
            yield self._far(f"EXT {way}, vol up", dict.fromkeys(axes.bases, sign))
        for u in self.parameters.assets:
            for sign, way in _SIGNS:
                yield self._far(f"EXT {u} {way}, vol up", {u: sign * self._idio[u]})

    def _unnamed(self, axes: Axes) -> Iterator[Ray]:
        for u in axes.bases:
            if u in self.parameters.assets:
                continue
            for sign, way in _SIGNS:
                for vol, how in _VOLS:
                    yield Ray(f"IDIO {u} {way}{how}", {u: sign * self.scan_range(u)}, vol=vol)
                yield self._far(f"EXT {u} {way}, vol up", {u: sign})

    def _far(self, name: str, ranges: Mapping[str, float]) -> Ray:
        size = self.parameters.rays
        moves = {
            u: max(size.extreme_floor, size.extreme_ranges * share * self.scan_range(u))
            for u, share in ranges.items()
        }
        return Ray(name, moves, vol=Vol.UP, weight=size.extreme_weight)


def scenario_set(
    parameters: Parameters, tokens: TokenList, staleness_days: Mapping[str, float] | None = None
) -> ScenarioSet:
    """The scenarios of a configuration at one market snapshot.

    `staleness_days`: how far beyond its heartbeat the oldest feed of each underlying is (`PriceBook` has
    it); it widens scan ranges.
    """
    late = dict(staleness_days or {})
    pegs, mid = {}, set()
    for token in tokens:
        known = token.classification
        if known.risk_class in PEG_CLASSES:
            pegs[token.asset.id] = Peg(token.asset.symbol, known.underlying, known.risk_class)
        elif known.risk_class == "mid":
            mid.add(known.underlying)
    inverse = np.linalg.inv(parameters.correlations())
    floor = parameters.rays.idiosyncratic_floor
    idio = {u: max(floor, float(inverse[i, i]) ** -0.5) for i, u in enumerate(parameters.assets)}
    definition = {
        "framework": FRAMEWORK_VERSION,
        "parameters": parameters.hash,
        "assets": list(parameters.assets),
        "pegs": sorted([asset, peg.name, peg.underlying, peg.risk_class] for asset, peg in pegs.items()),
        "mid": sorted(mid),
        "staleness_days": sorted(late.items()),
    }
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return ScenarioSet(parameters, pegs, frozenset(mid), late, digest, idio)
