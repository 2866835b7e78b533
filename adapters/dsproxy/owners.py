"""Finds the DSProxy of a wallet in a registry: one round, and one more that proves it."""

from __future__ import annotations

from collections.abc import Collection

from aggregator.contract import Deployment, Deployments, Function, Owned, Owners, Read, ask
from aggregator.model.errors import BadConfiguration
from aggregator.model.readings import Block
from aggregator.model.units import Address

NAME = "dsproxy"
ZERO = Address("0x" + "0" * 40)

PROXIES: Function[Address] = Function("proxies(address)(address)")
OWNER: Function[Address] = Function("owner()(address)")
CACHE: Function[Address] = Function("cache()(address)")


class DSProxies:
    """Proxies that a registry keeps by owner; it knows the last one that was built for each."""

    name = NAME
    finds = True

    def __init__(self, deployments: Deployments) -> None:
        self.deployments: Collection[Deployment] = deployments.entries

    def find(
        self,
        deployment: Deployment,
        owner: Address,
        block: Block,  # noqa: ARG002
    ) -> Read[tuple[Address, ...]]:
        """The proxy that the registry names, if any; it may have another owner by now."""
        [proxy] = yield from ask([PROXIES.at(deployment.addresses["registry"], owner)])
        return () if proxy == ZERO else (proxy,)

    def prove(
        self,
        deployment: Deployment,  # noqa: ARG002
        owner: Address,
        address: Address,
        block: Block,  # noqa: ARG002
    ) -> Read[Owned | None]:
        """Whether the proxy itself names the owner; contracts with an owner but without a cache are none."""
        holder, _ = yield from ask([OWNER.at(address), CACHE.at(address)])
        return Owned("DSProxy", counts=True) if holder == owner else None

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:  # noqa: ARG002
        """Whether the registry answers."""
        yield from ask([PROXIES.at(deployment.addresses["registry"], ZERO)])
        return ("the registry answers",)


def build(deployments: Deployments) -> Owners:
    """The finder; raises BadConfiguration where an entry lacks its registry."""
    for entry in deployments.entries:
        if "registry" not in entry.addresses:
            raise BadConfiguration(entry.key, "addresses.registry is missing")
    return DSProxies(deployments)
