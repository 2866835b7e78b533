"""Many calls through few eth_calls: as many as the endpoint takes, split where it refuses, merged as columns.

Every reply is a value, failures too. A call answers CallReverted only where the contract itself said no: an
adapter may fall back on that, and must not be made to by a node that refuses or by calls before it in the
batch that took the gas.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from aggregator.abi.columns import Column
from aggregator.abi.function import Call
from aggregator.model.errors import (
    CallReverted,
    MalformedReply,
    MissingMulticall,
    ProviderUnavailable,
    ReadError,
    Reorganised,
    TransportError,
)
from aggregator.model.units import ChainId
from aggregator.reading import multicall, queued_calls
from aggregator.reading.faults import RpcError, TooMuch
from aggregator.reading.limits import Sizing
from aggregator.reading.queued_calls import Batch, Part, Queue, Slice
from aggregator.reading.source import Raw, Wanted
from aggregator.reading.together import in_turn, together

AGAIN_BATCHES = 8
LEAST_SPREAD = 500
"""Calls that are worth a request of their own: more are spread evenly over the requests under way at once."""
_REVERTED = 3  # JSON-RPC error code of a reverted execution
# Words of refusals that are about what these very calls do, so that others may well succeed.
_SIZE = ("too large", "too big", "size")
_WORK = ("revert", "gas", "timeout", "timed out", "abort", *_SIZE)


@dataclass(frozen=True, slots=True)
class Answered:
    """What an endpoint said to one eth_call, and what was learned of the batches that it takes."""

    answer: list[Raw] | RpcError
    sizing: Sizing


Unpack: TypeAlias = Callable[[bytes], list[Raw]]
Send: TypeAlias = Callable[[bytes | bytearray, bool, Unpack], Awaitable[Answered]]


@dataclass(slots=True)
class _Split:
    """What came of the parts of a batch that was refused: the largest that worked, by calls and bytes."""

    sizing: Sizing | None = None
    calls: int = 0
    size: int = 0
    alone: bool = False

    def worked(self, sizing: Sizing, calls: int, size: int) -> None:
        self.sizing, self.calls, self.size = sizing, max(calls, self.calls), max(size, self.size)

    def learn(self, *, by_size: bool) -> None:
        """A call that is refused alone says nothing about size; parts that all work say how much is."""
        if self.sizing is None or self.alone:
            return
        if by_size:
            self.sizing.learn_bytes(self.size)
        else:
            self.sizing.learn_calls(self.calls)


@dataclass(frozen=True, slots=True)
class Batches:
    """Asks through `send`, which takes the calldata of aggregate3 in hex, whether it could be split, and what
    makes replies of its data: MalformedReply is raised there, where another endpoint can be asked.

    `send` may raise TransportError; Reorganised ends everything. `sizing` is what the endpoint takes that is
    asked first now, `at_once` how many batches are under way at once: no more of them are packed.
    """

    send: Send
    chain: ChainId
    sizing: Callable[[], Sizing]
    at_once: int

    async def replies(self, requests: Sequence[Wanted]) -> list[Raw]:
        """One per request, in order."""
        queue = Queue(requests)
        pieces: list[dict[int, tuple[int, Raw]]] = [{} for _ in requests]
        asked, wanted = 0, sum(map(_count, requests))
        # The node works on one batch while another is packed or taken apart.
        even = max(LEAST_SPREAD, -(-wanted // self.at_once))

        async def work(place: int) -> None:
            nonlocal asked
            await in_turn(place)
            while batch := queue.take(min(self.sizing().calls, even), self.sizing().size):
                asked += queued_calls.size(batch)
                for (i, part), reply in zip(batch, await self.batch(batch), strict=True):
                    pieces[i][part.start if isinstance(part, Slice) else 0] = _length(part), reply

        await together(work(place) for place in range(min(self.at_once, wanted)))
        found = [
            _merged(request, [parts[start] for start in sorted(parts)])
            for request, parts in zip(requests, pieces, strict=True)
        ]
        if asked > 1:
            await self._ask_again(requests, found)
        return found

    async def _ask_again(self, requests: Sequence[Wanted], found: list[Raw]) -> None:
        """Replaces what reverted without a word by what it answers away from its neighbours.

        A call that consumes all its gas (INVALID of older compilers, an endless loop) leaves a
        sixty-fourth, on which the ones behind it fail without a word of their own.
        """
        places = list(_silent(found))
        parts: list[Part] = []
        for i, k in places:
            request = requests[i]
            parts.append(request if isinstance(request, Call) else Slice(request, k, k + 1))
        silent: Batch = list(enumerate(parts))
        groups = [silent[start::AGAIN_BATCHES] for start in range(min(AGAIN_BATCHES, len(silent)))]
        answers = await together(self.batch(group) for group in groups)
        anew: dict[int, dict[int, Raw]] = {}
        for group, replies in zip(groups, answers, strict=True):
            for (number, _), reply in zip(group, replies, strict=True):
                i, k = places[number]
                anew.setdefault(i, {})[k] = reply
        for i, rows in anew.items():
            before = found[i]
            found[i] = _patched(before, rows) if isinstance(before, Column) else rows[0]
        if places and not any(True for _ in _silent(found)):
            # Nobody is to blame but the size: together they are more than the gas of one call.
            sizing = self.sizing()
            sizing.learn_calls(sizing.calls // 2)

    async def batch(self, batch: Batch) -> list[Raw]:
        """The replies to one batch, one per part; more than one request where it is refused as a whole."""
        return await self._part(batch, None)

    async def _part(self, batch: Batch, split: _Split | None) -> list[Raw]:
        data, calls = multicall.pack_hex(batch), queued_calls.size(batch)
        try:
            sent = await self.send(data, calls > 1, partial(multicall.unpack, batch))
        except Reorganised:
            raise
        except MissingMulticall as error:
            return [error] * len(batch)
        except (TransportError, MalformedReply) as error:
            if isinstance(error, TooMuch) and calls > 1:
                return await self._halved(batch, split, alike=True, by_size=False)
            if split is not None:
                split.alone = True
            return [error] * len(batch)
        if isinstance(sent.answer, RpcError):
            refused = sent.answer
            if calls > 1:
                by_size = any(words in refused.message.lower() for words in _SIZE)
                return await self._halved(batch, split, alike=not about_work(refused), by_size=by_size)
            if split is not None:
                split.alone = True
            # aggregate3 passes on a revert as a failed result: what is left is gas, or the node itself.
            why = f"eth_call was refused: {refused}"
            return [ProviderUnavailable(f"chain {self.chain}", why)] * len(batch)
        if split is None:
            sent.sizing.answered(calls, len(data) // 2)
        else:
            split.worked(sent.sizing, calls, len(data) // 2)
        return sent.answer

    async def _halved(self, batch: Batch, split: _Split | None, *, alike: bool, by_size: bool) -> list[Raw]:
        """Both halves one after the other; where they are `alike`, what fails one whole fails the other."""
        parts = _Split() if split is None else split
        left, right = queued_calls.halves(batch)
        answer = await self._part(left, parts)
        # A node that refuses every call must not be asked for each of them in turn.
        failed = [reply for reply in answer if isinstance(reply, TransportError)]
        if alike and len(failed) == len(left):
            answer += [failed[0]] * len(right)
        else:
            answer += await self._part(right, parts)
        if split is None:
            parts.learn(by_size=by_size)
        found: dict[int, list[tuple[int, Raw]]] = {}
        for (i, part), reply in zip((*left, *right), answer, strict=True):
            found.setdefault(i, []).append((_length(part), reply))
        return [_merged(part if isinstance(part, Call) else part.calls, found[i]) for i, part in batch]


def _count(request: Wanted) -> int:
    return 1 if isinstance(request, Call) else len(request)


def about_work(refused: RpcError) -> bool:
    """Whether a refusal is about what these very calls do, so that fewer of them may succeed."""
    said = refused.message.lower()
    return refused.code == _REVERTED or any(words in said for words in _WORK)


def _silent(found: Sequence[Raw]) -> Iterator[tuple[int, int]]:
    """Request and row of every call that reverted without a reason."""
    for i, reply in enumerate(found):
        errors = reply.failures if isinstance(reply, Column) else {0: reply}
        yield from (
            (i, k) for k, error in errors.items() if isinstance(error, CallReverted) and not error.reason
        )


def _patched(column: Column, rows: Mapping[int, Raw]) -> Column:
    """The column with these rows, each a column of one call or its error."""
    raw, failures = bytearray(column.raw), dict(column.failures)
    width = 32 * (column.outputs.words or 0)
    for k, row in rows.items():
        if isinstance(row, Column) and not row.failures:
            raw[width * k : width * (k + 1)] = row.raw
            del failures[k]
        elif isinstance(row, Column):
            failures[k] = row.failures[0]
        elif isinstance(row, ReadError):
            failures[k] = row
        else:
            raise TypeError("a row of a column was answered with plain bytes")
    return Column(column.origin, column.outputs, bytes(raw), failures)


def _length(part: Part) -> int:
    return 1 if isinstance(part, Call) else len(part)


def _merged(request: Wanted, pieces: Sequence[tuple[int, Raw]]) -> Raw:
    if isinstance(request, Call):
        return pieces[0][1]
    columns: list[tuple[int, Column | ReadError]] = []
    for length, piece in pieces:
        if isinstance(piece, bytes):
            raise MalformedReply(request.origin, "a columnar request was answered with plain bytes")
        columns.append((length, piece))
    return multicall.merge(request, columns)
