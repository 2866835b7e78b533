"""Replies as they are kept to predict the next read's, and those of a wallet that nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from aggregator.abi.columns import Column
from aggregator.abi.function import Call, Calls
from aggregator.abi.types import AbiType
from aggregator.model.errors import CallReverted
from aggregator.reading.source import Raw

_WORD = 32
_ANSWERED, _REVERTED = b"\0", b"\1"


def key(request: Call[Any] | Calls) -> bytes:
    """Equal for equal calls, whatever their functions are called."""
    where = request.target.encode() if isinstance(request, Call) else request.targets
    what = request.data if isinstance(request, Call) else request.rows
    digest = blake2b(where, digest_size=16, person=type(request).__name__.encode())
    digest.update(len(where).to_bytes(8) + what)
    return digest.digest()


def packed_reply(raw: Raw) -> bytes | None:
    """A reply as it is kept; None where it is a failure that says nothing of the next read."""
    if isinstance(raw, bytes):
        return _ANSWERED + raw
    if isinstance(raw, CallReverted):
        return _REVERTED
    if not isinstance(raw, Column) or not all(isinstance(e, CallReverted) for e in raw.failures.values()):
        return None
    places = b"".join(i.to_bytes(4) for i in raw.failures)
    return len(raw.failures).to_bytes(4) + places + raw.raw


def same_shape(packed: bytes, before: bytes) -> bool:
    """Whether two replies to one request differ in figures at most."""
    return len(packed) == len(before) and packed[:1] == before[:1]


def alike(predicted: Raw | None, raw: Raw) -> bool:
    """Whether a reply, all of it, is what was predicted."""
    if isinstance(predicted, Column) and isinstance(raw, Column):
        return predicted.raw == raw.raw and not raw.failures
    return isinstance(predicted, bytes) and predicted == raw


def unpacked_reply(request: Call[Any] | Calls, packed: bytes) -> Raw | None:
    """What `packed_reply` kept of a reply to this request; None where it is of another size."""
    if isinstance(request, Call):
        kind, raw = packed[:1], packed[1:]
        return CallReverted(request.origin, "") if kind == _REVERTED else raw
    count = int.from_bytes(packed[:4])
    head, raw = packed[4 : 4 + 4 * count], packed[4 + 4 * count :]
    if len(raw) != len(request) * request.reply_width:
        return None
    places = (int.from_bytes(head[at : at + 4]) for at in range(0, len(head), 4))
    failures = {i: CallReverted(request.origin, "") for i in places if i < len(request)}
    return Column(request.origin, request.function.outputs, raw, failures)


def blank_reply(request: Call[Any] | Calls) -> Raw:
    """What a contract answers of a wallet that it does not know: zeros, and nothing in every list."""
    blank = blank_value(request.function.outputs)
    if isinstance(request, Call):
        return blank
    return Column(request.origin, request.function.outputs, blank * len(request), {})


def blank_value(kind: AbiType) -> bytes:
    """The encoding of zero, of an empty list or text, or of a tuple of such."""
    if kind.words is not None:
        return bytes(_WORD * kind.words)
    if kind.dims and kind.dims[-1] is not None:
        return _blank_tuple([kind.element] * kind.dims[-1])
    if kind.base == "tuple" and not kind.dims:
        return _blank_tuple([component for _, component in kind.components])
    return bytes(_WORD)  # a length


def _blank_tuple(kinds: Sequence[AbiType]) -> bytes:
    at = _WORD * sum(kind.words or 1 for kind in kinds)
    head, tail = b"", b""
    for kind in kinds:
        blank = blank_value(kind)
        if kind.words is not None:
            head += blank
        else:
            head += (at + len(tail)).to_bytes(_WORD)
            tail += blank
    return head + tail
