"""What closing a book at once would cost by the depth of its markets: reported, and never in M."""

from __future__ import annotations

import math
from collections.abc import Sequence

from aggregator.model.results import Greeks
from aggregator.risk.scenarios import ScenarioSet

IMPACT = 0.02
"""The move of a price that selling its depth brings."""


def closing_cost_usd(greeks: Sequence[Greeks], scenarios: ScenarioSet) -> float:
    """The sum over underlyings of 0.02 * Q^2 / (2 * depth), in USD (RISK.md section 4).

    Q is the net delta of the whole in USD, so that hedges need no selling; a price moves in proportion to
    what is sold, half of it on average. It grows with the square of the size: in the requirement it would
    break scale invariance.
    """
    return math.fsum(
        IMPACT
        * (100.0 * greek.delta_usd) ** 2
        / (2.0 * scenarios.asset_parameters(greek.underlying).depth_usd)
        for greek in greeks
    )
