"""Aave V3 on the local chain: operations on a market, and the protocol's own word on an account."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from tests.devnet.aave_deploy import RESERVES, deploy_v36, deploy_v301, v36, v301
from tests.devnet.chain import MAX_UINT256, Contract, Receipt
from tests.devnet.deployment import Deployment, DeploymentEntry, Site
from tests.devnet.tokens import Feeds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.devnet.artifacts import Bundle
    from tests.devnet.prices import Quotes

STABLE_RATE, VARIABLE_RATE = 1, 2
Amount = Decimal | int | str


@dataclass(frozen=True)
class AccountData:
    """What `getUserAccountData` answers: base amounts in USD with 8 decimals, health with 18.

    Without debt `health_factor` is 2**256 - 1.
    """

    collateral_base: int
    debt_base: int
    available_borrows_base: int
    threshold_bps: int
    ltv_bps: int
    health_factor: int


@dataclass(frozen=True)
class Liquidation:
    """A liquidation as the events of the pool and the aToken tell it, in the smallest units of the tokens.

    `seized` is what the liquidator got and `fee` the treasury; `bad_debt` what was written off, by symbol.
    """

    receipt: Receipt
    repaid: int
    seized: int
    fee: int
    bad_debt: Mapping[str, int]


class Aave(Deployment):
    """One Aave V3 market. Amounts are whole tokens as int, Decimal or text; `units` makes integers."""

    revision: ClassVar[int]
    pool_name: ClassVar[str]
    configurator_name: ClassVar[str]
    title: ClassVar[str]
    writes_off: ClassVar[bool]

    def __init__(self, site: Site, addresses: Mapping[str, str]) -> None:
        super().__init__(site, addresses)
        contracts, at = self.contracts(), site.chain.at
        site.chain.errors.learn(contracts.errors())
        self.pool = at(contracts[self.pool_name], addresses["pool"])
        self.configurator = at(contracts[self.configurator_name], addresses["configurator"])
        self.provider = at(contracts["PoolAddressesProvider"], addresses["addresses_provider"])
        self.oracle = at(contracts["AaveOracle"], addresses["oracle"])
        self.data_provider = at(contracts["AaveProtocolDataProvider"], addresses["data_provider"])
        self.ui_data_provider = at(contracts["UiPoolDataProviderV3"], addresses["ui_pool_data_provider"])
        self.feeds = Feeds(site.chain, {symbol: addresses[f"feed {symbol}"] for symbol in RESERVES})

    @classmethod
    @abstractmethod
    def contracts(cls) -> Bundle:
        """Artifacts of this version."""

    def write_prices(self, quotes: Quotes) -> None:
        """Write the market into the feeds of all reserves."""
        self.feeds.write(quotes)

    def deployment_entry(self) -> DeploymentEntry:
        """This market as crossmargin's configuration names it."""
        names = ("addresses_provider", "pool", "oracle", "data_provider", "ui_pool_data_provider")
        return DeploymentEntry("aave_v3", self.title, {name: self.addresses[name] for name in names})

    def asset(self, symbol: str) -> str:
        """Address of a reserve's token."""
        return self.tokens[symbol].address

    def a_token(self, symbol: str) -> Contract:
        """The aToken of a reserve."""
        return self.chain.at(self.contracts()["AToken"], self.addresses[f"aToken {symbol}"])

    def debt_token(self, symbol: str) -> Contract:
        """The variable debt token of a reserve."""
        return self.chain.at(self.contracts()["VariableDebtToken"], self.addresses[f"variableDebt {symbol}"])

    def account_data(self, user: str, block: int | str = "latest") -> AccountData:
        """The protocol's own totals and health factor of a user."""
        return AccountData(*self.pool.call("getUserAccountData", user, block=block))

    def supplied(self, user: str, symbol: str) -> int:
        """Supplied amount with interest, in the smallest unit."""
        found: int = self.a_token(symbol).call("balanceOf", user)
        return found

    def owed(self, user: str, symbol: str) -> int:
        """Variable debt with interest, in the smallest unit."""
        found: int = self.debt_token(symbol).call("balanceOf", user)
        return found

    def supply(self, user: str, symbol: str, amount: Amount) -> Receipt:
        """Mint tokens to the user and supply them."""
        self._mint_and_approve(user, symbol, self.tokens.units(symbol, amount))
        return self.pool.send(
            "supply", self.asset(symbol), self.tokens.units(symbol, amount), user, 0, sender=user
        )

    def withdraw(self, user: str, symbol: str, amount: Amount | None = None) -> Receipt:
        """Withdraw an amount, or everything."""
        return self.pool.send("withdraw", self.asset(symbol), self._or_all(symbol, amount), user, sender=user)

    def borrow(self, user: str, symbol: str, amount: Amount) -> Receipt:
        """Borrow at the variable rate; the tokens stay with the user."""
        units = self.tokens.units(symbol, amount)
        return self.pool.send("borrow", self.asset(symbol), units, VARIABLE_RATE, 0, user, sender=user)

    def repay(self, user: str, symbol: str, amount: Amount | None = None) -> Receipt:
        """Mint what is needed, then repay an amount, or the whole debt."""
        units = self._or_all(symbol, amount)
        # By the time of the transaction, some more interest has accrued.
        self._mint_and_approve(user, symbol, 2 * self.owed(user, symbol) if amount is None else units)
        return self.pool.send("repay", self.asset(symbol), units, VARIABLE_RATE, user, sender=user)

    def set_collateral(self, user: str, symbol: str, *, enabled: bool) -> Receipt:
        """Use a supplied reserve as collateral, or not."""
        return self.pool.send("setUserUseReserveAsCollateral", self.asset(symbol), enabled, sender=user)

    def set_emode(self, user: str, category: int) -> Receipt:
        """Enter an eMode category; 0 leaves it."""
        return self.pool.send("setUserEMode", category, sender=user)

    def liquidate(
        self,
        user: str,
        collateral: str,
        debt: str,
        cover: Amount | None = None,
        *,
        receive_a_token: bool = False,
    ) -> Liquidation:
        """Liquidate as much as is allowed, or at most `cover`, with tokens minted to the liquidator.

        Raises `TransactionReverted` if the pool refuses.
        """
        liquidator = self.site.account("liquidator")
        units = self._or_all(debt, cover)
        self._mint_and_approve(liquidator, debt, 2 * self.owed(user, debt) if cover is None else units)
        return self.liquidate_units(user, collateral, debt, units, receive_a_token=receive_a_token)

    def liquidate_units(
        self, user: str, collateral: str, debt: str, units: int, *, receive_a_token: bool = False
    ) -> Liquidation:
        """Liquidate at most so many smallest units, for which the liquidator has tokens and allowance."""
        arguments = (self.asset(collateral), self.asset(debt), user, units, receive_a_token)
        receipt = self.pool.send("liquidationCall", *arguments, sender=self.site.account("liquidator"))
        [event] = self.pool.events(receipt, "LiquidationCall")
        way = (user, self.site.account("treasury"))
        fees = [
            moved["value"]
            for moved in self.a_token(collateral).events(receipt, "Transfer")
            if (moved["from"], moved["to"]) == way
        ]
        return Liquidation(
            receipt=receipt,
            repaid=event["debtToCover"],
            seized=event["liquidatedCollateralAmount"],
            fee=sum(fees),
            bad_debt=self._bad_debt(receipt),
        )

    def _bad_debt(self, receipt: Receipt) -> Mapping[str, int]:
        """What a transaction wrote off, by symbol; before V3.3 the pool has no such event."""
        if not self.writes_off:
            return {}
        symbols = {self.asset(symbol): symbol for symbol in RESERVES}
        return {
            symbols[event["debtAsset"]]: event["amountCreated"]
            for event in self.pool.events(receipt, "DeficitCreated")
        }

    def set_feed(self, symbol: str, answer: int) -> None:
        """Write any answer into this market's feed only; the next change of prices undoes it."""
        self.feeds.set(symbol, answer)

    def set_feed_source(self, symbol: str, feed: str) -> None:
        """Have the oracle read a reserve's price from another contract."""
        self.oracle.send("setAssetSources", [self.asset(symbol)], [feed])

    def configure(self, symbol: str, *, ltv_bps: int, threshold_bps: int, bonus_bps: int) -> None:
        """Change the risk parameters of a reserve."""
        arguments = (self.asset(symbol), ltv_bps, threshold_bps, bonus_bps)
        self.configurator.send("configureReserveAsCollateral", *arguments)

    def freeze(self, symbol: str, *, frozen: bool = True) -> None:
        """Freeze a reserve: no new supply or debt."""
        self.configurator.send("setReserveFreeze", self.asset(symbol), frozen)

    def pause(self, symbol: str, *, paused: bool = True) -> None:
        """Pause a reserve: no operation at all, liquidation included."""
        self.configurator.send("setReservePause", self.asset(symbol), paused)

    def drop_reserve(self, symbol: str) -> None:
        """Take a reserve off the list; the pool refuses while anybody has supply or debt in it."""
        self.configurator.send("dropReserve", self.asset(symbol))

    def set_debt_ceiling(self, symbol: str, cents: int) -> None:
        """Isolate a reserve that nobody holds: alone as collateral, for so much debt at most."""
        self.configurator.send("setDebtCeiling", self.asset(symbol), cents)

    def silo(self, symbol: str) -> None:
        """Let a reserve that nobody owes be the only debt of those who borrow it."""
        self.configurator.send("setSiloedBorrowing", self.asset(symbol), True)  # noqa: FBT003

    def allow_in_isolation(self, symbol: str) -> None:
        """Let a reserve be borrowed against isolated collateral."""
        self.configurator.send("setBorrowableInIsolation", self.asset(symbol), True)  # noqa: FBT003

    def set_sentinel(self, *, grace_seconds: int) -> Contract:
        """Have the pool ask Aave's own sentinel; its sequencer oracle, up, to be set by the deployer."""
        contracts = v301()
        sequencer = self.chain.deploy(contracts["SequencerOracle"], self.chain.sender)
        sentinel = self.chain.deploy(
            contracts["PriceOracleSentinel"], self.provider.address, sequencer.address, grace_seconds
        )
        self.provider.send("setPriceOracleSentinel", sentinel.address)
        return sequencer

    def fund(self) -> None:
        """Supply deep liquidity and borrow a good part of it, so that interest accrues both ways."""
        provider, borrower = self.site.account("lp"), self.site.account("borrower")
        liquidity = {"USDC": 10_000_000, "DAI": 5_000_000, "WETH": 5_000, "WBTC": 100}
        for symbol, amount in liquidity.items():
            self.supply(provider, symbol, amount)
        self.supply(borrower, "WBTC", 500)
        for symbol, amount in {"USDC": 6_000_000, "DAI": 2_000_000, "WETH": 800}.items():
            self.borrow(borrower, symbol, amount)

    def spend(self, user: str, symbol: str, amount: Amount) -> None:
        """Have a user spend borrowed tokens elsewhere."""
        self.tokens.spend(symbol, user, self.site.account("merchant"), amount)

    def _or_all(self, symbol: str, amount: Amount | None) -> int:
        return MAX_UINT256 if amount is None else self.tokens.units(symbol, amount)

    def _mint_and_approve(self, user: str, symbol: str, units: int) -> None:
        token = self.tokens[symbol]
        token.send("mint", user, units)
        token.send("approve", self.pool.address, units, sender=user)


class AaveV36(Aave):
    """Aave V3.6, compiled from `@aave-dao/aave-v3-origin` 3.6.0."""

    name = "aave_v3_6"
    deployer = 1
    revision = 10
    pool_name = "PoolInstance"
    configurator_name = "PoolConfiguratorInstance"
    title = "Aave V3.6 local"
    writes_off = True

    @classmethod
    def contracts(cls) -> Bundle:
        """Artifacts of this version."""
        return v36()

    @classmethod
    def deploy(cls, site: Site) -> dict[str, str]:
        """Deploy the market with its five reserves."""
        return deploy_v36(site)

    def grant_grace(self, symbol: str, seconds: int) -> None:
        """Unpause a reserve with a time of grace in which nobody is liquidated over it."""
        self.configurator.send("setReservePause", self.asset(symbol), False, seconds)  # noqa: FBT003

    def seed(self) -> None:
        """A plain borrower, the collateral and debt of the hedged wallet, one close to liquidation."""
        unhedged, hedged, edge = (self.site.account(name) for name in ("unhedged", "hedged", "edge"))
        self.supply(unhedged, "WETH", 10)
        self.borrow(unhedged, "USDC", 12_000)
        self.spend(unhedged, "USDC", 12_000)

        self.supply(hedged, "WETH", 10)
        self.supply(hedged, "WBTC", "0.5")
        self.borrow(hedged, "USDC", 24_000)
        self.spend(hedged, "USDC", 22_500)

        # A loan alone cannot start below LT / LTV = 1.03; taking collateral out again can go to 1.
        self.supply(edge, "WETH", 5)
        self.borrow(edge, "USDC", 7_900)
        self.spend(edge, "USDC", 7_900)
        self.withdraw(edge, "WETH", "0.16")
        self.tokens.spend("WETH", edge, self.site.account("merchant"), "0.16")


class AaveV301(Aave):
    """Aave V3.0.1, from the artifacts that `@aave/core-v3` 1.19.3 ships."""

    name = "aave_v3_0_1"
    deployer = 2
    revision = 1
    pool_name = "Pool"
    configurator_name = "PoolConfigurator"
    title = "Aave V3.0.1 local"
    writes_off = False

    @classmethod
    def contracts(cls) -> Bundle:
        """Artifacts of this version."""
        return v301()

    @classmethod
    def deploy(cls, site: Site) -> dict[str, str]:
        """Deploy the market with its five reserves."""
        return deploy_v301(site)

    def borrow_stable(self, user: str, symbol: str, amount: Amount) -> Receipt:
        """Borrow at the stable rate, which later versions no longer have; allows it on the reserve first.

        The pool refuses more than a quarter of the reserve's free liquidity.
        """
        self.configurator.send("setReserveStableRateBorrowing", self.asset(symbol), True)  # noqa: FBT003
        units = self.tokens.units(symbol, amount)
        return self.pool.send("borrow", self.asset(symbol), units, STABLE_RATE, 0, user, sender=user)

    def stable_owed(self, user: str, symbol: str) -> int:
        """Debt at a stable rate with interest, in the smallest unit."""
        found: int = self.data_provider.call("getUserReserveData", self.asset(symbol), user)[1]
        return found

    def seed(self) -> None:
        """A borrower with two collaterals and two debts."""
        legacy = self.site.account("legacy")
        self.supply(legacy, "WETH", 5)
        self.supply(legacy, "WBTC", "0.4")
        for symbol, amount in {"USDC": 8_000, "DAI": 6_000}.items():
            self.borrow(legacy, symbol, amount)
            self.spend(legacy, symbol, amount)
