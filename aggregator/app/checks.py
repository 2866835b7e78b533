"""Reading wallets, live or recorded, and judging them; what can be used of a chain."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from aggregator import settings
from aggregator.app.caching import opened_cache
from aggregator.app.naming import registries, resolved
from aggregator.app.owning import belongings, recorded_search, search_of, used_of
from aggregator.app.readers import Readers, Selection, live_readers
from aggregator.contract import Adapter, Deployment, Owners, RuleFamily
from aggregator.model.assets import TokenList
from aggregator.model.errors import BadConfiguration
from aggregator.model.portfolio import Portfolio
from aggregator.model.readings import Failure, Reading
from aggregator.model.results import RiskResult
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.pricing.assembly import assemble
from aggregator.reading import registry
from aggregator.reading.owners import Search
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
    `notices` are sentences for the user that do not touch the answer. `reads` are the deployments that were
    to be read for each wallet: those of an address that belongs to it bear its name. `names` are those that
    wallets have in ENS: untrusted text.
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
    names = {parse_address(wallet): str(name) for wallet, name in request.get("names", {}).items()}
    if not chains:
        raise BadConfiguration("recording", "names no deployment")
    # Only adapters that were asked when recording: others may find deployments of their own.
    built = registry.adapters(config, request.get("adapters", registry.adapter_names(config.deployments)))
    sources: dict[ChainId, ChainSource] = {
        chain: Replay(chain, recording.tapes.get(chain, Tape())) for chain in chains
    }
    jobs = _jobs(built, wallets, chains)
    search = recorded_search(config, request["owners"]) if "owners" in request else None
    block = request.get("block", "latest")
    outcome = asyncio.run(_run(jobs, sources, block, config, afterwards, search=search))
    answer = _answer(outcome, wallets, config, built, recording.origin, recorded=True, requests=0)
    answer = replace(answer, names={**answer.names, **names})
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
    config: Settings,
    afterwards: Afterwards | None,
    *,
    cache: SqliteCache | None = None,
    search: Search | None = None,
) -> Run:
    outcome = await run(jobs, sources, block, cache, search, registries(config))
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
            given = await resolved(selection, config, built, live, cache)
            jobs = jobs_everywhere(built, given.wallets, live)
            search = search_of(config) if selection.owned else None
            outcome = await _run(
                jobs, dict(live), selection.block, config, afterwards, cache=cache, search=search
            )
            answer = live_answer(outcome, given.wallets, config, built, live)
        problem = None if cache is None else cache.problem
        answer = replace(answer, names={**answer.names, **given.names})
        return replace(answer, notices=(problem,) if problem else ())


async def _recorded(
    selection: Selection, config: Settings, record_to: Path, afterwards: Afterwards | None
) -> Answer:
    """A read whose every reply is kept, and that for this takes nothing from a cache."""
    writable(record_to)  # before the reading, which takes a while
    built = registry.adapters(config, selection.adapters)
    async with live_readers(selection, config, built) as live:
        request: dict[str, Any] = {"wallets": [], "block": selection.block}
        recording = Recording(_origin(config, live), request, {})
        sources: dict[ChainId, ChainSource] = {c: Recorder(reader, recording) for c, reader in live.items()}
        given = await resolved(selection, config, built, sources)
        jobs = jobs_everywhere(built, given.wallets, live)
        request["wallets"] = list(given.wallets)
        if given.names:
            request["names"] = dict(given.names)
        if live.warnings:
            request["warnings"] = list(live.warnings)
        recording.configuration = _configuration(config, jobs)
        search = search_of(config) if selection.owned else None
        outcome = await _run(jobs, sources, selection.block, config, afterwards, search=search)
        if search is not None:
            _note_search(recording, built, used_of(search, live, outcome.found))
        recording.save(record_to)
        answer = live_answer(outcome, given.wallets, config, built, live)
        return replace(answer, names={**answer.names, **given.names})


def _note_search(recording: Recording, built: Sequence[Adapter], search: Search) -> None:
    """Keep in a recording how addresses of its wallets were found."""
    if not search.finders and not search.links:
        return
    recording.request["adapters"] = [adapter.name for adapter in built]
    recording.request["owners"] = sorted({finder.owners.name for finder in search.finders})
    deployments = recording.configuration["deployments"]
    for finder in search.finders:
        known = deployments.setdefault(finder.deployment.adapter, [])
        if (entry := _entry(finder.deployment)) not in known:
            known.append(entry)
    recording.configuration["find_owned"] = search.finds
    recording.configuration["owners"] = [
        {
            "wallet": link.wallet,
            "address": link.address,
            "chain": link.chain,
            "label": link.label,
            "count": link.counts,
        }
        for link in search.links
    ]


def jobs_everywhere(built: Sequence[Adapter], wallets: Sequence[Address], live: Readers) -> list[Job]:
    """The reads of wallets at every deployment on the chains that are read.

    Raises BadConfiguration where a chain has none: no deployment must never look like no position.
    """
    jobs = _jobs(built, wallets, set(live))
    for chain in set(live) - {job.deployment.chain for job in jobs}:
        why = "no selected adapter has a deployment there: add one to the configuration"
        raise BadConfiguration(f"chain {chain}", why)
    return jobs


def _origin(config: Settings, chains: Iterable[ChainId]) -> str:
    return " and ".join(sorted({config.chains[c].origin for c in chains if c in config.chains})) or "mainnet"


def live_answer(
    outcome: Run, wallets: Sequence[Address], config: Settings, built: Sequence[Adapter], live: Readers
) -> Answer:
    """The answer of a live run, with what the readers have to warn of."""
    origin = _origin(config, live)
    answer = _answer(outcome, wallets, config, built, origin, recorded=False, requests=live.requests)
    return _warned(answer, live.warnings)


def _warned(answer: Answer, warnings: Sequence[str]) -> Answer:
    portfolios = tuple(replace(p, warnings=(*p.warnings, *warnings)) for p in answer.portfolios)
    return replace(answer, portfolios=portfolios)


async def _doctor(selection: Selection, config: Settings) -> tuple[ChainReport, ...]:
    from aggregator.reading.doctor import examine  # noqa: PLC0415

    built = registry.adapters(config, selection.adapters)
    async with live_readers(selection, config, built) as live:
        found: Mapping[ChainId, list[tuple[Adapter | Owners, Deployment]]] = defaultdict(list)
        everyone: list[Adapter | Owners] = [*built, *registry.owners(config)]
        for one in everyone:
            for deployment in one.deployments:
                found[deployment.chain].append((one, deployment))
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


def _configuration(config: Settings, jobs: Sequence[Job]) -> dict[str, Any]:
    """The part of the configuration that a replay needs: no endpoint, no path."""
    from aggregator.risk.tables import merged  # noqa: PLC0415  # only recordings keep parameters

    used = {job.deployment.key: job.deployment for job in jobs}
    chains = {deployment.chain for deployment in used.values()}
    deployments: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in used.values():
        deployments[entry.adapter].append(_entry(entry))
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
            str(chain): {
                "name": entry.name,
                "multicall3": entry.multicall3,
                "origin": entry.origin,
                **({"ens_registry": entry.ens_registry} if entry.ens_registry else {}),
            }
            for chain, entry in config.chains.items()
            if chain in chains
        },
        "deployments": deployments,
        # All of them: the scenarios are those of the configuration, whatever the wallet holds.
        "tokens": [token.model_dump(mode="json", by_alias=True) for token in config.tokens],
        "risk": merged(*settings.risk_parameters(config)[1:]),
    }


def _entry(deployment: Deployment) -> dict[str, Any]:
    return {
        "chain": deployment.chain,
        "name": deployment.name,
        "source": deployment.source,
        "first_block": deployment.first_block,
        "verified": deployment.verified,
        "addresses": dict(deployment.addresses),
        "options": dict(deployment.options),
    }
