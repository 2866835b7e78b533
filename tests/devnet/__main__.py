"""`python -m tests.devnet install` fetches and compiles everything, so that later starts are fast."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from tests.devnet.artifacts import compiled, recipe_names
from tests.devnet.errors import DevnetError
from tests.devnet.packages import anvil, packages

if TYPE_CHECKING:
    from collections.abc import Sequence


def install() -> None:
    """Fetch the node and the packages, compile every recipe; what is cached is left alone."""
    print(f"node      {anvil()}")
    print(f"packages  {packages()}")
    for name in recipe_names():
        print(f"compiled  {name}: {len(compiled(name).contracts)} contracts")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code of the command: 0, or 1 after one sentence on standard error."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.devnet", description="The local chain of the tests."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("install", help="fetch the node and the contract packages and compile them")
    parser.parse_args(arguments)
    try:
        install()
    except DevnetError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
