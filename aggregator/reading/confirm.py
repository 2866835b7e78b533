"""A second opinion: other endpoints must have the same block and logs, and answer a sample of calls alike."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import TypeVar

from aggregator.abi.columns import Column
from aggregator.abi.function import Call
from aggregator.abi.logs import Logs
from aggregator.model.errors import (
    BlockUnavailable,
    CallReverted,
    Disagreement,
    MalformedReply,
    ProviderUnavailable,
    ReadError,
    Reorganised,
    TransportError,
)
from aggregator.model.readings import Block
from aggregator.reading.cache import Stretch
from aggregator.reading.faults import combined
from aggregator.reading.queued_calls import Batch, Part, Slice
from aggregator.reading.source import Raw, Wanted
from aggregator.reading.stretches import decoded
from aggregator.reading.transport import Rpc
from aggregator.reading.upstream import Upstream

SAMPLE_CALLS = 16
"""Calls of a round that are asked of a second endpoint too."""
LAG_TRIES = 5
LAG_S = 1.0
"""An endpoint that has not the block yet is asked again after so long: they lag behind each other."""

T = TypeVar("T")

Confirm = Callable[[Upstream], Awaitable[None]]


async def confirmed_by(rpc: Rpc, used: Collection[Upstream], needed: int, confirm: Confirm) -> None:
    """Has `needed` endpoints beside those `used` confirm something, as many at once as are needed.

    Raises what `confirm` says of a disagreement, and where too few answer an error that names the others.
    """
    failures: list[TransportError] = []
    for upstream in rpc.ordered:
        if needed <= 0:
            return
        if upstream in used:
            continue
        try:
            await confirm(upstream)
        except (Disagreement, Reorganised):
            raise
        except TransportError as error:
            failures.append(error)
        except MalformedReply as error:
            failures.append(ProviderUnavailable(upstream.name, str(error)))
        else:
            needed -= 1
    if needed > 0:
        names = " and ".join(sorted(upstream.name for upstream in used))
        why = "no further endpoint is left" if not failures else str(combined(failures))
        raise ProviderUnavailable(names, f"nobody else confirms what it answers: {why}")


async def patiently(look_up: Callable[[], Awaitable[T]]) -> T:
    """What a look-up finds, tried again while the block is not there yet."""
    for _ in range(LAG_TRIES - 1):
        try:
            return await look_up()
        except BlockUnavailable:
            await asyncio.sleep(LAG_S)
    return await look_up()


def compare_blocks(first: str, block: Block, second: str, other: Block) -> None:
    """Raises Disagreement where the second endpoint has another block at that height."""
    if other.hash != block.hash:
        why = f"answer {block.hash} and {other.hash} for block {block.number}"
        raise Disagreement(f"{first} and {second}", f"{why}: neither is believed, ask a third")


def sample(block: Block, requests: Sequence[Wanted]) -> list[tuple[int, int]]:
    """Request and row of some of a round's calls: the same ones for the same block and round."""
    sizes = [1 if isinstance(request, Call) else len(request) for request in requests]
    total = sum(sizes)
    numbers = sorted(random.Random(f"{block.hash} {total}").sample(range(total), min(total, SAMPLE_CALLS)))
    return list(_places(numbers, sizes))


def _places(numbers: Sequence[int], sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    i, first = 0, 0
    for number in numbers:
        while number >= first + sizes[i]:
            first += sizes[i]
            i += 1
        yield i, number - first


def sampled(requests: Sequence[Wanted], places: Sequence[tuple[int, int]]) -> Batch:
    """These calls as a batch of their own."""
    parts: list[Part] = []
    for i, k in places:
        request = requests[i]
        parts.append(request if isinstance(request, Call) else Slice(request, k, k + 1))
    return list(enumerate(parts))


def compare_calls(
    names: str,
    block: Block,
    found: Sequence[Raw],
    places: Sequence[tuple[int, int]],
    batch: Batch,
    raws: list[Raw],
) -> None:
    """Raises Disagreement on a call that is answered differently, TransportError where it is not at all."""
    for (i, k), (_, part), raw in zip(places, batch, raws, strict=True):
        first, second = _cell(found[i], k), _cell(raw, 0)
        if isinstance(first, TransportError):
            continue  # missing, and told as such
        if isinstance(second, TransportError):
            raise second.with_traceback(None)
        if _plain(first) != _plain(second):
            origin = part.origin if isinstance(part, Call) else part.calls.origin
            why = f"answer differently at block {block.number}, to {origin}"
            raise Disagreement(names, f"{why}: neither is believed, ask a third")


def compare_logs(names: str, request: Logs, found: Stretch, other: Stretch) -> None:
    """Raises Disagreement where two answers to one range differ in any log, or in its last block."""
    if found == other:
        return
    first, second = (len(decoded(stretch, request)) for stretch in (found, other))
    how = f"with {first:,} and {second:,} logs" if first != second else "with other logs"
    why = f"answer differently {how} in blocks {found.first} to {found.last}, to {request.origin}"
    raise Disagreement(names, f"{why}: neither is believed, ask a third")


def _cell(raw: Raw, k: int) -> bytes | ReadError:
    if not isinstance(raw, Column):
        return raw
    width = 32 * (raw.outputs.words or 0)
    return raw.failures[k] if k in raw.failures else raw.raw[width * k : width * (k + 1)]


def _plain(cell: bytes | ReadError) -> object:
    """What must be equal of two answers; texts of failures may name endpoints."""
    if isinstance(cell, CallReverted):
        return (CallReverted, cell.reason)
    return type(cell) if isinstance(cell, ReadError) else cell
