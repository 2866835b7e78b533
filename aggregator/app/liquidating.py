"""What would be liquidated of wallets, in which order, and what that would cost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from aggregator.app.answers import Answer
from aggregator.app.borrower_tables import BorrowerTable, Columns
from aggregator.app.checks import adapters, scenarios_of
from aggregator.app.stressing import StressRequest, all_stresses
from aggregator.model.errors import BadConfiguration
from aggregator.model.liquidations import CascadeOutcome, LiquidationReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aggregator.model.cascades import Cascaded, Rung
    from aggregator.model.portfolio import Portfolio
    from aggregator.planning.cascade import Terms
    from aggregator.risk.scenarios import CustomScenario, ScenarioSet


@dataclass(frozen=True, slots=True)
class LiquidationRequest:
    """Scenarios, each a cascade of its own; a path of prices; or neither, which is the ladder.

    `lag` is how many rounds oracles are late, `lags` that of some protocols. `borrowers` is a table of other
    people's loans, `draws` how many of the framework's draws to take the market's risk over.
    """

    stresses: StressRequest = field(default_factory=StressRequest)
    path: tuple[CustomScenario, ...] = ()
    lag: int = 0
    lags: Mapping[str, int] = field(default_factory=dict)
    borrowers: BorrowerTable | None = None
    draws: int | None = None


def liquidations(answer: Answer, request: LiquidationRequest) -> tuple[LiquidationReport, ...]:
    """The cascades of each wallet of an answer, or its ladder, by the settings of its read.

    Raises BadConfiguration on what a table can't mean, on a stress that has no such name, on a move of
    what nothing is, and on a lag of a protocol that neither the tool nor the table knows.
    """
    from aggregator.planning.cascade import Terms  # noqa: PLC0415  # numpy: not for --help

    scenarios = scenarios_of(answer)
    terms = Terms(lag=request.lag, lags=request.lags)
    if request.lags:
        _known(request.lags, answer, {} if request.borrowers is None else request.borrowers.columns)
    return tuple(_report(answer, portfolio, request, scenarios, terms) for portfolio in answer.portfolios)


def _known(lags: Mapping[str, int], answer: Answer, columns: Columns) -> None:
    """Raise BadConfiguration where a lag is of nothing: it would be none, in silence."""
    labels = [str(label) for label in columns.get("protocol", ())]
    known = {
        *(adapter.name for adapter in adapters(answer.settings)),
        *(account.protocol for portfolio in answer.portfolios for account in portfolio.accounts),
        *labels,
        *(label.partition(":")[0] for label in labels),
    }
    for name in lags:
        if name not in known:
            near = get_close_matches(name, sorted(known), n=3) or sorted(known)
            raise BadConfiguration("--lag", f"no protocol is called {name!r}: there is {', '.join(near)}")


def _report(
    answer: Answer,
    portfolio: Portfolio,
    request: LiquidationRequest,
    scenarios: ScenarioSet,
    terms: Terms,
) -> LiquidationReport:
    from aggregator.planning.cascade import cascade  # noqa: PLC0415
    from aggregator.planning.ladder import ladder, unknown_rungs  # noqa: PLC0415
    from aggregator.planning.market_risk import market_risk, over_draws  # noqa: PLC0415
    from aggregator.planning.tables import borrowers_of  # noqa: PLC0415
    from aggregator.risk.assess import assessments  # noqa: PLC0415
    from aggregator.risk.stress import reassessed  # noqa: PLC0415

    borrowers = None
    if request.borrowers is not None:
        borrowers = borrowers_of(request.borrowers.columns, portfolio, scenarios, request.borrowers.name)
    given: list[tuple[str, tuple[str, ...], Sequence[CustomScenario]]] = [
        (one.title, one.told, [one.scenario]) for one in all_stresses(request.stresses, scenarios)
    ]
    if request.path:
        given.append(("", (), request.path))
    done: list[Cascaded] = [
        cascade(portfolio, path, scenarios=scenarios, terms=terms, borrowers=borrowers)
        for _, _, path in given
    ]
    finals = [one.final for one in done]
    (now, today), *after = assessments([portfolio, *finals], families=answer.families, scenarios=scenarios)
    outcomes = tuple(
        CascadeOutcome(
            title=title,
            moves=_moves(path),
            cascade=replace(one.cascade, told=(*told, *one.cascade.told)),
            after=reassessed(final, risk),
        )
        for (title, told, path), one, (final, risk) in zip(given, done, after, strict=True)
    )
    rungs: tuple[Rung, ...] = ()
    told: tuple[str, ...] = ()
    if not given:
        told = unknown_rungs(now)
        rungs = ladder(now, families=answer.families, scenarios=scenarios, terms=terms, borrowers=borrowers)
    market = None
    if request.draws is not None:
        market = over_draws(portfolio, request.draws, scenarios=scenarios, terms=terms, borrowers=borrowers)
    elif len(done) > 1:
        market = market_risk([one.cascade for one in done])
    return LiquidationReport(reassessed(now, today), outcomes, rungs, market, told)


def _moves(path: Sequence[CustomScenario]) -> tuple[tuple[str, float, float], ...]:
    names = dict.fromkeys(name for one in path for name in one.moves)
    return tuple((name, path[0].moves.get(name, 0.0), path[-1].moves.get(name, 0.0)) for name in names)
