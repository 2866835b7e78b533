"""Logs as the endpoints of a chain tell them at one pinned block; as many as configured must agree."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from aggregator.abi.logs import Logs
from aggregator.model.errors import ProviderUnavailable, TransportError
from aggregator.model.readings import Block
from aggregator.reading.cache import Stretch
from aggregator.reading.confirm import compare_logs, confirmed_by, patiently
from aggregator.reading.deadline import Deadline
from aggregator.reading.faults import TooMuch
from aggregator.reading.log_ranges import TooWide, ask, hash_of, header, number_of
from aggregator.reading.log_sharing import SharedRanges
from aggregator.reading.stretches import Span
from aggregator.reading.transport import Rpc
from aggregator.reading.upstream import Upstream

_HEADERS_AT_ONCE = 100


class PinnedLogs:
    """The endpoints of a chain, asked at one pinned block; `needed` of them must agree."""

    def __init__(self, rpc: Rpc, block: Block, in_time: Deadline, needed: int) -> None:
        self.rpc, self.block, self.in_time, self.needed = rpc, block, in_time, needed
        self._shared = SharedRanges(self._range)
        self._headers: dict[tuple[str, ...], asyncio.Task[list[Any]]] = {}

    async def close(self) -> None:
        """End what nobody waits for any more."""
        await self._shared.close()
        for task in self._headers.values():
            task.cancel()
        await asyncio.gather(*self._headers.values(), return_exceptions=True)

    async def range(self, request: Logs, span: Span) -> Stretch | TooWide:
        """All logs of a range, or why it must be asked for in halves. Raises ReadError."""
        return await self._shared.range(request, span)

    async def _range(self, request: Logs, span: Span) -> Stretch | TooWide:
        refused: list[TooWide] = []

        async def use(upstream: Upstream) -> tuple[Upstream, Stretch | TooWide]:
            found = await self._of(upstream, request, span)
            # No narrower range is left, or none may help: another endpoint may answer this one.
            if isinstance(found, TooWide) and (found.everything or span[0] == span[1]):
                refused.append(found)
                raise found.why
            return upstream, found

        try:
            by, found = await self.in_time(self.rpc.through(use))
        except TooMuch as error:
            return TooWide(error, about_range=False)
        except ProviderUnavailable as error:
            if not refused:
                raise
            return replace(refused[-1], why=error)  # a narrower range or filter may be answered
        if isinstance(found, TooWide) or self.needed <= 1:
            return found
        return await self.in_time(self._agreed(by, found, request, span))

    async def _of(self, upstream: Upstream, request: Logs, span: Span) -> Stretch | TooWide:
        return await ask(upstream, self.block, request, span, patient=self.rpc.patient(upstream))

    async def _agreed(self, by: Upstream, found: Stretch, request: Logs, span: Span) -> Stretch | TooWide:
        """What one endpoint found once others say the same, or why they must be asked in halves."""
        too_wide: list[TooWide] = []
        refused: list[TooWide] = []

        async def compare(upstream: Upstream) -> None:
            try:
                other = await patiently(partial(self._of, upstream, request, span))
            except TooMuch as error:
                other = TooWide(error, about_range=False)
            if isinstance(other, Stretch):
                compare_logs(f"{by.name} and {upstream.name}", request, found, other)
            elif span[0] == span[1]:
                raise other.why  # no narrower range is left: another endpoint may confirm it
            elif other.everything:
                refused.append(other)
                raise other.why  # none may help: the same
            else:
                too_wide.append(other)

        try:
            await confirmed_by(self.rpc, {by}, self.needed - 1, compare)
        except ProviderUnavailable as error:
            if not refused:
                raise
            return replace(refused[-1], why=error)  # a narrower range may be confirmed
        return too_wide[0] if too_wide else found

    async def _named(self, names: tuple[str, ...]) -> list[Any]:
        """Headers; requests that need the same ones ask once."""
        if names not in self._headers:
            asking = self.in_time(self.rpc.send([header(name) for name in names]))
            self._headers[names] = asyncio.ensure_future(asking)
        return await asyncio.shield(self._headers[names])

    async def confirmed(self, kept: Sequence[Stretch]) -> tuple[Block | None, list[Stretch]]:
        """The last finalized block, None where none is known, and what of `kept` is of this very chain."""
        finalized: Block | None = None
        confirmed: list[Stretch] = []
        for start in range(0, max(1, len(kept)), _HEADERS_AT_ONCE):
            some = kept[start : start + _HEADERS_AT_ONCE]
            names = ("finalized", hex(self.block.number), *(hex(stretch.last) for stretch in some))
            try:
                tag, pinned, *ends = await self._named(names)
            except TransportError:
                return finalized, confirmed
            if hash_of(pinned) != self.block.hash:  # nothing that this endpoint says is of the pinned history
                return finalized, confirmed
            number, block_hash = number_of(tag), hash_of(tag)
            if number is not None and block_hash is not None:
                finalized = replace(self.block, number=number, hash=block_hash)
            confirmed += [
                stretch for stretch, end in zip(some, ends, strict=True) if hash_of(end) == stretch.hash
            ]
        return finalized, confirmed
