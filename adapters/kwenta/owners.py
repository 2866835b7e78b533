"""Finds a wallet's smart margin accounts in Kwenta's factory: one round, and one more that proves each."""

from __future__ import annotations

from collections.abc import Collection

from aggregator.contract import Deployment, Deployments, Function, Owned, Owners, Read, ask, attempt, both
from aggregator.model.errors import BadConfiguration, ReadError
from aggregator.model.readings import Block
from aggregator.model.units import Address, scaled

NAME = "kwenta"
ZERO = Address("0x" + "0" * 40)
SUSD_DECIMALS = 18

# Factory
ACCOUNTS_OWNED_BY: Function[tuple[Address, ...]] = Function("getAccountsOwnedBy(address)(address[])")
IS_ACCOUNT: Function[bool] = Function("accounts(address)(bool)")

# Account
OWNER: Function[Address] = Function("owner()(address)")
COMMITTED_MARGIN: Function[int] = Function("committedMargin()(uint256)")


class SmartMargin:
    """Accounts of one owner each, who may have any number; what they hold is theirs alone to withdraw."""

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
        """Every account that the factory lists for the owner; it follows a change of owner."""
        [accounts] = yield from ask([ACCOUNTS_OWNED_BY.at(deployment.addresses["factory"], owner)])
        return tuple(dict.fromkeys(accounts))

    def prove(
        self,
        deployment: Deployment,
        owner: Address,
        address: Address,
        block: Block,  # noqa: ARG002
    ) -> Read[Owned | None]:
        """Whether the factory built the account, and the account itself names the owner.

        It counts: a delegate may trade, but neither withdraw nor leave the owner a debt, as all margins are
        isolated. An account that does not tell what it committed is proven all the same: accounts are
        upgraded, and that is a remark only.
        """
        [built], ([holder], [committed]) = yield from both(
            ask([IS_ACCOUNT.at(deployment.addresses["factory"], address)]),
            both(ask([OWNER.at(address)]), attempt([COMMITTED_MARGIN.at(address)])),
        )
        if not built or holder != owner:
            return None
        via = "Kwenta smart margin"
        if isinstance(committed, ReadError):
            via += ", commitments to conditional orders unknown"
        elif committed:
            via += f", {scaled(committed, SUSD_DECIMALS):.2f} sUSD committed to conditional orders"
        return Owned(via, counts=True)

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:  # noqa: ARG002
        """Whether the factory answers."""
        yield from ask([ACCOUNTS_OWNED_BY.at(deployment.addresses["factory"], ZERO)])
        return ("the factory answers",)


def build(deployments: Deployments) -> Owners:
    """The finder; raises BadConfiguration where an entry lacks its factory."""
    for entry in deployments.entries:
        if "factory" not in entry.addresses:
            raise BadConfiguration(entry.key, "addresses.factory is missing")
    return SmartMargin(deployments)
