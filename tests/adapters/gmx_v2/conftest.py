"""The local chain with the adapter over it."""

from __future__ import annotations

import pytest

from tests.adapters.gmx_v2.live import Site, site_of
from tests.devnet.world import World


@pytest.fixture
def site(perps_devnet: World) -> Site:
    """The local chain, to do anything to."""
    return site_of(perps_devnet)
