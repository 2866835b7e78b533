"""What the warehouse answers, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from aggregator.model.portfolio import Portfolio
from aggregator.model.results import Band, RiskResult, Verdict
from aggregator.model.units import Address

Trigger: TypeAlias = Literal["health", "snapshot", "schedule"]
Origin: TypeAlias = Literal["chain", "recording"]


@dataclass(frozen=True, slots=True)
class SavedSnapshot:
    """Where a result is kept; `created` is False where the same snapshot was there already."""

    id: str
    created: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """One line about a snapshot. Times are naive UTC; `score` is None without positions."""

    id: str
    wallet: Address
    as_of: datetime
    taken_at: datetime
    trigger: str
    source: str
    status: str
    reads_expected: int
    reads_ok: int
    reads_failed: int
    tool_version: str
    content_hash: str
    score: float | None
    band: Band
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """A snapshot as it was: what was read, with rules that recompute health, and what risk said.

    The errors of `portfolio.failures` are PastReadError.
    """

    summary: Summary
    portfolio: Portfolio
    result: RiskResult
