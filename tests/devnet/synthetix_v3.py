"""Synthetix V3 perps on the local chain: operations on its accounts, and its own word on one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.devnet.chain import Receipt, bytes32
from tests.devnet.deployment import Deployment, DeploymentEntry, Site, TokenEntry
from tests.devnet.synthetix_deploy import Amount, units
from tests.devnet.synthetix_v3_deploy import (
    BTC,
    ETH,
    S_ETH,
    SNX_USD,
    SYNTHS,
    Parameters,
    add_market,
    artifacts,
    deploy_v3,
    feed_id,
    perps_abi,
    prices,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.devnet.prices import Quotes

ANY_BUYING_PRICE, ANY_SELLING_PRICE = 10**30, 0
# The largest id that an account may have.
LARGEST_ID = 2**127 - 1


@dataclass(frozen=True)
class Margins:
    """The perps market's own word on an account, in USD with 18 decimals."""

    available: int
    initial: int
    maintenance: int
    reward: int
    can_liquidate: bool
    can_liquidate_margin_only: bool


class SynthetixV3(Deployment):
    """The perps market with ETH and BTC. Amounts are whole coins or USD as int, Decimal or text."""

    name = "synthetix_v3"
    title = "Synthetix V3 local"
    deployer = 43

    def __init__(self, site: Site, addresses: Mapping[str, str]) -> None:
        super().__init__(site, addresses)
        real, at = artifacts(), site.chain.at
        self.perps = at(perps_abi(), addresses["perps_market"], "PerpsMarketProxy")
        self.oracle = at(real["StandInSynthetixV3Oracle"], addresses["oracle_manager"])
        self.spot = at(real["StandInSynthetixV3Spot"], addresses["spot_market"])
        self.core = at(real["StandInSynthetixV3Core"], addresses["core"])
        self.account_token = at(real["StandInSynthetixV3AccountToken"], addresses["account"])
        token = real["StandInSynthetixV3Token"]
        self.token = {
            SNX_USD: at(token, addresses["usd"]),
            **{identity: at(token, addresses[f"synth {name}"]) for identity, name in SYNTHS.items()},
        }

    @classmethod
    def deploy(cls, site: Site) -> dict[str, str]:
        """Deploy the system with its two markets."""
        return deploy_v3(site)

    def write_prices(self, quotes: Quotes) -> None:
        """Write the market into the oracle manager and the spot market."""
        self.set_prices(quotes.scaled("ETH", 18), quotes.scaled("BTC", 18))

    def set_prices(self, eth: int, btc: int) -> None:
        """Prices with 18 decimals for this protocol only; the next change of the market undoes it."""
        prices(self.oracle, self.spot, {"ETH": eth, "BTC": btc})

    def set_index(self, market: int, price: int) -> None:
        """The index price of one market, with 18 decimals, that of its synth left alone."""
        self.oracle.send("set", [feed_id(market)], [price])

    def set_price(self, symbol: str, price: int) -> None:
        """The index price of a market of `list_market`, with 18 decimals."""
        self.oracle.send("set", [bytes32(symbol)], [price])

    def list_market(self, market: int, symbol: str, price: int, values: Parameters) -> None:
        """Add a market, and credit of the pool for positions of any worth."""
        add_market(self.perps, market, symbol, symbol, self.oracle.address, values)
        self.set_price(symbol, price)
        self.core.send("setCredit", 10**40)

    def deployment_entry(self) -> DeploymentEntry:
        """This system as crossmargin's configuration names it."""
        roles = ("perps_market", "account", "spot_market", "oracle_manager", "usd")
        return DeploymentEntry(self.name, self.title, {role: self.addresses[role] for role in roles})

    def token_entries(self) -> list[TokenEntry]:
        """snxUSD and the synths."""
        usd = TokenEntry(self.addresses["usd"], "snxUSD", 18, "USD", "synthetic_usd")
        synths = [
            TokenEntry(self.addresses[f"synth {name}"], name, 18, name[1:], "base")
            for name in SYNTHS.values()
        ]
        return [usd, *synths]

    def fund(self) -> None:
        """Open positions on both sides of both markets, longs ahead, so that funding accrues."""
        for number, (role, sign) in enumerate((("lp", 1), ("borrower", -1)), start=1):
            user = self.site.account(role)
            self.create(user, number)
            self.deposit(user, number, SNX_USD, 1_000_000)
            self.trade(user, number, ETH, sign * 400 if sign < 0 else 600)
            self.trade(user, number, BTC, sign * 20 if sign < 0 else 26)

    def seed(self) -> None:
        """Two accounts of the hedged wallet: a short of ETH, and a long of BTC with synths as margin."""
        user = self.site.account("hedged")
        self.create(user, 17)
        self.deposit(user, 17, SNX_USD, 3_000)
        self.trade(user, 17, ETH, -8)
        self.create(user, LARGEST_ID)
        self.deposit(user, LARGEST_ID, SNX_USD, 500)
        self.deposit(user, LARGEST_ID, S_ETH, 2)
        self.trade(user, LARGEST_ID, BTC, "0.5")

    def create(self, user: str, account: int) -> Receipt:
        """Create an account."""
        return self.perps.send("createAccount", account, sender=user)

    def deposit(self, user: str, account: int, collateral: int, amount: Amount) -> Receipt:
        """Mint snxUSD or a synth to the user and pay it into an account."""
        self.token[collateral].send("mint", user, units(amount))
        # The perps market takes synths itself; snxUSD is the core system's to burn.
        return self.perps.send("modifyCollateral", account, collateral, units(amount), sender=user)

    def withdraw(self, user: str, account: int, collateral: int, amount: Amount) -> Receipt:
        """Take margin out of an account."""
        return self.perps.send("modifyCollateral", account, collateral, -units(amount), sender=user)

    def commit(self, user: str, account: int, market: int, size_delta: Amount) -> Receipt:
        """Leave an order that a keeper settles a second later."""
        delta = units(size_delta)
        limit = ANY_BUYING_PRICE if delta > 0 else ANY_SELLING_PRICE
        request = (market, account, delta, 0, limit, bytes32(""), "0x" + "0" * 40)
        return self.perps.send("commitOrder", request, sender=user)

    def settle(self, account: int) -> Receipt:
        """Settle an account's order as a keeper."""
        return self.perps.send("settleOrder", account, sender=self.site.account("keeper"))

    def trade(self, user: str, account: int, market: int, size_delta: Amount) -> Receipt:
        """Commit an order and settle it."""
        self.commit(user, account, market, size_delta)
        return self.settle(account)

    def liquidate(self, account: int) -> Receipt:
        """Liquidate an account, or go on with one that is flagged. Raises `TransactionReverted`."""
        return self.perps.send("liquidate", account, sender=self.site.account("liquidator"))

    def liquidate_margin_only(self, account: int) -> Receipt:
        """Liquidate an account without positions that owes more than it has."""
        return self.perps.send("liquidateMarginOnly", account, sender=self.site.account("liquidator"))

    def margins(self, account: int, block: int | str = "latest") -> Margins:
        """The perps market's own word on an account."""
        call = self.perps.call
        initial, maintenance, reward = call("getRequiredMargins", account, block=block)
        return Margins(
            available=call("getAvailableMargin", account, block=block),
            initial=initial,
            maintenance=maintenance,
            reward=reward,
            can_liquidate=call("canLiquidate", account, block=block),
            can_liquidate_margin_only=call("canLiquidateMarginOnly", account, block=block),
        )

    def collateral(self, account: int, collateral: int) -> int:
        """How much of a collateral an account has, with 18 decimals."""
        found: int = self.perps.call("getCollateralAmount", account, collateral)
        return found
