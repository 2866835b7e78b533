"""Names that a user gives in place of addresses, and those that addresses have."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aggregator.app.readers import Readers, Selection, live_readers
from aggregator.contract import Adapter, join
from aggregator.model.errors import BadConfiguration, InvalidAddress
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.reading.source import ChainSource
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.reading.cache import ReadingCache


@dataclass(frozen=True, slots=True)
class Resolved:
    """The wallets of a selection as addresses, and the names of those that were given by name."""

    wallets: tuple[Address, ...]
    names: Mapping[Address, str]


def is_name(text: str) -> bool:
    """Whether a text that stands for a wallet is a name: it has a dot, as no address does."""
    return "." in text


def registries(config: Settings) -> dict[ChainId, Address]:
    """Where names are resolved; raises BadConfiguration on what is no address."""
    found = {}
    for chain, entry in config.chains.items():
        if entry.ens_registry:
            try:
                found[ChainId(chain)] = parse_address(entry.ens_registry)
            except InvalidAddress as error:
                raise BadConfiguration(f"chains.{chain}.ens_registry", str(error)) from error
    return found


async def resolved(
    selection: Selection,
    config: Settings,
    built: Sequence[Adapter],
    sources: Mapping[ChainId, ChainSource],
    cache: ReadingCache | None = None,
) -> Resolved:
    """What the wallets of a selection are, at the block that is read of the chain whose names they have.

    That is the first with a registry among those that are read, else of the default ones, else of all.
    Raises UnresolvedName where a name has no address, and ReadError where the chain does not answer.
    """
    given = dict.fromkeys(selection.wallets)
    names = [text for text in given if is_name(text)]
    found = await _addresses(names, selection, config, built, sources, cache) if names else {}
    wallets = tuple(dict.fromkeys(found.get(text) or parse_address(text) for text in given))
    by_address: dict[Address, str] = {}
    for name, address in found.items():
        by_address.setdefault(address, name)
    return Resolved(wallets, by_address)


def wallet_of(text: str, config: Settings) -> tuple[Address, str | None]:
    """The address that a text means now, and its name where it is one; raises as `resolved` does."""
    found = asyncio.run(resolved(Selection((text,)), config, (), {}))
    [address] = found.wallets
    return address, found.names.get(address)


async def _addresses(
    names: Sequence[str],
    selection: Selection,
    config: Settings,
    built: Sequence[Adapter],
    sources: Mapping[ChainId, ChainSource],
    cache: ReadingCache | None,
) -> dict[str, Address]:
    from aggregator.reading import ens  # noqa: PLC0415
    from aggregator.reading.blocks import Hash, Number, parse_block  # noqa: PLC0415
    from aggregator.reading.run import drive  # noqa: PLC0415

    spelled = {name: ens.normalised(name) for name in names}
    known = registries(config)
    chain = next((c for c in (*sources, *map(ChainId, config.default_chains), *known) if c in known), None)
    if chain is None:
        raise BadConfiguration("chains", f"none has an `ens_registry`, so {names[0]!r} means nothing")
    async with AsyncExitStack() as opened:
        block = selection.block
        source: ChainSource
        if chain in sources:
            source = sources[chain]
        else:
            if isinstance(parse_block(block), Number | Hash):  # of the chain that is read
                block = "latest"
            alone = replace(selection, wallets=(), chains=(str(chain),), rpc=())
            readers: Readers = await opened.enter_async_context(live_readers(alone, config, built, cache))
            source = readers[chain]
        pinned = await source.pin(block)
        reads = [ens.resolve(known[chain], name) for name in spelled.values()]
        addresses, _ = await drive(join(reads), source, pinned)
    return dict(zip(spelled.values(), addresses, strict=True)) | dict(zip(spelled, addresses, strict=True))
