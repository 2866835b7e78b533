"""Reads that are recorded, and answers from recordings: a recording carries what a replay depends on."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from aggregator import settings
from aggregator.app.answers import (
    Afterwards,
    Answer,
    answer_of,
    jobs_everywhere,
    jobs_of,
    live_answer,
    origin_of,
    run_all,
    warned,
)
from aggregator.app.caching import opened_cache
from aggregator.app.history import history_for
from aggregator.app.naming import resolved
from aggregator.app.owning import recorded_search, search_of, used_of
from aggregator.app.readers import Selection, live_readers
from aggregator.contract import Adapter, Deployment, Exchange
from aggregator.model.errors import BadConfiguration
from aggregator.model.units import ChainId, parse_address
from aggregator.pricing.returns import load_returns
from aggregator.reading import registry
from aggregator.reading.owners import Search
from aggregator.reading.recording import Recording, Tape, writable
from aggregator.reading.run import Job
from aggregator.reading.source import ChainSource
from aggregator.reading.tapes import Recorder, Replay
from aggregator.settings import Settings

DEMO = "demo.cmrec"


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
    jobs = jobs_of(built, wallets, chains, openings=request.get("openings") is True)
    search = recorded_search(config, request["owners"]) if "owners" in request else None
    block = request.get("block", "latest")
    outcome = asyncio.run(run_all(jobs, sources, block, config, afterwards, search=search))
    answer = answer_of(outcome, wallets, config, built, recording.origin, recorded=True, requests=0)
    history = load_returns(request["history"]) if "history" in request else None
    answer = replace(answer, names={**answer.names, **names}, history=history)
    return warned(answer, request.get("warnings", ()))


def demo() -> Recording:
    """The recording that ships with the package: a three-protocol wallet on the local chain."""
    packed = (files("aggregator") / "data" / DEMO).read_bytes()
    return Recording.parse(packed, DEMO)


async def record(
    selection: Selection,
    config: Settings,
    record_to: Path,
    afterwards: Afterwards | None,
    exchanges: Sequence[Exchange] = (),
) -> Answer:
    """A read whose every reply is kept, and that for this takes nothing from a cache but price history.

    `exchanges` are those whose markets are read `afterwards`.
    """
    writable(record_to)  # before the reading, which takes a while
    built = registry.adapters(config, selection.adapters)
    async with live_readers(selection, config, built) as live:
        request: dict[str, Any] = {"wallets": [], "block": selection.block}
        recording = Recording(origin_of(config, live), request, {})
        sources: dict[ChainId, ChainSource] = {c: Recorder(reader, recording) for c, reader in live.items()}
        given = await resolved(selection, config, built, sources)
        jobs = jobs_everywhere(built, given.wallets, live, openings=selection.openings)
        request["wallets"] = list(given.wallets)
        if selection.openings:
            request["openings"] = True
        if given.names:
            request["names"] = dict(given.names)
        if live.warnings:
            request["warnings"] = list(live.warnings)
        recording.configuration = _configuration(config, jobs, exchanges)
        search = search_of(config) if selection.owned else None
        outcome = await run_all(jobs, sources, selection.block, config, afterwards, search=search)
        if search is not None:
            _note_search(recording, built, used_of(search, live, outcome.found))
        with opened_cache(config) as cache:
            history, notice = history_for(cache, config, outcome.blocks.values())
        if history is not None:
            request["history"] = history.to_json()
        recording.save(record_to)
        answer = live_answer(outcome, given.wallets, config, built, live)
        names, notices = {**answer.names, **given.names}, (notice,) if notice else ()
        return replace(answer, names=names, history=history, notices=notices)


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


def _configuration(config: Settings, jobs: Sequence[Job], exchanges: Sequence[Exchange]) -> dict[str, Any]:
    """The part of the configuration that a replay needs: no endpoint, no path."""
    from aggregator.risk.tables import merged  # noqa: PLC0415  # only recordings keep parameters

    used = {job.deployment.key: job.deployment for job in jobs}
    chains = {deployment.chain for deployment in used.values()}
    deployments: dict[str, list[dict[str, Any]]] = defaultdict(list)
    traded = (entry for one in exchanges for entry in one.deployments if entry.chain in chains)
    for entry in (*used.values(), *traded):
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
