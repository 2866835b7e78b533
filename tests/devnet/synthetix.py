"""Synthetix Perps V2 on the local chain: operations on its markets, and their own word on an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.devnet.chain import Contract, Receipt, bytes32
from tests.devnet.deployment import Deployment, DeploymentEntry, Site, TokenEntry
from tests.devnet.multicall3 import MULTICALL3
from tests.devnet.synthetix_deploy import (
    MARKETS,
    Amount,
    Globals,
    artifacts,
    as_owner,
    deploy_perps,
    market_abi,
    rates_of,
    settings_of,
    stand_ins,
    units,
)
from tests.devnet.tokens import Feeds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.devnet.prices import Quotes

# Slippage limits that no fill of a test reaches.
ANY_BUYING_PRICE, ANY_SELLING_PRICE = 10**36, 0


@dataclass(frozen=True)
class MarginAccount:
    """What a market says of an account at the present price, all with 18 decimals.

    `margin` and `last_price` are as last settled, `funding_index` where funding was then;
    `remaining_margin` and `liquidation_price` are cut off at zero.
    """

    margin: int
    size: int
    last_price: int
    funding_index: int
    profit_loss: int
    accrued_funding: int
    remaining_margin: int
    accessible_margin: int
    liquidation_price: int
    can_liquidate: bool


class SynthetixPerpsV2(Deployment):
    """The markets sETHPERP and sBTCPERP. Amounts are whole coins or sUSD as int, Decimal or text.

    One margin account per market and user: margins are not shared between markets.
    """

    name = "synthetix_perps_v2"
    title = "Synthetix Perps V2 local"
    deployer = 3

    def __init__(self, site: Site, addresses: Mapping[str, str]) -> None:
        super().__init__(site, addresses)
        real, mocks, at = artifacts(), stand_ins(), site.chain.at
        site.chain.errors.learn(mocks.errors())
        self.resolver = at(real["AddressResolver"], addresses["address_resolver"])
        self.manager = at(real["FuturesMarketManager"], addresses["futures_market_manager"])
        self.settings = at(real["PerpsV2MarketSettings"], addresses["settings"])
        self.status = at(real["SystemStatus"], addresses["system_status"])
        self.market_data = at(real["PerpsV2MarketData"], addresses["market_data"])
        self.rates = at(mocks["StandInExchangeRates"], addresses["exchange_rates"])
        self.exchanger = at(mocks["StandInExchanger"], addresses["exchanger"])
        self.susd = at(mocks["StandInSynthUSD"], addresses["susd"])
        self.feeds = Feeds(site.chain, {"sUSD": addresses["feed sUSD"]})
        abi = market_abi()
        self.markets: Mapping[str, Contract] = {
            key: at(abi, addresses[f"market {key}"], key) for key in MARKETS
        }

    @classmethod
    def deploy(cls, site: Site) -> dict[str, str]:
        """Deploy the system with its two markets."""
        return deploy_perps(site)

    def write_prices(self, quotes: Quotes) -> None:
        """Write the market into the exchange rates, which take one sUSD for one dollar, and its own feed."""
        self.rates.send("set", *rates_of(quotes.scaled))
        self.feeds.write(quotes)

    def deployment_entry(self) -> DeploymentEntry:
        """This system as crossmargin's configuration names it."""
        names = ("address_resolver", "futures_market_manager", "susd")
        return DeploymentEntry(self.name, self.title, {name: self.addresses[name] for name in names})

    def token_entries(self) -> list[TokenEntry]:
        """The stablecoin in which margins are paid, with a feed of what the market pays for it."""
        feed = self.addresses["feed sUSD"]
        return [TokenEntry(self.susd.address, "sUSD", 18, "USD", "synthetic_usd", feed)]

    def fund(self) -> None:
        """Open positions on both sides of both markets, longs ahead, so that funding accrues."""
        for key, long, short in (("sETHPERP", 60, -57), ("sBTCPERP", 2, "-1.9")):
            self.open(self.site.account("lp"), key, margin=60_000, size=long)
            self.open(self.site.account("borrower"), key, margin=60_000, size=short)

    def seed(self) -> None:
        """The short ETH perp of the hedged wallet."""
        self.open(self.site.account("hedged"), "sETHPERP", margin=1_600, size=-8)

    def open(self, user: str, market: str, *, margin: Amount, size: Amount) -> None:
        """Deposit a margin and take a position with it."""
        self.deposit(user, market, margin)
        self.modify(user, market, size)

    def deposit(self, user: str, market: str, amount: Amount) -> Receipt:
        """Issue sUSD to the user and pay it into the margin."""
        self.susd.send("issue", user, units(amount))
        return self.markets[market].send("transferMargin", units(amount), sender=user)

    def withdraw(self, user: str, market: str, amount: Amount | None = None) -> Receipt:
        """Take an amount out of the margin, or all that is accessible."""
        if amount is None:
            return self.markets[market].send("withdrawAllMargin", sender=user)
        return self.markets[market].send("transferMargin", -units(amount), sender=user)

    def modify(self, user: str, market: str, size_delta: Amount) -> Receipt:
        """Buy (positive) or sell (negative) at once."""
        delta = units(size_delta)
        return self.markets[market].send("modifyPosition", delta, _limit(delta), sender=user)

    def close(self, user: str, market: str) -> Receipt:
        """Close the position; the margin stays."""
        size = self.account(user, market).size
        return self.markets[market].send("closePosition", _limit(-size), sender=user)

    def submit_delayed_order(
        self, user: str, market: str, size_delta: Amount, delay_seconds: int = 60
    ) -> Receipt:
        """Leave an order that a keeper may execute later; its deposit is taken from the margin now."""
        delta = units(size_delta)
        arguments = (delta, delay_seconds, _limit(delta))
        return self.markets[market].send("submitDelayedOrder", *arguments, sender=user)

    def execute_delayed_order(self, user: str, market: str) -> Receipt:
        """Execute a user's order as a keeper, who is paid its deposit."""
        keeper = self.site.account("keeper")
        return self.markets[market].send("executeDelayedOrder", user, sender=keeper)

    def cancel_delayed_order(self, user: str, market: str) -> Receipt:
        """Cancel one's own order, which must be too old to execute; the deposit returns to the margin."""
        return self.markets[market].send("cancelDelayedOrder", user, sender=user)

    def submit_offchain_order(self, user: str, market: str, size_delta: Amount) -> Receipt:
        """Leave an order that is filled at a price from outside of the chain; its deposit is taken now."""
        delta = units(size_delta)
        return self.markets[market].send("submitOffchainDelayedOrder", delta, _limit(delta), sender=user)

    def flag(self, user: str, market: str) -> Receipt:
        """Flag a liquidatable position. Raises `TransactionReverted` if it is not."""
        return self.markets[market].send("flagPosition", user, sender=self.site.account("liquidator"))

    def liquidate(self, user: str, market: str) -> Receipt:
        """Liquidate a flagged position. Raises `TransactionReverted` if it is not flagged or too big."""
        return self.markets[market].send("liquidatePosition", user, sender=self.site.account("keeper"))

    def account(self, user: str, market: str, block: int | str = "latest") -> MarginAccount:
        """A market's own word on an account."""
        details = self.market_data.call("positionDetails", self.markets[market].address, user, block=block)
        position = details["position"]
        return MarginAccount(
            margin=position["margin"],
            size=position["size"],
            last_price=position["lastPrice"],
            funding_index=position["lastFundingIndex"],
            profit_loss=details["profitLoss"],
            accrued_funding=details["accruedFunding"],
            remaining_margin=details["remainingMargin"],
            accessible_margin=details["accessibleMargin"],
            liquidation_price=details["liquidationPrice"],
            can_liquidate=details["canLiquidatePosition"],
        )

    def set_rate(self, market: str, rate: int) -> None:
        """Write any rate (18 decimals) for this protocol only; the next change of prices undoes it."""
        self.rates.send("set", [bytes32(MARKETS[market])], [rate])

    def set_rate_invalid(self, market: str, *, invalid: bool = True) -> None:
        """Mark a rate as one not to be used; the next change of prices undoes it."""
        self.rates.send("setInvalid", bytes32(MARKETS[market]), invalid)

    def suspend(self, market: str) -> None:
        """Suspend a market: no operation at all, liquidation included."""
        access = (bytes32("Futures"), MULTICALL3, True, True)
        calls = [
            (self.status, "updateAccessControl", access),
            (self.status, "suspendFuturesMarket", (bytes32(market), 1)),
        ]
        as_owner(self.chain, calls)

    def endorse(self, address: str) -> None:
        """Let an address liquidate positions of any size, for no fee."""
        as_owner(self.chain, [(self.manager, "addEndorsedAddresses", ([address],))])

    def set_globals(self, values: Globals) -> None:
        """Change the settings that all markets share."""
        as_owner(self.chain, settings_of(self.settings, values))

    def set_parameter(self, market: str, name: str, value: int) -> None:
        """Change one parameter of a market, such as `SkewScale` or `LiquidationBufferRatio`."""
        as_owner(self.chain, [(self.settings, f"set{name}", (bytes32(market), value))])


def _limit(size_delta: int) -> int:
    return ANY_BUYING_PRICE if size_delta > 0 else ANY_SELLING_PRICE
