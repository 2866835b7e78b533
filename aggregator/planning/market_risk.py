"""Liquidations at risk and bad debt over many scenarios: mean, 95% quantile and expected shortfall."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aggregator.model.cascades import Cascade, MarketRisk
from aggregator.model.errors import BadConfiguration
from aggregator.model.portfolio import Portfolio
from aggregator.planning.borrowers import Borrowers
from aggregator.planning.cascade import Terms, cascade
from aggregator.risk.book import book
from aggregator.risk.draws import draws
from aggregator.risk.scenarios import CustomScenario, ScenarioSet

LEVEL = 0.95
MOST_TOLD = 10


def market_risk(cascades: Sequence[Cascade]) -> MarketRisk:
    """What many cascades, equally likely, come to; raises ValueError without any.

    The quantile is the lowest amount that at least 95% do not exceed, the shortfall the mean of the largest
    5% of them, at least one.
    """
    if not cascades:
        raise ValueError("market risk needs at least one cascade")
    liquidated = _figures(np.array([one.liquidated_usd for one in cascades]))
    bad_debt = _figures(np.array([one.bad_debt_usd for one in cascades]))
    return MarketRisk(len(cascades), *liquidated, *bad_debt, told=_told(cascades))


def _told(cascades: Sequence[Cascade]) -> tuple[str, ...]:
    """What single cascades say, once each, the most frequent first."""
    counted: Counter[str] = Counter()
    for one in cascades:
        failing = {f"{refusal.label}: fails and is not liquidated" for refusal in one.refusals}
        counted.update(failing | set(one.told))
    sentences = [
        f"{sentence} (in {count:,} of {len(cascades):,})" for sentence, count in counted.most_common()
    ]
    more = len(sentences) - MOST_TOLD
    return (*sentences[:MOST_TOLD], *([f"and {more} sentences more of single scenarios"] if more > 0 else []))


def _figures(values: NDArray[np.float64]) -> tuple[float, float, float]:
    ordered = np.sort(values)
    tail = max(1, math.ceil((1.0 - LEVEL) * len(ordered) - 1e-9))
    quantile = ordered[max(0, math.ceil(LEVEL * len(ordered) - 1e-9) - 1)]
    return float(ordered.mean()), float(quantile), float(ordered[-tail:].mean())


def drawn(
    portfolio: Portfolio, count: int, *, scenarios: ScenarioSet, borrowers: Borrowers | None = None
) -> list[CustomScenario]:
    """The first `count` of the framework's draws as scenarios of all underlyings that are loaded.

    Two-day moves, see `risk.draws`; pegs and volatilities stand still. Raises BadConfiguration on more draws
    than there are.
    """
    most = scenarios.parameters.draws.count
    if not 0 < count <= most:
        raise BadConfiguration("--draws", f"give a number of draws from 1 to {most:,}")
    names = list(book([portfolio], scenarios).axes.bases)
    for factor in () if borrowers is None else borrowers.factors:
        if factor.underlying not in (*names, "USD"):
            names.append(factor.underlying)
    moves = np.expm1(draws(scenarios, names).returns[:, :count])
    return [
        CustomScenario(f"draw {i + 1}", {name: float(moves[row, i]) for row, name in enumerate(names)})
        for i in range(count)
    ]


def over_draws(
    portfolio: Portfolio,
    count: int,
    *,
    scenarios: ScenarioSet,
    terms: Terms | None = None,
    borrowers: Borrowers | None = None,
) -> MarketRisk:
    """Market risk over the framework's draws; raises as `drawn` and `cascade`."""
    paths = drawn(portfolio, count, scenarios=scenarios, borrowers=borrowers)
    return market_risk(
        [
            cascade(portfolio, [path], scenarios=scenarios, terms=terms, borrowers=borrowers).cascade
            for path in paths
        ]
    )
