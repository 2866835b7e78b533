"""Pytest fixtures: name this module in `pytest_plugins` of the root conftest.

`world` is one node per test process, for tests that only read. `devnet` is the same node, with
everything that the test does undone afterwards. A test that kills or freezes the node starts its
own with `World.start()`.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.devnet.errors import DevnetUnavailable
from tests.devnet.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """A local chain with all protocols and seeded wallets; do not change it, see `devnet`."""
    with ExitStack() as stack:
        try:
            started = stack.enter_context(World.start())
        except DevnetUnavailable as error:
            pytest.fail(str(error), pytrace=False)
        yield started


@pytest.fixture
def devnet(world: World) -> Iterator[World]:
    """The local chain for one test that may do anything to it: positions, prices, time."""
    with world.isolated():
        yield world
