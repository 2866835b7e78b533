"""The local chain with stand-ins, seen through the adapter."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.derive_v2.adapter import build
from adapters.derive_v2.margin import DeriveRule
from aggregator.contract import Deployment, Deployments
from aggregator.model.accounts import Account
from aggregator.model.readings import Reading
from aggregator.model.units import ChainId, parse_address
from tests.devnet.derive import Derive
from tests.devnet.world import World
from tests.reading_kit import pin, read_accounts


@dataclass(frozen=True)
class Site:
    """A world with Derive alone."""

    world: World

    @property
    def derive(self) -> Derive:
        """The kit's protocol."""
        return self.world.get(Derive)

    @property
    def deployment(self) -> Deployment:
        """As crossmargin's configuration has it."""
        entry = self.derive.deployment_entry()
        addresses = {role: parse_address(address) for role, address in entry.addresses.items()}
        chain = ChainId(self.world.node.chain_id)
        return Deployment(entry.adapter, chain, entry.name, addresses, "local node", entry.first_block)

    def read(self, user: str) -> Reading:
        """What the adapter reads of a user now."""
        return read_accounts(self.world.node.url, build(Deployments((self.deployment,), ())), user)

    def account(self, user: str, number: int) -> Account:
        """One account of a user."""
        [found] = [one for one in self.read(user).accounts if one.id.endswith(f":{number}")]
        return found

    def rule(self, user: str, number: int) -> DeriveRule:
        """The rule of an account."""
        rule = self.account(user, number).rule
        assert isinstance(rule, DeriveRule)
        return rule

    def now(self) -> int:
        """Time of the latest block."""
        return pin(self.world.node.url).timestamp
