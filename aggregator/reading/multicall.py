"""Packs calls into Multicall3's aggregate3 with failures allowed, and unpacks its replies.

Single calls are joined as bytes; a columnar request is laid out as one array of equal rows and, where every
call of it succeeded with the promised size, taken out of the reply as one slice.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from aggregator.abi.columns import Column
from aggregator.abi.function import Call, Calls, Function
from aggregator.model.errors import MalformedReply, ReadError
from aggregator.model.units import Address
from aggregator.reading.source import Raw

if TYPE_CHECKING:
    from numpy.typing import NDArray
from aggregator.reading.queued_calls import Batch, Part, Slice, size
from aggregator.reading.reverts import reverted

MULTICALL3 = Address("0xca11bde05977b3631167028862be2a173976ca11")
_SELECTOR = Function("aggregate3((address target,bool allowFailure,bytes data)[])()").selector
_WORD = 32


def pack(batch: Sequence[tuple[int, Part]]) -> bytes:
    """The calldata of one aggregate3 over a batch."""
    blobs: list[bytes] = []
    sizes: list[NDArray[np.int64]] = []
    for width, parts in groupby((part for _, part in batch), key=_row_width):
        if width is None:
            singles = [_element(part.target, part.data) for part in parts if isinstance(part, Call)]
            blobs += singles
            sizes.append(np.array([len(blob) for blob in singles], dtype=np.int64))
        else:
            rows = _elements([part for part in parts if isinstance(part, Slice)], width)
            blobs.append(rows.tobytes())
            sizes.append(np.full(len(rows), rows.shape[1], dtype=np.int64))
    return b"".join([_head(np.concatenate(sizes)), *blobs])


def pack_hex(batch: Batch) -> bytes | bytearray:
    """The calldata of one aggregate3 over a batch as hex digits, which are what is sent.

    Rows of one width differ in their target and arguments alone: all else is copied from the last batch of
    that shape.
    """
    slices = [part for _, part in batch if isinstance(part, Slice)]
    widths = {part.calls.width for part in slices}
    if len(slices) < len(batch) or len(widths) != 1:
        return binascii.hexlify(pack(batch))
    [width] = widths
    count = sum(map(len, slices))
    text = bytearray(_shape(count, width))
    rows = np.frombuffer(text, dtype=np.uint8)[-2 * count * _stride(width) :].reshape(count, -1)
    targets, calldata = _joined(slices, width)
    rows[:, 24:64] = np.frombuffer(binascii.hexlify(targets), dtype=np.uint8).reshape(count, 40)
    rows[:, 256 : 256 + 2 * width] = np.frombuffer(binascii.hexlify(calldata), np.uint8).reshape(count, -1)
    return text


@lru_cache(maxsize=8)
def _shape(count: int, width: int) -> bytes:
    """The calldata of so many rows of zeros, in hex."""
    rows = np.zeros((count, _stride(width)), dtype=np.uint8)
    rows[:, 32:128] = np.frombuffer(_uint(1) + _uint(3 * _WORD) + _uint(width), dtype=np.uint8)
    lengths = np.full(count, _stride(width), dtype=np.int64)
    return binascii.hexlify(_head(lengths) + rows.tobytes())


def _stride(width: int) -> int:
    return 4 * _WORD + width + -width % _WORD


def _head(lengths: NDArray[np.int64]) -> bytes:
    """Selector, and where each element begins."""
    offsets = np.zeros((len(lengths), 4), dtype=">u8")
    offsets[:, 3] = _WORD * len(lengths) + np.concatenate(([0], np.cumsum(lengths)[:-1]))
    return b"".join([_SELECTOR, _uint(_WORD), _uint(len(lengths)), offsets.tobytes()])


def _joined(parts: Sequence[Slice], width: int) -> tuple[bytes, bytes]:
    """Targets and calldata of slices of one row width."""
    targets = b"".join([p.calls.targets[20 * p.start : 20 * p.stop] for p in parts])
    return targets, b"".join([p.calls.rows[width * p.start : width * p.stop] for p in parts])


def _row_width(part: Part) -> int | None:
    return None if isinstance(part, Call) else part.calls.width


def _uint(value: int) -> bytes:
    return value.to_bytes(_WORD)


def _element(target: Address, data: bytes) -> bytes:
    padding = bytes(-len(data) % _WORD)
    head = bytes(12) + bytes.fromhex(target[2:]) + _uint(1) + _uint(3 * _WORD)
    return head + _uint(len(data)) + data + padding


def _elements(parts: Sequence[Slice], width: int) -> NDArray[np.uint8]:
    """Slices of one row width in a row, as one array: a request per wallet is many small ones."""
    targets, calldata = _joined(parts, width)
    count = len(targets) // 20
    rows = np.zeros((count, _stride(width)), dtype=np.uint8)
    rows[:, 12:32] = np.frombuffer(targets, dtype=np.uint8).reshape(count, 20)
    rows[:, 32:128] = np.frombuffer(_uint(1) + _uint(3 * _WORD) + _uint(width), dtype=np.uint8)
    rows[:, 128 : 128 + width] = np.frombuffer(calldata, dtype=np.uint8).reshape(count, width)
    return rows


def unpack(batch: Sequence[tuple[int, Part]], raw: bytes) -> list[Raw]:
    """The replies of a batch, one per part.

    Raises MalformedReply where `raw` is not laid out as compilers lay out what aggregate3 returns: results
    that overlap, or in another order, would give one call the figure of another.
    """
    starts = _starts(raw, size(batch))
    replies: list[Raw] = []
    first = 0
    for width, group in groupby((part for _, part in batch), key=_reply_width):
        parts = list(group)
        count = sum(1 if isinstance(part, Call) else len(part) for part in parts)
        block = None if width is None else _block(width, raw, starts[first : first + count])
        at = 0
        for part in parts:
            if isinstance(part, Call):
                success, data = _result(raw, int(starts[first + at]))
                replies.append(data if success else reverted(part.origin, data))
                at += 1
                continue
            stop = at + len(part)
            if block is None:
                replies.append(_column(part, raw, starts[first + at : first + stop]))
            else:
                taken = block[at * part.calls.reply_width : stop * part.calls.reply_width]
                replies.append(Column(part.calls.origin, part.calls.function.outputs, taken, {}))
            at = stop
        first += count
    return replies


def _reply_width(part: Part) -> int | None:
    return None if isinstance(part, Call) else part.calls.reply_width


def _block(width: int, raw: bytes, starts: NDArray[np.int64]) -> bytes | None:
    """The data of calls that lie one behind the other and all succeeded with this size; None elsewhere."""
    count = len(starts)
    stride = 3 * _WORD + width
    begin = int(starts[0]) if count else 0
    if not count or len(raw) < begin + stride * count or (np.diff(starts) != stride).any():
        return None
    block = np.frombuffer(raw, dtype=np.uint8, count=stride * count, offset=begin).reshape(count, stride)
    expected = np.frombuffer(_uint(1) + _uint(2 * _WORD) + _uint(width), dtype=np.uint8)
    return block[:, 3 * _WORD :].tobytes() if (block[:, : 3 * _WORD] == expected).all() else None


def _starts(raw: bytes, count: int) -> NDArray[np.int64]:
    body = 2 * _WORD
    if len(raw) < body + _WORD * count or raw[:body] != _uint(_WORD) + _uint(count):
        raise MalformedReply("aggregate3", f"{len(raw)} bytes are no array of {count} results")
    words = np.frombuffer(raw, dtype=">u8", count=4 * count, offset=body).reshape(-1, 4)
    places = words[:, 3].astype(np.uint64)
    if words[:, :3].any() or (places > len(raw) - body - 3 * _WORD).any():
        raise MalformedReply("aggregate3", "a result lies outside the reply")
    starts = places.astype(np.int64) + body
    if len(raw) % _WORD or (starts % _WORD).any():
        raise MalformedReply("aggregate3", "a result does not begin at a word")
    lengths = np.frombuffer(raw, dtype=">u8").reshape(-1, 4)[starts // _WORD + 2]
    if lengths[:, :3].any() or (lengths[:, 3] > len(raw)).any():
        raise MalformedReply("aggregate3", "a result is longer than the reply")
    sizes = lengths[:, 3].astype(np.int64)
    ends = starts + 3 * _WORD + (sizes + _WORD - 1) // _WORD * _WORD
    first = body + _WORD * count
    if not np.array_equal(starts, np.append(first, ends[:-1])[:count]) or (ends[-1:] != len(raw)).any():
        raise MalformedReply("aggregate3", "its results do not follow one another")
    return starts


def _result(raw: bytes, start: int) -> tuple[bool, bytes]:
    head = raw[start : start + 3 * _WORD]
    if len(head) < 3 * _WORD or head[:31] != bytes(31) or head[31] > 1 or head[32:64] != _uint(2 * _WORD):
        raise MalformedReply("aggregate3", "a result is not (bool, bytes)")
    length = int.from_bytes(head[64:])
    data = raw[start + 3 * _WORD : start + 3 * _WORD + length]
    if len(data) != length:
        raise MalformedReply("aggregate3", f"a result promises {length} bytes and holds {len(data)}")
    return head[31] == 1, data


def _column(part: Slice, raw: bytes, starts: NDArray[np.int64]) -> Column:
    width, count = part.calls.reply_width, len(part)
    outputs = part.calls.function.outputs
    if (block := _block(width, raw, starts)) is not None:
        return Column(part.calls.origin, outputs, block, {})
    rows: list[bytes] = []
    failures: dict[int, ReadError] = {}
    for i in range(count):
        success, data = _result(raw, int(starts[i]))
        origin = f"{part.calls.function.canonical}@{part.calls.one(part.start + i)[0]}"
        error = Column.misfit(outputs, data, origin) if success else reverted(origin, data)
        if error is not None:
            failures[i] = error
        rows.append(bytes(width) if i in failures else data)
    return Column(part.calls.origin, outputs, b"".join(rows), failures)


def merge(calls: Calls, columns: Sequence[tuple[int, Column | ReadError]]) -> Column | ReadError:
    """The columns of a request's slices, each with its length, as one.

    A slice that failed whole fails its own calls; where all did, the first error is the request's.
    """
    errors = [column for _, column in columns if isinstance(column, ReadError)]
    if errors and len(errors) == len(columns):
        return errors[0]
    failures: dict[int, ReadError] = {}
    raw: list[bytes] = []
    start = 0
    for length, column in columns:
        if isinstance(column, ReadError):
            failures.update(dict.fromkeys(range(start, start + length), column))
            raw.append(bytes(length * calls.reply_width))
        else:
            failures.update({start + i: error for i, error in column.failures.items()})
            raw.append(column.raw)
        start += length
    return Column(calls.origin, calls.function.outputs, b"".join(raw), failures)
