"""Reading wallets and judging them; what can be used of a chain."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from aggregator import settings
from aggregator.app.answers import Afterwards, Answer, jobs_everywhere, live_answer, run_all
from aggregator.app.caching import opened_cache
from aggregator.app.history import history_for
from aggregator.app.naming import resolved
from aggregator.app.owning import search_of
from aggregator.app.readers import Selection, live_readers
from aggregator.app.recorded import record
from aggregator.contract import Adapter, Deployment, Exchange, Owners
from aggregator.model.comparison import Comparison, Requirement
from aggregator.model.explanation import Explanation
from aggregator.model.portfolio import Portfolio
from aggregator.model.results import RiskResult
from aggregator.model.units import ChainId
from aggregator.reading import registry
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.reading.doctor import ChainReport
    from aggregator.risk.scenarios import ScenarioSet


@dataclass(frozen=True, slots=True)
class Checked:
    """A wallet's portfolio and what risk says of it; the rest only where it was asked for.

    `asked` is what other margin methods ask of the whole, as snapshots keep it: not each leg alone, which
    takes several times as long as all the rest. Without positions nothing is asked.
    """

    portfolio: Portfolio
    risk: RiskResult
    asked: tuple[Requirement, ...] = ()
    explanation: Explanation | None = None
    comparison: Comparison | None = None


def read(
    selection: Selection,
    config: Settings,
    *,
    record_to: Path | None = None,
    afterwards: Afterwards | None = None,
    exchanges: Sequence[Exchange] = (),
) -> Answer:
    """Read wallets live, and with `record_to` keep every reply in a file.

    `exchanges` are those whose markets are read `afterwards`: a recording keeps their deployments.
    Raises UsageError where the selection or the configuration can't be used; what can't be read is in the
    portfolios' failures.
    """
    return asyncio.run(_read(selection, config, record_to, afterwards, exchanges))


def check(answer: Answer) -> tuple[Checked, ...]:
    """The score and all that belongs to it, for each wallet of an answer, by the settings of its read."""
    from aggregator.risk.assess import assessments  # noqa: PLC0415  # numpy: not for commands that only read

    scenarios = scenarios_of(answer)
    found = assessments(answer.portfolios, families=answer.families, scenarios=scenarios)
    return tuple(_checked(portfolio, risk, scenarios) for portfolio, risk in found)


def _checked(portfolio: Portfolio, risk: RiskResult, scenarios: ScenarioSet) -> Checked:
    from aggregator.risk.comparison import compare_whole  # noqa: PLC0415  # as in `check`

    if risk.score is None:
        return Checked(portfolio, risk)
    return Checked(portfolio, risk, compare_whole(portfolio, risk, scenarios=scenarios).requirements)


def explained(checked: Checked, answer: Answer) -> Checked:
    """The same with what binds, what would help and what fails first; without positions there is nothing.

    Ask before `compared`: farther out than the assessment looks an account's own test may turn out to have no
    answer, and what is said of it is another then.
    """
    from aggregator.risk.explain import explained  # noqa: PLC0415

    if checked.risk.score is None:
        return checked
    scenarios = scenarios_of(answer)
    portfolio, risk, why = explained(
        checked.portfolio, checked.risk, families=answer.families, scenarios=scenarios
    )
    same = checked if portfolio is checked.portfolio else _checked(portfolio, risk, scenarios)
    return replace(same, explanation=why)


def compared(checked: Checked, answer: Answer) -> Checked:
    """The same with what other margin methods ask of it; without positions there is nothing."""
    from aggregator.risk.comparison import compare  # noqa: PLC0415

    portfolio, risk = checked.portfolio, checked.risk
    if risk.score is None:
        return checked
    beside = compare(portfolio, risk, families=answer.families, scenarios=scenarios_of(answer))
    return replace(checked, comparison=beside)


def scenarios_of(answer: Answer) -> ScenarioSet:
    """The scenarios by which an answer is judged: those of the settings of its read, at its snapshot."""
    from aggregator.risk.parameters import parameters  # noqa: PLC0415  # as in `check`
    from aggregator.risk.scenarios import scenario_set  # noqa: PLC0415

    known = parameters(*settings.risk_parameters(answer.settings), where="risk parameters")
    return scenario_set(known, answer.tokens, _staleness_days(answer.portfolios), answer.history)


def _staleness_days(portfolios: Iterable[Portfolio]) -> dict[str, float]:
    """How far beyond its heartbeat the oldest feed of each underlying is: one snapshot for all wallets."""
    oldest: dict[str, float] = {}
    for portfolio in portfolios:
        for underlying, days in portfolio.staleness_days.items():
            oldest[underlying] = max(days, oldest.get(underlying, 0.0))
    return oldest


def adapters(config: Settings) -> tuple[Adapter, ...]:
    """Every installed adapter with its deployments."""
    return registry.adapters(config)


def exchanges(config: Settings) -> tuple[Exchange, ...]:
    """Every installed exchange with its deployments."""
    return registry.exchanges(config)


def doctor(selection: Selection, config: Settings) -> tuple[ChainReport, ...]:
    """What can be used of each chain, and what can't."""
    return asyncio.run(_doctor(selection, config))


async def _read(
    selection: Selection,
    config: Settings,
    record_to: Path | None,
    afterwards: Afterwards | None,
    exchanges: Sequence[Exchange],
) -> Answer:
    if record_to is not None:
        return await record(selection, config, record_to, afterwards, exchanges)
    built = registry.adapters(config, selection.adapters)
    with opened_cache(config) as cache:
        async with live_readers(selection, config, built, cache) as live:
            given = await resolved(selection, config, built, live, cache)
            jobs = jobs_everywhere(built, given.wallets, live, openings=selection.openings)
            search = search_of(config) if selection.owned else None
            outcome = await run_all(
                jobs, dict(live), selection.block, config, afterwards, cache=cache, search=search
            )
            answer = live_answer(outcome, given.wallets, config, built, live)
        history, notice = history_for(cache, config, outcome.blocks.values())
        notices = (None if cache is None else cache.problem, notice)
        return replace(
            answer,
            names={**answer.names, **given.names},
            history=history,
            notices=tuple(one for one in notices if one),
        )


async def _doctor(selection: Selection, config: Settings) -> tuple[ChainReport, ...]:
    from aggregator.reading.doctor import examine  # noqa: PLC0415

    built = registry.adapters(config, selection.adapters)
    async with live_readers(selection, config, built) as live:
        found: Mapping[ChainId, list[tuple[Adapter | Exchange | Owners, Deployment]]] = defaultdict(list)
        everyone: list[Adapter | Exchange | Owners] = [
            *built,
            *registry.exchanges(config),
            *registry.owners(config),
        ]
        for one in everyone:
            for deployment in one.deployments:
                found[deployment.chain].append((one, deployment))
        return tuple(
            await asyncio.gather(
                *(examine(chain, reader, found[chain], selection.block) for chain, reader in live.items())
            )
        )
