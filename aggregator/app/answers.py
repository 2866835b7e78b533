"""What a read came to: which reads make it up, and how their outcomes become portfolios."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from aggregator.app.markets import NO_MARKETS, Markets
from aggregator.app.naming import registries
from aggregator.app.owning import belongings
from aggregator.app.readers import Readers
from aggregator.contract import Adapter, Deployment, RuleFamily
from aggregator.model.assets import TokenList
from aggregator.model.errors import BadConfiguration
from aggregator.model.portfolio import Portfolio
from aggregator.model.readings import Failure, Reading
from aggregator.model.units import Address, ChainId
from aggregator.pricing.assembly import assemble
from aggregator.reading import registry
from aggregator.reading.owners import Search
from aggregator.reading.run import Job, Run, run
from aggregator.reading.source import ChainSource
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.pricing.returns import DailyReturns
    from aggregator.reading.sqlite_cache import SqliteCache

Afterwards: TypeAlias = Callable[[Run, Mapping[ChainId, ChainSource]], Awaitable[None]]
"""What else to read from the same sources, at the blocks of a run."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a read came to: portfolios in the order of the wallets, and how it went.

    `origin` is `mainnet` or `local node`; `recorded` tells a replay. `requests` counts HTTP requests.
    `notices` are sentences for the user that do not touch the answer. `reads` are the deployments that were
    to be read for each wallet: those of an address that belongs to it bear its name. `names` are those that
    wallets have in ENS: untrusted text. `history` are the daily returns that risk may use, of days that
    had ended at the newest block. `markets` are the spot markets between what wallets have, where they were
    asked for.
    """

    portfolios: tuple[Portfolio, ...]
    families: Mapping[str, RuleFamily]
    chain_names: Mapping[ChainId, str]
    tokens: TokenList
    settings: Settings
    origin: str
    recorded: bool
    requests: int
    rounds: Mapping[ChainId, int]
    reads: Mapping[Address, tuple[Deployment, ...]]
    names: Mapping[Address, str] = field(default_factory=dict)
    history: DailyReturns | None = None
    notices: tuple[str, ...] = ()
    markets: Markets = NO_MARKETS


def jobs_everywhere(
    built: Sequence[Adapter], wallets: Sequence[Address], live: Readers, *, openings: bool = False
) -> list[Job]:
    """The reads of wallets at every deployment on the chains that are read.

    Raises BadConfiguration where a chain has none: no deployment must never look like no position.
    """
    jobs = jobs_of(built, wallets, set(live), openings=openings)
    for chain in set(live) - {job.deployment.chain for job in jobs}:
        why = "no selected adapter has a deployment there: add one to the configuration"
        raise BadConfiguration(f"chain {chain}", why)
    return jobs


def jobs_of(
    built: Iterable[Adapter], wallets: Iterable[Address], chains: set[ChainId], *, openings: bool = False
) -> list[Job]:
    """The reads of each wallet, once, at every deployment on these chains."""
    return [
        Job(adapter, deployment, wallet, openings)
        for wallet in dict.fromkeys(wallets)  # one that is named twice holds what it holds once
        for adapter in built
        for deployment in adapter.deployments
        if deployment.chain in chains
    ]


async def run_all(
    jobs: Sequence[Job],
    sources: Mapping[ChainId, ChainSource],
    block: str,
    config: Settings,
    afterwards: Afterwards | None,
    *,
    cache: SqliteCache | None = None,
    search: Search | None = None,
) -> Run:
    """The outcome of all jobs, and what is read afterwards at their blocks."""
    outcome = await run(jobs, sources, block, cache, search, registries(config))
    if afterwards is not None:
        await afterwards(outcome, sources)
    return outcome


def live_answer(
    outcome: Run, wallets: Sequence[Address], config: Settings, built: Sequence[Adapter], live: Readers
) -> Answer:
    """The answer of a live run, with what the readers have to warn of."""
    origin = origin_of(config, live)
    answer = answer_of(outcome, wallets, config, built, origin, recorded=False, requests=live.requests)
    return warned(answer, live.warnings)


def answer_of(
    outcome: Run,
    wallets: Sequence[Address],
    config: Settings,
    built: Sequence[Adapter],
    origin: str,
    *,
    recorded: bool,
    requests: int,
) -> Answer:
    """The answer of a run; `requests` counts those over HTTP."""
    tokens = TokenList(registry.listed_tokens(config.tokens))
    by_wallet = defaultdict(list)
    for one in outcome.outcomes:
        by_wallet[one.job.wallet].append(one)
    portfolios = []
    reads: dict[Address, tuple[Deployment, ...]] = {}
    owned = belongings(outcome.found, list(dict.fromkeys(wallets)))
    for wallet in dict.fromkeys(wallets):
        mine, more = by_wallet[wallet], owned[wallet]
        reads[wallet] = (*(o.job.deployment for o in mine), *more.reads)
        readings = [o.result for o in mine if isinstance(o.result, Reading)]
        failures = [o.result for o in mine if isinstance(o.result, Failure)]
        unverified = [
            o.job.deployment.name
            for o in mine
            if isinstance(o.result, Reading) and o.result.accounts and not o.job.deployment.verified
        ]
        portfolios.append(
            assemble(
                wallet,
                [*readings, *more.readings],
                [*failures, *more.failures],
                blocks=outcome.blocks,
                tokens=tokens,
                unverified=list(dict.fromkeys([*unverified, *more.unverified])),
                holders=more.holders,
                warnings=more.warnings,
            )
        )
    return Answer(
        portfolios=tuple(portfolios),
        families={a.name: a.family for a in built if a.family is not None},
        chain_names={ChainId(c): entry.name for c, entry in config.chains.items()},
        tokens=tokens,
        settings=config,
        origin=origin,
        recorded=recorded,
        requests=requests,
        rounds=outcome.rounds,
        reads=reads,
        names=outcome.names,
    )


def warned(answer: Answer, warnings: Sequence[str]) -> Answer:
    """The answer with more sentences for the user of every wallet."""
    portfolios = tuple(replace(p, warnings=(*p.warnings, *warnings)) for p in answer.portfolios)
    return replace(answer, portfolios=portfolios)


def origin_of(config: Settings, chains: Iterable[ChainId]) -> str:
    """`mainnet`, `local node` or both."""
    return " and ".join(sorted({config.chains[c].origin for c in chains if c in config.chains})) or "mainnet"
