"""Empty warehouses: the first of a process is made as any first change makes it, the others are its copies.

Nothing that most tests do with a file takes as long as making its schema. How a file comes to be is tested by
tests of opening, migrations and concurrency, which copy none.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from aggregator.store.opening import Opening


def blank(path: Path) -> Path:
    """Put an empty warehouse of the present schema there; answers the path."""
    path.write_bytes(_made())
    return path


@cache
def _made() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blank.duckdb"
        Opening(path, lock_timeout_s=10).write(lambda _: None)
        return path.read_bytes()
