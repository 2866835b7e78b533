"""The rays of the framework (RISK.md section 2), as far as some axes see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from aggregator.model.assets import PEG_CLASSES
from aggregator.model.families import RayFamily
from aggregator.risk.factors import Axes
from aggregator.risk.parameters import USD_PEGS
from aggregator.risk.rays import Ray, Vol

if TYPE_CHECKING:
    from aggregator.risk.scenarios import ScenarioSet

_SIGNS = ((1.0, "up"), (-1.0, "down"))
_VOLS = ((Vol.NONE, ""), (Vol.UP, ", vol up"), (Vol.DOWN, ", vol down"))


def framework_rays(scenarios: ScenarioSet, axes: Axes) -> list[Ray]:
    """Every ray of a scenario set on these axes; general ones come before those of single assets."""
    return [
        *_market(scenarios, axes),
        *_forwards(axes),
        *_pegs(scenarios, axes),
        *_extreme(scenarios, axes),
        *_unnamed(scenarios, axes),
    ]


def _market(scenarios: ScenarioSet, axes: Axes) -> Iterator[Ray]:
    P = {u: scenarios.scan_range(u) for u in {*axes.bases, *scenarios.parameters.assets}}
    names, R = tuple(scenarios.parameters.assets), scenarios.correlations()
    yield Ray.of(RayFamily.NONE, "")
    for sign, way in _SIGNS:
        for vol, how in _VOLS:
            yield Ray.of(RayFamily.SYSTEMATIC, f"{way}{how}", {u: sign * P[u] for u in axes.bases}, vol=vol)
    yield Ray.of(RayFamily.SYSTEMATIC, "half down", {u: -0.5 * P[u] for u in axes.bases})
    yield Ray.of(RayFamily.VOLATILITY, "up", vol=Vol.UP)
    yield Ray.of(RayFamily.VOLATILITY, "down", vol=Vol.DOWN)
    yield Ray.of(RayFamily.VOLATILITY, "near up, far down", vol=Vol.SHORT_UP)
    yield Ray.of(RayFamily.VOLATILITY, "near down, far up", vol=Vol.SHORT_DOWN)
    yield Ray.of(RayFamily.VOLATILITY, "high strikes up, low down", vol=Vol.TILT_UP)
    yield Ray.of(RayFamily.VOLATILITY, "high strikes down, low up", vol=Vol.TILT_DOWN)
    for i, u in enumerate(names):
        for sign, way in _SIGNS:
            for vol, how in _VOLS:
                yield Ray.of(
                    RayFamily.IDIOSYNCRATIC,
                    f"{u} {way}{how}",
                    {u: sign * scenarios.idiosyncratic[u] * P[u]},
                    vol=vol,
                )
                moves = {j: sign * float(R[i, k]) * P[j] for k, j in enumerate(names)}
                yield Ray.of(RayFamily.CONDITIONAL, f"{u} {way}{how}", moves, vol=vol)
    floor = scenarios.parameters.rays.spread_floor
    for i, u in enumerate(names):
        for k, j in enumerate(names):
            if i != k:
                a = max(floor, float(np.sqrt((1.0 - R[i, k]) / 2.0)))
                yield Ray.of(RayFamily.SPREAD, f"{u} up, {j} down", {u: a * P[u], j: -a * P[j]})


def _forwards(axes: Axes) -> Iterator[Ray]:
    for sign, way in ((1, "up"), (-1, "down")):
        yield Ray.of(RayFamily.FORWARD, f"all {way}", forwards=dict.fromkeys(axes.bases, sign))
    for u in axes.bases:
        for sign, way in ((1, "up"), (-1, "down")):
            yield Ray.of(RayFamily.FORWARD, f"{u} {way}", forwards={u: sign})


def _pegs(scenarios: ScenarioSet, axes: Axes) -> Iterator[Ray]:
    classes = [(f"all {name}", [p for p in axes.pegs if p.risk_class == name]) for name in PEG_CLASSES]
    tokens = [(peg.name, [peg]) for peg in axes.pegs]
    half = {u: -0.5 * scenarios.scan_range(u) for u in axes.bases}
    for name, pegs in tokens + classes:
        down = {peg: scenarios.parameters.peg[peg.risk_class] for peg in pegs}
        yield Ray.of(RayFamily.PEG, f"{name} down", pegs=down)
        yield Ray.of(RayFamily.PEG, f"{name} down with SYS half down", half, down)
        if pegs and pegs[0].risk_class in USD_PEGS:
            yield Ray.of(RayFamily.PEG, f"{name} up", pegs=dict.fromkeys(pegs, scenarios.parameters.peg_up))


def _extreme(scenarios: ScenarioSet, axes: Axes) -> Iterator[Ray]:
    yield _far(scenarios, "vol up", {})
    for sign, way in _SIGNS:
        yield _far(scenarios, f"{way}, vol up", dict.fromkeys(axes.bases, sign))
    for u in scenarios.parameters.assets:
        for sign, way in _SIGNS:
            yield _far(scenarios, f"{u} {way}, vol up", {u: sign * scenarios.idiosyncratic[u]})


def _unnamed(scenarios: ScenarioSet, axes: Axes) -> Iterator[Ray]:
    for u in axes.bases:
        if u in scenarios.parameters.assets:
            continue
        for sign, way in _SIGNS:
            for vol, how in _VOLS:
                yield Ray.of(
                    RayFamily.IDIOSYNCRATIC, f"{u} {way}{how}", {u: sign * scenarios.scan_range(u)}, vol=vol
                )
            yield _far(scenarios, f"{u} {way}, vol up", {u: sign})


def _far(scenarios: ScenarioSet, name: str, ranges: Mapping[str, float]) -> Ray:
    size = scenarios.parameters.rays
    moves = {
        u: max(size.extreme_floor, size.extreme_ranges * share * scenarios.scan_range(u))
        for u, share in ranges.items()
    }
    return Ray.of(RayFamily.EXTREME, name, moves, vol=Vol.UP, weight=size.extreme_weight)
