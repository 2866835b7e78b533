"""The local chain with the adapter over it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.synthetix_perps_v2.adapter import build
from aggregator.contract import Deployment, Deployments
from aggregator.model.units import ChainId, parse_address
from tests.adapters.synthetix_perps_v2.live import Site
from tests.devnet.fixtures import started
from tests.devnet.synthetix import SynthetixPerpsV2
from tests.devnet.world import World


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """The chain of this folder's tests, with the one protocol: its blocks are mined faster so."""
    yield from started((SynthetixPerpsV2,))


@pytest.fixture
def site(devnet: World) -> Site:
    """The local chain, to do anything to."""
    entry = devnet.synthetix.deployment_entry()
    addresses = {role: parse_address(address) for role, address in entry.addresses.items()}
    deployment = Deployment(entry.adapter, ChainId(devnet.node.chain_id), entry.name, addresses, "local node")
    return Site(devnet, build(Deployments((deployment,), ())), deployment)
