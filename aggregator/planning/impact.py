"""How sales move a market: the price of an underlying after so many units of it are sold."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from aggregator.risk.liquidity import IMPACT
from aggregator.risk.scenarios import ScenarioSet

Impact: TypeAlias = Callable[[str, float, float], float]
"""`(underlying, price before any sale in USD, units sold; bought < 0)` to the price after them, > 0."""


FARTHEST = 40.0
"""Of the logarithm of a price: beyond it a market is gone, and floats soon end."""


def by_depth(scenarios: ScenarioSet) -> Impact:
    """p0 * exp(-0.02 * Q / depth): selling the depth of 2% moves the price by 2% (RISK.md section 8).

    The depth in USD is the configured one of each underlying; Q counts at p0. A price never falls to nothing.
    """

    def impact(underlying: str, price_usd: float, units: float) -> float:
        depth = scenarios.asset_parameters(underlying).depth_usd
        moved = -IMPACT * units * price_usd / depth
        return price_usd * math.exp(min(max(moved, -FARTHEST), FARTHEST))

    return impact


def none(_: str, price_usd: float, __: float) -> float:
    """Markets so deep that nothing moves them."""
    return price_usd
