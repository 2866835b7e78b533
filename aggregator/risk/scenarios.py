"""The scenario set: rays that depend on the market snapshot and the configuration, never on the portfolio.

That is rule R0; subadditivity and monotonicity of the score rest on it. The set is defined for every asset
there is. For a token that a portfolio does not hold, its own rays move nothing or reduce to rays that are
always present (`NONE`, `VOL`, `EXT vol up`, `SYS half down`), so that only those of held ones are built.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from aggregator.model.assets import PEG_CLASSES, USD, AssetId, Classification, TokenList
from aggregator.model.errors import BadConfiguration
from aggregator.pricing.returns import DailyReturns
from aggregator.risk.factors import Axes, Factor, Peg
from aggregator.risk.framework_rays import framework_rays
from aggregator.risk.inputs import MarketInputs, market_inputs
from aggregator.risk.parameters import AssetParameters, Parameters
from aggregator.risk.rays import Ray, Rays, Vol

FRAMEWORK_VERSION = "2"
"""Changes whenever the same inputs would give another result."""

LARGEST_RANGE = 0.95
"""Staleness may widen a scan range up to here: a price never reaches zero."""

STALE_QUANTILE = 2.33
"""Normal quantile of one day's move at 99%, for each day that a feed is late."""


@dataclass(frozen=True, slots=True)
class CustomScenario:
    """A plain list of moves: of underlyings, peg classes or listed tokens by name (-0.3 is 30% down).

    `elsewhere` moves every underlying that is not named. Implied volatilities move by `vol` first, then by
    the factor `iv_times`, then by `iv_points` (0.2 is 20 vol points).
    """

    name: str
    moves: Mapping[str, float]
    vol: Vol = Vol.NONE
    elsewhere: float = 0.0
    iv_times: float = 1.0
    iv_points: float = 0.0


@dataclass(frozen=True, eq=False, slots=True)
class ScenarioSet:
    """The configuration's scenarios. `inputs` are its volatilities and correlations; `pegs` by listed token;
    `mid` the underlyings of class mid; `staleness_days` by underlying, how late the oldest of its feeds is;
    `hash` identifies all of it; `idiosyncratic` is the share of its scan range that a named asset moves by
    itself, max(0.5, (R^-1)_uu^-0.5)."""

    parameters: Parameters
    inputs: MarketInputs
    pegs: Mapping[AssetId, Peg]
    mid: frozenset[str]
    staleness_days: Mapping[str, float]
    hash: str
    idiosyncratic: Mapping[str, float] = field(repr=False)

    def factor(self, asset: AssetId, known: Classification) -> Factor:
        """What moves an asset."""
        if known.risk_class not in PEG_CLASSES:
            return Factor(known.underlying)
        peg = self.pegs.get(asset) or Peg(asset, known.underlying, known.risk_class)
        return Factor(known.underlying, (peg,))

    def asset_parameters(self, underlying: str) -> AssetParameters:
        """The configured ones of its name, or of class mid or tail."""
        return self.parameters.of(underlying, self.mid)

    @property
    def history(self) -> DailyReturns | None:
        """The price history that volatilities and correlations are of; None where they are the defaults."""
        return self.inputs.history

    def daily_volatility(self, underlying: str) -> float:
        """The daily volatility of log returns, of history where there is some; 0 for USD."""
        if underlying == USD:
            return 0.0
        return self.inputs.volatility.get(underlying) or self.asset_parameters(underlying).daily_volatility

    def correlations(self) -> NDArray[np.float64]:
        """The correlation matrix of the named assets, in the order of the configuration."""
        return self.inputs.correlation

    def scan_range(self, underlying: str) -> float:
        """The price scan range (PSR), widened where its feeds are late, after every cap; 0 for USD.

        The configured floor; with history max(floor, 4*sigma*sqrt(2)), never raised beyond the cap (RISK.md
        section 11).
        """
        if underlying == USD:
            return 0.0
        size, sigma = self.parameters.history, self.daily_volatility(underlying)
        range_ = self.asset_parameters(underlying).scan_range
        if underlying in self.inputs.volatility:
            range_ = max(
                range_, min(size.scan_cap, size.scan_sigmas * sigma * float(np.sqrt(size.scan_days)))
            )
        late = (STALE_QUANTILE * sigma) ** 2 * self.staleness_days.get(underlying, 0.0)
        return min(LARGEST_RANGE, float(np.sqrt(range_**2 + late)))

    def fresh(self) -> ScenarioSet:
        """The same at a snapshot in which no price is late."""
        return replace(self, staleness_days={}, hash=f"{self.hash}:fresh")

    def axes(self, factors: Sequence[Factor]) -> Axes:
        """The axes of these factors, in the order of the configuration."""
        return Axes.of(factors, self.parameters.assets)

    def rays(self, axes: Axes, *, options: bool) -> Rays:
        """Every ray as these axes see it, each distinct one once; `options`: whether volatility matters.

        The first of equal rays gives the name: of general ones before those of single assets.
        """
        return Rays.of(framework_rays(self, axes), axes).distinct(options=options)

    def custom(self, scenarios: Sequence[CustomScenario], axes: Axes) -> Rays:
        """Custom scenarios on these axes, in their order; raises BadConfiguration on an unknown name."""
        tokens = {peg.name for peg in (*self.pegs.values(), *axes.pegs)}
        bases = {*self.parameters.assets, *self.mid, *axes.bases, *(p.underlying for p in self.pegs.values())}
        known = (tokens | bases | set(PEG_CLASSES)) - {USD}
        rays = []
        for scenario in scenarios:
            for name, move in scenario.moves.items():
                if name not in known:
                    why = f"moves {name!r}, which nothing is{_near(name, known)}"
                    raise BadConfiguration(f"scenario {scenario.name!r}", why)
                if not move >= -1.0:
                    raise BadConfiguration(f"scenario {scenario.name!r}", f"{name!r} falls below nothing")
            pegs = {
                peg: scenario.moves.get(peg.name, scenario.moves.get(peg.risk_class, 0.0))
                for peg in axes.pegs
            }
            bases_moved = dict.fromkeys(axes.bases, scenario.elsewhere) | dict(scenario.moves)
            rays.append(Ray(scenario.name, bases_moved, pegs, scenario.vol))
        return Rays.of(rays, axes)


def _near(name: str, known: set[str]) -> str:
    """The names that somebody may have meant, as the end of a sentence."""
    spelled = {one.lower(): one for one in sorted(known)}
    close = [spelled[one] for one in get_close_matches(name.lower(), spelled, n=4, cutoff=0.5)]
    some = close or [one for one in sorted(known) if not one.startswith("eip155:")][:12]
    return f": did you mean {', '.join(some)}?" if close else f": there are {', '.join(some)}, and others"


def scenario_set(
    parameters: Parameters,
    tokens: TokenList,
    staleness_days: Mapping[str, float] | None = None,
    history: DailyReturns | None = None,
) -> ScenarioSet:
    """The scenarios of a configuration at one market snapshot.

    `staleness_days`: how far beyond its heartbeat the oldest feed of each underlying is (`PriceBook` has
    it); it widens scan ranges. `history`: daily returns up to that moment; without them volatilities and
    correlations are the configured ones.
    """
    late = dict(staleness_days or {})
    pegs, mid = {}, set()
    for token in tokens:
        known = token.classification
        if known.risk_class in PEG_CLASSES:
            pegs[token.asset.id] = Peg(token.asset.symbol, known.underlying, known.risk_class)
        elif known.risk_class == "mid":
            mid.add(known.underlying)
    inputs = market_inputs(parameters, frozenset(mid), history)
    inverse = np.linalg.inv(inputs.correlation)
    floor = parameters.rays.idiosyncratic_floor
    idio = {u: max(floor, float(inverse[i, i]) ** -0.5) for i, u in enumerate(parameters.assets)}
    definition: dict[str, object] = {
        "framework": FRAMEWORK_VERSION,
        "parameters": parameters.hash,
        "assets": list(parameters.assets),
        "pegs": sorted([asset, peg.name, peg.underlying, peg.risk_class] for asset, peg in pegs.items()),
        "mid": sorted(mid),
        "staleness_days": sorted(late.items()),
    }
    if inputs.history is not None:
        definition["history"] = inputs.history.hash
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return ScenarioSet(parameters, inputs, pegs, frozenset(mid), late, digest, idio)
