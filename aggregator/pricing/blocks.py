"""Functions of broadcast arrays, worked out block by block so that what they need stays in the cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = "NDArray[np.float64]"
Worker: TypeAlias = Callable[[tuple[Floats, ...], tuple[Floats, ...]], None]

BLOCK = 16_384
"""Values in a block at most: the buffers of one thread take 2 MB."""


def in_blocks(
    worker: Callable[[int], Worker], given: Sequence[ArrayLike], *, outputs: int, threads: int
) -> tuple[Floats, ...]:
    """The outputs, of the shape that all of `given` broadcast to.

    Each thread makes a worker of its own, told how many values a block may have (for its buffers), and hands
    it blocks: input arrays, and output arrays to fill. The last of `given` are signs: raises ValueError where
    one is not +-1, or where shapes do not fit.
    """
    arrays = [np.asarray(values, dtype=np.float64) for values in given]
    if not np.all(np.abs(arrays[-1]) == 1.0):
        raise ValueError("a sign is +1 for a call or -1 for a put")
    # One allocation: a large one has large pages, which are far faster to get than many small ones.
    results = np.empty((outputs, *np.broadcast_shapes(*(array.shape for array in arrays))))
    operands: Any = [*arrays, *(results[i, ...] for i in range(outputs))]
    access: Any = [["readonly"]] * len(arrays) + [["writeonly"]] * outputs
    flags: Any = ["external_loop", "buffered", "ranged", "zerosize_ok", "delay_bufalloc"]
    blocks: Any = np.nditer(
        operands,
        flags=flags,
        op_flags=access,
        op_dtypes=[np.dtype(np.float64)] * (len(arrays) + outputs),
        order="C",
        buffersize=BLOCK,
    )
    size = blocks.itersize
    parts = max(1, min(threads, -(-size // BLOCK)))
    step = -(-size // parts)
    ranges = [(start, min(start + step, size)) for start in range(0, size, step or 1)]

    def fill(part: tuple[Any, tuple[int, int]]) -> None:
        blocks, bounds = part
        do = worker(min(BLOCK, size))
        with blocks, np.errstate(all="ignore"):
            blocks.iterrange = bounds
            for values in blocks:
                do(values[: len(arrays)], values[len(arrays) :])

    shares = [(blocks.copy() if i else blocks, bounds) for i, bounds in enumerate(ranges)]
    if len(shares) > 1:
        with ThreadPoolExecutor(len(shares)) as pool:
            list(pool.map(fill, shares))
    elif shares:
        fill(shares[0])
    return tuple(results)
