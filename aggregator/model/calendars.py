"""What comes by itself if no price moves: when accounts lose health by what they cost, and what expires."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from aggregator.model.units import Address

EventKind: TypeAlias = Literal["health", "liquidation", "expiry"]


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """Something at `time` (Unix seconds), `days` after the block.

    `health`: the account's own health falls below `threshold`; `liquidation`: its own test fails; `expiry`:
    an option of `instrument` ends, of which the account holds `size` (written < 0).
    """

    time: int
    days: float
    kind: EventKind
    account_id: str
    label: str
    threshold: float | None = None
    instrument: str | None = None
    size: float | None = None


@dataclass(frozen=True, slots=True)
class AccountCarry:
    """What an account brings or costs (< 0) a day in USD at today's rates, None where a rate is unknown.

    `judged` is False where its own test can't be followed in time, None where it has none.
    """

    account_id: str
    label: str
    carry_usd_day: float | None
    judged: bool | None


@dataclass(frozen=True, slots=True)
class Calendar:
    """Everything up to `horizon_days` after the block, earliest first; accounts with what they cost."""

    wallet: Address
    horizon_days: int
    events: tuple[CalendarEvent, ...]
    accounts: tuple[AccountCarry, ...]
