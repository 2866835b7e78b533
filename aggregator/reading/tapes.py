"""Record what a source answers on the tapes of a recording, and answer from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aggregator.abi.columns import Column
from aggregator.abi.function import Call, Calls
from aggregator.abi.graph import Subgraph
from aggregator.abi.http import Http
from aggregator.abi.logs import Logs
from aggregator.model.errors import UNANSWERED, MalformedReply, NoContract, NotRecorded, ReadError
from aggregator.model.readings import Block
from aggregator.model.units import Address, ChainId
from aggregator.reading.recording import Recording, Tape, note, noted
from aggregator.reading.source import Asked, ChainSource, Raw


class Recorder:
    """A ChainSource that notes every reply of another on a tape of a recording.

    A tape says one thing of a request: where one of two replies is that nobody answered, the first is handed
    on both times, so that a replay gives what the read was given.
    """

    def __init__(self, inner: ChainSource, recording: Recording) -> None:
        self._inner = inner
        self._recording = recording
        self._latest: Block | None = None

    @property
    def chain(self) -> ChainId:
        """See ChainSource."""
        return self._inner.chain

    async def pin(self, block: str) -> Block:
        """See ChainSource; a failure is noted too: a chain that was not reached must not vanish."""
        self._latest = None
        try:
            pinned = await self._inner.pin(block)
        except ReadError as error:
            self._tape.pins[block] = error
            raise
        self._tape.pins[block] = self._latest = pinned
        return pinned

    def forget(self) -> None:
        """See ChainSource; what was recorded of the abandoned block goes, too, and of no other."""
        self._inner.forget()
        if self._latest is not None:
            self._tape.drop(self._latest)

    async def fetch(self, block: Block, requests: Sequence[Asked]) -> list[Raw]:
        """See ChainSource; where the block can't be used, that is what its pin answers in a replay."""
        tape = self._tape
        try:
            replies = await self._inner.fetch(block, requests)
        except ReadError as error:
            tape.pins.update({text: error for text, pinned in tape.pins.items() if pinned == block})
            raise
        return [self._noted(tape, block, *pair) for pair in zip(requests, replies, strict=True)]

    def _noted(self, tape: Tape, block: Block, request: Asked, reply: Raw) -> Raw:
        """Note a reply; what is handed on of it."""
        if isinstance(request, Logs):
            return _keep(tape.logs, _logs_key(block, request), _single(reply))
        if isinstance(request, Subgraph | Http):
            return _keep(_replies(tape, request), _source_key(block, request), _single(reply))
        if isinstance(request, Call):
            return _keep(tape.calls, _key(block, request.target, request.data), _single(reply))
        rows = [_row_of(request, reply, i) for i in range(len(request))]
        kept = [_keep(tape.calls, _key(block, *request.one(i)), row) for i, row in enumerate(rows)]
        return reply if kept == rows else _column(request, kept)

    @property
    def _tape(self) -> Tape:
        return self._recording.tapes.setdefault(self._inner.chain, Tape())


class Replay:
    """A ChainSource that answers from a recording."""

    def __init__(self, chain: ChainId, tape: Tape) -> None:
        self._chain = chain
        self._tape = tape

    @property
    def chain(self) -> ChainId:
        """See ChainSource."""
        return self._chain

    async def pin(self, block: str) -> Block:
        """See ChainSource; raises NotRecorded for a block that was not asked for when recording."""
        pinned = self._tape.pins.get(block) or NotRecorded(f"block {block} of chain {self._chain}")
        if isinstance(pinned, ReadError):
            raise pinned
        return pinned

    def forget(self) -> None:
        """See ChainSource: the block of a recording stays."""

    async def fetch(self, block: Block, requests: Sequence[Asked]) -> list[Raw]:
        """See ChainSource; a reply that is missing is a NotRecorded as a value."""
        return [self._answer(block, request) for request in requests]

    def _answer(self, block: Block, request: Asked) -> Raw:
        if isinstance(request, Logs):
            return _replayed(self._tape.logs.get(_logs_key(block, request)), request.origin)
        if isinstance(request, Subgraph | Http):
            kept = _replies(self._tape, request).get(_source_key(block, request))
            return _replayed(kept, request.origin)
        if isinstance(request, Call):
            return self._row(block, request.target, request.data, request.origin)
        rows = []
        for i in range(len(request)):
            target, data = request.one(i)
            rows.append(self._row(block, target, data, f"{request.function.canonical}@{target}"))
        return _column(request, rows)

    def _row(self, block: Block, target: Address, data: bytes, origin: str) -> bytes | ReadError:
        return _replayed(self._tape.calls.get(_key(block, target, data)), origin)


def _replayed(kept: Any, origin: str) -> bytes | ReadError:
    if kept is None:
        return NotRecorded(origin)
    try:
        return noted(kept)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return NotRecorded(f"{origin} ({error!r})")


def _key(block: Block, target: Address, data: bytes) -> str:
    return f"{block.hash}:{target}:{data.hex()}"


def _logs_key(block: Block, request: Logs) -> str:
    topics = ["*" if topic is None else "|".join(word.hex() for word in topic) for topic in request.topics]
    end = request.last(block.number)
    return f"{block.hash}:{'|'.join(request.addresses)}:{','.join(topics)}:{request.from_block}:{end}"


def _replies(tape: Tape, request: Subgraph[Any] | Http[Any]) -> dict[str, Any]:
    return tape.graphs if isinstance(request, Subgraph) else tape.venues


def _source_key(block: Block, request: Subgraph[Any] | Http[Any]) -> str:
    return f"{block.hash}:{request.key}"


def _single(reply: Raw) -> bytes | ReadError:
    if isinstance(reply, Column):
        raise TypeError("a single request was answered with a column")
    return reply


def _keep(notes: dict[str, Any], key: str, reply: bytes | ReadError) -> bytes | ReadError:
    """Note a reply beside what was noted of the same request; what is handed on of it."""
    if key in notes:
        before = noted(notes[key])
        if isinstance(before, UNANSWERED) or isinstance(reply, UNANSWERED):
            return before
        if isinstance(before, bytes) and isinstance(reply, MalformedReply | NoContract):
            return reply  # a column's judgement of the same bytes: a replay judges again
    notes[key] = note(reply)
    return reply


def _column(request: Calls, rows: Sequence[bytes | ReadError]) -> Column:
    failures: dict[int, ReadError] = {}
    for i, row in enumerate(rows):
        origin = f"{request.function.canonical}@{request.one(i)[0]}"
        error = row if isinstance(row, ReadError) else Column.misfit(request.function.outputs, row, origin)
        if error is not None:
            failures[i] = error
    blank = bytes(request.reply_width)
    raw = b"".join(
        row if i not in failures and isinstance(row, bytes) else blank for i, row in enumerate(rows)
    )
    return Column(request.origin, request.function.outputs, raw, failures)


def _row_of(request: Calls, reply: Raw, i: int) -> bytes | ReadError:
    if isinstance(reply, Column):
        width = request.reply_width
        return reply.failures.get(i) or reply.raw[width * i : width * (i + 1)]
    return reply
