"""How much a portfolio may lose in a day or two by its price history or a model of it, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Method: TypeAlias = Literal["delta_normal", "cornish_fisher", "monte_carlo", "historical"]


@dataclass(frozen=True, slots=True)
class ValueAtRisk:
    """The loss that is exceeded with probability 1 - `confidence` in so many days; a gain is negative.

    By normal returns and deltas alone; by deltas, gammas and vegas with a correction for skewness; by full
    revaluation in drawn returns; by full revaluation in the returns that there were.
    """

    method: Method
    confidence: float
    days: int
    loss_usd: float


@dataclass(frozen=True, slots=True)
class Tails:
    """Expected shortfall and value at risk (RISK.md section 3).

    `expected_shortfall_usd` is today's equity less the mean of what the whole counts in the worst of the
    `draws`, of `confidence` over `days`. `requirement_usd` is the largest of that at any part of the moves:
    the requirement holds the larger of it and the scan's. `historical_absent` says why there is no
    historical simulation; None where there is one.
    """

    requirement_usd: float
    expected_shortfall_usd: float
    confidence: float
    days: int
    draws: int
    value_at_risk: tuple[ValueAtRisk, ...]
    historical_absent: str | None
