"""What would become of wallets: at other prices, and after actions on a copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aggregator import settings
from aggregator.app.answers import Answer
from aggregator.app.checks import scenarios_of
from aggregator.model.errors import BadConfiguration
from aggregator.model.stresses import StressReport, WhatIf
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.risk.named import NamedStress
    from aggregator.risk.scenarios import CustomScenario, ScenarioSet
    from aggregator.risk.stress import Stress
    from aggregator.risk.wishes import Wish


@dataclass(frozen=True, slots=True)
class StressRequest:
    """Named stresses (all of them where `everything`), scenarios of the user's, and the points of a grid.

    `cascades`: also what liquidations each scenario leads to.
    """

    names: tuple[str, ...] = ()
    everything: bool = False
    custom: tuple[tuple[CustomScenario, str], ...] = ()
    grid: tuple[CustomScenario, ...] = ()
    cascades: bool = False


def named_stresses(config: Settings) -> tuple[NamedStress, ...]:
    """The named stresses of a configuration, in its order; raises BadConfiguration."""
    from aggregator.risk.parameters import parameters  # noqa: PLC0415  # numpy: not for --help

    return parameters(*settings.risk_parameters(config), where="risk parameters").stress.stresses


def stress(answer: Answer, request: StressRequest) -> tuple[StressReport, ...]:
    """What the scenarios do to each wallet of an answer, by the settings of its read.

    Raises BadConfiguration on a stress that has no such name, and on a move of what nothing is.
    """
    from aggregator.risk import stress as risk  # noqa: PLC0415  # numpy: not for --help

    scenarios = scenarios_of(answer)
    stresses = all_stresses(request, scenarios)
    reports = tuple(
        risk.stress(portfolio, stresses, families=answer.families, scenarios=scenarios, grid=request.grid)
        for portfolio in answer.portfolios
    )
    if not request.cascades:
        return reports
    return tuple(_with_cascades(report, stresses, scenarios) for report in reports)


def all_stresses(request: StressRequest, scenarios: ScenarioSet) -> list[Stress]:
    """The scenarios of a request, the named ones first; raises BadConfiguration on an unknown name."""
    from aggregator.risk.stress import Stress as Given  # noqa: PLC0415  # numpy: not for --help

    return [*stresses_of(request, scenarios), *(Given(scenario, title) for scenario, title in request.custom)]


def _with_cascades(report: StressReport, stresses: Sequence[Stress], scenarios: ScenarioSet) -> StressReport:
    from aggregator.planning.cascade import cascade  # noqa: PLC0415  # only where it is asked for

    portfolio = report.today.portfolio
    return replace(
        report,
        outcomes=tuple(
            replace(outcome, cascade=cascade(portfolio, [one.scenario], scenarios=scenarios).cascade)
            for outcome, one in zip(report.outcomes, stresses, strict=True)
        ),
    )


def stresses_of(request: StressRequest, scenarios: ScenarioSet) -> Sequence[Stress]:
    """The named stresses that a request asks for; raises BadConfiguration where one has no such name."""
    from difflib import get_close_matches  # noqa: PLC0415  # for a typing mistake only

    from aggregator.risk.stress import named_stress  # noqa: PLC0415

    known = {one.name: one for one in scenarios.parameters.stress.stresses}
    names = tuple(known) if request.everything else request.names
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=3, cutoff=0.4) or list(known)
            raise BadConfiguration("stress", f"no stress is called {name!r}: there is {', '.join(near)}")
    return [named_stress(known[name], scenarios) for name in dict.fromkeys(names)]


def whatif(answer: Answer, wishes: Sequence[Wish]) -> tuple[WhatIf, ...]:
    """What becomes of each wallet of an answer after actions, each of which is meant for one of them.

    Raises BadConfiguration where what is named is not there, and where a protocol would refuse an action.
    """
    from aggregator.risk.whatif import whatif  # noqa: PLC0415  # numpy: not for --help
    from aggregator.risk.wishes import assigned  # noqa: PLC0415

    scenarios = scenarios_of(answer)
    return tuple(
        whatif(portfolio, mine, families=answer.families, scenarios=scenarios)
        for portfolio, mine in zip(answer.portfolios, assigned(answer.portfolios, wishes), strict=True)
    )
