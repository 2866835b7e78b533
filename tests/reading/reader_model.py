"""The reader contract in Python, written from the comment in its source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from aggregator.reading.reader_contract import ANSWERED, FAILED, MISSIZED, NO_CODE, NOT_ASKED, TAG


@dataclass(frozen=True)
class Answer:
    """What one call gives."""

    data: bytes
    success: bool = True
    code: bool = True


World: TypeAlias = Callable[[bytes, bytes], Answer]


def calls_in(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Target, calldata and promised reply size of every cell, in order."""
    assert data[:4] == TAG[:4]
    at = 28
    while at < len(data):
        rows, targets, width, reply, step = (
            int.from_bytes(data[at + k : at + k + 4]) for k in range(0, 20, 4)
        )
        first = at + 20
        start = first + 20 * targets
        at = start + rows * width
        assert at <= len(data)
        assert step == 0 or (step == 20 and rows == targets)
        for r in range(rows):
            row = data[start + r * width : start + (r + 1) * width]
            for t in [r] if step else range(targets):
                yield data[first + 20 * t : first + 20 * t + 20], row, reply


def reply(data: bytes, world: World, asked: int | None = None) -> bytes:
    """What the contract returns; no gas is left after `asked` cells where given."""
    statuses, replies = bytearray(), bytearray()
    for number, (target, row, size) in enumerate(calls_in(data)):
        answer = world(target, row)
        if asked is not None and number >= asked:
            statuses.append(NOT_ASKED)
            replies += bytes(size)
            continue
        if not answer.success:
            statuses.append(FAILED)
        elif not answer.data and not answer.code:
            statuses.append(NO_CODE)
        else:
            statuses.append(ANSWERED if len(answer.data) == size else MISSIZED)
        replies += answer.data[:size].ljust(size, b"\0")
    assert (len(statuses), len(replies)) == (int.from_bytes(data[12:20]), int.from_bytes(data[20:28]))
    return TAG + bytes(statuses) + bytes(replies)
