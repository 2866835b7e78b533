"""Warehouses that are made once in a process, as anything makes them; all others are copies of the file.

Nothing that most tests do with a file takes as long as making its schema, and then its first rows. How a file
comes to be is tested by tests of opening, migrations and concurrency, which copy none.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

from aggregator.store.opening import Opening

T = TypeVar("T")


def blank(path: Path) -> Path:
    """Put an empty warehouse of the present schema there; answers the path."""
    copied(_empty, path)
    return path


def copied(make: Callable[[Path], T], path: Path) -> T:
    """Put there what `make` makes of a path, and answer what it answered; it is called once in a process."""
    content, answer = _made(make)
    path.write_bytes(content)
    return cast("T", answer)  # which the cache does not know


@cache
def _made(make: Callable[[Path], T]) -> tuple[bytes, T]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.duckdb"
        answer = make(path)
        return path.read_bytes(), answer


def _empty(path: Path) -> None:
    Opening(path, lock_timeout_s=10).write(lambda _: None)
