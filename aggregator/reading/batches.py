"""Many calls through few eth_calls: splits what is too big, asks again what ran out of gas, merges columns.

Every reply is a value, failures too. A call answers CallReverted only where the contract itself said no: an
adapter may fall back on that, and must not be made to by a node that refuses or by calls before it in the
batch that took the gas.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from aggregator.abi.columns import Column
from aggregator.abi.function import Call
from aggregator.model.errors import (
    CallReverted,
    MalformedReply,
    MissingMulticall,
    ProviderUnavailable,
    ReadError,
    TransportError,
)
from aggregator.model.units import Address, ChainId
from aggregator.reading import multicall
from aggregator.reading.multicall import Part, Slice
from aggregator.reading.source import Raw, Wanted
from aggregator.reading.transport import RpcError

BATCH_CALLS = 500
# In JSON twice as many: nodes that refuse larger bodies may hang up before they have said so.
BATCH_BYTES = 500_000
AGAIN_BATCHES = 8
_REVERTED = 3  # JSON-RPC error code of a reverted execution
# Words of refusals that are about what these very calls do, so that others may well succeed.
_WORK = ("revert", "gas", "timeout", "timed out", "abort", "too large", "too big", "size")

Batch: TypeAlias = list[tuple[int, Part]]
Send: TypeAlias = Callable[[bytes], Awaitable[str | RpcError]]


@dataclass(frozen=True, slots=True)
class Batches:
    """Asks through `send`, which takes the calldata of aggregate3 and may raise TransportError."""

    send: Send
    chain: ChainId
    multicall3: Address

    async def replies(self, requests: Sequence[Wanted]) -> list[Raw]:
        """One per request, in order. Batches are sent at once."""
        batches = list(multicall.parts(requests, BATCH_CALLS))
        answers = await asyncio.gather(*(self._batch(batch) for batch in batches))
        pieces: list[list[Raw]] = [[] for _ in requests]
        for batch, replies in zip(batches, answers, strict=True):
            for (i, _), reply in zip(batch, replies, strict=True):
                pieces[i].append(reply)
        found = [_merged(request, parts) for request, parts in zip(requests, pieces, strict=True)]
        if sum(map(multicall.size, batches)) > 1:
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
        answers = await asyncio.gather(*(self._batch(group) for group in groups))
        anew: dict[int, dict[int, Raw]] = {}
        for group, replies in zip(groups, answers, strict=True):
            for (number, _), reply in zip(group, replies, strict=True):
                i, k = places[number]
                anew.setdefault(i, {})[k] = reply
        for i, rows in anew.items():
            before = found[i]
            found[i] = _patched(before, rows) if isinstance(before, Column) else rows[0]

    async def _batch(self, batch: Batch) -> list[Raw]:
        if multicall.size(batch) == 0:
            return [_empty(part) for _, part in batch]
        data = multicall.pack(batch)
        if len(data) > BATCH_BYTES and multicall.size(batch) > 1:
            return await self._halved(batch, alike=False)
        try:
            answer = await self.send(data)
        except TransportError as error:
            return [error] * len(batch)
        if isinstance(answer, RpcError):
            if multicall.size(batch) > 1:
                return await self._halved(batch, alike=not _about_work(answer))
            return [self._refusal(part, answer) for _, part in batch]
        if answer == "0x":
            return [MissingMulticall(self.chain, self.multicall3)] * len(batch)
        try:
            return multicall.unpack(batch, bytes.fromhex(answer[2:]))
        except (MalformedReply, ValueError) as error:
            why = error.why if isinstance(error, MalformedReply) else "not hex"
            return [MalformedReply("aggregate3", why)] * len(batch)

    async def _halved(self, batch: Batch, *, alike: bool) -> list[Raw]:
        """Both halves one after the other; where they are `alike`, what fails one whole fails the other."""
        left, right = multicall.halves(batch)
        answer = await self._batch(left)
        # A node that refuses every call must not be asked for each of them in turn.
        failed = [reply for reply in answer if isinstance(reply, TransportError)]
        if alike and len(failed) == len(left):
            answer += [failed[0]] * len(right)
        else:
            answer += await self._batch(right)
        found: dict[int, list[Raw]] = {}
        for (i, _), reply in zip((*left, *right), answer, strict=True):
            found.setdefault(i, []).append(reply)
        return [_merged(part if isinstance(part, Call) else part.calls, found[i]) for i, part in batch]

    def _refusal(self, part: Part, refused: RpcError) -> ReadError:
        # aggregate3 passes on a revert as a failed result: what is left is gas, or the node itself.
        said = refused.message.lower().replace(" ", "")
        if refused.code == _REVERTED or "revert" in said or "outofgas" in said:
            return CallReverted(part.origin if isinstance(part, Call) else part.calls.origin, str(refused))
        return ProviderUnavailable(f"chain {self.chain}", f"eth_call was refused: {refused}")


def _about_work(refused: RpcError) -> bool:
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


def _empty(part: Part) -> Raw:
    if isinstance(part, Call):
        raise TypeError("a call is never empty")
    return Column(part.calls.origin, part.calls.function.outputs, b"", {})


def _merged(request: Wanted, pieces: Sequence[Raw]) -> Raw:
    if isinstance(request, Call):
        return pieces[0]
    columns: list[Column | ReadError] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            raise MalformedReply(request.origin, "a columnar request was answered with plain bytes")
        columns.append(piece)
    return multicall.merge(request, columns)
