"""Logs by eth_getLogs, in ranges of blocks as wide as the endpoint answers, never beyond the pinned block.

A range comes with the headers of its last block and of the pinned one in the same batch, so that an endpoint
that lags behind, or follows another history, can't answer with fewer logs than there are. A refusal of a
range, whatever its words, is asked again in halves. Some providers cut a reply at a round number of logs
without saying so: a reply of such a count is not believed, and asked again in halves, too.

What is finalized is kept in a cache and used again once the chain confirms the hash of its last block. Where
several endpoints must agree, all of them answer every range, with the same logs; what one alone said and the
cache keeps is not used then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from aggregator.abi.logs import Logs
from aggregator.model.errors import Disagreement, ProviderUnavailable, ReadError, Reorganised
from aggregator.model.readings import Block
from aggregator.reading.cache import LogCache, Stretch
from aggregator.reading.deadline import Deadline
from aggregator.reading.pinned_logs import PinnedLogs
from aggregator.reading.stretches import Span, clipped, final, gaps, in_order, merged, readable, runs
from aggregator.reading.transport import Rpc

WIDTH = 100_000
"""Blocks of the first range; it doubles while answers are small, and halves at a refusal."""
AT_ONCE = 4
MAX_REQUESTS = 10_000
"""Ranges after which a request is given up: it would take hours."""
SMALL = 256 * 2**10
"""Bytes of logs in a range up to which a wider one is tried next."""


class LogReader:
    """The logs of one chain; it learns how wide a range the chain's endpoints answer.

    `confirm` endpoints must agree on every range.
    """

    def __init__(self, cache: LogCache | None = None, confirm: int = 1) -> None:
        self._cache = cache
        self._confirm = confirm
        self._width = WIDTH
        self._refused: int | None = None  # the narrowest range that was refused for its width

    async def read(
        self, rpc: Rpc, block: Block, requests: Sequence[Logs], in_time: Deadline
    ) -> list[bytes | ReadError]:
        """The reply to each request at a pinned block, packed, or why there is none.

        Raises Reorganised where the block is no longer the chain's, Disagreement where endpoints differ.
        """
        asking = PinnedLogs(rpc, block, in_time, self._confirm)
        try:
            found = await asyncio.gather(
                *(self._one(asking, request) for request in requests), return_exceptions=True
            )
        finally:
            await asking.close()
        replies: list[bytes | ReadError] = []
        for reply in found:  # all have ended before the first is raised
            if isinstance(reply, Reorganised | Disagreement) or not isinstance(reply, bytes | ReadError):
                raise reply
            replies.append(reply)
        return replies

    async def _one(self, asking: PinnedLogs, request: Logs) -> bytes:
        first, last = request.from_block, request.last(asking.block.number)
        if last < first:
            return b""
        if self._cache is None:
            pieces: list[Stretch] = []
            await self._fill(asking, request, [(first, last)], pieces)
            return b"".join(piece.packed for piece in in_order(pieces))
        return await self._with_cache(self._cache, asking, request, (first, last))

    async def _with_cache(self, cache: LogCache, asking: PinnedLogs, request: Logs, span: Span) -> bytes:
        key = self._key(request)
        stretches = cache.stretches(asking.block.chain, key, *span)
        kept = list(readable(stretches, request))
        pieces: list[Stretch] = []
        failure, (finalized, confirmed) = await asyncio.gather(
            self._filled(asking, request, gaps(*span, kept), pieces), asking.confirmed(kept)
        )
        if failure is None and len(confirmed) < len(kept):
            have = in_order([*confirmed, *pieces])
            failure = await self._filled(asking, request, list(gaps(*span, have)), pieces)
        whole = in_order([*confirmed, *pieces])
        if finalized is not None and pieces:  # after a failure, too: a long history may take several runs
            for run in runs(final(whole, request, finalized)):
                cache.keep_logs(asking.block.chain, key, list(merged(run)))
        if failure is not None:
            raise failure
        return b"".join(clipped(stretch, request, *span) for stretch in whole)

    def _key(self, request: Logs) -> bytes:
        """What fewer endpoints agreed on is kept apart."""
        return request.filter_key + (b"" if self._confirm == 1 else self._confirm.to_bytes(4))

    async def _filled(
        self, asking: PinnedLogs, request: Logs, spans: Iterable[Span], pieces: list[Stretch]
    ) -> ReadError | None:
        try:
            await self._fill(asking, request, spans, pieces)
        except ReadError as error:
            return error
        return None

    async def _fill(
        self, asking: PinnedLogs, request: Logs, spans: Iterable[Span], pieces: list[Stretch]
    ) -> None:
        """Asks for the gaps in waves, and adds stretches that fill them to `pieces`. Raises ReadError."""
        todo, asked = deque(spans), 0
        while todo:
            wave = list(self._wave(todo))
            asked += len(wave)
            if asked > MAX_REQUESTS:
                why = f"eth_getLogs takes more than {MAX_REQUESTS:,} requests: configure another endpoint"
                raise ProviderUnavailable(f"chain {asking.block.chain}", why)
            outcomes = await asyncio.gather(
                *(asking.range(request, span) for span in wave), return_exceptions=True
            )
            again, failure = list[Span](), None
            for (first, last), outcome in zip(wave, outcomes, strict=True):
                width = last - first + 1
                if isinstance(outcome, Stretch):
                    pieces.append(outcome)
                    self._answered(width, len(outcome.packed))
                elif isinstance(outcome, BaseException):
                    failure = outcome
                elif width == 1:
                    failure = outcome.why
                else:
                    self._too_wide(width, about_range=outcome.about_range)
                    middle = first + width // 2
                    again += [(first, middle - 1), (middle, last)]
            if failure is not None:
                raise failure
            todo.extendleft(reversed(again))

    def _wave(self, todo: deque[Span]) -> Iterator[Span]:
        for _ in range(AT_ONCE):
            if not todo:
                return
            first, last = todo.popleft()
            if last - first + 1 > self._width:
                todo.appendleft((first + self._width, last))
                last = first + self._width - 1
            yield first, last

    def _answered(self, width: int, size: int) -> None:
        if width == self._width and size < SMALL and (self._refused is None or 2 * width < self._refused):
            self._width = 2 * width

    def _too_wide(self, width: int, *, about_range: bool) -> None:
        self._width = max(1, min(self._width, width // 2))
        if about_range:
            self._refused = min(width, self._refused or width)
