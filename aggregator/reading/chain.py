"""One chain, live: pins a block, and answers batches of calls at exactly that block, whoever answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from aggregator.abi.function import Call, Calls
from aggregator.abi.graph import Subgraph
from aggregator.abi.http import Http
from aggregator.abi.logs import Logs
from aggregator.model.errors import (
    NoSubgraph,
    NoVenue,
    ProviderUnavailable,
    Reorganised,
)
from aggregator.model.readings import Block
from aggregator.model.units import Address, ChainId
from aggregator.reading import confirm, multicall
from aggregator.reading.blocks import Back, BlockName, Number, Tag, parse_block
from aggregator.reading.deadline import DEADLINE_S, Deadline
from aggregator.reading.faults import RpcError
from aggregator.reading.headers import Headers
from aggregator.reading.logs import LogReader
from aggregator.reading.moments import Moment
from aggregator.reading.pinned_calls import PinnedCalls
from aggregator.reading.pins import Pin
from aggregator.reading.source import Asked, Raw, Wanted
from aggregator.reading.together import together
from aggregator.reading.transport import Rpc
from aggregator.reading.upstream import Upstream

if TYPE_CHECKING:
    from aggregator.reading.cache import HeaderCache, LogCache
    from aggregator.reading.http import Venues
    from aggregator.reading.subgraph import Subgraphs

T = TypeVar("T")


class ChainReader:
    """A live ChainSource over the endpoints of one chain.

    `confirm` endpoints must agree on the pinned block, on all logs, and on a sample of the calls of every
    round. A read may take `deadline_s` seconds, counted anew from every `pin`; what is missing then fails. A
    venue may take half of what is left, so that a silent one does not fail what the chain answers later.
    `headers` keeps finalized blocks that were looked up for a time, `logs` finalized logs. `subgraphs` are of
    this chain, `venues` of none.
    """

    def __init__(
        self,
        rpc: Rpc,
        *,
        multicall3: Address = multicall.MULTICALL3,
        confirm: int = 1,
        deadline_s: float = DEADLINE_S,
        headers: HeaderCache | None = None,
        logs: LogCache | None = None,
        subgraphs: Subgraphs | None = None,
        venues: Venues | None = None,
    ) -> None:
        self.rpc = rpc
        self.multicall3 = multicall3
        self._confirm = confirm
        self._in_time = Deadline(deadline_s, rpc.upstreams)
        self._headers = Headers(rpc, headers)
        self._logs = LogReader(logs, confirm)
        self.subgraphs = subgraphs
        self.venues = venues
        self._pins: dict[str, Block] = {}

    @property
    def chain(self) -> ChainId:
        """The chain id that the endpoints answered or must answer."""
        if self.rpc.chain is None:
            raise ProviderUnavailable("chain", "its id is not known before a block is pinned")
        return self.rpc.chain

    @property
    def requests(self) -> int:
        """HTTP requests so far."""
        return self.rpc.requests

    async def pin(self, block: str) -> Block:
        """See ChainSource.pin, and parse_block for the texts. A text means one block until a reorganisation.

        Raises BadConfiguration on a text that names none, BlockUnavailable where no endpoint has it, and
        Disagreement where endpoints that must agree do not.
        """
        name = parse_block(block)
        self._in_time.begin()
        return await self._in_time(self._pin(block.lower(), name))

    def forget(self) -> None:
        """See ChainSource."""
        self._pins.clear()

    async def fetch(self, block: Block, requests: Sequence[Asked]) -> list[Raw]:
        """See ChainSource.fetch. Each reply of the chain is of that block, whichever endpoint gave it.

        Raises Reorganised where an endpoint had the block and has it no longer, Disagreement where another
        endpoint answers differently, and TransportError where replies could not be confirmed.
        """
        return await self._guarded(self._fetch(block, requests))

    async def at(self, block: Block, use: Callable[[Upstream], Awaitable[T]]) -> T:
        """What `use` makes of the first endpoint that has exactly this block, before and afterwards.

        For requests that name no block, such as logs up to its number. Raises as `fetch` does.
        """
        through = self.rpc.through(lambda upstream: Pin(block).around(upstream, use))
        return await self._guarded(self._in_time(through))

    async def ask(self, method: str, params: list[Any]) -> Any | RpcError:
        """An endpoint's answer to one JSON-RPC call, its refusal as a value."""
        [answer] = await self._in_time(self.rpc.send([(method, params)]))
        return answer

    async def code(self, address: Address, block: Block) -> str:
        """The code at an address as 0x hex; raises ProviderUnavailable where the node refuses."""
        answer = await self.ask("eth_getCode", [address, hex(block.number)])
        if not isinstance(answer, str):
            raise ProviderUnavailable(f"chain {self.chain}", f"eth_getCode: {answer}")
        return answer

    async def _guarded(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except Reorganised:
            self.forget()
            raise

    async def _pin(self, text: str, name: BlockName) -> Block:
        if text in self._pins:
            return self._pins[text]
        if isinstance(name, Moment):
            head = await self._pin(name.tag, Tag(name.tag))
            name = Number(await self._headers.at_time(name.time, head))
        elif isinstance(name, Back):
            latest = await self._pin("latest", Tag("latest"))
            name = Number(max(0, latest.number - name.blocks))
        found, upstream = await self._headers.named(name)
        if self._confirm > 1:
            await self._confirm_block(found, upstream)
        self._pins[text] = found
        return found

    async def _fetch(self, block: Block, requests: Sequence[Asked]) -> list[Raw]:
        events = [request for request in requests if isinstance(request, Logs)]
        graphs = [request for request in requests if isinstance(request, Subgraph)]
        others = [request for request in requests if isinstance(request, Http)]
        calls = [request for request in requests if isinstance(request, Call | Calls)]
        found = await together(
            [
                self._calls(block, calls),
                self._events(block, events),
                self._graphs(block, graphs),
                self._observed(others),
            ]
        )
        answers, logs, indexed, observed = map(iter, found)
        by_kind = {Logs: logs, Subgraph: indexed, Http: observed}
        return [next(by_kind.get(type(one), answers)) for one in requests]

    async def _calls(self, block: Block, requests: Sequence[Wanted]) -> list[Raw]:
        calls = PinnedCalls(self.rpc, block, self.chain, self.multicall3, self._in_time, self._confirm)
        return await calls.read(requests)

    async def _graphs(self, block: Block, requests: Sequence[Subgraph[Any]]) -> list[Raw]:
        if self.subgraphs is None:
            return [NoSubgraph(block.chain, request.source) for request in requests]
        return list(await self.subgraphs.read(block, requests, self._in_time))

    async def _observed(self, requests: Sequence[Http[Any]]) -> list[Raw]:
        if self.venues is None:
            return [NoVenue(request.venue) for request in requests]
        return list(await self.venues.read(requests, self._in_time))

    async def _events(self, block: Block, requests: Sequence[Logs]) -> list[Raw]:
        if not requests:
            return []
        return list(await self._logs.read(self.rpc, block, requests, self._in_time))

    async def _confirm_block(self, block: Block, by: Upstream) -> None:
        async def compare(upstream: Upstream) -> None:
            look_up = partial(self._headers.of, upstream, Number(block.number))
            other, _ = await confirm.patiently(look_up)
            confirm.compare_blocks(by.name, block, upstream.name, other)

        await confirm.confirmed_by(self.rpc, {by}, self._confirm - 1, compare)
