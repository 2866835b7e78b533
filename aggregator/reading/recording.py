"""Record and replay every reply in one portable file.

The file is gzip of one JSON document. Replies are kept per contract call, not per batch, so that a replay
does not depend on how calls were packed; logs per request, not per range of blocks that was asked for; rows
of subgraphs per request, not per page; what venues said beside the block that was read then. It holds chain
ids, endpoint-free errors and the configuration that the read used (deployments, tokens, names of subgraphs),
never a URL. Equal content gives equal bytes.
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

from aggregator.model import errors
from aggregator.model.errors import ReadError, RecordingError
from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.pricing.returns import load_returns

FORMAT = "crossmargin-recording"
VERSION = 2
GRAPHS_VERSION = 3
"""Of a recording in which there are replies of subgraphs: earlier releases read one without."""
VENUES_VERSION = 4
"""Of one in which there are replies of venues."""
HISTORY_VERSION = 5
"""Of one with price history: earlier releases would judge without it."""
_READABLE = (1, 2, 3, 4, 5)  # 1 knew no logs
_MAX_BYTES = 512 * 2**20
_HASH = re.compile(r"0x[0-9a-f]{64}")


@dataclass
class Tape:
    """The replies of one chain: pins (or why there is none) by the text asked for, calls by
    `block:target:calldata`, logs by `block:addresses:topics:from:to`, subgraphs and venues by
    `block:source:digest`."""

    pins: dict[str, Block | ReadError] = field(default_factory=dict)
    calls: dict[str, Any] = field(default_factory=dict)
    logs: dict[str, Any] = field(default_factory=dict)
    graphs: dict[str, Any] = field(default_factory=dict)
    venues: dict[str, Any] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """The first version of the format that can hold it."""
        return VENUES_VERSION if self.venues else GRAPHS_VERSION if self.graphs else VERSION

    def drop(self, block: Block) -> None:
        """Forget a block: whatever names it, and all that was answered at it."""
        self.pins = {text: pin for text, pin in self.pins.items() if pin != block}
        for replies in (self.calls, self.logs, self.graphs, self.venues):
            for key in [key for key in replies if key.startswith(f"{block.hash}:")]:
                del replies[key]


@dataclass
class Recording:
    """Everything that a read was answered, and what it was asked with.

    `origin` says which world answered: `mainnet` or `local node`. `request` holds wallets, block and price
    history; `configuration` the settings that the replay must use.
    """

    origin: str
    request: dict[str, Any]
    configuration: dict[str, Any]
    tapes: dict[ChainId, Tape] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write the file whole or not at all."""
        document = {
            "format": FORMAT,
            "version": self._version,
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

    @property
    def _version(self) -> int:
        """The earliest that has all of its parts."""
        if "history" in self.request:
            return HISTORY_VERSION
        return max((tape.version for tape in self.tapes.values()), default=VERSION)

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
                request=_request(dict(document["request"]), version),
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


def _document(tape: Tape) -> dict[str, Any]:
    pins = {
        text: note(pinned) if isinstance(pinned, ReadError) else asdict(pinned)
        for text, pinned in tape.pins.items()
    }
    others = {"graphs": tape.graphs, "venues": tape.venues}
    kept = {name: replies for name, replies in others.items() if replies}
    return {"pins": pins, "calls": tape.calls, "logs": tape.logs, **kept}


def _request(document: dict[str, Any], version: int) -> dict[str, Any]:
    for name in ("wallets", "warnings", "adapters", "owners"):
        texts = document.get(name, [])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"the {name} are no list of texts")
    names = document.get("names", {})
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise ValueError("the names are no table of texts")
    if not isinstance(document.get("block", ""), str):
        raise ValueError("the block is no text")
    if version < HISTORY_VERSION:
        document.pop("history", None)
    elif "history" in document:
        load_returns(document["history"])
    return document


def _tape(chain: ChainId, document: Any, version: int) -> Tape:
    logs = dict(document["logs"]) if version > 1 else {}
    graphs = dict(document.get("graphs", {})) if version >= GRAPHS_VERSION else {}
    venues = dict(document.get("venues", {})) if version >= VENUES_VERSION else {}
    return Tape(_pins(chain, document["pins"]), dict(document["calls"]), logs, graphs, venues)


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


def note(reply: bytes | ReadError) -> Any:
    """A reply as it stands in the file."""
    if isinstance(reply, bytes):
        return "0x" + reply.hex()
    # Reading knows finer kinds, which answer as the documented one.
    kind = next(k for k in type(reply).__mro__ if vars(errors).get(k.__name__) is k)
    return {"error": kind.__name__, "args": list(_arguments(reply))}


def _arguments(error: ReadError) -> Sequence[Any]:
    made: Any = error.__reduce__()
    return tuple(made[1])


def noted(kept: Any) -> bytes | ReadError:
    """A reply from how it stands in the file; raises KeyError, TypeError or ValueError where it is none."""
    if isinstance(kept, str):
        return bytes.fromhex(kept.removeprefix("0x"))
    return _failure(kept)


def _failure(noted: Mapping[str, Any]) -> ReadError:
    kinds: Mapping[str, Any] = vars(errors)
    kind = kinds[noted["error"]]
    if not (isinstance(kind, type) and issubclass(kind, ReadError)):
        raise ValueError(f"{noted['error']} is no read error")
    return kind(*noted["args"])
