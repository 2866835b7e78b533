"""What the warehouse answers, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from aggregator.model.accounts import Observation
from aggregator.model.calendars import Calendar
from aggregator.model.cascades import Cascade, Rung
from aggregator.model.comparison import Requirement
from aggregator.model.plans import Plan
from aggregator.model.portfolio import Portfolio
from aggregator.model.readings import Block
from aggregator.model.results import Band, RiskResult, Verdict
from aggregator.model.units import Address, ChainId

Trigger: TypeAlias = Literal["health", "snapshot", "schedule"]
Origin: TypeAlias = Literal["chain", "recording"]
Outcome: TypeAlias = Literal["ok", "partial", "failed", "missed"]


@dataclass(frozen=True, slots=True)
class SavedSnapshot:
    """Where a result is kept; `created` is False where the same snapshot was there already."""

    id: str
    created: bool


@dataclass(frozen=True, slots=True)
class SavedStudy:
    """Where a plan, cascade, ladder or calendar is kept; `kind` is its table.

    `created` is False where the same was asked of the same snapshot before.
    """

    kind: str
    id: str
    snapshot_id: str
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
class Fault:
    """A row that is not what it was, or does not follow from the others; `table` is where."""

    table: str
    told: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a comparison of a snapshot with itself came to: no `faults` is well; `blocks` as the rows say.

    `observed` are the accounts that a venue answered for, by label, with when and who.
    """

    id: str
    wallet: Address
    as_of: datetime
    status: str
    blocks: tuple[Block, ...]
    faults: tuple[Fault, ...]
    observed: tuple[tuple[str, Observation], ...] = ()


@dataclass(frozen=True, slots=True)
class WalletEntry:
    """A wallet that the user follows; `groups` in alphabetical order, `added_at` naive UTC."""

    address: Address
    label: str | None
    groups: tuple[str, ...]
    added_at: datetime


@dataclass(frozen=True, slots=True)
class ScheduleRun:
    """How one due slot of one job ended; a slot is identified by `job` and `due_at`.

    Times are aware UTC with whole microseconds; `started_at` and `ended_at` are None where it was missed.
    """

    job: str
    group: str
    due_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    outcome: Outcome
    reason: str | None = None
    snapshots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexRun:
    """A list of wallets that is read at one block per chain, and how far it is. Times are naive UTC.

    The first `done` of its `wallets` have their snapshots, counted by what became of them; `ended_at` is None
    where it can go on.
    """

    id: str
    source: str
    blocks: Mapping[ChainId, Block]
    wallets: int
    done: int
    complete: int
    partial: int
    failed: int
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """A snapshot as it was: what was read, with rules that recompute health, and what risk said.

    The errors of `portfolio.failures` are PastReadError. `comparison` is what other margin methods asked.
    """

    summary: Summary
    portfolio: Portfolio
    result: RiskResult
    comparison: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class StoredStudies:
    """What was computed from a snapshot and kept beside it, by id, in the order in which it was saved."""

    plans: Mapping[str, Plan]
    cascades: Mapping[str, Cascade]
    ladders: Mapping[str, tuple[Rung, ...]]
    calendars: Mapping[str, Calendar]
