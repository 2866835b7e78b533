"""One position as contracts and as a second source tell it, and what may lie between the two."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from aggregator.model.sightings import SightingKind
from aggregator.model.units import EXACT

YEAR_S = 365 * 86_400
MOST_PER_YEAR = 1.0
"""The interest per year, compounded continuously, that is believed where nobody says the rate."""
TIMES_RATE, LEAST_PER_YEAR = 4.0, 0.02
"""What is believed where the rate is known: rates were others since the last event, and small ones double."""
ROUNDING_UNITS = 2
"""Smallest units that two ways of rounding may be apart."""


class Verdict(StrEnum):
    """What a comparison came to; only `different` is nobody's to explain."""

    EQUAL = "equal"
    ROUNDING = "rounding"
    INTEREST = "interest"
    BEHIND = "behind"
    UNSEEN = "unseen"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Ours:
    """What contracts say of one kind and asset of an owner, over all accounts of a deployment.

    `amount` in whole units (a short perp below zero), of which the smallest has `decimals`. `apr` is the
    interest per year of it at the block, None where unknown.
    """

    accounts: tuple[str, ...]
    name: str
    amount: Decimal
    decimals: int
    apr: float | None


@dataclass(frozen=True, slots=True)
class Theirs:
    """What a second source says of the same; `since` is when its oldest part was last so, in Unix seconds."""

    name: str
    amount: Decimal
    since: int | None
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict and why; `rate` is the interest per year that would explain the difference."""

    verdict: Verdict
    reason: str
    rate: float | None = None


def judge(
    kind: SightingKind, ours: Ours | None, theirs: Theirs | None, *, now: int, lag: int, unseen: str
) -> Judged:
    """What lies between the two; `now` is the block's time in Unix seconds.

    `lag` is how many blocks the second source is behind, `unseen` why it does not know of ours (empty where
    it should).
    """
    if unseen and theirs is None:
        return Judged(Verdict.UNSEEN, f"its schema does not know {unseen}")
    mine, other = (side.amount if side else Decimal(0) for side in (ours, theirs))
    difference = EXACT.subtract(mine, other)
    if not difference:
        return Judged(Verdict.EQUAL, "")
    if ours and theirs and abs(EXACT.scaleb(difference, ours.decimals)) <= ROUNDING_UNITS:
        return Judged(Verdict.ROUNDING, f"up to {ROUNDING_UNITS} of the smallest unit")
    rate = None
    if ours and theirs and theirs.since is not None and kind in ("supply", "debt"):
        rate = _rate(mine, other, now - theirs.since)
    if ours and rate is not None and rate <= _believed(ours.apr):
        return Judged(Verdict.INTEREST, "it does not know the interest since the position's last event", rate)
    if lag:
        return Judged(Verdict.BEHIND, f"it does not know the last {lag:,} blocks", rate)
    if theirs is None:
        return Judged(Verdict.DIFFERENT, "it says nothing of this position")
    if ours is None:
        return Judged(Verdict.DIFFERENT, "the contracts say nothing of this position")
    return Judged(Verdict.DIFFERENT, "nothing that it can't know explains this", rate)


def _rate(mine: Decimal, other: Decimal, seconds: int) -> float | None:
    """Interest per year, compounded continuously, that makes one of the other; None where none does."""
    if not mine > other > 0 or seconds <= 0:
        return None
    return math.log(float(mine / other)) * YEAR_S / seconds


def _believed(apr: float | None) -> float:
    return MOST_PER_YEAR if apr is None else max(LEAST_PER_YEAR, TIMES_RATE * apr)
