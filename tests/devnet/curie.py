"""Perpetual Protocol Curie on the local chain: operations on its markets, and its own word on an account."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import isqrt, log
from typing import TYPE_CHECKING

from tests.devnet.chain import MAX_UINT256, Contract, Receipt
from tests.devnet.curie_deploy import (
    COLLATERAL,
    CONTRACTS,
    MARKETS,
    TICK_SPACING,
    curie,
    deploy_curie,
    oracle,
    role,
    uniswap,
)
from tests.devnet.deployment import Deployment, DeploymentEntry, Site
from tests.devnet.errors import DevnetError
from tests.devnet.tokens import Feeds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.devnet.prices import Quotes

Amount = Decimal | int | str
NO_CODE = b"\0" * 32
DEADLINE = 2**255


def units(amount: Amount) -> int:
    """An amount of coins or dollars with 18 decimals. Raises `DevnetError` for a float."""
    if isinstance(amount, float):
        raise DevnetError(f"write {amount!r} as text or Decimal: a float is no exact amount")
    return int(Decimal(amount).scaleb(18))


@dataclass(frozen=True)
class CurieAccount:
    """What the contracts say of a trader, in USD with 18 decimals.

    `value` is the account value, cut to the settlement token's decimals as every check takes it;
    `requirement` is what a liquidation compares it with.
    """

    value: int
    requirement: int
    pending_funding: int
    owed_realized_pnl: int
    unrealized_pnl: int
    pending_fee: int
    collateral_liquidatable: bool

    @property
    def liquidatable(self) -> bool:
        """Whether positions may be taken over."""
        return self.value < self.requirement


class PerpCurie(Deployment):
    """The markets vETH and vBTC, settled in USDC, with WETH as a further collateral.

    The market of `prices` moves the index feeds only; `arbitrage` moves a pool towards its index.
    """

    name = "perp_curie"
    title = "Perp Curie local"
    deployer = 40

    def __init__(self, site: Site, addresses: Mapping[str, str]) -> None:
        super().__init__(site, addresses)
        at = site.chain.at
        parts = {role(name): at(curie()[name], addresses[role(name)], name) for name in CONTRACTS}
        self.clearing_house: Contract = parts["clearing_house"]
        self.config: Contract = parts["clearing_house_config"]
        self.registry: Contract = parts["market_registry"]
        self.account_balance: Contract = parts["account_balance"]
        self.exchange: Contract = parts["exchange"]
        self.order_book: Contract = parts["order_book"]
        self.vault: Contract = parts["vault"]
        self.collateral_manager: Contract = parts["collateral_manager"]
        self.insurance_fund: Contract = parts["insurance_fund"]
        self.bases = {name: at(curie()["BaseToken"], addresses[f"base {name}"], name) for name in MARKETS}
        self.pools = {name: at(uniswap("UniswapV3Pool"), addresses[f"pool {name}"]) for name in MARKETS}
        self.feeds = Feeds(site.chain, {coin: addresses[f"feed {coin}"] for coin in ("ETH", "BTC")})
        feed = oracle("ChainlinkPriceFeedV3")
        self.indices = {name: at(feed, addresses[f"index {name}"]) for name in MARKETS}
        self.collateral_feed = at(feed, addresses["collateral_feed"])

    @classmethod
    def deploy(cls, site: Site) -> dict[str, str]:
        """Deploy the protocol with its two markets; half an hour passes."""
        return deploy_curie(site)

    def write_prices(self, quotes: Quotes) -> None:
        """Write the market into the aggregators and have the protocol's feeds take note of it."""
        self.feeds.write(quotes)
        self.update_feeds()

    def update_feeds(self) -> None:
        """Have the protocol's feeds take note of the aggregators' answers."""
        for feed in (*self.indices.values(), self.collateral_feed):
            feed.send("update")

    def deployment_entry(self) -> DeploymentEntry:
        """This system as crossmargin's configuration names it."""
        names = ("clearing_house", "account_balance", "vault", "exchange")
        bases = {f"base_{name.lower()}": self.addresses[f"base {name}"] for name in MARKETS}
        return DeploymentEntry(
            self.name, self.title, {**{name: self.addresses[name] for name in names}, **bases}
        )

    def fund(self) -> None:
        """Makers on both markets, an insurance fund, and longs that pay funding for a month."""
        maker, taker = self.site.account("lp"), self.site.account("borrower")
        self.tokens.mint("USDC", self.insurance_fund.address, 50_000)
        self.deposit(maker, "USDC", 5_000_000)
        self.deposit(taker, "USDC", 200_000)
        for name in MARKETS:
            price = self.site.prices.quotes.usd(MARKETS[name].coin)
            self.add_liquidity(maker, name, quote=2_000_000, lower=price / 2, upper=price * 2)
        self.open(taker, "vETH", 20)
        self.open(taker, "vBTC", "-0.7")

    def seed(self) -> None:
        """The short ETH perp of the hedged wallet, on USDC and WETH; and a small range order."""
        hedged = self.site.account("hedged")
        self.deposit(hedged, "USDC", 2_000)
        self.deposit(hedged, COLLATERAL, "0.5")
        self.open(hedged, "vETH", -4)
        self.add_liquidity(hedged, "vBTC", quote=1_000, lower=36_000, upper=44_000)

    def deposit(self, user: str, token: str, amount: Amount) -> Receipt:
        """Mint a token to the user and pay it into the vault."""
        self.tokens.mint(token, user, amount)
        self.tokens[token].send("approve", self.vault.address, MAX_UINT256, sender=user)
        raw = self.tokens.units(token, amount)
        return self.vault.send("deposit", self.tokens[token].address, raw, sender=user)

    def open(self, user: str, market: str, size: Amount, sqrt_limit: int = 0) -> Receipt:
        """Buy (positive) or sell so many coins, up to a price."""
        delta = units(size)
        sells = delta < 0
        order = (self.bases[market].address, sells, sells, abs(delta), 0, DEADLINE, sqrt_limit, NO_CODE)
        return self.clearing_house.send("openPosition", order, sender=user)

    def close(self, user: str, market: str) -> Receipt:
        """Close the taker's position."""
        order = (self.bases[market].address, 0, 0, DEADLINE, NO_CODE)
        return self.clearing_house.send("closePosition", order, sender=user)

    def add_liquidity(
        self,
        user: str,
        market: str,
        *,
        quote: Amount,
        lower: Amount,
        upper: Amount,
        base: Amount | None = None,
    ) -> Receipt:
        """A range order between two prices, of so much of each; without `base` as much as quote is worth."""
        price = self.spot(market)
        coins = Decimal(quote) / price if base is None else Decimal(base)
        ticks = tuple(tick_near(one) for one in (lower, upper))
        order = (
            self.bases[market].address,
            units(round(coins, 18)),
            units(quote),
            *ticks,
            0,
            0,
            False,
            DEADLINE,
        )
        return self.clearing_house.send("addLiquidity", order, sender=user)

    def cancel_orders(self, user: str, market: str) -> Receipt:
        """Have a keeper cancel the orders of a maker without enough margin."""
        keeper = self.site.account("keeper")
        return self.clearing_house.send(
            "cancelAllExcessOrders", user, self.bases[market].address, sender=keeper
        )

    def liquidate(self, user: str, market: str) -> Receipt:
        """Take over as much of a position as may be. Raises `TransactionReverted` if none may."""
        liquidator = self.site.account("liquidator")
        if self.vault.call("getBalance", liquidator) == 0:
            self.deposit(liquidator, "USDC", 10_000_000)
        base = self.bases[market].address
        return self.clearing_house.send("liquidate(address,address)", user, base, sender=liquidator)

    def arbitrage(self, market: str, price: Amount, ticks: int = 900) -> None:
        """Trade a pool towards a price, by at most so many ticks (of 0.01%)."""
        trader = self.site.account("treasury")
        if self.vault.call("getBalance", trader) == 0:
            self.deposit(trader, "USDC", 100_000_000)
        now, wanted = self.sqrt_price(market), sqrt_of(price)
        furthest = 1.0001 ** (ticks / 2)
        limit = max(int(now / furthest), min(int(now * furthest), wanted))
        if limit != now:
            self.open(trader, market, 10_000 if limit > now else -10_000, sqrt_limit=limit)

    def spot(self, market: str) -> Decimal:
        """The price in the pool."""
        return Decimal(self.sqrt_price(market) ** 2 * 10**18 // 2**192).scaleb(-18)

    def sqrt_price(self, market: str) -> int:
        """The price in the pool as Uniswap keeps it."""
        return int(self.pools[market].call("slot0")[0])

    def mark(self, market: str) -> int:
        """The mark price with 18 decimals."""
        return int(self.account_balance.call("getMarkPrice", self.bases[market].address))

    def account(self, user: str, block: int | str = "latest") -> CurieAccount:
        """The contracts' own word on a trader."""
        balance = self.account_balance
        owed, unrealized, fee = balance.call("getPnlAndPendingFee", user, block=block)
        return CurieAccount(
            value=self.clearing_house.call("getAccountValue", user, block=block),
            requirement=balance.call("getMarginRequirementForLiquidation", user, block=block),
            pending_funding=self.exchange.call("getAllPendingFundingPayment", user, block=block),
            owed_realized_pnl=owed,
            unrealized_pnl=unrealized,
            pending_fee=fee,
            collateral_liquidatable=self.vault.call("isLiquidatable", user, block=block),
        )

    def pause_market(self, market: str) -> None:
        """Stop trading and funding in a market."""
        self.bases[market].send("pause")

    def close_market(self, market: str, price: Amount) -> None:
        """Settle a paused market at a price."""
        self.bases[market].send("close(uint256)", units(price))


def sqrt_of(price: Amount) -> int:
    """A price as Uniswap keeps it: its square root with 96 binary places."""
    return isqrt(units(price) * 2**192 // 10**18)


def tick_near(price: Amount) -> int:
    """The usable tick nearest to a price."""
    return round(log(float(price)) / log(1.0001) / TICK_SPACING) * TICK_SPACING
