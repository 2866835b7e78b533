"""Calls that wait to be asked, taken in batches of any size: a columnar request is cut where a batch ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from aggregator.abi.function import Call, Calls
from aggregator.reading.source import Wanted

_WORD = 32


@dataclass(frozen=True, slots=True)
class Slice:
    """Calls `start` to `stop` of a columnar request."""

    calls: Calls
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


Part: TypeAlias = Call[Any] | Slice
Batch: TypeAlias = list[tuple[int, Part]]
"""Calls that are asked together, each part with the number of its request."""


class Queue:
    """The calls of some requests, taken in batches whose size may change on the way."""

    def __init__(self, requests: Sequence[Wanted]) -> None:
        self._requests = requests
        self._next, self._start = 0, 0

    def take(self, calls: int, size: int) -> Batch:
        """At most so many calls, of at most so many bytes of calldata; one at least, nothing at the end.

        Each part comes with the number of its request. Columnar requests without a call are left out.
        """
        batch: Batch = []
        while self._next < len(self._requests) and calls > 0:
            request = self._requests[self._next]
            width = len(request.data) if isinstance(request, Call) else request.width
            cost = 5 * _WORD + width + -width % _WORD
            fit = max(size // cost, 0 if batch else 1)
            if fit == 0:
                break
            if isinstance(request, Call):
                batch.append((self._next, request))
                taken = 1
                self._next += 1
            else:
                taken = min(len(request) - self._start, calls, fit)
                stop = self._start + taken
                if taken:
                    batch.append((self._next, Slice(request, self._start, stop)))
                self._start = stop
                if stop == len(request):
                    self._next, self._start = self._next + 1, 0
            calls -= taken
            size -= cost * taken
        return batch


def size(batch: Sequence[tuple[int, Part]]) -> int:
    """How many calls a batch holds."""
    return sum(1 if isinstance(part, Call) else len(part) for _, part in batch)


def halves(batch: Batch) -> tuple[Batch, Batch]:
    """A batch of two or more calls as two; a columnar part is cut where the middle falls into it."""
    left: Batch = []
    right: Batch = []
    room = size(batch) // 2
    for i, part in batch:
        length = 1 if isinstance(part, Call) else len(part)
        if room >= length:
            left.append((i, part))
        elif room > 0 and isinstance(part, Slice):
            left.append((i, Slice(part.calls, part.start, part.start + room)))
            right.append((i, Slice(part.calls, part.start + room, part.stop)))
        else:
            right.append((i, part))
        room = max(0, room - length)
    return left, right
