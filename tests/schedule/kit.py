"""The schedule on the local chain, whose clock is told: the machine's may be years away from the chain's."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aggregator import app, settings
from aggregator.model.units import parse_address
from aggregator.schedule.definitions import jobs
from aggregator.schedule.once import take_due
from aggregator.schedule.passes import Pass
from aggregator.settings import Settings
from aggregator.store.saved import ScheduleRun
from tests.devnet.rpc import as_int
from tests.devnet.world import World
from tests.store.blank import blank

SLOT_S = 60
MEMBERS = ("hedged", "edge")
SCHEDULE = """
[[schedule]]
name = "desk"
group = "desk"
every = "1m"
catch_up = {catch_up}
"""


@dataclass(frozen=True)
class Desk:
    """A group of wallets on a local chain and the database of its snapshots."""

    world: World
    config: Settings
    path: Path

    def time(self) -> datetime:
        """The chain's: that of its newest block."""
        return datetime.fromtimestamp(self.world.node.timestamp, UTC)

    def block_time(self, number: int) -> int:
        """When a block of the chain is of, in Unix seconds."""
        return as_int(self.world.node.block(number)["timestamp"])

    def once(self, *rpc: str) -> Pass:
        """What `schedule once` does, at a moment after the newest block."""
        now = self.time() + timedelta(seconds=1)
        return take_due(self.config, jobs(self.config), rpc=rpc, clock=lambda: now)["desk"]

    def runs(self) -> list[ScheduleRun]:
        """What readers see."""
        return app.warehouse(self.config).for_reading().runs("desk")

    def advance(self, slots: int) -> None:
        """The chain moves on by so many slots, a block early in each: there is time to write all feeds."""
        node = self.world.node
        first = node.timestamp // SLOT_S * SLOT_S
        for i in range(1, slots + 1):
            node.next_block_at(first + i * SLOT_S + SLOT_S // 6)
            node.mine()


def desk(world: World, folder: Path, *, metrics: str = "off", catch_up: int = 6) -> Desk:
    """A configuration file with one job, and its group."""
    path = folder / "desk.toml"
    database = f'database = "{folder / "desk.duckdb"}"\nmetrics = "{metrics}"\n'
    path.write_text(database + world.config() + SCHEDULE.format(catch_up=catch_up), encoding="utf-8")
    config = settings.build(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    blank(config.database)
    app.group_wallets(config, "desk", [parse_address(world.wallets[name]) for name in MEMBERS])
    return Desk(world, config, path)
