"""The spot markets between the assets of wallets, read at the blocks at which the wallets were."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from aggregator.app.owning import belongings
from aggregator.app.places import places
from aggregator.contract import Deployment, Exchange, join
from aggregator.model.assets import Asset, AssetId
from aggregator.model.errors import ReadError
from aggregator.model.positions import Debt, Holding, Supply
from aggregator.model.readings import Block
from aggregator.model.spot_markets import SpotMarket
from aggregator.model.units import ChainId
from aggregator.reading import registry
from aggregator.reading.run import Run, drive
from aggregator.reading.source import ChainSource
from aggregator.settings import Settings

Choice: TypeAlias = Callable[[Run], Collection[Asset]]
"""Between which assets the markets matter, of all chains."""


@dataclass(frozen=True, slots=True)
class UnreadExchange:
    """An exchange of which no market is known, since it could not be read."""

    deployment: Deployment
    error: ReadError


@dataclass(frozen=True, slots=True)
class Markets:
    """The markets of each chain whose exchanges were asked, and which exchanges could not be read.

    `asked` are all deployments that were asked; a chain without one has no entry in `by_chain`.
    """

    by_chain: Mapping[ChainId, tuple[SpotMarket, ...]]
    failures: tuple[UnreadExchange, ...]
    asked: tuple[Deployment, ...]


NO_MARKETS = Markets({}, (), ())
"""None was asked for."""


def held_assets(outcome: Run) -> tuple[Asset, ...]:
    """What is held, supplied or owed at any address that counts for the wallets of a run, each asset once.

    What perps that could be opened are settled in is among it.
    """
    wallets = list(dict.fromkeys(one.job.wallet for one in outcome.outcomes))
    found: dict[AssetId, Asset] = {}
    for place in places(outcome, belongings(outcome.found, wallets)):
        accounts = [*place.accounts, *place.reading.openable]
        settled = [one.perp.settlement for account in accounts for one in account.openings]
        held = [
            position.asset
            for account in accounts
            for position in account.positions
            if isinstance(position, Holding | Supply | Debt)
        ]
        found.update({asset.id: asset for asset in (*held, *settled)})
    return tuple(found.values())


class MarketReader:
    """Reads markets after wallets, from the same sources at the same blocks: live, recorded and replayed.

    `read` is an `answers.Afterwards`; `found` is there once it has run. A read that is recorded is given the
    `exchanges`, so that the recording keeps their deployments.
    """

    def __init__(self, config: Settings, choose: Choice = held_assets) -> None:
        self.exchanges = registry.exchanges(config)
        self._choose = choose
        self.found = NO_MARKETS

    async def read(self, outcome: Run, sources: Mapping[ChainId, ChainSource]) -> None:
        """See answers.Afterwards."""
        self.found = await read_markets(self.exchanges, self._choose(outcome), outcome.blocks, sources)


async def read_markets(
    exchanges: Iterable[Exchange],
    assets: Collection[Asset],
    blocks: Mapping[ChainId, Block],
    sources: Mapping[ChainId, ChainSource],
) -> Markets:
    """All markets between any two of the assets at these blocks: chains at once, exchanges in common rounds.

    Never raises ReadError: an exchange that can't be read is among the failures.
    """
    asked = [(one, at) for one in exchanges for at in one.deployments if at.chain in blocks]
    chains = list(dict.fromkeys(at.chain for _, at in asked))
    parts = await asyncio.gather(
        *(
            _read_chain(
                [(one, at) for one, at in asked if at.chain == chain], assets, blocks[chain], sources[chain]
            )
            for chain in chains
        )
    )
    by_chain: dict[ChainId, tuple[SpotMarket, ...]] = dict.fromkeys(chains, ())
    failures = []
    for chain, part in zip(chains, parts, strict=True):
        for at, result in part:
            if isinstance(result, ReadError):
                failures.append(UnreadExchange(at, result))
            else:
                by_chain[chain] += result
    return Markets(by_chain, tuple(failures), tuple(at for _, at in asked))


async def _read_chain(
    asked: Sequence[tuple[Exchange, Deployment]],
    assets: Collection[Asset],
    block: Block,
    source: ChainSource,
) -> list[tuple[Deployment, tuple[SpotMarket, ...] | ReadError]]:
    reads = [one.read_markets(at, assets, block) for one, at in asked]
    results: list[tuple[SpotMarket, ...] | ReadError]
    try:
        results, _ = await drive(join(reads, isolate=True), source, block)
    except ReadError as error:  # the chain's own, such as a block that was reorganised away
        results = [error] * len(asked)
    return [(at, result) for (_, at), result in zip(asked, results, strict=True)]
