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
from tests.devnet.world import PERPS, PROTOCOLS, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.devnet.deployment import Deployment


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """A local chain with the protocols of `PROTOCOLS` and seeded wallets; do not change it, see `devnet`."""
    yield from started(PROTOCOLS)


@pytest.fixture(scope="session")
def perps_world() -> Iterator[World]:
    """A local chain with the protocols of `PERPS`; do not change it, see `perps_devnet`."""
    yield from started(PERPS)


def started(protocols: Sequence[type[Deployment]]) -> Iterator[World]:
    """What a fixture of another chain yields, such as a folder's `world` with the one protocol of its tests.

    A block takes the node the longer the more there is on the chain: it hashes every slot of every contract.
    """
    with ExitStack() as stack:
        try:
            started = stack.enter_context(World.start(protocols=protocols))
        except DevnetUnavailable as error:
            pytest.fail(str(error), pytrace=False)
        yield started


@pytest.fixture
def devnet(world: World) -> Iterator[World]:
    """The local chain for one test that may do anything to it: positions, prices, time."""
    with world.isolated():
        yield world


@pytest.fixture
def perps_devnet(perps_world: World) -> Iterator[World]:
    """The chain of further perpetuals for one test that may do anything to it."""
    with perps_world.isolated():
        yield perps_world
