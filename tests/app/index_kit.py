"""Lists of wallets on the local chain: the seeded ones, and others with and without a native balance."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from aggregator import settings
from aggregator.app import indexing, wallet_lists
from aggregator.app.indexing import Indexed
from aggregator.app.readers import Selection
from aggregator.model.units import Address, parse_address
from aggregator.settings import Settings
from tests.devnet.world import World

EVERYWHERE = Selection(())
COUNT, SIZE = 13, 4
"""Wallets of a short list, and how many of them are read together."""


@dataclass(frozen=True)
class Desk:
    """A configuration file, and a list of wallets as a CSV file."""

    world: World
    folder: Path
    wallets: tuple[Address, ...]

    @property
    def path(self) -> Path:
        """The configuration file."""
        return self.folder / "index.toml"

    @property
    def csv(self) -> Path:
        """The list."""
        return self.folder / "wallets.csv"

    def config(self, database: str = "index.duckdb") -> Settings:
        """The settings, with a database of this name."""
        built = settings.build(tomllib.loads(self.path.read_text(encoding="utf-8")), str(self.path))
        return built.model_copy(update={"database": self.folder / database})

    def index(self, config: Settings, block_size: int, *, restart: bool = False) -> Indexed:
        """All of it in this process."""
        source = wallet_lists.of_file(self.csv)
        return indexing.index(source, EVERYWHERE, config, block_size=block_size, restart=restart)


@contextmanager
def desk(world: World, folder: Path, count: int, *, seed: int = 7) -> Iterator[Desk]:
    """So many wallets in a random order, a quarter of the unknown ones with coins; a block that has them."""
    dice = random.Random(seed)
    known = [parse_address(address) for address in world.wallets.values()]
    unknown = [Address(f"0x{dice.getrandbits(160):040x}") for _ in range(count - len(known))]
    for i, wallet in enumerate(unknown[::4]):
        world.node.set_balance(wallet, 10**17 + i)
    world.node.mine()
    wallets = [*known, *unknown]
    dice.shuffle(wallets)
    here = Desk(world, folder, tuple(wallets))
    here.path.write_text(world.config(), encoding="utf-8")
    here.csv.write_text("\n".join(["wallet", *wallets, ""]), encoding="utf-8")
    yield here


def kept(path: Path) -> dict[str, object]:
    """What a database holds of its runs: its tables but what differs by when a snapshot was saved.

    Floats have nine digits: the last ones depend on who else was judged in the same product of matrices.
    """
    with duckdb.connect(str(path), read_only=True) as connection:
        columns = connection.execute(
            "SELECT c.table_name, list(column_name), list(data_type) FROM duckdb_columns() AS c"
            " JOIN duckdb_tables() AS t USING (table_oid, database_oid)"
            " WHERE NOT starts_with(c.table_name, 'index_') GROUP BY 1"
        ).fetchall()
        found: dict[str, object] = {}
        for table, names, types in columns:
            chosen = ", ".join(
                f"printf('%.9g', \"{name}\")" if kind == "DOUBLE" else f'"{name}"::VARCHAR'
                for name, kind in zip(names, types, strict=True)
                if name not in {"taken_at", "rows_hash", "added_at"}
            )
            found[table] = connection.execute(f'SELECT {chosen} FROM "{table}" ORDER BY ALL').fetchall()  # noqa: S608
    return found


class Stop(Exception):
    """Raised by a listener: ends a run as an interruption does."""


def stopped_after(here: Desk, config: Settings, wallets: int, **options: Any) -> list[Indexed]:
    """Run until so many wallets are kept; all that was told."""
    heard: list[Indexed] = []

    def told(state: Indexed) -> None:
        heard.append(state)
        if state.run.done >= wallets:
            raise Stop

    source = options.pop("source", None) or wallet_lists.of_file(here.csv)
    with pytest.raises(Stop):
        indexing.index(source, EVERYWHERE, config, block_size=SIZE, told=told, **options)
    return heard
