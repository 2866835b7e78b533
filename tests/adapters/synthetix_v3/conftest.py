"""The local chain with the adapter over it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.synthetix_v3.adapter import build
from aggregator.contract import Deployment, Deployments
from aggregator.model.units import ChainId, parse_address
from tests.adapters.synthetix_v3.live import Site
from tests.devnet.fixtures import started
from tests.devnet.synthetix_v3 import SynthetixV3
from tests.devnet.world import World


@pytest.fixture(scope="session")
def perps_world() -> Iterator[World]:
    """The chain of this folder's tests, with the one protocol: its blocks are mined faster so."""
    yield from started((SynthetixV3,))


@pytest.fixture
def site(perps_devnet: World) -> Site:
    """The local chain, to do anything to."""
    entry = perps_devnet.synthetix_v3.deployment_entry()
    addresses = {role: parse_address(address) for role, address in entry.addresses.items()}
    chain = ChainId(perps_devnet.node.chain_id)
    deployment = Deployment(entry.adapter, chain, entry.name, addresses, "local node")
    return Site(perps_devnet, build(Deployments((deployment,), ())), deployment)
