"""Record and replay every reply in one portable file.

The file is gzip of one JSON document. Replies are kept per contract call, not per batch, so that a replay
does not depend on how calls were packed; logs per request, not per range of blocks that was asked for; rows
of subgraphs per request, not per page. It holds chain ids, endpoint-free errors and the configuration that
the read used (deployments, tokens, names of subgraphs), never a URL. Equal content gives equal bytes.
"""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from aggregator.abi.columns import Column
from aggregator.abi.function import Call, Calls
from aggregator.abi.graph import Subgraph
from aggregator.abi.logs import Logs
from aggregator.model import errors
from aggregator.model.errors import MalformedReply, NotRecorded, ReadError, RecordingError
from aggregator.model.readings import Block
from aggregator.model.units import Address, ChainId
from aggregator.reading.source import Asked, ChainSource, Raw

FORMAT = "crossmargin-recording"
VERSION = 2
GRAPHS_VERSION = 3
"""Of a recording in which there are replies of subgraphs: earlier releases read one without."""
_READABLE = (1, 2, 3)  # 1 knew no logs
_MAX_BYTES = 512 * 2**20
_HASH = re.compile(r"0x[0-9a-f]{64}")


@dataclass
class Tape:
    """The replies of one chain: pins (or why there is none) by the text asked for, calls by
    `block:target:calldata`, logs by `block:addresses:topics:from:to`, subgraphs by `block:source:digest`."""

    pins: dict[str, Block | ReadError] = field(default_factory=dict)
    calls: dict[str, Any] = field(default_factory=dict)
    logs: dict[str, Any] = field(default_factory=dict)
    graphs: dict[str, Any] = field(default_factory=dict)


@dataclass
class Recording:
    """Everything that a read was answered, and what it was asked with.

    `origin` says which world answered: `mainnet` or `local node`. `request` holds wallets and block;
    `configuration` the settings that the replay must use.
    """

    origin: str
    request: dict[str, Any]
    configuration: dict[str, Any]
    tapes: dict[ChainId, Tape] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write the file whole or not at all."""
        document = {
            "format": FORMAT,
            "version": GRAPHS_VERSION if any(tape.graphs for tape in self.tapes.values()) else VERSION,
            "origin": self.origin,
            "request": self.request,
            "configuration": self.configuration,
            "chains": {str(chain): _document(tape) for chain, tape in self.tapes.items()},
        }
        content = gzip.compress(orjson.dumps(document, option=orjson.OPT_SORT_KEYS), mtime=0)
        writable(path)
        draft = path.with_name(path.name + ".part")
        try:
            draft.write_bytes(content)
            draft.replace(path)
        except OSError as error:
            if os.path.isfile(draft):  # noqa: PTH113  # Path's raises on a name that is too long
                draft.unlink()
            raise RecordingError(str(path), f"can't be written: {error.strerror}") from error

    @classmethod
    def load(cls, path: Path) -> Recording:
        """Raises RecordingError where the file is missing, damaged, or of another format or version."""
        try:
            with path.open("rb") as file:
                packed = file.read(_MAX_BYTES + 1)
        except OSError as error:
            raise RecordingError(str(path), f"can't be read: {error.strerror}") from error
        if len(packed) > _MAX_BYTES:
            raise RecordingError(str(path), f"is larger than {_MAX_BYTES} bytes")
        return cls.parse(packed, str(path))

    @classmethod
    def parse(cls, packed: bytes, name: str) -> Recording:
        """A recording from the bytes of its file; see `load`."""
        try:
            unpacker = zlib.decompressobj(wbits=31)
            text = unpacker.decompress(packed, _MAX_BYTES)
            if unpacker.unused_data:
                raise RecordingError(name, "is damaged: something follows its end")
            if not unpacker.eof:
                raise RecordingError(name, f"is cut short, or larger than {_MAX_BYTES} bytes unpacked")
            document = orjson.loads(text)
        except (zlib.error, orjson.JSONDecodeError) as error:
            raise RecordingError(name, f"is damaged or not a recording ({error})") from error
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise RecordingError(name, "is not a crossmargin recording")
        version = document.get("version")
        if type(version) is not int or version not in _READABLE:
            readable = f"{', '.join(map(str, _READABLE[:-1]))} and {_READABLE[-1]}"
            raise RecordingError(name, f"has version {version}; this release reads {readable}")
        try:
            tapes = {
                ChainId(int(chain)): _tape(ChainId(int(chain)), tape, version)
                for chain, tape in document["chains"].items()
            }
            return cls(
                origin=str(document["origin"]),
                request=_request(dict(document["request"])),
                configuration=dict(document["configuration"]),
                tapes=tapes,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RecordingError(name, f"lacks a part that it must have ({error!r})") from error


def writable(path: Path) -> None:
    """Raises RecordingError where no recording may go: a folder, a device, a folder that isn't there."""
    try:
        if not path.name or (path.exists() and not path.is_file()):
            raise RecordingError(str(path), "can't be written: it is not a file")
        if not path.parent.is_dir():
            raise RecordingError(str(path), "can't be written: there is no such folder")
    except OSError as error:
        raise RecordingError(str(path), f"can't be written: {error.strerror}") from error


class Recorder:
    """A ChainSource that notes every reply of another on a tape of a recording."""

    def __init__(self, inner: ChainSource, recording: Recording) -> None:
        self._inner = inner
        self._recording = recording

    @property
    def chain(self) -> ChainId:
        """See ChainSource."""
        return self._inner.chain

    async def pin(self, block: str) -> Block:
        """See ChainSource; a failure is noted too: a chain that was not reached must not vanish."""
        try:
            pinned = await self._inner.pin(block)
        except ReadError as error:
            self._tape.pins[block] = error
            raise
        self._tape.pins[block] = pinned
        return pinned

    def forget(self) -> None:
        """See ChainSource; what was recorded of the abandoned block goes, too."""
        self._inner.forget()
        self._recording.tapes.pop(self._inner.chain, None)

    async def fetch(self, block: Block, requests: Sequence[Asked]) -> list[Raw]:
        """See ChainSource; where the block can't be used, that is what its pin answers in a replay."""
        tape = self._tape
        try:
            replies = await self._inner.fetch(block, requests)
        except ReadError as error:
            tape.pins.update({text: error for text, pinned in tape.pins.items() if pinned == block})
            raise
        for request, reply in zip(requests, replies, strict=True):
            if isinstance(request, Logs):
                tape.logs[_logs_key(block, request)] = _note(_single(reply))
                continue
            if isinstance(request, Subgraph):
                tape.graphs[_graph_key(block, request)] = _note(_single(reply))
                continue
            for target, data, noted in _rows(request, reply):
                tape.calls[_key(block, target, data)] = noted
        return replies

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
            return _noted(self._tape.logs.get(_logs_key(block, request)), request.origin)
        if isinstance(request, Subgraph):
            return _noted(self._tape.graphs.get(_graph_key(block, request)), request.origin)
        if isinstance(request, Call):
            return self._row(block, request.target, request.data, request.origin)
        rows: list[bytes] = []
        failures: dict[int, ReadError] = {}
        for i in range(len(request)):
            target, data = request.one(i)
            origin = f"{request.function.canonical}@{target}"
            row = self._row(block, target, data, origin)
            if isinstance(row, bytes) and len(row) != request.reply_width:
                row = MalformedReply(origin, f"{len(row)} bytes where {request.reply_width} are expected")
            if isinstance(row, ReadError):
                failures[i], row = row, bytes(request.reply_width)
            rows.append(row)
        return Column(request.origin, request.function.outputs, b"".join(rows), failures)

    def _row(self, block: Block, target: Address, data: bytes, origin: str) -> bytes | ReadError:
        return _noted(self._tape.calls.get(_key(block, target, data)), origin)


def _noted(noted: Any, origin: str) -> bytes | ReadError:
    if noted is None:
        return NotRecorded(origin)
    try:
        return _read(noted)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return NotRecorded(f"{origin} ({error!r})")


def _document(tape: Tape) -> dict[str, Any]:
    pins = {
        text: _note(pinned) if isinstance(pinned, ReadError) else asdict(pinned)
        for text, pinned in tape.pins.items()
    }
    graphs = {"graphs": tape.graphs} if tape.graphs else {}
    return {"pins": pins, "calls": tape.calls, "logs": tape.logs, **graphs}


def _request(document: dict[str, Any]) -> dict[str, Any]:
    for name in ("wallets", "warnings", "adapters", "owners"):
        texts = document.get(name, [])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"the {name} are no list of texts")
    names = document.get("names", {})
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise ValueError("the names are no table of texts")
    if not isinstance(document.get("block", ""), str):
        raise ValueError("the block is no text")
    return document


def _tape(chain: ChainId, document: Any, version: int) -> Tape:
    logs = dict(document["logs"]) if version > 1 else {}
    graphs = dict(document.get("graphs", {})) if version > VERSION else {}
    return Tape(_pins(chain, document["pins"]), dict(document["calls"]), logs, graphs)


def _pins(chain: ChainId, document: Any) -> dict[str, Block | ReadError]:
    pins: dict[str, Block | ReadError] = {}
    for text, fields in document.items():
        if "error" in fields:
            pins[text] = _failure(fields)
            continue
        block = Block(**fields)
        numbers, hashes = (block.number, block.timestamp), (block.hash, block.parent_hash)
        if block.chain != chain or not all(type(n) is int for n in numbers):
            raise ValueError(f"the pinned block {text} is not one of chain {chain}")
        if not all(_HASH.fullmatch(h) for h in hashes):  # a TypeError where it is no text
            raise ValueError(f"the pinned block {text} has no hash")
        pins[text] = block
    return pins


def _key(block: Block, target: Address, data: bytes) -> str:
    return f"{block.hash}:{target}:{data.hex()}"


def _logs_key(block: Block, request: Logs) -> str:
    topics = ["*" if topic is None else "|".join(word.hex() for word in topic) for topic in request.topics]
    end = request.last(block.number)
    return f"{block.hash}:{'|'.join(request.addresses)}:{','.join(topics)}:{request.from_block}:{end}"


def _graph_key(block: Block, request: Subgraph[Any]) -> str:
    return f"{block.hash}:{request.key}"


def _single(reply: Raw) -> bytes | ReadError:
    if isinstance(reply, Column):
        raise TypeError("a single request was answered with a column")
    return reply


def _rows(request: Call[Any] | Calls, reply: Raw) -> list[tuple[Address, bytes, Any]]:
    if isinstance(request, Call):
        return [(request.target, request.data, _note(_single(reply)))]
    return [(*request.one(i), _note(_row_of(request, reply, i))) for i in range(len(request))]


def _row_of(request: Calls, reply: Raw, i: int) -> bytes | ReadError:
    if isinstance(reply, Column):
        width = request.reply_width
        return reply.failures.get(i) or reply.raw[width * i : width * (i + 1)]
    return reply


def _note(reply: bytes | ReadError) -> Any:
    if isinstance(reply, bytes):
        return "0x" + reply.hex()
    # Reading knows finer kinds, which answer as the documented one.
    kind = next(k for k in type(reply).__mro__ if vars(errors).get(k.__name__) is k)
    return {"error": kind.__name__, "args": list(_arguments(reply))}


def _arguments(error: ReadError) -> Sequence[Any]:
    made: Any = error.__reduce__()
    return tuple(made[1])


def _read(noted: Any) -> bytes | ReadError:
    if isinstance(noted, str):
        return bytes.fromhex(noted.removeprefix("0x"))
    return _failure(noted)


def _failure(noted: Mapping[str, Any]) -> ReadError:
    kinds: Mapping[str, Any] = vars(errors)
    kind = kinds[noted["error"]]
    if not (isinstance(kind, type) and issubclass(kind, ReadError)):
        raise ValueError(f"{noted['error']} is no read error")
    return kind(*noted["args"])
