"""How far chains are, and which blocks they have at the heights of known ones."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from aggregator.app.readers import Selection, live_readers
from aggregator.model.errors import ReadError
from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.reading import registry
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.reading.chain import ChainReader

AT_ONCE = 16
"""Block headers that are asked for beside each other."""


def heads(selection: Selection, config: Settings) -> Mapping[ChainId, Block | ReadError]:
    """The block that each selected chain has under the selection's name, or why there is none.

    Raises BadConfiguration as `read` does.
    """
    return asyncio.run(_heads(selection, config))


def at_heights(
    blocks: Collection[Block], selection: Selection, config: Settings
) -> Mapping[Block, Block | ReadError]:
    """The block that each block's chain has at its height now, or why that is not known.

    One with another hash was reorganised away. A chain that is shorter now proves nothing: the endpoint may
    lag. Blocks of chains without an endpoint, or that the selection does not name, are left out. Raises
    BadConfiguration as `read` does, and ReadError where an endpoint of `selection.rpc` does not answer.
    """
    return asyncio.run(_at_heights(blocks, selection, config))


async def _heads(selection: Selection, config: Settings) -> Mapping[ChainId, Block | ReadError]:
    async with live_readers(selection, config, registry.adapters(config, selection.adapters)) as readers:
        found = await asyncio.gather(*(_pinned(reader, selection.block) for reader in readers.values()))
    return dict(zip(readers, found, strict=True))


async def _at_heights(
    blocks: Collection[Block], selection: Selection, config: Settings
) -> Mapping[Block, Block | ReadError]:
    chains = selection.chains
    if not selection.rpc and not chains:
        configured = {ChainId(chain) for chain, entry in config.chains.items() if entry.endpoints}
        chains = tuple(sorted(str(chain) for chain in {block.chain for block in blocks} & configured))
        if not chains:
            return {}
    turn = asyncio.Semaphore(AT_ONCE)
    async with live_readers(replace(selection, chains=chains), config, ()) as readers:

        async def ask(block: Block) -> Block | ReadError:
            async with turn:
                return await _pinned(readers[block.chain], str(block.number))

        asked = [block for block in blocks if block.chain in readers]
        return dict(zip(asked, await asyncio.gather(*map(ask, asked)), strict=True))


async def _pinned(reader: ChainReader, block: str) -> Block | ReadError:
    try:
        return await reader.pin(block)
    except ReadError as error:
        return error
