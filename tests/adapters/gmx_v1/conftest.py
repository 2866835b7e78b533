"""The local chain with the adapter over it."""

from __future__ import annotations

import pytest

from tests.adapters.gmx_v1.live import Site
from tests.devnet.world import World


@pytest.fixture
def site(perps_devnet: World) -> Site:
    """The local chain, to do anything to."""
    return Site.over(perps_devnet, perps_devnet.gmx_v1)
