"""The adapter on the option market of the local chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.lyra_v1.adapter import LyraAdapter, build
from aggregator.contract import Deployment, Deployments
from aggregator.model.units import ChainId, parse_address
from tests.reading_kit import read_accounts

if TYPE_CHECKING:
    from aggregator.model.readings import Reading
    from tests.devnet.world import World


def local_adapter(world: World) -> LyraAdapter:
    """The adapter as the kit's configuration entry makes it."""
    entry = world.lyra_v1.deployment_entry()
    deployment = Deployment(
        adapter=entry.adapter,
        chain=ChainId(world.node.chain_id),
        name=entry.name,
        addresses={role: parse_address(address) for role, address in entry.addresses.items()},
        source="tests/devnet",
    )
    return build(Deployments((deployment,), ()))


def read(world: World, wallet: str) -> Reading:
    """What the adapter reads of a wallet at the latest block."""
    return read_accounts(world.node.url, local_adapter(world), wallet)
