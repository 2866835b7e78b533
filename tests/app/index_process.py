"""A run of `index` as a process of its own.

Each block of wallets that is kept is a line on stdout, at once: how many are done, and the largest size of
the process so far in KiB.
"""

from __future__ import annotations

from pathlib import Path

from aggregator import settings
from aggregator.app import indexing, wallet_lists
from aggregator.app.indexing import Indexed
from tests.app.index_kit import EVERYWHERE
from tests.memory import peak_kib


def main(configuration: str, database: str, file: str, block_size: str) -> None:
    """Index all of the file."""

    def told(state: Indexed) -> None:
        print(state.run.done, peak_kib(), flush=True)

    config = settings.load(Path(configuration)).model_copy(update={"database": Path(database)})
    source = wallet_lists.of_file(Path(file))
    indexing.index(source, EVERYWHERE, config, block_size=int(block_size), told=told)
