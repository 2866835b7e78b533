"""Proxies and smart wallets on the local chain, deployed by a test that wants them.

The Safe is the real one, from the artifacts that `@safe-global/safe-contracts` 1.4.1 ships. No package ships
DSProxy or Instadapp's accounts: those are stand-ins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.devnet.artifacts import compiled, shipped
from tests.devnet.chain import ZERO_ADDRESS, Contract
from tests.devnet.deployment import DeploymentEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.devnet.world import World

DEPLOYER = 8


class OwnerContracts:
    """The registries, and what is built by them. Every holder may send transactions: the node lets it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chain = chain = world.chain.using(world.chain.accounts[DEPLOYER])
        self.stand_ins = compiled("owners")
        self._proxy = self.stand_ins["StandInDSProxy"]
        self._account = self.stand_ins["StandInInstadappAccount"]
        self.registry = chain.deploy(self.stand_ins["StandInProxyRegistry"])
        self.list = chain.deploy(self.stand_ins["StandInInstaList"])
        safe = shipped("@safe-global/safe-contracts", "build/artifacts/contracts")
        self._safe = safe["Safe"]
        self._singleton = chain.deploy(safe["Safe"])
        self._factory = chain.deploy(safe["SafeProxyFactory"])
        world.node.rpc("anvil_autoImpersonateAccount", True)  # noqa: FBT003  # a JSON value

    def proxy(self, owner: str) -> Contract:
        """The DSProxy of an owner, built in the registry."""
        self.registry.send("build", owner)
        return self.chain.at(self._proxy, self.registry.call("proxies", owner))

    def account(self, owner: str, *others: str) -> Contract:
        """An Instadapp account of an owner, who then lets others in."""
        self.list.send("build", owner)
        address = self.list.call("accountAddr", self.list.call("accounts"))
        account = self.chain.at(self._account, address)
        for other in others:
            account.send("add", other, sender=owner)
        return account

    def safe(self, owners: Sequence[str], threshold: int) -> Contract:
        """A Safe of these owners."""
        setup = self._singleton.encode(
            "setup", list(owners), threshold, ZERO_ADDRESS, b"", ZERO_ADDRESS, ZERO_ADDRESS, 0, ZERO_ADDRESS
        )
        nonce = self.chain.node.block_number
        receipt = self._factory.send("createProxyWithNonce", self._singleton.address, setup, nonce)
        [created] = self._factory.events(receipt, "ProxyCreation")
        return self.chain.at(self._safe, created["proxy"])

    def entries(self) -> list[DeploymentEntry]:
        """What crossmargin's configuration says of them."""
        return [
            DeploymentEntry("dsproxy", "DSProxy local", {"registry": self.registry.address}),
            DeploymentEntry(
                "instadapp", "Instadapp local", {"list": self.list.address, "resolver": self.list.address}
            ),
            DeploymentEntry("safe", "Safe local", {}),
        ]

    def config(self, more: str = "") -> str:
        """The configuration of the world with these, and further TOML."""
        return self.world.config(self.entries()) + more
