"""Block headers: by tag, number or hash from whichever endpoint has it, and the one of a moment."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aggregator.model.errors import BlockUnavailable, MalformedReply, ProviderUnavailable
from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.reading.blocks import Hash, Number, Tag
from aggregator.reading.faults import RpcError
from aggregator.reading.moments import block_at
from aggregator.reading.pins import header, refuses_block
from aggregator.reading.together import together
from aggregator.reading.transport import Rpc
from aggregator.reading.upstream import Upstream

if TYPE_CHECKING:
    from aggregator.reading.cache import HeaderCache


class Headers:
    """Looks blocks up through the endpoints of one chain; `cache` keeps those that are finalized."""

    def __init__(self, rpc: Rpc, cache: HeaderCache | None) -> None:
        self._rpc = rpc
        self._cache = cache
        self._finalized: int | None = None

    async def named(self, name: Tag | Number | Hash) -> tuple[Block, Upstream]:
        """The block, and the endpoint that has it. Raises BlockUnavailable where none has."""
        return await self._rpc.through(lambda upstream: self.of(upstream, name))

    async def of(self, upstream: Upstream, name: Tag | Number | Hash) -> tuple[Block, Upstream]:
        """The block as this endpoint has it; raises BlockUnavailable where it has not."""
        method = "eth_getBlockByHash" if isinstance(name, Hash) else "eth_getBlockByNumber"
        match name:
            case Tag(text) | Hash(text):
                asked = text
            case Number(number):
                asked = hex(number)
        patient = self._rpc.patient(upstream)
        [answer] = await upstream.ask([(method, [asked, False])], patient=patient)
        if isinstance(answer, RpcError) and not refuses_block(answer):
            raise ProviderUnavailable(upstream.name, f"block {name}: {answer}")
        if isinstance(answer, RpcError) or answer is None:
            told = f" ({answer})" if answer is not None else ""
            raise BlockUnavailable(
                upstream.name, f"has no block {name}{told}: it is pruned, or not there yet"
            )
        chain = self._rpc.chain
        if chain is None:
            raise RuntimeError("an endpoint answered before it told its chain")
        found = header(chain, answer)
        if not isinstance(name, Tag) and asked not in (found.hash, hex(found.number)):
            raise MalformedReply(f"{method} on chain {chain}", f"asked {name}, answered {found.number}")
        upstream.seen.add(found.hash)
        return found, upstream

    async def at_time(self, time: int, head: Block) -> int:
        """The number of the last block up to `head` that is not newer than `time` (Unix seconds)."""
        if self._cache is None:
            return (await block_at(time, head, self._fresh)).number
        hits: set[int] = set()
        found = await block_at(time, head, partial(self._kept, self._cache, head.chain, hits))
        # What is kept is a hint: a local chain that was begun anew has the same id and other blocks.
        if hits and not await self._holds(time, found.number, head):
            found = await block_at(time, head, self._fresh)
        return found.number

    async def _kept(self, cache: HeaderCache, chain: ChainId, hits: set[int], number: int) -> Block:
        kept = cache.get(chain, number)
        if kept is None:
            return await self._fresh(number)
        hits.add(number)
        return kept

    async def _holds(self, time: int, number: int, head: Block) -> bool:
        """Whether the chain itself says that this is the last block which is not newer."""
        around = range(number, min(number + 1, head.number) + 1)
        first, *later = await together(self._fresh(n) for n in around)
        return first.timestamp <= time and all(time < block.timestamp for block in later)

    async def _fresh(self, number: int) -> Block:
        found, _ = await self.named(Number(number))
        if self._cache is not None and number <= await self._last_final():
            self._cache.put(found)
        return found

    async def _last_final(self) -> int:
        """The finalized height, as it was when first asked for; -1 where the chain knows none."""
        if self._finalized is None:
            try:
                self._finalized = (await self.named(Tag("finalized")))[0].number
            except (BlockUnavailable, ProviderUnavailable):
                self._finalized = -1
        return self._finalized
