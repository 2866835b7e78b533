"""Derive V2 on a local chain of its own: stand-ins that speak its published interfaces.

The real contracts are in no registry. What they answered is a recording of the adapter's tests; here is what
tests may change: accounts, owners, balances, prices, auctions. One standard manager with one market, ETH.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.devnet.artifacts import Bundle, compiled
from tests.devnet.deployment import Deployment, DeploymentEntry, Site
from tests.devnet.synthetix_deploy import Amount, units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.devnet.chain import Receipt
    from tests.devnet.prices import Quotes

ROLES = ("sub_accounts", "cash", "auction", "matching", "srm")
EXPIRY_SECONDS = 90 * 86_400


def artifacts() -> Bundle:
    """The stand-ins."""
    return compiled("derive_stand_ins")


def series(expiry: int, strike: Amount, *, is_call: bool) -> int:
    """The number of an option."""
    return expiry | units(strike) // 10**10 << 32 | int(is_call) << 95


class Derive(Deployment):
    """Subaccounts under one standard manager. Amounts are whole units as int, Decimal or text."""

    name = "derive_v2"
    title = "Derive V2 local"
    deployer = 49

    def __init__(self, site: Site, addresses: Mapping[str, str]) -> None:
        super().__init__(site, addresses)
        real, at = artifacts(), site.chain.at
        self.accounts = at(real["StandInDeriveAccounts"], addresses["sub_accounts"])
        self.matching = at(real["StandInDeriveMatching"], addresses["matching"])
        self.cash = at(real["StandInDeriveAsset"], addresses["cash"])
        self.base = at(real["StandInDeriveAsset"], addresses["base"])
        self.feed = at(real["StandInDeriveFeed"], addresses["feed"])
        self.stable = at(real["StandInDeriveFeed"], addresses["stable"])
        self.perp = at(real["StandInDerivePerp"], addresses["perp"])
        self.auction = at(real["StandInDeriveAuction"], addresses["auction"])
        self.manager = at(real["StandInDeriveManager"], addresses["srm"])
        self.option = addresses["option"]

    @classmethod
    def deploy(cls, site: Site) -> dict[str, str]:
        """Deploy the stand-ins, with ETH at its price and the stable coin at one dollar."""
        real, chain = artifacts(), site.chain
        accounts = chain.deploy(real["StandInDeriveAccounts"])
        matching = chain.deploy(real["StandInDeriveMatching"], accounts.address)
        cash = chain.deploy(real["StandInDeriveAsset"], accounts.address, site.tokens["USDC"].address)
        base = chain.deploy(real["StandInDeriveAsset"], accounts.address, site.tokens["WBTC"].address)
        option = chain.deploy(real["StandInDeriveAsset"], accounts.address, site.tokens["WBTC"].address)
        feed, stable = (chain.deploy(real["StandInDeriveFeed"]) for _ in range(2))
        stable.send("set", units(1), units(1), False)  # noqa: FBT003 - a Solidity argument
        perp = chain.deploy(real["StandInDerivePerp"], accounts.address, feed.address)
        assets = [option.address, perp.address, base.address]
        manager = chain.deploy(
            real["StandInDeriveManager"],
            *(accounts.address, cash.address, feed.address, stable.address, assets),
        )
        return {
            "sub_accounts": accounts.address,
            "matching": matching.address,
            "cash": cash.address,
            "base": base.address,
            "option": option.address,
            "feed": feed.address,
            "stable": stable.address,
            "perp": perp.address,
            "auction": chain.deploy(real["StandInDeriveAuction"], accounts.address).address,
            "srm": manager.address,
        }

    def write_prices(self, quotes: Quotes) -> None:
        """Write the price of ETH."""
        self.set_price(quotes.scaled("ETH", 18))

    def set_price(self, price: int, confidence: Amount = 1, *, stale: bool = False) -> None:
        """The spot price with 18 decimals, its confidence, and whether the feed refuses to answer."""
        self.feed.send("set", price, units(confidence), stale)

    def deployment_entry(self) -> DeploymentEntry:
        """This deployment as crossmargin's configuration names it."""
        return DeploymentEntry(
            self.name, self.title, {role: self.addresses[role] for role in ROLES}, first_block=0
        )

    def fund(self) -> None:
        """Nobody else is needed."""

    def seed(self) -> None:
        """The hedged wallet writes calls against collateral."""
        account = self.create(self.site.account("hedged"))
        self.adjust(account, self.cash.address, 1_000)
        self.adjust(account, self.base.address, 2)
        expiry = self.site.chain.node.timestamp + EXPIRY_SECONDS
        self.adjust(account, self.option, -1, series(expiry, 2_500, is_call=True))

    def create(self, owner: str, manager: str | None = None) -> int:
        """A new account's number."""
        self.accounts.send("createAccount", owner, manager or self.manager.address)
        number: int = self.accounts.call("lastAccountId")
        return number

    def adjust(self, account: int, asset: str, amount: Amount, sub_id: int = 0) -> Receipt:
        """Change what an account has of an asset."""
        return self.accounts.send("adjust", account, asset, sub_id, units(amount))

    def open_perp(self, account: int, size: Amount, price: int) -> None:
        """A perp entered at a price with 18 decimals."""
        self.adjust(account, self.perp.address, size)
        funding = self.perp.call("aggregatedFunding")
        self.perp.send("set", account, (price, 0, 0, funding, self.site.chain.node.timestamp))

    def margin(self, account: int, *, initial: bool) -> int:
        """The manager's own word."""
        margin: int = self.manager.call("getMargin", account, initial)
        return margin
