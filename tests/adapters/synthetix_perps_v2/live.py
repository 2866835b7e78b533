"""The local chain seen through the adapter, for the tests that ask the real contracts."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.synthetix_perps_v2.margin import PerpsV2Rule
from aggregator.contract import Adapter, Deployment
from aggregator.model.accounts import Account
from aggregator.model.positions import Perp, Supply
from aggregator.model.readings import Reading
from tests.devnet.synthetix import MarginAccount
from tests.devnet.world import World
from tests.reading_kit import read_accounts

ETH_MARKET, BTC_MARKET = "sETHPERP", "sBTCPERP"
COINS = {ETH_MARKET: "ETH", BTC_MARKET: "BTC"}


@dataclass(frozen=True)
class Site:
    """The local chain with the adapter over its deployment."""

    world: World
    adapter: Adapter
    deployment: Deployment

    def read(self, user: str) -> Reading:
        """What the adapter reads of a user now."""
        return read_accounts(self.world.node.url, self.adapter, user)

    def account(self, user: str, market: str) -> Account:
        """The user's account in a market."""
        [found] = [account for account in self.read(user).accounts if account.label == f"Synthetix {market}"]
        return found

    def rule(self, user: str, market: str) -> PerpsV2Rule:
        """The rule of the user's account in a market."""
        rule = self.account(user, market).rule
        assert isinstance(rule, PerpsV2Rule)
        return rule

    def said(self, user: str, market: str) -> MarginAccount:
        """The market's own word."""
        return self.world.synthetix.account(user, market)


def flip(rule: PerpsV2Rule, time: int) -> int | None:
    """The last price, going against losses, at which the rule says liquidatable; None where there is none."""
    asset, entry = rule.feed.asset, rule.last_price
    bad, good = (1, 100 * entry) if rule.size > 0 else (100 * entry, 1)
    if not rule.health({asset: bad}, time).liquidatable:
        return None
    while abs(good - bad) > 1:
        middle = (good + bad) // 2
        if rule.health({asset: middle}, time).liquidatable:
            bad = middle
        else:
            good = middle
    return bad


def supplies(account: Account) -> list[Supply]:
    return [position for position in account.positions if isinstance(position, Supply)]


def equity(account: Account) -> int:
    """Margin, profit, funding and deposits, in sUSD with 18 decimals."""
    perps = [position for position in account.positions if isinstance(position, Perp)]
    return sum(one.raw for one in supplies(account)) + sum(one.pnl_raw + one.funding_raw for one in perps)
