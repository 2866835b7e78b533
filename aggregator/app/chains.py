"""How far chains are, and whether they still have the blocks of snapshots."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from aggregator.app.checks import Selection, live_readers
from aggregator.model.errors import BlockUnavailable, ReadError
from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.reading import registry
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.reading.chain import ChainReader


def heads(selection: Selection, config: Settings) -> Mapping[ChainId, Block | ReadError]:
    """The block that each selected chain has under the selection's name, or why there is none.

    Raises BadConfiguration as `read` does.
    """
    return asyncio.run(_heads(selection, config))


def reorganised(blocks: Collection[Block], selection: Selection, config: Settings) -> frozenset[Block]:
    """Those of the blocks that the selected chains no longer have at their height.

    Blocks of chains that are not selected are taken as they are. Raises ReadError where a chain can't be
    asked, and BadConfiguration as `read` does.
    """
    return asyncio.run(_reorganised(blocks, selection, config))


async def _heads(selection: Selection, config: Settings) -> Mapping[ChainId, Block | ReadError]:
    async with live_readers(selection, config, registry.adapters(config, selection.adapters)) as readers:
        found = await asyncio.gather(*(_pinned(reader, selection.block) for reader in readers.values()))
    return dict(zip(readers, found, strict=True))


async def _pinned(reader: ChainReader, block: str) -> Block | ReadError:
    try:
        return await reader.pin(block)
    except ReadError as error:
        return error


async def _reorganised(blocks: Collection[Block], selection: Selection, config: Settings) -> frozenset[Block]:
    of_chains: dict[ChainId, dict[int, list[Block]]] = defaultdict(lambda: defaultdict(list))
    for block in set(blocks):
        of_chains[block.chain][block.number].append(block)
    gone: set[Block] = set()
    async with live_readers(selection, config, registry.adapters(config, selection.adapters)) as readers:
        for chain in readers.keys() & of_chains.keys():
            heights = of_chains[chain]
            now = await asyncio.gather(*(_at(readers[chain], number) for number in heights))
            for found, known in zip(now, heights.values(), strict=True):
                gone.update(block for block in known if found is None or block.hash != found.hash)
    return frozenset(gone)


async def _at(reader: ChainReader, number: int) -> Block | None:
    """The block at a height; None where the chain is shorter now."""
    try:
        return await reader.pin(str(number))
    except BlockUnavailable:
        head = await reader.pin("latest")
        if head.number < number:
            return None
        raise
