"""GMX V1 on the local chain, by stand-ins, since no package ships the contracts; operations on its vault."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.devnet.artifacts import Artifact, compiled
from tests.devnet.chain import MAX_UINT256, Contract, Receipt
from tests.devnet.deployment import Deployment, DeploymentEntry, Site
from tests.devnet.errors import DevnetError
from tests.devnet.tokens import FEED_DECIMALS, KINDS, Feeds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.devnet.prices import Quotes

Amount = Decimal | int | str
# Least early profit and spread in basis points; stablecoins that are taken for a dollar at least.
TOKENS: Mapping[str, tuple[int, int]] = {"WETH": (150, 2), "WBTC": (150, 5), "USDC": (0, 0), "DAI": (0, 0)}
STABLE = ("USDC", "DAI")
STRICT = ("USDC",)
ROLES: Mapping[str, str] = {
    "vault": "StandInGmxVault",
    "reader": "StandInGmxReader",
    "glp_manager": "StandInGmxGlpManager",
    "fee_glp": "StandInGmxRewardTracker",
    "staked_glp": "StandInGmxRewardTracker",
    "order_book": "StandInGmxOrderBook",
    "position_router": "StandInGmxPositionRouter",
}
DOLLAR = 10**30
COOLDOWN_SECONDS = 900
EXECUTION_FEE_WEI = 3 * 10**14


def usd(amount: Amount) -> int:
    """Dollars with 30 decimals. Raises `DevnetError` for a float."""
    if isinstance(amount, float):
        raise DevnetError(f"write {amount!r} as text or Decimal: a float is no exact amount")
    return int(Decimal(amount).scaleb(30))


class GmxV1(Deployment):
    """One vault with WETH and WBTC to trade, USDC and DAI as collateral of shorts."""

    name = "gmx_v1"
    title = "GMX V1 local"
    deployer = 42

    def __init__(self, site: Site, addresses: Mapping[str, str]) -> None:
        super().__init__(site, addresses)
        at, made = site.chain.at, self.artifacts()
        parts = {role: at(made[kind], addresses[role], role) for role, kind in ROLES.items()}
        self.vault: Contract = parts["vault"]
        self.reader: Contract = parts["reader"]
        self.manager: Contract = parts["glp_manager"]
        self.fee_glp: Contract = parts["fee_glp"]
        self.staked_glp: Contract = parts["staked_glp"]
        self.order_book: Contract = parts["order_book"]
        self.router: Contract = parts["position_router"]
        self.price_feed = at(made["StandInGmxPriceFeed"], addresses["price_feed"])
        self.glp = at(compiled("devnet")["MintableToken"], addresses["glp"], "GLP")
        self.feeds = Feeds(site.chain, {token: addresses[f"feed {token}"] for token in TOKENS})

    @classmethod
    def artifacts(cls) -> Mapping[str, Artifact]:
        """The contracts by name."""
        return compiled("gmx_v1_stand_ins").contracts

    @classmethod
    def deploy(cls, site: Site) -> dict[str, str]:
        """Deploy the stand-ins with the tokens of `TOKENS` and the fees that the real vaults had."""
        chain, made = site.chain, cls.artifacts()
        feeds = Feeds.deploy(chain, site.prices.quotes, TOKENS)
        price_feed, vault = chain.deploy(made["StandInGmxPriceFeed"]), chain.deploy(made["StandInGmxVault"])
        vault.send("initialize", price_feed.address, usd(5), 100, 100)
        vault.send("setFundingRate", 3_600, 100, 100)
        vault.send("setMarginFees", 10, usd(5), 3 * 3_600)
        vault.send("setMaxLeverage", 1_000_000)
        for token, (least_profit, spread) in TOKENS.items():
            address, stable = site.tokens[token].address, token in STABLE
            price_feed.send("setTokenConfig", address, feeds[token], FEED_DECIMALS, token in STRICT)
            price_feed.send("setSpreadBasisPoints", address, spread)
            decimals = KINDS[token].decimals
            vault.send("setTokenConfig", address, decimals, 10_000, least_profit, 0, stable, not stable)
        glp = chain.deploy(compiled("devnet")["MintableToken"], "GMX LP", "GLP", 18)
        weth = site.tokens["WETH"].address
        arguments: Mapping[str, tuple[str | int, ...]] = {
            "reader": (),
            "glp_manager": (vault.address, glp.address, COOLDOWN_SECONDS),
            "fee_glp": (weth,),
            "staked_glp": (weth,),
            "order_book": (vault.address, weth),
            "position_router": (vault.address, weth),
        }
        parts = {role: chain.deploy(made[ROLES[role]], *given) for role, given in arguments.items()}
        parts["fee_glp"].send("setDepositToken", glp.address, True)  # noqa: FBT003
        parts["staked_glp"].send("setDepositToken", parts["fee_glp"].address, True)  # noqa: FBT003
        return {
            "vault": vault.address,
            "price_feed": price_feed.address,
            "glp": glp.address,
            **{role: part.address for role, part in parts.items()},
            **{f"feed {token}": address for token, address in feeds.items()},
        }

    def write_prices(self, quotes: Quotes) -> None:
        """Write the market into the aggregators that the price feed reads."""
        self.feeds.write(quotes)

    def deployment_entry(self) -> DeploymentEntry:
        """This vault as crossmargin's configuration names it."""
        names = (*ROLES, "glp")
        return DeploymentEntry(self.name, self.title, {name: self.addresses[name] for name in names})

    def fund(self) -> None:
        """A pool, and traders on both sides who pay it for a month."""
        provider, trader = self.site.account("lp"), self.site.account("borrower")
        for token, amount in (("WETH", 1_000), ("WBTC", 50), ("USDC", 3_000_000), ("DAI", 500_000)):
            self.add_liquidity(provider, token, amount)
        self.open(trader, "WETH", size=400_000, collateral=("WETH", 60))
        self.open(trader, "WBTC", size=300_000, collateral=("USDC", 90_000), is_long=False)

    def seed(self) -> None:
        """A long and a short of the hedged wallet, staked GLP, and an order."""
        hedged = self.site.account("hedged")
        self.open(hedged, "WETH", size=9_000, collateral=("WETH", 1))
        self.open(hedged, "WBTC", size=6_000, collateral=("USDC", 1_500), is_long=False)
        self.stake(hedged, self.add_liquidity(hedged, "USDC", 4_000))

    def give(self, user: str, token: str, amount: Amount, spender: str) -> int:
        """Mint tokens to a user and let a contract take them; the amount in the smallest unit."""
        self.tokens.mint(token, user, amount)
        self.tokens[token].send("approve", spender, MAX_UINT256, sender=user)
        return self.tokens.units(token, amount)

    def add_liquidity(self, user: str, token: str, amount: Amount) -> int:
        """Pay tokens into the pool; how much GLP that makes."""
        raw = self.give(user, token, amount, self.manager.address)
        before = self.glp.call("balanceOf", user)
        self.manager.send("addLiquidity", self.tokens[token].address, raw, 0, 0, sender=user)
        return int(self.glp.call("balanceOf", user) - before)

    def stake(self, user: str, amount: int) -> None:
        """Stake GLP in the fee tracker and what that gives in the other one."""
        self.glp.send("approve", self.fee_glp.address, MAX_UINT256, sender=user)
        self.fee_glp.send("stake", self.glp.address, amount, sender=user)
        self.staked_glp.send("stake", self.fee_glp.address, amount, sender=user)

    def place(self, index: str, collateral: str, *, is_long: bool) -> tuple[str, str, bool]:
        """Where a position is, as the vault takes it."""
        return self.tokens[collateral].address, self.tokens[index].address, is_long

    def open(
        self, user: str, index: str, *, size: Amount, collateral: tuple[str, Amount], is_long: bool = True
    ) -> Receipt:
        """Open or add to a position of so many dollars."""
        token, amount = collateral
        paid, of, side = self.place(index, token, is_long=is_long)
        if amount:
            self.tokens.mint(token, user, amount)
            self.tokens.spend(token, user, self.vault.address, amount)
        return self.vault.send("increasePosition", user, paid, of, usd(size), side, sender=user)

    def close(
        self, user: str, index: str, collateral: str, *, size: Amount, out: Amount = 0, is_long: bool = True
    ) -> Receipt:
        """Reduce a position by so many dollars and take out collateral."""
        paid, of, side = self.place(index, collateral, is_long=is_long)
        return self.vault.send(
            "decreasePosition", user, paid, of, usd(out), usd(size), side, user, sender=user
        )

    def liquidate(self, user: str, index: str, collateral: str, *, is_long: bool = True) -> Receipt:
        """Liquidate a position. Raises `TransactionReverted` if it may not be."""
        liquidator = self.site.account("liquidator")
        at = self.place(index, collateral, is_long=is_long)
        return self.vault.send("liquidatePosition", user, *at, liquidator, sender=liquidator)

    def state(self, user: str, index: str, collateral: str, *, is_long: bool = True) -> tuple[int, int]:
        """The vault's own word: state of liquidation and margin fees, funding as stored."""
        at = self.place(index, collateral, is_long=is_long)
        state, fees = self.vault.call("validateLiquidation", user, *at, False)  # noqa: FBT003
        return state, fees

    def order_increase(
        self, user: str, index: str, paid: str, amount: Amount, *, size: Amount, price: Amount
    ) -> None:
        """An order to add to a long once the price is below another."""
        raw, of = self.give(user, paid, amount, self.order_book.address), self.tokens[index].address
        order = (
            self.tokens[paid].address,
            raw,
            of,
            of,
            usd(size),
            True,
            usd(price),
            False,
            EXECUTION_FEE_WEI,
        )
        self.order_book.send("createIncreaseOrder", order, sender=user, value=EXECUTION_FEE_WEI)

    def order_decrease(self, user: str, index: str, collateral: str, *, size: Amount, price: Amount) -> None:
        """An order to reduce a long once the price is above another."""
        paid, of, side = self.place(index, collateral, is_long=True)
        order = (paid, 0, of, usd(size), side, usd(price), True, EXECUTION_FEE_WEI)
        self.order_book.send("createDecreaseOrder", order, sender=user, value=EXECUTION_FEE_WEI)

    def order_swap(self, user: str, paid: str, into: str, amount: Amount) -> None:
        """An order to swap one token into another."""
        raw = self.give(user, paid, amount, self.order_book.address)
        path = [self.tokens[paid].address, self.tokens[into].address, "0x" + "0" * 40]
        order = (path, raw, 0, 0, True, False, EXECUTION_FEE_WEI)
        self.order_book.send("createSwapOrder", order, sender=user, value=EXECUTION_FEE_WEI)

    def cancel_order(self, user: str, number: int) -> None:
        """Cancel an order to add to a position."""
        self.order_book.send("cancelIncreaseOrder", number, sender=user)

    def request_increase(
        self, user: str, index: str, paid: str, amount: Amount, *, size: Amount, is_long: bool = True
    ) -> None:
        """Ask keepers to add to a position."""
        raw = self.give(user, paid, amount, self.router.address)
        path, of = [self.tokens[paid].address], self.tokens[index].address
        arguments = (path, of, raw, usd(size), is_long, 0)
        self.router.send("createIncreasePosition", *arguments, sender=user, value=EXECUTION_FEE_WEI)

    def request_decrease(self, user: str, index: str, *, size: Amount) -> None:
        """Ask keepers to reduce a long."""
        arguments = (self.tokens[index].address, 0, usd(size), True)
        self.router.send("createDecreasePosition", *arguments, sender=user, value=EXECUTION_FEE_WEI)

    def cancel_request(self, user: str, number: int) -> None:
        """Cancel a request to add to a position; the first one has the number 1."""
        self.router.send("cancelIncreasePosition", number, sender=user)
