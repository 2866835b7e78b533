"""Finds a wallet's Instadapp accounts: one round, and one more that proves each.

The list of accounts by authority is linked, an entry a round; the protocol's own resolver walks it in one
call, and the list's count says whether it walked to the end.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from aggregator.contract import Deployment, Deployments, Function, Owned, Owners, Read, ask, both
from aggregator.model.errors import BadConfiguration, MalformedReply
from aggregator.model.readings import Block
from aggregator.model.units import Address

NAME = "instadapp"
ROLES = ("list", "resolver")
ZERO = Address("0x" + "0" * 40)


class Account(NamedTuple):
    """What the resolver says of an account."""

    id: int
    account: Address
    version: int
    authorities: tuple[Address, ...]


USER_LINK: Function[tuple[int, int, int]] = Function("userLink(address)(uint64,uint64,uint64)")
ACCOUNTS: Function[tuple[Address, ...]] = Function("getAuthorityAccounts(address)(address[])")
DETAILS: Function[Account] = Function(
    "getAccountDetails(address)((uint256 id,address account,uint256 version,address[] authorities))",
    into=lambda found: Account(*found),
)
IS_AUTH: Function[bool] = Function("isAuth(address)(bool)")


class Instadapp:
    """Smart accounts, each with any number of authorities, of whom everyone may act alone."""

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
        """Every account that the owner is an authority of.

        Raises MalformedReply where the resolver and the list count differently: one would be missed.
        """
        call = ACCOUNTS.at(deployment.addresses["resolver"], owner)
        [accounts], [(_, _, count)] = yield from both(
            ask([call]), ask([USER_LINK.at(deployment.addresses["list"], owner)])
        )
        if len(set(accounts)) != count:
            why = f"{len(set(accounts))} accounts, of which the list counts {count}"
            raise MalformedReply(call.origin, why)
        return tuple(accounts)

    def prove(
        self,
        deployment: Deployment,
        owner: Address,
        address: Address,
        block: Block,  # noqa: ARG002
    ) -> Read[Owned | None]:
        """Whether the account itself takes the owner's word.

        It counts where the owner is its only authority: anybody can make others authorities of an account.
        """
        [allowed], [account] = yield from both(
            ask([IS_AUTH.at(address, owner)]), ask([DETAILS.at(deployment.addresses["resolver"], address)])
        )
        if not allowed or account.id == 0:
            return None
        count = len(account.authorities)
        if owner not in account.authorities:
            raise MalformedReply(f"isAuth(address)@{address}", "an authority that the list does not know")
        via = f"Instadapp account {account.id}"
        return Owned(via if count == 1 else f"{via}, one of {count} authorities", counts=count == 1)

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:  # noqa: ARG002
        """Whether list and resolver answer."""
        yield from both(
            ask([ACCOUNTS.at(deployment.addresses["resolver"], ZERO)]),
            ask([USER_LINK.at(deployment.addresses["list"], ZERO)]),
        )
        return ("the list and its resolver answer",)


def build(deployments: Deployments) -> Owners:
    """The finder; raises BadConfiguration where an entry lacks an address."""
    for entry in deployments.entries:
        for role in ROLES:
            if role not in entry.addresses:
                raise BadConfiguration(entry.key, f"addresses.{role} is missing")
    return Instadapp(deployments)
