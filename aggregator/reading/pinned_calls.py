"""Calls at one pinned block, whichever endpoint answers; as many as configured must agree on a sample."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from aggregator.abi.function import Calls
from aggregator.model.errors import (
    GarbledReply,
    MalformedReply,
    MissingMulticall,
    ProviderUnavailable,
    Reorganised,
    TransportError,
)
from aggregator.model.readings import Block
from aggregator.model.units import Address, ChainId
from aggregator.reading import confirm
from aggregator.reading.batches import Answered, Batches, Unpack, about_work
from aggregator.reading.bulk import LEAST_CALLS, Bulk
from aggregator.reading.deadline import Deadline
from aggregator.reading.faults import RpcError
from aggregator.reading.pins import Pin
from aggregator.reading.source import Raw, Wanted
from aggregator.reading.together import pair
from aggregator.reading.transport import Rpc
from aggregator.reading.upstream import Upstream


class PinnedCalls:
    """The endpoints of a chain, asked for calls at one pinned block; `needed` of them must agree.

    `in_time` bounds what is asked by the deadline of the read.
    """

    def __init__(
        self, rpc: Rpc, block: Block, chain: ChainId, multicall3: Address, in_time: Deadline, needed: int
    ) -> None:
        self._rpc, self._block, self._chain = rpc, block, chain
        self._multicall3, self._in_time, self._needed = multicall3, in_time, needed

    async def read(self, requests: Sequence[Wanted]) -> list[Raw]:
        """The reply to each request, failures of calls as values.

        Raises Reorganised where an endpoint had the block and has it no longer, Disagreement where endpoints
        differ, and TransportError where no endpoint answered or replies could not be confirmed.
        """
        failure: TransportError | None = None
        for _ in self._rpc.upstreams:  # an endpoint that can't be checked afterwards has answered nothing
            pin, answered = Pin(self._block), set[Upstream]()
            found = await self._replies(pin, answered, requests)
            try:
                await self._in_time(pin.check())
            except Reorganised:
                raise
            except TransportError as error:
                failure = error
                continue
            if self._needed > 1 and requests:
                await self._agreed(requests, found, answered)
            return found
        raise failure or ProviderUnavailable(f"chain {self._rpc.chain}", "no endpoint is configured")

    async def _replies(self, pin: Pin, answered: set[Upstream], requests: Sequence[Wanted]) -> list[Raw]:
        """Columnar requests through the reader contract where it can be placed, all else by aggregate3."""
        columnar = [request for request in requests if isinstance(request, Calls)]
        best = self._rpc.ordered[0]
        through = self._batches(pin, answered)
        if best.overrides is False or sum(map(len, columnar)) < LEAST_CALLS:
            return await through.replies(requests)
        single = [request for request in requests if not isinstance(request, Calls)]
        bulk = Bulk(self._rpc, pin, self._multicall3, self._in_time, answered)
        answers, others = await pair(bulk.read(columnar), through.replies(single))
        left = {i: (numbers, calls) for i in range(len(columnar)) for numbers, calls in [answers.missing(i)]}
        again = {i: (numbers, calls) for i, (numbers, calls) in left.items() if calls is not None}
        filled = await through.replies([calls for _, calls in again.values()])
        for (i, (numbers, _)), reply in zip(again.items(), filled, strict=True):
            if not isinstance(reply, bytes):
                answers.fill(i, numbers, reply)
        columns = iter([answers.column(i) for i in range(len(columnar))])
        rest = iter(others)
        return [next(columns if isinstance(request, Calls) else rest) for request in requests]

    def _batches(self, pin: Pin, answered: set[Upstream], only: Upstream | None = None) -> Batches:
        best = only or (self._rpc.ordered[0] if self._rpc.upstreams else None)
        return Batches(
            send=partial(self._aggregate3, pin, answered, only),
            chain=self._chain,
            sizing=lambda: (only or self._rpc.ordered[0]).sizing,
            at_once=best.endpoint.concurrency if best is not None else 1,
        )

    async def _aggregate3(
        self,
        pin: Pin,
        answered: set[Upstream],
        only: Upstream | None,
        data: bytes | bytearray,
        splittable: bool,
        unpack: Unpack,
    ) -> Answered:
        """An endpoint that refuses for no reason of the calls, or whose data are none, has not answered."""
        absent, refusals = set[Upstream](), list[Answered]()

        async def use(upstream: Upstream) -> Answered:
            patient = self._rpc.patient(upstream)
            answer = await pin.call(upstream, self._multicall3, data, patient=patient, splittable=splittable)
            if isinstance(answer, RpcError):
                refused = Answered(answer, upstream.sizing)
                if splittable and about_work(answer):
                    return refused
                refusals.append(refused)
                raise ProviderUnavailable(upstream.name, f"eth_call was refused: {answer}")
            if not answer:
                absent.add(upstream)
                raise ProviderUnavailable(upstream.name, f"nothing answers at {self._multicall3}")
            try:
                replies = unpack(answer)
            except MalformedReply as error:
                raise GarbledReply(error.origin, error.why) from None
            answered.add(upstream)
            return Answered(replies, upstream.sizing)

        asked = self._rpc.upstreams if only is None else [only]
        try:
            return await self._in_time(self._rpc.through(use) if only is None else use(only))
        except Reorganised:
            raise
        except TransportError:
            if absent.issuperset(asked):
                raise MissingMulticall(self._chain, self._multicall3) from None
            if refusals and (splittable or len(refusals) == len(asked)):
                return refusals[0]
            raise

    async def _agreed(
        self, requests: Sequence[Wanted], found: Sequence[Raw], answered: set[Upstream]
    ) -> None:
        """Several endpoints may have answered a round: then as many others must agree, or all of them."""
        places = confirm.sample(self._block, requests)
        batch = confirm.sampled(requests, places)
        if not answered or not batch:
            return  # nothing was answered: every reply says why
        names = " and ".join(sorted(upstream.name for upstream in answered))

        async def compare(upstream: Upstream) -> None:
            pin = Pin(self._block)
            raws = await self._batches(pin, set(), upstream).batch(batch)
            await self._in_time(pin.check())
            confirm.compare_calls(f"{names} and {upstream.name}", self._block, found, places, batch, raws)

        await confirm.confirmed_by(self._rpc, answered, self._needed - 1, compare)
