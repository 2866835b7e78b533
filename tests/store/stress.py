"""`python -m tests.store.stress [SECONDS [KILLS]]`: contention for the database at length."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.store.contention import kills_of_a_writer, readers_beside_a_writer


def main(seconds: int = 60, kills: int = 20) -> None:
    """Readers beside a writer for some seconds, then so many kills; prints what came of it."""
    with TemporaryDirectory() as folder:
        read = readers_beside_a_writer(Path(folder) / "w.duckdb", seconds=seconds, commits=1)
        print(json.dumps(asdict(read)), flush=True)
    with TemporaryDirectory() as folder:
        killed = kills_of_a_writer(Path(folder) / "w.duckdb", kills=kills, seed=1)
        print(json.dumps(asdict(killed)))
    if read.failures:
        sys.exit("a read failed")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
