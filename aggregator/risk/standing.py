"""Where variants of a portfolio stand, by the full model: own tests, the whole's requirement and kappa.

The same figures as `assess`, without those that only people ask for (liquidation prices, value at risk, what
each account needs alone). Variants share most of their accounts: along the draws each account is valued once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggregator.contract import RuleFamily
from aggregator.model.accounts import Account
from aggregator.model.portfolio import Portfolio
from aggregator.model.rules import WAD
from aggregator.risk import score
from aggregator.risk.assess import blocks
from aggregator.risk.book import book
from aggregator.risk.grid import first_crossing
from aggregator.risk.judging import judging
from aggregator.risk.native import exact_health
from aggregator.risk.requirement import counted
from aggregator.risk.scan import Scan, scan
from aggregator.risk.scenarios import ScenarioSet
from aggregator.risk.tail import LEVELS, Drawn, tail_count, tail_mean

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OwnTest:
    """An account by its own rule; see AccountRisk."""

    account_id: str
    power_usd: float
    requirement_usd: float
    health: float | None
    liquidatable: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Accounts that have a rule, and the whole; see RiskResult."""

    accounts: tuple[OwnTest, ...]
    equity_usd: float
    requirement_usd: float
    kappa: float
    score: float | None


@dataclass(frozen=True, slots=True)
class _Whole:
    """One variant along the rays: what it counts today, `least` up to one stress, its add-ons and kappa."""

    standing: Standing
    today: float
    least: float
    add_on: float
    kappa: float


def standings(
    variants: Sequence[Portfolio], *, families: Mapping[str, RuleFamily], scenarios: ScenarioSet
) -> list[Standing]:
    """Where each variant stands; an account whose own test has no answer is in none of its accounts.

    Raises as `assess` does.
    """

    def evaluate(block: Sequence[Portfolio]) -> list[_Whole]:
        scanned = scan(book(block, scenarios), families)
        return [_whole(scanned, i) for i in range(len(block))]

    wholes: list[_Whole] = []
    for block in blocks(variants):
        wholes += judging(block, evaluate)[1]
    if not wholes:
        return []
    means = _drawn(variants, wholes, scenarios)
    levels = LEVELS[: means.shape[1]]
    add_ons = np.array([one.add_on for one in wholes])
    crossed = first_crossing(levels, means - add_ons[:, None])
    drawn = means[:, levels <= 1.0].min(axis=1)
    return [
        _with_draws(one, variant, float(drawn[i]), float(crossed[i]))
        for i, (one, variant) in enumerate(zip(wholes, variants, strict=True))
    ]


def _whole(scanned: Scan, wallet: int) -> _Whole:
    start, end = scanned.book.account_start[wallet : wallet + 2]
    mine = slice(int(start), int(end))
    tests = tuple(
        _own_test(scanned, i)
        for i in range(mine.start, mine.stop)
        if scanned.book.accounts[i].rule is not None
    )
    equity, kappa = float(scanned.equity[mine].sum()), float(scanned.kappa[wallet])
    return _Whole(
        standing=Standing(tests, equity, 0.0, kappa, None),
        today=float(scanned.book.by_wallet(counted(scanned.book, scanned.equity))[wallet]),
        least=float(scanned.standard.whole[wallet].min()),
        add_on=float(scanned.add_ons.wallet[wallet]),
        kappa=kappa,
    )


def _own_test(scanned: Scan, i: int) -> OwnTest:
    account, standard = scanned.book.accounts[i], scanned.standard
    exact = exact_health(scanned.book, i)
    reported = account.reported
    return OwnTest(
        account_id=account.id,
        power_usd=float(standard.power[i]),
        requirement_usd=float(standard.requirement[i]),
        health=None if exact is None or exact.health is None else exact.health / WAD,
        liquidatable=bool((exact and exact.liquidatable) or (reported and reported.liquidatable)),
    )


def _drawn(variants: Sequence[Portfolio], wholes: Sequence[_Whole], scenarios: ScenarioSet) -> Floats:
    """TailMean of each variant, (variants, levels), as far out as it can matter."""
    numbers: dict[int, int] = {}
    distinct: list[Account] = []
    members: list[list[int]] = []
    for variant in variants:
        for account in variant.accounts:
            if id(account) not in numbers:
                numbers[id(account)] = len(distinct)
                distinct.append(account)
        members.append([numbers[id(account)] for account in variant.accounts])
    shared = book([replace(variants[0], accounts=tuple(distinct))], scenarios)
    size = scenarios.parameters.draws
    count = tail_count(size.confidence, size.count)
    drawn = Drawn.of(shared)

    def together(values: Floats) -> Floats:
        silos = counted(shared, values)
        return np.stack([silos[some].sum(axis=0) for some in members])

    means = [np.array([one.today for one in wholes])]
    add_ons, kappa = np.array([one.add_on for one in wholes]), np.array([one.kappa for one in wholes])
    for i, level in enumerate(LEVELS[1:], start=1):
        # As `tail` has it: beyond one stress until all have crossed, or no crossing is below the scan's.
        if LEVELS[i] > 1.0:
            crossed = (np.array(means) < add_ons).any(axis=0)
            if np.all(crossed | (kappa <= LEVELS[i - 1])):
                break
        means.append(tail_mean(together(drawn.worst(float(level), count, together)), count))
    return np.stack(means, axis=1)


def _with_draws(one: _Whole, variant: Portfolio, drawn: float, crossed: float) -> Standing:
    kappa = min(one.kappa, crossed)
    equity = one.standing.equity_usd
    empty = not any(account.positions for account in variant.accounts)
    return replace(
        one.standing,
        requirement_usd=max(equity - one.least, equity - drawn) + one.add_on,
        kappa=kappa,
        score=None if empty else score.score(kappa),
    )
