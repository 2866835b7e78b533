"""The Ethereum Name Service on the local chain, deployed by a test that wants it.

Registry, reverse registrar and resolver are the real contracts, from the artifacts of `@ensdomains/ens`
0.6.2 and `@ensdomains/resolver` 0.3.1. Resolvers with wildcards or a gateway come in no package: stand-ins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aggregator.model.units import keccak
from aggregator.reading.ens import namehash
from tests.devnet.artifacts import compiled, shipped
from tests.devnet.chain import ZERO_ADDRESS, Contract

if TYPE_CHECKING:
    from tests.devnet.world import World

DEPLOYER = 8


class Names:
    """A registry, with `eth` and `reverse` given out by the deployer."""

    def __init__(self, world: World) -> None:
        self.chain = chain = world.chain.using(world.chain.accounts[DEPLOYER])
        contracts = shipped("@ensdomains/ens", "build/contracts")
        self._resolver = shipped("@ensdomains/resolver", "build/contracts")["PublicResolver"]
        self._stand_ins = compiled("owners")
        self.registry = chain.deploy(contracts["ENSRegistry"])
        self.resolver = chain.deploy(self._resolver, self.registry.address)
        self.reverse = chain.deploy(
            contracts["ReverseRegistrar"], self.registry.address, self.resolver.address
        )
        self.give("eth", chain.sender)
        self.give("reverse", chain.sender)
        self.give("addr.reverse", self.reverse.address)

    @property
    def setting(self) -> str:
        """What crossmargin's configuration says of it, within the chain's table."""
        return f'ens_registry = "{self.registry.address}"'

    def give(self, name: str, owner: str) -> None:
        """Make somebody the owner of a name; whoever owns the name above must be the deployer."""
        label, _, above = name.partition(".")
        self.registry.send("setSubnodeOwner", namehash(above), keccak(label.encode()), owner)

    def register(self, name: str, address: str, resolver: Contract | None = None) -> None:
        """A name of the deployer's with an address, or with a resolver that has its own answer."""
        self.give(name, self.chain.sender)
        at = resolver or self.resolver
        self.registry.send("setResolver", namehash(name), at.address)
        if resolver is None and address != ZERO_ADDRESS:
            self.resolver.send("setAddr(bytes32,address)", namehash(name), address)

    def call_oneself(self, address: str, name: str) -> None:
        """Set the name that an address gives itself, whatever that name means."""
        self.reverse.send("setName", name, sender=address)

    def wildcard(self, answer: str) -> Contract:
        """A resolver that answers the same for every name below its own."""
        return self.chain.deploy(self._stand_ins["StandInWildcardResolver"], answer)

    def offchain(self) -> Contract:
        """A resolver whose answers lie at a gateway."""
        return self.chain.deploy(self._stand_ins["StandInOffchainResolver"])
