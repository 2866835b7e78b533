"""Stresses: what a scenario leaves of a portfolio, assessed anew at the prices that it leads to.

No part of the requirement (RISK.md section 2). Each scenario stands for itself: it starts from today, and the
answer depends on no other one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from aggregator.contract import RuleFamily
from aggregator.model.accounts import Account
from aggregator.model.assets import PEG_CLASSES
from aggregator.model.errors import BadConfiguration
from aggregator.model.portfolio import Portfolio
from aggregator.model.results import RiskResult
from aggregator.model.stresses import GridPoint, Reassessed, StressOutcome, StressReport
from aggregator.risk.assess import assessments
from aggregator.risk.book import book
from aggregator.risk.moving import moved
from aggregator.risk.named import NamedStress
from aggregator.risk.rays import Vol
from aggregator.risk.requirement import add_ons, counted
from aggregator.risk.scenarios import CustomScenario, ScenarioSet

MOST_POINTS = 2_500
"""Of a grid: more would take minutes, and nobody reads them."""

_BLOCK = 64
"""Points valued together: bounds memory."""

_VOLATILITY = {Vol.NONE: "unchanged", Vol.UP: "standard shock up", Vol.DOWN: "standard shock down"}


@dataclass(frozen=True, slots=True)
class Stress:
    """A scenario to apply, with a title for people and sentences on what of it can't be applied."""

    scenario: CustomScenario
    title: str = ""
    told: tuple[str, ...] = ()


def named_stress(named: NamedStress, scenarios: ScenarioSet) -> Stress:
    """A stress of the configuration as a scenario.

    A token that the configuration does not list can't be recognised in a portfolio: its move is left out,
    which is said.
    """
    known = {peg.name for peg in scenarios.pegs.values()}
    known |= {*scenarios.parameters.assets, *scenarios.mid, *PEG_CLASSES}
    missing = [name for name in named.moves if name not in known]
    told = f"no token of the configuration is called {', '.join(missing)}: nothing moves with it"
    return Stress(
        scenario=CustomScenario(
            name=named.name,
            moves={name: move for name, move in named.moves.items() if name in known},
            vol=Vol.UP,
            elsewhere=scenarios.parameters.stress.blank(named),
        ),
        title=f"{named.period}: {named.title}",
        told=(told,) if missing else (),
    )


def stress(
    portfolio: Portfolio,
    stresses: Sequence[Stress],
    *,
    families: Mapping[str, RuleFamily],
    scenarios: ScenarioSet,
    grid: Sequence[CustomScenario] = (),
) -> StressReport:
    """The portfolio today and after each scenario, and its worth at each point of a grid.

    Raises as `assess` does, and BadConfiguration on a scenario that moves what nothing is.
    """
    after = [moved(portfolio, one.scenario, scenarios) for one in stresses]
    (today, before), *results = assessments([portfolio, *after], families=families, scenarios=scenarios)
    outcomes = [
        _outcome(one, before, changed, risk) for one, (changed, risk) in zip(stresses, results, strict=True)
    ]
    return StressReport(
        today=reassessed(today, before),
        outcomes=tuple(outcomes),
        grid=tuple(_points(portfolio, grid, scenarios, before.equity_usd)),
    )


def new_flags(before: RiskResult, after: RiskResult) -> list[str]:
    """What an assessment says of a changed portfolio that it did not say of it before."""
    return [flag for flag in after.flags if flag not in before.flags]


def reassessed(portfolio: Portfolio, risk: RiskResult) -> Reassessed:
    """A changed portfolio with its assessment."""
    return Reassessed(portfolio, risk, portfolio.unjudged)


def grid_points(
    axes: Mapping[str, Sequence[float]], base: CustomScenario | None = None
) -> tuple[CustomScenario, ...]:
    """Every combination of the moves of each axis, the last axis fastest, on top of a scenario's.

    Raises BadConfiguration beyond 2,500 points, and on an axis that the scenario moves itself.
    """
    base = base or CustomScenario("grid", {})
    points = 1
    for name, moves in axes.items():
        points *= len(moves)
        if name in base.moves:
            raise BadConfiguration("--grid", f"{name!r} is moved by --shock already")
    if points > MOST_POINTS:
        raise BadConfiguration("--grid", f"has {points:,} points: give at most {MOST_POINTS:,}")
    return tuple(
        CustomScenario(
            name=base.name,
            moves={**base.moves, **dict(zip(axes, moves, strict=True))},
            vol=base.vol,
            elsewhere=base.elsewhere,
            iv_times=base.iv_times,
            iv_points=base.iv_points,
        )
        for moves in product(*axes.values())
    )


def volatility(scenario: CustomScenario) -> str:
    """What a scenario does to implied volatilities, in words."""
    parts = [] if scenario.vol is Vol.NONE else [_VOLATILITY.get(scenario.vol, scenario.vol.name.lower())]
    if scenario.iv_times != 1.0:
        parts.append(f"{scenario.iv_times - 1.0:+.4g} of itself")
    if scenario.iv_points:
        parts.append(f"{scenario.iv_points * 100.0:+g} points")
    return ", ".join(parts) or _VOLATILITY[Vol.NONE]


def _outcome(one: Stress, before: RiskResult, changed: Portfolio, risk: RiskResult) -> StressOutcome:
    scenario = one.scenario
    told = list(one.told)
    tested = [a.label for a in changed.accounts if a.kind == "option" and a.rule is not None]
    if tested and volatility(scenario) != _VOLATILITY[Vol.NONE]:
        told.append(f"own tests use the volatility that the protocol had at the block: {', '.join(tested)}")
    told += new_flags(before, risk)
    return StressOutcome(
        name=scenario.name,
        title=one.title,
        moves=tuple(scenario.moves.items()),
        elsewhere=scenario.elsewhere,
        volatility=volatility(scenario),
        loss_usd=before.equity_usd - risk.equity_usd,
        after=reassessed(changed, risk),
        told=tuple(told),
    )


def _points(
    portfolio: Portfolio, grid: Sequence[CustomScenario], scenarios: ScenarioSet, today_usd: float
) -> Iterator[GridPoint]:
    """Worth, survival and own tests only: F(0) of RISK.md section 5, without following any ray."""
    for start in range(0, len(grid), _BLOCK):
        points = grid[start : start + _BLOCK]
        after = [moved(portfolio, point, scenarios) for point in points]
        books = book(after, scenarios)
        equity = books.equity_usd()
        left = books.by_wallet(counted(books, equity)) - add_ons(books).wallet
        spans = [slice(*books.account_start[i : i + 2]) for i in range(len(after))]
        worth = [float(equity[span].sum()) for span in spans]  # as `assess` adds up
        for i, (point, changed) in enumerate(zip(points, after, strict=True)):
            yield GridPoint(
                moves=tuple(point.moves.items()),
                equity_usd=worth[i],
                loss_usd=today_usd - worth[i],
                survives=bool(left[i] >= 0.0),
                liquidatable=tuple(
                    account.id
                    for account, time in zip(changed.accounts, books.time[spans[i]], strict=True)
                    if _fails(account, int(time))
                ),
                unknown=changed.unjudged,
            )


def _fails(account: Account, time: int) -> bool:
    own = account.rule is not None and account.rule.health(account.prices, time).liquidatable
    return own or bool(account.reported and account.reported.liquidatable)
