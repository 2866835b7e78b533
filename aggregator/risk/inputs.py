"""Volatilities and correlations that scenarios are made of: from price history where there is some."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.model.assets import USD
from aggregator.model.results import HistoryUsed
from aggregator.pricing.covariance import Estimate, estimate, mixed
from aggregator.pricing.returns import DailyReturns, day_text
from aggregator.risk.parameters import Parameters

NO_HISTORY = (
    "no price history: scan ranges are the configured floors, volatilities the configured long-run ones"
)

LARGEST_VOLATILITY = 1.0
"""A day. A feed that once answered nonsense must not take draws beyond what floats hold."""


@dataclass(frozen=True, eq=False, slots=True)
class MarketInputs:
    """What is known of how underlyings move, and where it is from.

    `volatility` is daily, of the underlyings that have history; `correlation` (named, named) in the order of
    the configuration, of history for those of `correlated` among each other. `history` and `found` are None
    where nothing in them is used.
    """

    history: DailyReturns | None
    found: Estimate | None
    volatility: Mapping[str, float]
    correlated: tuple[str, ...]
    correlation: NDArray[np.float64]

    @property
    def told(self) -> str:
        """The sources of all of it, as a sentence."""
        used = self.used
        if used is None:
            return NO_HISTORY
        together = f", and correlations of {', '.join(self.correlated)}" if self.correlated else ""
        given = f"price history to {used.last_day} gives volatilities ({used.source}){together}"
        return f"{given}; all else has the configured defaults"

    @property
    def used(self) -> HistoryUsed | None:
        """What identifies the price history in a result."""
        if self.history is None:
            return None
        by_source: dict[str, list[str]] = {}
        for asset, source in zip(self.history.assets, self.history.source, strict=True):
            if asset in self.volatility:
                by_source.setdefault(source, []).append(asset)
        source = "; ".join(f"{', '.join(assets)}: {source}" for source, assets in by_source.items())
        return HistoryUsed(source, day_text(self.history.last_day), self.history.hash)


def market_inputs(parameters: Parameters, mid: Collection[str], history: DailyReturns | None) -> MarketInputs:
    """The inputs of a configuration and a price history.

    sigma = max(EWMA, that of the window, a share of the configured one) (RISK.md section 3), at most 1. A
    history in which no asset has enough days is none.
    """
    defaults = parameters.correlations()
    if history is None:
        return MarketInputs(None, None, {}, (), defaults)
    how = parameters.history.estimation
    found = estimate(history, how)
    volatility = {
        asset: min(
            LARGEST_VOLATILITY,
            max(
                float(found.ewma[i]),
                float(found.window[i]),
                how.long_run_share * parameters.of(asset, mid).daily_volatility,
            ),
        )
        for i, asset in enumerate(history.assets)
        if np.isfinite(found.ewma[i]) and asset != USD
    }
    if not volatility:
        return MarketInputs(None, None, {}, (), defaults)
    named = tuple(parameters.assets)
    correlated = [asset for asset in named if asset in {history.assets[i] for i in found.correlated}]
    return MarketInputs(
        history,
        found,
        volatility,
        tuple(correlated) if len(correlated) > 1 else (),
        mixed(defaults, named, history, found),
    )
