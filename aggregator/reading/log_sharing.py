"""Requests for logs that differ in one word alone are asked as one: a list of wallets is one filter.

Ranges that are asked for in one step of the event loop wait for each other. An answer is taken apart again,
so that each request has its own logs, as if it had been asked alone.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from aggregator.abi.logs import Logs, Topic, pack
from aggregator.reading.cache import Stretch
from aggregator.reading.log_ranges import TooWide
from aggregator.reading.stretches import Span, decoded
from aggregator.reading.together import together

MOST_WORDS = 100
"""Words in one topic of a filter: endpoints bound how many they take."""

Answer: TypeAlias = Stretch | TooWide
Ask: TypeAlias = Callable[[Logs, Span], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class _Shape:
    """What requests that can be asked as one have in common: all but the one word of the topic at `place`."""

    addresses: tuple[str, ...]
    topics: tuple[Topic, ...]
    place: int
    span: Span


class SharedRanges:
    """Ranges of several requests, through `ask`, which is asked once for those that can be one."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._waiting: dict[_Shape, dict[bytes, asyncio.Future[Answer]]] = defaultdict(dict)
        self._asking: set[asyncio.Task[None]] = set()

    async def range(self, request: Logs, span: Span) -> Answer:
        """All logs of a range, or why it must be asked for in halves. Raises what asking raises."""
        found = _shape(request, span)
        if found is None:
            return await self._ask(request, span)
        shape, word = found
        mine = self._waiting[shape]
        if not mine:
            task = asyncio.ensure_future(self._flush(request, shape))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        if word not in mine:
            mine[word] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(mine[word])

    async def close(self) -> None:
        """End what nobody waits for any more."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    async def _flush(self, request: Logs, shape: _Shape) -> None:
        await asyncio.sleep(0)  # everybody of this step has asked by then
        waiting = self._waiting.pop(shape)
        words = list(waiting)
        try:
            chunks = [words[start : start + MOST_WORDS] for start in range(0, len(words), MOST_WORDS)]
            await together(self._chunk(request, shape, chunk, waiting) for chunk in chunks)
        finally:
            for future in waiting.values():
                if not future.done():
                    future.cancel()

    async def _chunk(
        self,
        request: Logs,
        shape: _Shape,
        words: Sequence[bytes],
        waiting: dict[bytes, asyncio.Future[Answer]],
    ) -> None:
        try:
            answers = await self._answers(request, shape, words)
        except Exception as error:  # noqa: BLE001  # whoever waits raises it
            for word in words:
                waiting[word].set_exception(error)
                waiting[word].exception()  # looked at: somebody may have stopped waiting
            return
        for word, answer in zip(words, answers, strict=True):
            waiting[word].set_result(answer)

    async def _answers(self, request: Logs, shape: _Shape, words: Sequence[bytes]) -> list[Answer]:
        topics = list(request.topics)
        topics[shape.place] = tuple(words)
        merged = replace(request, topics=tuple(topics))
        answer = await self._ask(merged, shape.span)
        first, last = shape.span
        if isinstance(answer, TooWide):
            if first < last or len(words) == 1:
                return [answer] * len(words)
            middle = len(words) // 2  # a block with many logs: fewer wallets at once
            parts = [await self._answers(request, shape, part) for part in (words[:middle], words[middle:])]
            return [*parts[0], *parts[1]]
        if len(words) == 1:
            return [answer]
        logs = decoded(answer, merged)
        of_word = {word: [log for log in logs if log.topics[shape.place] == word] for word in words}
        return [replace(answer, packed=pack(of_word[word])) for word in words]


def _shape(request: Logs, span: Span) -> tuple[_Shape, bytes] | None:
    """The shape of a request and its own word, the last topic that is one; None where there is none."""
    for place in reversed(range(len(request.topics))):
        topic = request.topics[place]
        if topic is not None and len(topic) == 1:
            topics = (*request.topics[:place], None, *request.topics[place + 1 :])
            return _Shape(request.addresses, topics, place, span), topic[0]
    return None
