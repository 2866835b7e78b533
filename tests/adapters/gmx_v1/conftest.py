"""The local chain with the adapter over it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.adapters.gmx_v1.live import Site
from tests.devnet.fixtures import started
from tests.devnet.gmx_v1 import GmxV1
from tests.devnet.world import World


@pytest.fixture(scope="session")
def perps_world() -> Iterator[World]:
    """The chain of this folder's tests, with the one protocol: its blocks are mined faster so."""
    yield from started((GmxV1,))


@pytest.fixture
def site(perps_devnet: World) -> Site:
    """The local chain, to do anything to."""
    return Site.over(perps_devnet, perps_devnet.gmx_v1)
