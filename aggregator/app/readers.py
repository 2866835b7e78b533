"""Readers of the selected chains, over the configured endpoints or those that the user names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aggregator import settings
from aggregator.contract import Adapter
from aggregator.model.errors import BadConfiguration, TransportError
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.settings import EndpointSettings, Settings

if TYPE_CHECKING:
    from aggregator.reading.cache import ReadingCache
    from aggregator.reading.chain import ChainReader
    from aggregator.reading.endpoint import Endpoint
    from aggregator.reading.http import Venues
    from aggregator.reading.subgraph import Subgraphs
    from aggregator.reading.transport import Client, Rpc


@dataclass(frozen=True, slots=True)
class Selection:
    """What to read: wallets, and optionally only some chains (id or name) and adapters, at which block.

    A wallet is an address, or a name that has one in ENS. `rpc` are URLs that replace the configured
    endpoints of the chains that they serve. `confirm` endpoints must agree; None: as many as the settings
    say. Without `owned` only the wallets' own accounts are read. With `openings` venues are also asked which
    perps the wallets themselves could open.
    """

    wallets: tuple[str, ...]
    chains: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    block: str = "latest"
    rpc: tuple[str, ...] = ()
    confirm: int | None = None
    owned: bool = True
    openings: bool = False


class Readers(dict[ChainId, "ChainReader"]):
    """A reader per chain, in the order in which they were selected; `warnings` are sentences for the user."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client
        self.warnings: tuple[str, ...] = ()

    @property
    def requests(self) -> int:
        """HTTP requests so far, those to endpoints that are not used included."""
        return self._client.requests


@asynccontextmanager
async def live_readers(
    selection: Selection, config: Settings, built: Sequence[Adapter], cache: ReadingCache | None = None
) -> AsyncIterator[Readers]:
    """A reader per selected chain; with a `cache` they remember finalized blocks and logs.

    Raises BadConfiguration where none can be selected or a chain has fewer endpoints than must agree, and the
    error of the URLs given where none of them answers.
    """
    from aggregator.reading.transport import Client  # noqa: PLC0415  # not for replays

    async with Client() as client:
        if selection.rpc:
            readers = await _of_urls(selection, config, client, cache)
        else:
            readers = _configured(selection, config, built, client, cache)
        if not readers:
            raise BadConfiguration("chains", "none is selected that any adapter is deployed on")
        venues = _venues(config, client)
        for reader in readers.values():
            reader.venues = venues
        yield readers


def _configured(
    selection: Selection,
    config: Settings,
    built: Sequence[Adapter],
    client: Client,
    cache: ReadingCache | None,
) -> Readers:
    from aggregator.reading.transport import Rpc  # noqa: PLC0415

    deployed = {deployment.chain for adapter in built for deployment in adapter.deployments}
    if unknown := set(config.default_chains) - set(config.chains):
        raise BadConfiguration("default_chains", f"chain {min(unknown)} is not configured")
    default = [ChainId(c) for c in config.default_chains if c in deployed]
    readers = Readers(client)
    for chain in _chains(selection.chains, config, default=default):
        entry = config.chains[chain]
        if not entry.endpoints:
            raise BadConfiguration(f"chain {entry.name}", "has no endpoint: add one, or give --rpc URL")
        rpc = Rpc([_endpoint(e) for e in entry.endpoints], chain, client)
        readers[chain] = _reader(rpc, chain, selection, config, client, cache)
    return readers


async def _of_urls(
    selection: Selection, config: Settings, client: Client, cache: ReadingCache | None
) -> Readers:
    """URLs don't tell which chain they serve: all are asked at once; those of one chain are one reader.

    One that does not answer is left out where another does, with a warning: its chain is not known.
    """
    from aggregator.reading.chain import ChainReader  # noqa: PLC0415
    from aggregator.reading.endpoint import Endpoint  # noqa: PLC0415
    from aggregator.reading.faults import combined  # noqa: PLC0415
    from aggregator.reading.transport import Rpc, by_chain  # noqa: PLC0415

    endpoints = [Endpoint.of(url) for url in selection.rpc]
    if len(endpoints) == 1:
        _check_enough("--rpc", 1, selection, config)
        reader = ChainReader(
            Rpc(endpoints, None, client), deadline_s=config.deadline_s, headers=cache, logs=cache
        )
        chain = (await reader.pin(selection.block)).chain  # told together with the block, in one request
        reader.multicall3, reader.subgraphs = _multicall3(config, chain), _subgraphs(config, chain, client)
        found, failures = {chain: reader}, list[TransportError]()
    else:
        chains, failures = await by_chain(endpoints, client)
        found = {
            chain: _reader(rpc, chain, selection, config, client, cache) for chain, rpc in chains.items()
        }
    if not found:
        raise combined(failures)
    readers = Readers(client)
    for chain in _chains(selection.chains, config, default=list(found)):
        if chain not in found:
            why = f"none of the URLs serves chain {chain}"
            raise combined(failures) if failures else BadConfiguration("--rpc", why)
        readers[chain] = found[chain]
    if not selection.chains:
        readers.warnings = tuple(
            f"{error}; which chain it serves is not known, and that one may be missing here"
            for error in failures
        )
    return readers


def _reader(
    rpc: Rpc,
    chain: ChainId,
    selection: Selection,
    config: Settings,
    client: Client,
    cache: ReadingCache | None,
) -> ChainReader:
    from aggregator.reading.chain import ChainReader  # noqa: PLC0415

    entry = config.chains.get(chain)
    confirm = _check_enough(f"chain {entry.name if entry else chain}", len(rpc.upstreams), selection, config)
    multicall3 = _multicall3(config, chain)
    return ChainReader(
        rpc,
        multicall3=multicall3,
        confirm=confirm,
        deadline_s=config.deadline_s,
        headers=cache,
        logs=cache,
        subgraphs=_subgraphs(config, chain, client),
    )


def _subgraphs(config: Settings, chain: ChainId, client: Client) -> Subgraphs | None:
    entries = [entry for entry in config.subgraphs if entry.chain == chain]
    if not entries:
        return None
    from aggregator.reading.endpoint import Endpoint  # noqa: PLC0415
    from aggregator.reading.subgraph import Source, Subgraphs  # noqa: PLC0415

    for entry in entries:
        if not entry.url:
            raise BadConfiguration(f"subgraph {entry.name}", "has no `url`: add one")
    sources = [
        Source(
            Endpoint(entry.name, entry.url, rate_per_s=entry.rate_per_s, concurrency=entry.concurrency),
            entry.kind,
            entry.max_lag_blocks,
        )
        for entry in entries
    ]
    return Subgraphs(sources, client)


def _venues(config: Settings, client: Client) -> Venues | None:
    if not config.venues:
        return None
    from aggregator.reading.endpoint import Endpoint  # noqa: PLC0415
    from aggregator.reading.http import Venues  # noqa: PLC0415

    return Venues(
        [
            Endpoint(entry.name, entry.url, rate_per_s=entry.rate_per_s, concurrency=entry.concurrency)
            for entry in config.venues
        ],
        client,
    )


def _check_enough(where: str, endpoints: int, selection: Selection, config: Settings) -> int:
    """How many endpoints must agree; raises BadConfiguration where there are fewer."""
    confirm = config.confirm if selection.confirm is None else selection.confirm
    if endpoints < confirm:
        why = f"{confirm} endpoints must agree, and there is only {endpoints}: add another one"
        raise BadConfiguration(where, why if endpoints == 1 else why.replace("is only", "are only"))
    return confirm


def _multicall3(config: Settings, chain: ChainId) -> Address:
    entry = config.chains.get(chain)
    return parse_address(entry.multicall3 if entry else settings.MULTICALL3)


def _endpoint(entry: EndpointSettings) -> Endpoint:
    from aggregator.reading.endpoint import Endpoint  # noqa: PLC0415

    return Endpoint(
        entry.name or Endpoint.of(entry.url).name,
        entry.url,
        rate_per_s=entry.rate_per_s,
        concurrency=entry.concurrency,
        state_overrides=entry.state_overrides == "auto",
    )


def _chains(named: Sequence[str], config: Settings, *, default: list[ChainId]) -> list[ChainId]:
    if not named:
        return default
    by_name = {entry.name: ChainId(chain) for chain, entry in config.chains.items()}
    chains = []
    for name in named:
        chain = ChainId(int(name)) if name.isdecimal() else by_name.get(name)
        if chain is None or (chain not in config.chains and chain not in default):
            known = ", ".join(f"{entry.name} ({number})" for number, entry in config.chains.items())
            raise BadConfiguration(f"chain {name!r}", f"is not configured; known are {known}")
        chains.append(chain)
    return chains
