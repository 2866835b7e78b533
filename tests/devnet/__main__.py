"""`python -m tests.devnet install` fetches and compiles everything, so that later starts are fast.

`python -m tests.devnet run` starts the local chain with seeded wallets and keeps it running.

`python -m tests.devnet execute PLAN.json` sends a plan's calls there, and compares what comes of them.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tests.devnet.artifacts import compiled, recipe_names
from tests.devnet.cache import cache_root
from tests.devnet.errors import DevnetError
from tests.devnet.node import CHAIN_ID
from tests.devnet.packages import anvil, packages
from tests.devnet.world import World, cached

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_PORT = 8545


def install() -> None:
    """Fetch the node and the packages, compile every recipe, build the world; cached parts are left alone."""
    print(f"node      {anvil()}")
    print(f"packages  {packages()}")
    for name in recipe_names():
        print(f"compiled  {name}: {len(compiled(name).contracts)} contracts")
    print(f"world     {cached()}")


def run(port: int, chain_id: int, config: Path) -> None:
    """Start the local chain and keep it until Ctrl-C or a signal to end."""
    with World.start(port=port, chain_id=chain_id) as world:
        config.write_text(world.config())
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        print(introduction(world, config), flush=True)  # only then: who reads it may end it at once
        ended.wait()
    print("stopped")


def send(plan: Path, port: int | None) -> int:
    """Send a plan on a running chain, or on a fresh one in the state that `run` starts with."""
    from tests.devnet.execute import execute  # noqa: PLC0415  # the other commands need no product

    opened = World.start() if port is None else World.attached(port)
    with opened as world:
        return execute(world, plan)


def introduction(world: World, config: Path) -> str:
    """What runs where, and commands to try."""
    names = ", ".join(sorted(one.deployment_entry().name for one in world.deployments))
    lines = [
        f"Local chain {world.node.chain_id} at {world.node.url}, block {world.node.block_number}.",
        f"Protocols: {names}.",
        f"Configuration: {config}",
        "",
        "Wallets:",
        *(f"  {name:9} {address}" for name, address in world.wallets.items()),
        "",
        "Try in another terminal:",
        f"  export CROSSMARGIN_CONFIG={config}",
        "  crossmargin doctor",
        f"  crossmargin health {world.wallets['hedged']}",
        f"  crossmargin health {world.wallets['edge']} --json",
        f"  crossmargin positions {world.wallets['legacy']}",
        "",
        "Ctrl-C stops it.",
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code of the command: 0, or 1 after one sentence on standard error."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.devnet", description="The local chain with real protocol contracts."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("install", help="fetch the node and the contract packages and compile them")
    runner = commands.add_parser("run", help="start the chain with seeded wallets and keep it running")
    runner.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"default {DEFAULT_PORT}; 0 for any")
    runner.add_argument("--chain-id", type=int, default=CHAIN_ID, help=f"default {CHAIN_ID}")
    runner.add_argument("--config", type=Path, help="where to write the configuration file")
    executor = commands.add_parser("execute", help="send a plan's calls, and compare every account")
    executor.add_argument("plan", type=Path, help="what crossmargin plan repair --json wrote")
    executor.add_argument("--port", type=int, help="of a chain that `run` keeps; without it a fresh one")
    options = parser.parse_args(arguments)
    try:
        if options.command == "install":
            install()
        elif options.command == "execute":
            return send(options.plan, options.port)
        else:
            run(options.port, options.chain_id, options.config or cache_root() / "local.toml")
    except DevnetError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
