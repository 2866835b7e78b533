"""What a worker hears of the chains and of its slots, and what it tells of a pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from aggregator.model.units import ChainId
from aggregator.store.saved import Outcome, ScheduleRun

if TYPE_CHECKING:
    from aggregator.app import Checked


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of reading a slot. `unreachable`: no endpoint answered, so others need not be tried now."""

    outcome: Outcome
    reason: str = ""
    snapshots: tuple[str, ...] = ()
    checked: tuple[Checked, ...] = ()
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Heads:
    """Times of the chains' newest blocks in Unix seconds, None (and why) where a chain does not answer."""

    times: Mapping[ChainId, int | None]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass did: entries with what was checked, and the slots that are due but not settled yet.

    `why` says what they wait for; `silent`: for any chain to answer. `young` tells that blocks are to be
    compared again in a while.
    """

    done: tuple[tuple[ScheduleRun, Taken], ...] = ()
    waiting: tuple[datetime, ...] = ()
    why: str = ""
    silent: bool = False
    young: bool = False
