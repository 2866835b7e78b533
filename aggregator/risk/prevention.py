"""What it would cost to keep one account from liquidation: an estimate, linear in its N and Q."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggregator.model.assets import AssetId
from aggregator.model.explanation import Prevention, Threat
from aggregator.model.positions import Debt, Option, Perp, Supply
from aggregator.model.results import AccountRisk
from aggregator.risk.book import Book
from aggregator.risk.distance import GRID, Gaps, roots
from aggregator.risk.grid import STANDARD
from aggregator.risk.native import headroom, margins
from aggregator.risk.numbering import Numbering
from aggregator.risk.revaluation import Revaluation
from aggregator.risk.scan import Scan

Floats = NDArray[np.float64]

TARGET = 1.25
"""The health that a repaired account has: the plan's default (RISK.md section 9)."""


@dataclass(frozen=True, slots=True)
class _Way:
    """A dollar in adds `weight` dollars of headroom, which move with a factor of the book."""

    weight: float
    factor: int


def preventions(scanned: Scan, first: AccountRisk, threat: Threat) -> tuple[Prevention, ...]:
    """For a health of 1.25 today, and for surviving one standard stress.

    Repaying r gives N/(Q - r): headroom grows by r, as the largest debt moves. Collateral d of the largest
    kind gives (N + w*d)/Q, where w is N over the value of the collateral for lending, and 1 for margin.
    """
    one = scanned.book
    number = next(i for i, account in enumerate(one.accounts) if account.id == first.account_id)
    N, Q = first.power_usd, first.native_requirement_usd
    repay, deposit = _repay(one, number), _deposit(one, number, N)
    short = max(0.0, TARGET * Q - N)
    stressed, factors = _stressed(scanned, number)

    def survive(way: _Way | None) -> float | None:
        if way is None:
            return None
        needed = -stressed / (way.weight * factors[way.factor])
        return max(0.0, float(needed.max()))

    healthy = Prevention(
        goal="health",
        repay_usd=None if repay is None else short / TARGET,
        deposit_usd=None if deposit is None else short / deposit.weight,
    )
    surviving = Prevention("stress", survive(repay), survive(deposit))
    return tuple(
        _liquidated(scanned, number, threat, goal, way=repay or deposit) for goal in (healthy, surviving)
    )


def _repay(one: Book, number: int) -> _Way | None:
    debts = _rows(one, number, Debt)
    return (
        _Way(1.0, int(one.legs.factor[debts[one.legs.exposure_usd[debts].argmin()]])) if debts.size else None
    )


def _deposit(one: Book, number: int, power_usd: float) -> _Way | None:
    supplies = _rows(one, number, Supply)
    values = one.legs.exposure_usd[supplies]
    lending = _rows(one, number, Debt).size > 0
    if not values.size or values.sum() <= 0.0:
        return None if lending else _settled(one, number)
    weight = min(1.0, power_usd / float(values.sum())) if lending else 1.0
    return _Way(weight, int(one.legs.factor[supplies[values.argmax()]])) if weight > 0.0 else None


def _settled(one: Book, number: int) -> _Way | None:
    """Margin of an account that has posted none: in what its derivatives are settled in."""
    account = one.accounts[number]
    classes = one.portfolios[0].classes
    for position in account.positions:
        if isinstance(position, Perp | Option):
            factor = Numbering(one.scenarios, classes).of(position.settlement.id)
            return _Way(1.0, one.factors.index(factor))
    return None


def _rows(one: Book, number: int, kind: type[Debt] | type[Supply]) -> NDArray[np.intp]:
    """The linear legs of an account that are debts of something, or collateral."""

    def counts(place: int) -> bool:
        position = one.accounts[number].positions[place]
        return isinstance(position, kind) and (isinstance(position, Debt) or position.is_collateral)

    mine = np.flatnonzero(one.legs.account == number)
    return np.array([row for row in mine if counts(int(one.legs.position[row]))], dtype=np.intp)


def _stressed(scanned: Scan, number: int) -> tuple[Floats, Floats]:
    """The account's headroom (points,) and the book's factors (factors, points) up to one standard stress."""
    sure = np.flatnonzero((scanned.rays.weight == 1.0) & scanned.rays.spot)
    revaluation = Revaluation.of(scanned.book, scanned.rays.take(sure))
    factors = revaluation.factors(STANDARD)
    values = revaluation.weighted(factors, STANDARD)
    N, Q = margins(scanned.groups, len(scanned.book.accounts), factors)
    left = headroom(N, Q, values)[number]
    return left.ravel(), factors.reshape(len(factors), -1)


def _liquidated(
    scanned: Scan, number: int, threat: Threat, goal: Prevention, *, way: _Way | None
) -> Prevention:
    """The goal with the price of the threat's factor that liquidates the account afterwards."""
    one = scanned.book
    added = goal.deposit_usd if goal.repay_usd is None else goal.repay_usd
    axis = _axis(one, threat)
    if way is None or added is None or axis is None or threat.price_usd is None or threat.distance is None:
        return goal
    gaps = Gaps.of(one, scanned.groups)

    def left(steps: Floats) -> Floats:
        factors = gaps.factors(np.outer(steps, axis[0]), np.outer(steps, axis[1]))
        more: Floats = gaps.all(factors)[[1 + number]] + added * way.weight * factors[way.factor]
        return more

    found = roots(left, GRID if threat.direction == "up" else -GRID)
    if not found:
        return replace(goal, safe=True)
    multiple = float(np.exp(found[0][1]))
    today_usd = threat.price_usd / (1.0 + threat.distance)
    return replace(goal, price_usd=today_usd * multiple, distance=multiple - 1.0)


def _axis(one: Book, threat: Threat) -> tuple[Floats, Floats] | None:
    """Unit moves of bases and of pegs along which the threat's factor moves; None where it is no axis.

    An asset that leaves its underlying takes along what is pegged as it is.
    """
    base, peg = np.zeros(len(one.axes.bases)), np.zeros(len(one.axes.pegs))
    if threat.factor in one.axes.bases:
        base[one.axes.bases.index(threat.factor)] = 1.0
        return base, peg
    if threat.factor is None:
        return None
    pegs = Numbering(one.scenarios, one.portfolios[0].classes).of(AssetId(threat.factor)).pegs
    if len(pegs) != 1 or pegs[0] not in one.axes.pegs:
        return None
    peg[one.axes.pegs.index(pegs[0])] = 1.0
    return base, peg
