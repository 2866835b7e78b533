"""Proves that a linked address is a Safe of the wallet, in one round; finds none by itself.

No contract lists the Safes of an owner, and no log does either: SafeSetup carries the first owners without an
index, and AddedOwner, which names later ones, has an index only since 1.4.
"""

from __future__ import annotations

from collections.abc import Collection

from aggregator.contract import Deployment, Deployments, Function, Owned, Owners, Read, ask, both
from aggregator.model.errors import MalformedReply
from aggregator.model.readings import Block
from aggregator.model.units import Address

NAME = "safe"

IS_OWNER: Function[bool] = Function("isOwner(address)(bool)")
THRESHOLD: Function[int] = Function("getThreshold()(uint256)")
OWNERS: Function[tuple[Address, ...]] = Function("getOwners()(address[])")


class Safes:
    """Wallets of several owners, of whom `threshold` must sign."""

    name = NAME
    finds = False

    def __init__(self, deployments: Deployments) -> None:
        self.deployments: Collection[Deployment] = deployments.entries

    def find(
        self,
        deployment: Deployment,  # noqa: ARG002
        owner: Address,  # noqa: ARG002
        block: Block,  # noqa: ARG002
    ) -> Read[tuple[Address, ...]]:
        """Nothing: see the top of this file."""
        yield from ()
        return ()

    def prove(
        self,
        deployment: Deployment,  # noqa: ARG002
        owner: Address,
        address: Address,
        block: Block,  # noqa: ARG002
    ) -> Read[Owned | None]:
        """Whether the owner is one of the Safe's; it counts where one signature is enough."""
        ([is_owner], [threshold]), [owners] = yield from both(
            both(ask([IS_OWNER.at(address, owner)]), ask([THRESHOLD.at(address)])), ask([OWNERS.at(address)])
        )
        if is_owner != (owner in owners) or not 1 <= threshold <= len(owners):
            raise MalformedReply(f"getOwners()@{address}", "owners and a threshold that no Safe has")
        if not is_owner:
            return None
        return Owned(f"Safe {threshold} of {len(owners)}", counts=threshold == 1)

    def probe(
        self,
        deployment: Deployment,  # noqa: ARG002
        block: Block,  # noqa: ARG002
    ) -> Read[tuple[str, ...]]:
        """Nothing is asked: a Safe answers for itself."""
        yield from ()
        return ("a Safe answers for itself",)


def build(deployments: Deployments) -> Owners:
    """The finder, for every chain that has an entry."""
    return Safes(deployments)
