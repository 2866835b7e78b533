"""One block of wallets: read at blocks that are known, judged, and made rows of snapshots."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aggregator.app.answers import Answer, jobs_everywhere, live_answer
from aggregator.app.checks import Checked, check
from aggregator.app.readers import Readers
from aggregator.app.snapshots import savings
from aggregator.contract import Adapter
from aggregator.model.errors import (
    BlockUnavailable,
    MalformedReply,
    MissingMulticall,
    ReadError,
    TransportError,
)
from aggregator.model.portfolio import Portfolio
from aggregator.model.readings import Failure
from aggregator.model.units import Address, ChainId
from aggregator.pricing.assembly import assemble
from aggregator.reading.run import Outcome, Run, run
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.pricing.returns import DailyReturns
    from aggregator.store.saving import Prepared

_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Judged:
    """A wallet's snapshot as rows, and what of it could not be read."""

    prepared: Prepared
    failures: tuple[Failure, ...]


async def read_block(
    wallets: Sequence[Address],
    blocks: Mapping[ChainId, str],
    config: Settings,
    built: Sequence[Adapter],
    live: Readers,
    history: DailyReturns | None,
) -> Answer:
    """What is known of these wallets at these blocks (hashes); of other addresses that they own, nothing.
    Raises ReadError where a chain answered nothing: failed snapshots would say nothing about the wallets.
    """
    jobs = jobs_everywhere(built, wallets, live)
    for _ in range(_ATTEMPTS):
        outcome = await run(jobs, dict(live), blocks)
        _refuse_silence(outcome, blocks)
        # Some reads failed for want of an answer: another time there may be one, or none for anybody.
        if not any(isinstance(error, TransportError) for error in _errors(outcome.outcomes)):
            break
    return replace(live_answer(outcome, wallets, config, built, live), history=history)


def judge(answer: Answer) -> list[Judged]:
    """Each wallet as it would be judged alone, in their order.

    One that can't be judged or stored as it was read has a failed snapshot: it holds up nobody else.
    """
    try:
        return list(_judged(_checked(answer), answer))
    except (ReadError, ValueError, OverflowError):
        return [_judged_alone(portfolio, answer) for portfolio in answer.portfolios]


def _judged(found: Iterable[Checked], answer: Answer) -> Iterator[Judged]:
    from aggregator.store.saving import prepare  # noqa: PLC0415  # a second of imports

    for saving in savings(found, answer, trigger="snapshot"):
        yield Judged(prepare(saving), saving.portfolio.failures)


def _judged_alone(portfolio: Portfolio, answer: Answer) -> Judged:
    try:
        [one] = _judged(check(replace(answer, portfolios=(portfolio,))), answer)
    except (ReadError, ValueError, OverflowError) as error:
        odd = error if isinstance(error, ReadError) else MalformedReply(portfolio.wallet, str(error))
        nothing = replace(answer, portfolios=(_unread(portfolio, answer, odd),))
        [one] = _judged(check(nothing), answer)
    return one


def _unread(portfolio: Portfolio, answer: Answer, error: ReadError) -> Portfolio:
    """A wallet of which nothing is known, for this reason."""
    failures = [
        Failure(deployment.adapter, deployment.name, deployment.chain, portfolio.wallet, error)
        for deployment in answer.reads[portfolio.wallet]
    ]
    return assemble(portfolio.wallet, [], failures, blocks=portfolio.blocks, tokens=answer.tokens)


def _checked(answer: Answer) -> list[Checked]:
    """Scenarios depend on how stale the prices are that the wallets of an answer use.

    So only wallets that share that are judged together: a result must not depend on who else is in a block.
    """
    alike: dict[tuple[tuple[str, float], ...], list[Portfolio]] = defaultdict(list)
    for portfolio in answer.portfolios:
        alike[tuple(sorted(portfolio.staleness_days.items()))].append(portfolio)
    groups = (check(replace(answer, portfolios=tuple(group))) for group in alike.values())
    by_wallet = {checked.portfolio.wallet: checked for group in groups for checked in group}
    return [by_wallet[portfolio.wallet] for portfolio in answer.portfolios]


def _refuse_silence(outcome: Run, chains: Iterable[ChainId]) -> None:
    for chain in chains:
        mine = [one for one in outcome.outcomes if one.job.deployment.chain == chain]
        errors = _errors(mine)
        silent = len(errors) == len(mine) and all(
            isinstance(error, TransportError | MissingMulticall) for error in errors
        )
        if chain in outcome.blocks and not silent:
            continue
        error = errors[0]
        if isinstance(error, BlockUnavailable):
            why = f"{error.why}. The run can't go on at its blocks: begin it anew with --restart"
            raise BlockUnavailable(error.endpoint, why) from error
        raise error


def _errors(outcomes: Iterable[Outcome]) -> list[ReadError]:
    return [one.result.error for one in outcomes if isinstance(one.result, Failure)]
