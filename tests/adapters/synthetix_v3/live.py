"""The local chain seen through the adapter, for the tests that ask the perps market itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.synthetix_v3.margin import SynthetixV3Rule
from aggregator.contract import Adapter, Call, Deployment, Function, Request
from aggregator.model.accounts import Account
from aggregator.model.readings import Reading
from aggregator.model.rules import prices_of
from aggregator.model.units import parse_address
from tests.devnet.synthetix_v3 import SynthetixV3
from tests.devnet.world import World
from tests.reading_kit import Change, altered, pin, read_accounts, run_read


@dataclass(frozen=True)
class Site:
    """The local chain with the adapter over its deployment."""

    world: World
    adapter: Adapter
    deployment: Deployment

    @property
    def perps(self) -> SynthetixV3:
        """The deployment's kit."""
        return self.world.synthetix_v3

    def read(self, user: str) -> Reading:
        """What the adapter reads of a user now."""
        return read_accounts(self.world.node.url, self.adapter, user)

    def account(self, user: str, number: int) -> Account:
        """One account of a user."""
        [found] = [one for one in self.read(user).accounts if one.id.endswith(f":{number}")]
        return found

    def rule(self, user: str, number: int) -> SynthetixV3Rule:
        """The rule of one account of a user."""
        rule = self.account(user, number).rule
        assert isinstance(rule, SynthetixV3Rule)
        return rule

    def now(self) -> int:
        """Time of the latest block."""
        return pin(self.world.node.url).timestamp

    def tampered(self, user: str, change: Change) -> Reading:
        """A read of a user whose replies are changed on the way; raises what it raises."""
        block = pin(self.world.node.url)
        read = self.adapter.read(self.deployment, parse_address(user), block)
        return run_read(self.world.node.url, self.deployment.chain, altered(read, change))


def at(rule: SynthetixV3Rule, eth: int, btc: int) -> dict[Any, int]:
    """Prices of a rule's feeds where ETH and BTC, and so their synths, cost this."""
    read = prices_of(rule)
    names = {position.feed.asset: position.name for position in rule.positions}
    return {
        asset: {"ETH": eth, "BTC": btc}[names[asset]] if asset in names else (eth if price < 10**22 else btc)
        for asset, price in read.items()
    }


def answer(function: Function[Any], value: Any) -> Change:
    """Every reply of a function becomes this value, or what it makes of the true one."""

    def change(request: Request[Any], reply: Any) -> Any:
        if isinstance(request, Call) and request.function is function:
            return value(reply) if callable(value) else value
        return reply

    return change
