"""The framework's parameters, validated: what ships in data/parameters.toml, overridden line by line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from aggregator.model.assets import PEG_CLASSES
from aggregator.model.errors import BadConfiguration
from aggregator.pricing.covariance import Estimation
from aggregator.risk.draw_parameters import DrawParameters, draw_parameters
from aggregator.risk.method_parameters import ExchangeParameters, SpanParameters
from aggregator.risk.named import NamedStresses, named_stresses
from aggregator.risk.tables import Table, merged

USD_PEGS = frozenset({"stable", "synthetic_usd", "algo_stable"})
"""Those of them that may also rise above it."""


@dataclass(frozen=True, slots=True)
class AssetParameters:
    """An underlying: price scan range and daily volatility as fractions, annual IV where none is known.

    `depth_usd` is what moves its price by 2% when it is sold at once.
    """

    scan_range: float
    daily_volatility: float
    iv: float
    depth_usd: float


@dataclass(frozen=True, slots=True)
class RayParameters:
    """Sizes of the rays relative to the scan range; `extreme_floor` is the largest fall of a price.

    `forward` is how far forwards move against the spot from `forward_years` to expiry on, in proportion
    before; `perp_basis` how far perpetuals do.
    """

    idiosyncratic_floor: float
    spread_floor: float
    extreme_ranges: float
    extreme_weight: float
    extreme_floor: float
    forward: float
    forward_years: float
    perp_basis: float


@dataclass(frozen=True, slots=True)
class VolatilityParameters:
    """The shock of implied volatility at 30 days to expiry and how it scales with the time left."""

    up: float
    down: float
    power_short: float
    power_long: float
    lowest_factor: float
    skew_tilt: float


@dataclass(frozen=True, slots=True)
class HistoryParameters:
    """How price history is used, and what scan ranges it asks for: `scan_sigmas` daily volatilities over
    `scan_days` days, up to `scan_cap`."""

    estimation: Estimation
    scan_sigmas: float
    scan_days: float
    scan_cap: float


@dataclass(frozen=True, slots=True)
class HaircutParameters:
    """Share of positive equity at risk from the protocol itself, by tier of adapter."""

    wallet: float
    top_tier: float
    other: float
    new: float
    top_tier_protocols: tuple[str, ...]
    new_protocols: tuple[str, ...]

    def of(self, protocol: str) -> float:
        """The share for an adapter; one that no list names is `other`."""
        if protocol == "wallet":
            return self.wallet
        if protocol in self.new_protocols:
            return self.new
        return self.top_tier if protocol in self.top_tier_protocols else self.other


@dataclass(frozen=True)  # without slots, so that the hash is made once: every result of every wallet has it
class Parameters:
    """All of them. `correlation` holds the full matrix in the order of `assets`."""

    version: str
    assets: Mapping[str, AssetParameters]
    mid: AssetParameters
    tail: AssetParameters
    correlation: tuple[tuple[float, ...], ...]
    rays: RayParameters
    volatility: VolatilityParameters
    history: HistoryParameters
    peg: Mapping[str, float]
    peg_up: float
    haircut: HaircutParameters
    transfer_same_chain: float
    transfer_bridged: float
    add_on_perp: float
    add_on_naked_short: float
    half_spread: float
    span: SpanParameters
    exchange: ExchangeParameters
    stress: NamedStresses
    draws: DrawParameters

    @cached_property
    def hash(self) -> str:
        """SHA-256 of every value that a score depends on, independent of spelling and order of the files."""
        values = {name: value for name, value in asdict(self).items() if name != "stress"}
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def of(self, underlying: str, mid: Collection[str]) -> AssetParameters:
        """Those of an underlying's name, or of class mid for those of `mid`, else of class tail."""
        return self.assets.get(underlying) or (self.mid if underlying in mid else self.tail)

    def correlations(self) -> NDArray[np.float64]:
        """The configured correlation matrix of the named assets."""
        return np.array(self.correlation, dtype=np.float64)


def parameters(*layers: Mapping[str, object], where: str = "parameters.toml") -> Parameters:
    """The parameters that these tables give, a later one overriding an earlier one line by line.

    `where` names the source in messages. Raises BadConfiguration on a value that is missing, unknown, of
    the wrong type or out of range, and on correlations that no returns could have.
    """
    table = Table(merged(*layers), where)
    assets = {name: _asset(entry) for name, entry in table.tables("assets").items()}
    if not assets:
        raise BadConfiguration(where, "[assets] names no asset: scenarios need at least one")
    other, rays, vol = table.table("other"), table.table("rays"), table.table("volatility")
    peg, haircut = table.table("peg"), table.table("haircut")
    transfer, add_on = table.table("transfer"), table.table("add_on")
    result = Parameters(
        version=table.text("version"),
        assets=assets,
        mid=_asset(other.table("mid")),
        tail=_asset(other.table("tail")),
        correlation=_correlation(table.table("correlation"), tuple(assets), where),
        rays=RayParameters(
            idiosyncratic_floor=rays.number("idiosyncratic_floor", 0.0, 1.0),
            spread_floor=rays.number("spread_floor", 0.0, 1.0),
            extreme_ranges=rays.number("extreme_ranges", 1.0, 10.0),
            extreme_weight=rays.number("extreme_weight", 0.0, 1.0),
            extreme_floor=rays.number("extreme_floor", -0.999, 0.0),
            forward=rays.number("forward", 0.0, 0.5),
            forward_years=rays.number("forward_years", 0.001, 10.0),
            perp_basis=rays.number("perp_basis", 0.0, 0.5),
        ),
        volatility=VolatilityParameters(
            up=vol.number("up", 0.0, 10.0),
            down=vol.number("down", 0.0, 1.0),
            power_short=vol.number("power_short", 0.0, 1.0),
            power_long=vol.number("power_long", 0.0, 1.0),
            lowest_factor=vol.number("lowest_factor", 0.001, 1.0),
            skew_tilt=vol.number("skew_tilt", 0.0, 0.99),
        ),
        history=_history(table.table("history")),
        peg={name: peg.number(name, -0.999, 0.0) for name in PEG_CLASSES},
        peg_up=peg.number("up", 0.0, 1.0),
        haircut=HaircutParameters(
            wallet=haircut.number("wallet", 0.0, 1.0),
            top_tier=haircut.number("top_tier", 0.0, 1.0),
            other=haircut.number("other", 0.0, 1.0),
            new=haircut.number("new", 0.0, 1.0),
            top_tier_protocols=haircut.texts("top_tier_protocols"),
            new_protocols=haircut.texts("new_protocols"),
        ),
        transfer_same_chain=transfer.number("same_chain", 0.0, 1.0),
        transfer_bridged=transfer.number("bridged", 0.0, 1.0),
        add_on_perp=add_on.number("perp", 0.0, 1.0),
        add_on_naked_short=add_on.number("naked_short", 0.0, 1.0),
        half_spread=add_on.number("half_spread", 0.0, 1.0),
        span=SpanParameters.of(table.table("span")),
        exchange=ExchangeParameters.of(table.table("exchange"), PEG_CLASSES, where),
        stress=named_stresses(table.table("stress")),
        draws=draw_parameters(table.table("draws"), assets, where),
    )
    table.finish()
    return result


def _asset(table: Table) -> AssetParameters:
    return AssetParameters(
        scan_range=table.number("scan_range", 0.001, 0.95),
        daily_volatility=table.number("daily_volatility", 0.0, 1.0),
        iv=table.number("iv", 0.01, 10.0),
        depth_usd=table.number("depth_usd", 1.0, 1e12),
    )


def _history(table: Table) -> HistoryParameters:
    return HistoryParameters(
        estimation=Estimation(
            ewma_lambda=table.number("ewma_lambda", 0.5, 0.9999),
            window_days=table.whole("window_days", 2, 3_650),
            long_run_share=table.number("long_run_share", 0.0, 1.0),
            ewma_share=table.number("ewma_share", 0.0, 1.0),
            least_days=table.whole("least_days", 2, 3_650),
            latest_days=table.whole("latest_days", 1, 365),
        ),
        scan_sigmas=table.number("scan_sigmas", 0.0, 20.0),
        scan_days=table.number("scan_days", 0.0, 30.0),
        scan_cap=table.number("scan_cap", 0.001, 0.95),
    )


def _correlation(table: Table, names: tuple[str, ...], where: str) -> tuple[tuple[float, ...], ...]:
    matrix = np.eye(len(names))
    for (i, one), (j, other) in combinations(enumerate(names), 2):
        value = table.number(f"{one}-{other}", -0.99, 0.99)
        matrix[i, j] = matrix[j, i] = value
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    if smallest < 1e-6:
        raise BadConfiguration(where, f"[correlation] is impossible: smallest eigenvalue {smallest:.2g}")
    return tuple(tuple(float(value) for value in row) for row in matrix)
