"""The local chain with the adapter over it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.perp_curie.adapter import build
from aggregator.contract import Deployment, Deployments
from aggregator.model.units import ChainId, parse_address
from tests.adapters.perp_curie.live import Site
from tests.devnet.curie import PerpCurie
from tests.devnet.fixtures import started
from tests.devnet.world import World


@pytest.fixture(scope="session")
def perps_world() -> Iterator[World]:
    """The chain of this folder's tests, with the one protocol: its blocks are mined faster so."""
    yield from started((PerpCurie,))


@pytest.fixture
def site(perps_devnet: World) -> Site:
    """The local chain, to do anything to."""
    entry = perps_devnet.perp_curie.deployment_entry()
    addresses = {role: parse_address(address) for role, address in entry.addresses.items()}
    chain = ChainId(perps_devnet.node.chain_id)
    deployment = Deployment(entry.adapter, chain, entry.name, addresses, "local node")
    return Site(perps_devnet, build(Deployments((deployment,), ())), deployment)
