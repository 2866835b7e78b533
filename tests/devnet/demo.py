"""Records the demo that ships with the package: `python -m tests.devnet.demo` after a change of the kit.

Only the local chain's own configuration goes into it, so that it stays what it is when tokens or
deployments of public chains are added.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

from aggregator import app, settings
from aggregator.model.units import parse_address
from tests.devnet.world import World

DEMO = Path(str(files("aggregator") / "data" / app.DEMO))
WALLET = "hedged"


def record(world: World, path: Path) -> None:
    """Record the three-protocol wallet of a freshly loaded world."""
    given = tomllib.loads(world.config())
    config = settings.exactly({**given, "default_chains": list(given["chains"])}, "local chain")
    wallet = parse_address(world.wallets[WALLET])
    app.read_with_markets(app.Selection((wallet,)), config, record_to=path)


def main() -> None:
    """Replace the demo."""
    with World.start() as world:
        record(world, DEMO)
    print(f"{DEMO.name}: {DEMO.stat().st_size} bytes")


if __name__ == "__main__":
    main()
