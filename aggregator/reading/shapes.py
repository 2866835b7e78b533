"""Finds grids in calls: runs of one row, or of one target, whose lists of the other are equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Numbers = NDArray[np.int64]

SECTION_BYTES = 20
"""What a section costs beside its targets and rows; see `reader.yul`."""


@dataclass(frozen=True, slots=True)
class Area:
    """`outer` x `inner` calls from `start` on: the rows run outside unless `turned`; else pairs."""

    start: int
    outer: int
    inner: int
    turned: bool
    grid: bool


def areas(targets: Bytes, rows: Bytes) -> list[Area]:
    """The calls as grids and pairs in whichever of both directions takes less calldata."""
    plain, cost = _directed(rows, targets, turned=False)
    if all(area.grid for area in plain) and len(plain) == 1:
        return plain
    turned, other = _directed(targets, rows, turned=True)
    return turned if other < cost else plain


def _directed(outer: Bytes, inner: Bytes, *, turned: bool) -> tuple[list[Area], int]:
    """Grids where runs of one equal outer value have equal lists of inner values; bytes that they take."""
    start, inners = _runs(outer, inner)
    outers = np.diff(np.append(start, len(outer))) // inners
    grid = SECTION_BYTES + outers * outer.shape[1] + inners * inner.shape[1]
    pairs = outers * inners * (outer.shape[1] + inner.shape[1])
    loose = pairs <= grid
    # Neighbours that are no grids are pairs of one section.
    first = np.flatnonzero(~(loose & np.append(False, loose[:-1])))
    count = np.add.reduceat(outers * inners, first)
    areas = [
        Area(s, n, 1, turned=False, grid=False) if pair else Area(s, o, i, turned=turned, grid=True)
        for s, n, o, i, pair in zip(
            start[first].tolist(),
            count.tolist(),
            outers[first].tolist(),
            inners[first].tolist(),
            loose[first].tolist(),
            strict=True,
        )
    ]
    return areas, int(np.where(loose, pairs, grid).sum())


def _runs(outer: Bytes, inner: Bytes) -> tuple[Numbers, Numbers]:
    """Where blocks of runs begin whose inner lists are equal, and the length of a run in each."""
    count = len(outer)
    starts = np.append(0, 1 + np.flatnonzero(_differs(outer[1:], outer[:-1]))).astype(np.int64)
    lengths = np.diff(np.append(starts, count))
    joined = np.append(False, lengths[1:] == lengths[:-1])
    maybe = np.flatnonzero(np.repeat(joined, lengths))
    other = np.zeros(count, dtype=bool)
    other[maybe] = _differs(inner[maybe], inner[maybe - np.repeat(lengths, lengths)[maybe]])
    joined &= ~np.logical_or.reduceat(other, starts)
    blocks = np.flatnonzero(~joined)
    return starts[blocks], lengths[blocks]


def _differs(a: Bytes, b: Bytes) -> NDArray[np.bool_]:
    """Row by row; a width is a multiple of four (20, or 4 + 32 k)."""
    found: NDArray[np.bool_] = (
        np.ascontiguousarray(a).view(np.uint32) != np.ascontiguousarray(b).view(np.uint32)
    ).any(axis=1)
    return found
