"""Kwenta's smart margin accounts on the local chain, by stand-ins: no package ships the contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.devnet.artifacts import compiled
from tests.devnet.chain import Contract
from tests.devnet.deployment import DeploymentEntry

if TYPE_CHECKING:
    from tests.devnet.world import World

DEPLOYER = 8


class SmartMarginAccounts:
    """The factory, and what is built by it. Every account may send transactions: the node lets it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chain = chain = world.chain.using(world.chain.accounts[DEPLOYER])
        stand_ins = compiled("kwenta")
        self._account = stand_ins["StandInKwentaAccount"]
        self.factory = chain.deploy(stand_ins["StandInKwentaFactory"], world.synthetix.susd.address)
        world.node.rpc("anvil_autoImpersonateAccount", True)  # noqa: FBT003  # a JSON value

    def account(self, owner: str) -> Contract:
        """A new account of an owner."""
        receipt = self.factory.send("newAccount", sender=owner)
        [created] = self.factory.events(receipt, "NewAccount")
        return self.chain.at(self._account, created["account"])

    def entry(self) -> DeploymentEntry:
        """What crossmargin's configuration says of them."""
        return DeploymentEntry("kwenta", "Kwenta local", {"factory": self.factory.address})

    def config(self, more: str = "") -> str:
        """The configuration of the world with these, and further TOML."""
        return self.world.config([self.entry()]) + more
