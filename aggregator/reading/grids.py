"""Columnar requests as grids: targets x rows of calldata, which the reader contract multiplies out.

`balanceOf` of W wallets x T tokens is 20 T + 36 W bytes of calldata in place of 56 T W. Nobody has to ask in
grids: they are found in the calls, across the requests of a round too. Pure: no I/O; `answers` takes the
replies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

from aggregator.abi.function import Calls
from aggregator.reading.reader_contract import TAG
from aggregator.reading.shapes import SECTION_BYTES, Area, areas

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Numbers = NDArray[np.int64]

CELL_GAS = 2_000_000
"""Gas that every cell gets, whatever ran before it: what needs more fails, and is asked by aggregate3."""

_HEAD = 28
_TARGET = 20


@dataclass(frozen=True, eq=False, slots=True)
class Section:
    """Calls of one row width and one reply width.

    `targets` has shape (T, 20), `rows` (R, width of a row). In a grid every row goes to every target and
    `cells` has shape (R, T); otherwise row i goes to target i and `cells` has shape (R, 1). `cells` holds the
    number of each call among the group's (see `plan`).
    """

    group: int
    targets: Bytes
    rows: Bytes
    cells: Numbers
    reply_width: int
    grid: bool

    @property
    def size(self) -> int:
        """How many calls it holds."""
        return self.cells.size

    @property
    def calldata_bytes(self) -> int:
        """Its part of the calldata."""
        return SECTION_BYTES + self.targets.size + self.rows.size

    def part(self, rows: slice, targets: slice) -> Section:
        """These rows x these targets of a grid; of pairs, these rows with their own targets."""
        kept = self.targets[targets if self.grid else rows]
        cells = self.cells[rows, targets] if self.grid else self.cells[rows]
        return Section(self.group, kept, self.rows[rows], cells, self.reply_width, grid=self.grid)

    def halves(self) -> tuple[Section, Section]:
        """A section of two or more calls as two, cut across its longer side."""
        rows, targets = self.cells.shape
        everything = slice(None)
        if targets == 1 or (rows > 1 and rows * self.rows.shape[1] >= targets * _TARGET):
            middle = rows // 2
            return self.part(slice(middle), everything), self.part(slice(middle, None), everything)
        middle = targets // 2
        return self.part(everything, slice(middle)), self.part(everything, slice(middle, None))

    def pack(self) -> bytes:
        """As `reader.yul` takes it."""
        numbers = (len(self.rows), len(self.targets), self.rows.shape[1], self.reply_width)
        head = b"".join(n.to_bytes(4) for n in (*numbers, 0 if self.grid else _TARGET))
        return head + self.targets.tobytes() + self.rows.tobytes()


@dataclass(frozen=True, eq=False, slots=True)
class Job:
    """What one eth_call of the reader answers."""

    sections: tuple[Section, ...]

    @property
    def size(self) -> int:
        """How many calls it holds."""
        return sum(section.size for section in self.sections)

    @property
    def reply_bytes(self) -> int:
        """The exact size of its reply."""
        return len(TAG) + sum(s.size * (1 + s.reply_width) for s in self.sections)

    def pack(self, cell_gas: int = CELL_GAS) -> bytes:
        """The calldata for the reader contract."""
        data = sum(section.size * section.reply_width for section in self.sections)
        head = TAG[:4] + b"".join(n.to_bytes(8) for n in (cell_gas, self.size, data))
        return b"".join([head, *(section.pack() for section in self.sections)])

    def halves(self) -> tuple[Job, Job]:
        """A job of two or more calls as two, for a node that refuses it as too large."""
        if len(self.sections) == 1:
            left, right = self.sections[0].halves()
            return Job((left,)), Job((right,))
        middle = len(self.sections) // 2
        return Job(self.sections[:middle]), Job(self.sections[middle:])


def groups(requests: Sequence[Calls]) -> dict[tuple[int, int], list[int]]:
    """The numbers of the requests by (row width, reply width); the calls of a group are numbered through."""
    found: dict[tuple[int, int], list[int]] = {}
    for i, request in enumerate(requests):
        found.setdefault((request.width, request.reply_width), []).append(i)
    return found


def plan(requests: Sequence[Calls], max_cells: int, max_bytes: int = 500_000) -> list[Job]:
    """The calls of all requests as jobs of at most `max_cells` calls, each call once.

    `max_bytes` bounds the calldata of a job and its reply, in bytes (JSON takes twice as many); a single call
    that is larger is a job of its own. Requests of one row width and one reply width form a group.
    """
    jobs: list[Job] = []
    batch: list[Section] = []
    cells, calldata, reply = 0, _HEAD, len(TAG)
    for section in _sections(requests, max_cells, max_bytes):
        more = section.size * (1 + section.reply_width)
        if batch and (
            cells + section.size > max_cells
            or calldata + section.calldata_bytes > max_bytes
            or reply + more > max_bytes
        ):
            jobs.append(Job(tuple(batch)))
            batch, cells, calldata, reply = [], 0, _HEAD, len(TAG)
        batch.append(section)
        cells += section.size
        calldata += section.calldata_bytes
        reply += more
    if batch:
        jobs.append(Job(tuple(batch)))
    return jobs


def _sections(requests: Sequence[Calls], max_cells: int, max_bytes: int) -> Iterator[Section]:
    for group, ((width, reply_width), numbers) in enumerate(groups(requests).items()):
        calls = [requests[i] for i in numbers]
        targets = np.frombuffer(b"".join([c.targets for c in calls]), dtype=np.uint8).reshape(-1, _TARGET)
        rows = np.frombuffer(b"".join([c.rows for c in calls]), dtype=np.uint8).reshape(-1, width)
        if len(rows) == 0:
            continue
        most = max(1, min(max_cells, (max_bytes - len(TAG)) // (1 + reply_width)))
        for area in areas(targets, rows):
            section = _section(area, group, targets, rows, reply_width)
            for part in _tiles(section, most):
                yield from _bounded(part, max_bytes)


def _section(area: Area, group: int, targets: Bytes, rows: Bytes, reply_width: int) -> Section:
    stop = area.start + area.outer * area.inner
    cells = np.arange(area.start, stop, dtype=np.int64).reshape(area.outer, area.inner)
    if not area.grid:
        pairs = slice(area.start, stop)
        return Section(group, targets[pairs], rows[pairs], cells, reply_width, grid=False)
    outside, inside = slice(area.start, stop, area.inner), slice(area.start, area.start + area.inner)
    if area.turned:
        return Section(group, targets[outside], rows[inside], cells.T, reply_width, grid=True)
    return Section(group, targets[inside], rows[outside], cells, reply_width, grid=True)


def _tiles(section: Section, most: int) -> Iterator[Section]:
    """Parts of at most `most` calls, of about equal size, that take little calldata together."""
    rows, targets = section.cells.shape
    if section.size <= most:
        yield section
        return
    # Least calldata for `most` calls: as many bytes of targets as of rows.
    high = max(1, min(rows, isqrt(most * _TARGET // section.rows.shape[1])))
    wide = max(1, min(targets, most // high))
    if targets <= min(most, 4 * wide):  # all targets: fewer, longer slices of the requests
        wide = targets
    high = max(1, min(rows, most // wide))
    for r in _chunks(rows, high):
        for t in _chunks(targets, wide):
            yield section.part(r, t)


def _chunks(count: int, most: int) -> Iterator[slice]:
    number = -(-count // most)
    for i in range(number):
        yield slice(count * i // number, count * (i + 1) // number)


def _bounded(section: Section, max_bytes: int) -> Iterator[Section]:
    if section.calldata_bytes <= max_bytes - _HEAD or section.size == 1:
        yield section
        return
    for half in section.halves():
        yield from _bounded(half, max_bytes)
