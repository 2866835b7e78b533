"""Reading wallets, live or recorded, and judging them; what can be used of a chain."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from aggregator import settings
from aggregator.app.caching import opened_cache
from aggregator.app.readers import Readers, Selection, live_readers
from aggregator.contract import Adapter, Deployment, RuleFamily
from aggregator.model.assets import TokenList
from aggregator.model.errors import BadConfiguration
from aggregator.model.portfolio import Portfolio
from aggregator.model.readings import Failure, Reading
from aggregator.model.results import RiskResult
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.pricing.assembly import assemble
from aggregator.reading import registry
from aggregator.reading.recording import Recorder, Recording, Replay, Tape, writable
from aggregator.reading.run import Job, Run, run
from aggregator.reading.source import ChainSource
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.reading.cache import SqliteCache
    from aggregator.reading.doctor import ChainReport

DEMO = "demo.cmrec"

Afterwards: TypeAlias = Callable[[Run, Mapping[ChainId, ChainSource]], Awaitable[None]]
"""What else to read from the same sources, at the blocks of a run."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A wallet's portfolio and what risk says of it."""

    portfolio: Portfolio
    risk: RiskResult


@dataclass(frozen=True, slots=True)
class Answer:
    """What a read came to: portfolios in the order of the wallets, and how it went.

    `origin` is `mainnet` or `local node`; `recorded` tells a replay. `requests` counts HTTP requests.
    `notices` are sentences for the user that do not touch the answer.
    """

    portfolios: tuple[Portfolio, ...]
    deployments: tuple[Deployment, ...]
    families: Mapping[str, RuleFamily]
    chain_names: Mapping[ChainId, str]
    tokens: TokenList
    settings: Settings
    origin: str
    recorded: bool
    requests: int
    rounds: Mapping[ChainId, int]
    notices: tuple[str, ...] = ()


def read(
    selection: Selection,
    config: Settings,
    *,
    record_to: Path | None = None,
    afterwards: Afterwards | None = None,
) -> Answer:
    """Read wallets live, and with `record_to` keep every reply in a file.

    Raises UsageError where the selection or the configuration can't be used; what can't be read is in the
    portfolios' failures.
    """
    return asyncio.run(_read(selection, config, record_to, afterwards))


def replay(recording: Recording, *, afterwards: Afterwards | None = None) -> Answer:
    """Answer from a recording: the same wallets, deployments, tokens and block as when it was made."""
    config = settings.exactly(recording.configuration, "recording")
    request = recording.request
    wallets = tuple(parse_address(wallet) for wallet in request.get("wallets", ()))
    if not wallets:
        raise BadConfiguration("recording", "names no wallet")
    # By what was to be read, not by what answered: a chain without a reply is a failure.
    chains = {ChainId(entry.chain) for entries in config.deployments.values() for entry in entries}
    if not chains:
        raise BadConfiguration("recording", "names no deployment")
    # Only adapters that were asked when recording: others may find deployments of their own.
    built = registry.adapters(config, tuple(config.deployments))
    sources: dict[ChainId, ChainSource] = {
        chain: Replay(chain, recording.tapes.get(chain, Tape())) for chain in chains
    }
    jobs = _jobs(built, wallets, chains)
    outcome = asyncio.run(_run(jobs, sources, request.get("block", "latest"), afterwards))
    answer = _answer(outcome, wallets, config, built, recording.origin, recorded=True, requests=0)
    return _warned(answer, request.get("warnings", ()))


def demo() -> Recording:
    """The recording that ships with the package: a three-protocol wallet on the local chain."""
    packed = (files("aggregator") / "data" / DEMO).read_bytes()
    return Recording.parse(packed, DEMO)


def check(answer: Answer) -> tuple[Checked, ...]:
    """The score and all that belongs to it, for each wallet of an answer, by the settings of its read."""
    from aggregator.risk.assess import assess_all  # noqa: PLC0415  # numpy: not for commands that only read
    from aggregator.risk.parameters import parameters  # noqa: PLC0415
    from aggregator.risk.scenarios import scenario_set  # noqa: PLC0415

    known = parameters(*settings.risk_parameters(answer.settings), where="risk parameters")
    scenarios = scenario_set(known, answer.tokens, _staleness_days(answer.portfolios))
    results = assess_all(answer.portfolios, families=answer.families, scenarios=scenarios)
    return tuple(map(Checked, answer.portfolios, results))


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


def doctor(selection: Selection, config: Settings) -> tuple[ChainReport, ...]:
    """What can be used of each chain, and what can't."""
    return asyncio.run(_doctor(selection, config))


async def _run(
    jobs: Sequence[Job],
    sources: Mapping[ChainId, ChainSource],
    block: str,
    afterwards: Afterwards | None,
    cache: SqliteCache | None = None,
) -> Run:
    outcome = await run(jobs, sources, block, cache)
    if afterwards is not None:
        await afterwards(outcome, sources)
    return outcome


async def _read(
    selection: Selection, config: Settings, record_to: Path | None, afterwards: Afterwards | None
) -> Answer:
    if record_to is not None:
        return await _recorded(selection, config, record_to, afterwards)
    built = registry.adapters(config, selection.adapters)
    with opened_cache(config) as cache:
        async with live_readers(selection, config, built, cache) as live:
            jobs = jobs_everywhere(built, selection, live)
            outcome = await _run(jobs, dict(live), selection.block, afterwards, cache)
            answer = live_answer(outcome, selection, config, built, live)
        problem = None if cache is None else cache.problem
        return replace(answer, notices=(problem,) if problem else ())


async def _recorded(
    selection: Selection, config: Settings, record_to: Path, afterwards: Afterwards | None
) -> Answer:
    """A read whose every reply is kept, and that for this takes nothing from a cache."""
    writable(record_to)  # before the reading, which takes a while
    built = registry.adapters(config, selection.adapters)
    async with live_readers(selection, config, built) as live:
        jobs = jobs_everywhere(built, selection, live)
        request = {"wallets": list(dict.fromkeys(selection.wallets)), "block": selection.block}
        if live.warnings:
            request["warnings"] = list(live.warnings)
        recording = Recording(_origin(config, live), request, _configuration(config, jobs))
        sources: dict[ChainId, ChainSource] = {c: Recorder(reader, recording) for c, reader in live.items()}
        outcome = await _run(jobs, sources, selection.block, afterwards)
        recording.save(record_to)
        return live_answer(outcome, selection, config, built, live)


def jobs_everywhere(built: Sequence[Adapter], selection: Selection, live: Readers) -> list[Job]:
    """The reads of the selected wallets at every deployment on the chains that are read.

    Raises BadConfiguration where a chain has none: no deployment must never look like no position.
    """
    jobs = _jobs(built, selection.wallets, set(live))
    for chain in set(live) - {job.deployment.chain for job in jobs}:
        why = "no selected adapter has a deployment there: add one to the configuration"
        raise BadConfiguration(f"chain {chain}", why)
    return jobs


def _origin(config: Settings, chains: Iterable[ChainId]) -> str:
    return " and ".join(sorted({config.chains[c].origin for c in chains if c in config.chains})) or "mainnet"


def live_answer(
    outcome: Run, selection: Selection, config: Settings, built: Sequence[Adapter], live: Readers
) -> Answer:
    """The answer of a live run, with what the readers have to warn of."""
    origin = _origin(config, live)
    answer = _answer(
        outcome, selection.wallets, config, built, origin, recorded=False, requests=live.requests
    )
    return _warned(answer, live.warnings)


def _warned(answer: Answer, warnings: Sequence[str]) -> Answer:
    portfolios = tuple(replace(p, warnings=(*p.warnings, *warnings)) for p in answer.portfolios)
    return replace(answer, portfolios=portfolios)


async def _doctor(selection: Selection, config: Settings) -> tuple[ChainReport, ...]:
    from aggregator.reading.doctor import examine  # noqa: PLC0415

    built = registry.adapters(config, selection.adapters)
    async with live_readers(selection, config, built) as live:
        found: Mapping[ChainId, list[tuple[Adapter, Deployment]]] = defaultdict(list)
        for adapter in built:
            for deployment in adapter.deployments:
                found[deployment.chain].append((adapter, deployment))
        return tuple(
            await asyncio.gather(
                *(examine(chain, reader, found[chain], selection.block) for chain, reader in live.items())
            )
        )


def _jobs(built: Iterable[Adapter], wallets: Iterable[Address], chains: set[ChainId]) -> list[Job]:
    return [
        Job(adapter, deployment, wallet)
        for wallet in dict.fromkeys(wallets)  # one that is named twice holds what it holds once
        for adapter in built
        for deployment in adapter.deployments
        if deployment.chain in chains
    ]


def _answer(
    outcome: Run,
    wallets: Sequence[Address],
    config: Settings,
    built: Sequence[Adapter],
    origin: str,
    *,
    recorded: bool,
    requests: int,
) -> Answer:
    tokens = TokenList(registry.listed_tokens(config.tokens))
    by_wallet = defaultdict(list)
    for one in outcome.outcomes:
        by_wallet[one.job.wallet].append(one)
    portfolios = []
    for wallet in dict.fromkeys(wallets):
        mine = by_wallet[wallet]
        readings = [o.result for o in mine if isinstance(o.result, Reading)]
        failures = [o.result for o in mine if isinstance(o.result, Failure)]
        unverified = [
            o.job.deployment.name
            for o in mine
            if isinstance(o.result, Reading) and o.result.accounts and not o.job.deployment.verified
        ]
        portfolios.append(
            assemble(wallet, readings, failures, blocks=outcome.blocks, tokens=tokens, unverified=unverified)
        )
    return Answer(
        portfolios=tuple(portfolios),
        deployments=tuple({o.job.deployment.key: o.job.deployment for o in outcome.outcomes}.values()),
        families={a.name: a.family for a in built if a.family is not None},
        chain_names={ChainId(c): entry.name for c, entry in config.chains.items()},
        tokens=tokens,
        settings=config,
        origin=origin,
        recorded=recorded,
        requests=requests,
        rounds=outcome.rounds,
    )


def _configuration(config: Settings, jobs: Sequence[Job]) -> dict[str, Any]:
    """The part of the configuration that a replay needs: no endpoint, no path."""
    from aggregator.risk.tables import merged  # noqa: PLC0415  # only recordings keep parameters

    used = {job.deployment.key: job.deployment for job in jobs}
    chains = {deployment.chain for deployment in used.values()}
    deployments: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in used.values():
        deployments[entry.adapter].append(
            {
                "chain": entry.chain,
                "name": entry.name,
                "source": entry.source,
                "first_block": entry.first_block,
                "verified": entry.verified,
                "addresses": dict(entry.addresses),
                "options": dict(entry.options),
            }
        )
    subgraphs = [
        entry.model_dump(
            include={"name", "chain", "kind", "adapter", "deployment", "max_lag_blocks"}, by_alias=True
        )
        for entry in config.subgraphs
        if entry.chain in chains
    ]
    return {
        **({"subgraphs": subgraphs} if subgraphs else {}),
        "chains": {
            str(chain): {"name": entry.name, "multicall3": entry.multicall3, "origin": entry.origin}
            for chain, entry in config.chains.items()
            if chain in chains
        },
        "deployments": deployments,
        # All of them: the scenarios are those of the configuration, whatever the wallet holds.
        "tokens": [token.model_dump(mode="json", by_alias=True) for token in config.tokens],
        "risk": merged(*settings.risk_parameters(config)[1:]),
    }
