"""One position as contracts and as a second source tell it, and what may lie between the two."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from aggregator.model.accounts import Account
from aggregator.model.positions import Debt, Holding, Option, Perp, Supply
from aggregator.model.sightings import SightingKind, Sightings, option_identity
from aggregator.model.units import EXACT, Address, scaled

YEAR_S = 365 * 86_400
MOST_PER_YEAR = 1.0
"""The interest per year, compounded continuously, that is believed where nobody says the rate."""
TIMES_RATE, LEAST_PER_YEAR = 4.0, 0.02
"""What is believed where the rate is known: rates were others since the last event, and small ones double."""
ROUNDING_UNITS = 2
"""Smallest units that two ways of rounding may be apart."""


Key: TypeAlias = tuple[Address, SightingKind, str]
"""Owner, kind, and what it is within its kind."""


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
    """What a second source says of the same; `since` is when its oldest part was last so, in Unix seconds.

    `block` is the one at whose end all of it was so, None where its parts differ in that or nobody says.
    """

    name: str
    amount: Decimal
    since: int | None
    origins: tuple[str, ...]
    block: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict and why; `rate` is the interest per year that would explain the difference.

    `proven_at` is the block of the last event, at which the contracts said what the second source says.
    """

    verdict: Verdict
    reason: str
    rate: float | None = None
    proven_at: int | None = None


def judge(
    kind: SightingKind,
    ours: Ours | None,
    theirs: Theirs | None,
    *,
    now: int,
    lag: int,
    unseen: str,
    lacking: str = "",
    then: Decimal | None = None,
) -> Judged:
    """What lies between the two; `now` is the block's time in Unix seconds.

    `lag` is how many blocks the second source is behind, `unseen` why it does not know of ours (empty where
    it should), `lacking` which accounts of ours could not be read. `then` is what contracts said
    at the block of its last event, None where that was not read.
    """
    if unseen and theirs is None:
        return Judged(Verdict.UNSEEN, f"its schema does not know {unseen}")
    mine, other = (side.amount if side else Decimal(0) for side in (ours, theirs))
    difference = EXACT.subtract(mine, other)
    if not difference:
        return Judged(Verdict.EQUAL, "")
    if ours and theirs and _rounded(difference, ours):
        return Judged(Verdict.ROUNDING, f"up to {ROUNDING_UNITS} of the smallest unit")
    rate = None
    if ours and theirs and theirs.since is not None and kind in ("supply", "debt"):
        rate = _rate(mine, other, now - theirs.since)
    if ours and theirs and rate is not None and rate <= _believed(ours.apr):
        if then is not None and not _rounded(EXACT.subtract(then, other), ours):
            why = f"at the position's last event, in block {theirs.block}, the contracts said {then:f}"
            return Judged(Verdict.DIFFERENT, why, rate)
        proven_at = None if then is None else theirs.block
        why = "it does not know the interest since the position's last event"
        return Judged(Verdict.INTEREST, why, rate, proven_at)
    if lag:
        return Judged(Verdict.BEHIND, f"it does not know the last {lag:,} blocks", rate)
    if lacking and theirs is not None:
        return Judged(Verdict.DIFFERENT, f"the contracts could not be read of {lacking}", rate)
    if theirs is None:
        return Judged(Verdict.DIFFERENT, "it says nothing of this position")
    if ours is None:
        return Judged(Verdict.DIFFERENT, "the contracts say nothing of this position")
    return Judged(Verdict.DIFFERENT, "nothing that it can't know explains this", rate)


def _rounded(difference: Decimal, ours: Ours) -> bool:
    return abs(EXACT.scaleb(difference, ours.decimals)) <= ROUNDING_UNITS


def _rate(mine: Decimal, other: Decimal, seconds: int) -> float | None:
    """Interest per year, compounded continuously, that makes one of the other; None where none does."""
    if not mine > other > 0 or seconds <= 0:
        return None
    return math.log(float(mine / other)) * YEAR_S / seconds


def _believed(apr: float | None) -> float:
    return MOST_PER_YEAR if apr is None else max(LEAST_PER_YEAR, TIMES_RATE * apr)


def by_contracts(accounts: Iterable[Account]) -> Mapping[Key, Ours]:
    """What accounts hold, but for what the wallet itself holds."""
    found: dict[Key, Ours] = {}
    for account in accounts:
        for position in account.positions:
            if isinstance(position, Holding):
                continue
            key, one = _of_position(account, position)
            found[key] = _added(found[key], one) if key in found else one
    return found


def _of_position(account: Account, position: Supply | Debt | Perp | Option) -> tuple[Key, Ours]:
    owner, ids = account.owner_path[-1], (account.id,)
    match position:
        case Supply(asset=asset) | Debt(asset=asset):
            kind: SightingKind = "supply" if isinstance(position, Supply) else "debt"
            amount = scaled(position.raw, asset.decimals)
            return (owner, kind, asset.id), Ours(ids, asset.symbol, amount, asset.decimals, position.apr)
        case Perp(underlying=underlying, size_decimals=decimals):
            amount = scaled(position.size_raw, decimals)
            return (owner, "perp", underlying), Ours(ids, position.market, amount, decimals, None)
        case Option(underlying=underlying, size_decimals=decimals):
            strike = scaled(position.strike_raw, position.price_decimals)
            what = option_identity(underlying, position.right, strike, position.expiry)
            amount = scaled(position.size_raw, decimals)
            # A schema that knows takers alone must not have writers' amounts set against theirs.
            side = what if amount > 0 else f"{what}:written"
            return (owner, "option", side), Ours(ids, position.instrument, amount, decimals, None)


def _added(one: Ours, other: Ours) -> Ours:
    """Two positions of one owner, kind and asset; the higher rate, which bounds the interest of both."""
    rates = [side.apr for side in (one, other)]
    return Ours(
        accounts=tuple(dict.fromkeys([*one.accounts, *other.accounts])),
        name=one.name,
        amount=EXACT.add(one.amount, other.amount),
        decimals=max(one.decimals, other.decimals),
        apr=None if None in rates else max(rate for rate in rates if rate is not None),
    )


def by_second_source(found: Iterable[Sightings]) -> Mapping[Key, Theirs]:
    """What sightings say, added by owner, kind and what they are of."""
    theirs: dict[Key, Theirs] = {}
    for one in (sighting for sightings in found for sighting in sightings.found):
        key: Key = (one.owner, one.kind, one.what)
        new = Theirs(one.name, one.amount, one.since, (one.origin,), one.block)
        if (old := theirs.get(key)) is not None:
            since = None if old.since is None or new.since is None else min(old.since, new.since)
            amount = EXACT.add(old.amount, new.amount)
            block = old.block if old.block == new.block else None
            new = Theirs(old.name, amount, since, (*old.origins, *new.origins), block)
        theirs[key] = new
    return theirs
