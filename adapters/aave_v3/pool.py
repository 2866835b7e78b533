"""A market's pool: its version, and whom it asks for prices and for leave to liquidate."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.aave_v3.calls import (
    PRICE_ORACLE,
    RESERVES,
    REVISION,
    SENTINEL,
)
from adapters.aave_v3.versions import Version, version_of
from aggregator.contract import Deployment, Read, ask, attempt, both
from aggregator.model.errors import ReadError
from aggregator.model.units import Address

NO_ADDRESS = Address("0x" + "0" * 40)


@dataclass(frozen=True, slots=True)
class Pool:
    """A market's pool with what must be known before its reserves can be read.

    `sentinel` is no address where nothing but the pool itself can hold liquidations up.
    """

    address: Address
    revision: int
    version: Version
    oracle: Address
    sentinel: Address
    assets: tuple[Address, ...]


def identify(deployment: Deployment) -> Read[Pool]:
    """One round: the pool's revision, its reserves, and the oracle and sentinel that it asks now.

    Raises Unsupported on a revision that versions.py does not know.
    """
    pool = deployment.addresses["pool"]
    provider = deployment.addresses["addresses_provider"]
    ([revision], [assets]), ([oracle], [sentinel]) = yield from both(
        both(ask([REVISION.at(pool)]), ask([RESERVES.at(pool)])),
        both(ask([PRICE_ORACLE.at(provider)]), attempt([SENTINEL.at(provider)])),
    )
    version = version_of(revision, deployment.name)
    if not version.sentinel:
        sentinel = NO_ADDRESS
    elif isinstance(sentinel, ReadError):
        raise sentinel
    return Pool(pool, revision, version, oracle, sentinel, assets)
