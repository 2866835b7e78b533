"""Venus' core pool on the local chain: operations on its markets, and its own word on an account."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.devnet import multicall3
from tests.devnet.chain import Contract, Receipt
from tests.devnet.deployment import Deployment, DeploymentEntry, Site, TokenEntry
from tests.devnet.errors import DevnetError
from tests.devnet.venus_deploy import (
    DECIMALS,
    MARKETS,
    NATIVE,
    artifacts,
    deploy_core_pool,
    prices_of,
    stand_ins,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.devnet.prices import Quotes

Amount = Decimal | int | str


@dataclass(frozen=True)
class Liquidity:
    """What `getAccountLiquidity` answers: an error code, and USD with 18 decimals."""

    error: int
    liquidity: int
    shortfall: int


class VenusCore(Deployment):
    """The core pool. Amounts are whole tokens as int, Decimal or text."""

    name = "venus_core"
    deployer = 6
    title = "Venus core local"

    def __init__(self, site: Site, addresses: Mapping[str, str]) -> None:
        super().__init__(site, addresses)
        contracts, at = artifacts(), site.chain.at
        site.chain.errors.learn(contracts.errors())
        self.comptroller = at(contracts["DiamondConsolidated"], addresses["comptroller"], "Comptroller")
        self.oracle = at(stand_ins()["StandInVenusOracle"], addresses["oracle"])
        self.vai_controller = at(contracts["VAIController"], addresses["vai_controller"])
        self.vai = at(contracts["VAI"], addresses["vai"])
        self.liquidator = at(contracts["Liquidator"], addresses["liquidator"])
        self.markets = {
            symbol: at(
                contracts["VBNB" if symbol == NATIVE else "VBep20Immutable"],
                addresses[f"v{symbol}"],
                f"v{symbol}",
            )
            for symbol in MARKETS
        }

    @classmethod
    def deploy(cls, site: Site) -> dict[str, str]:
        """Deploy the pool with its six markets."""
        return deploy_core_pool(site)

    def write_prices(self, quotes: Quotes) -> None:
        """Write the market into the oracle; VAI and the native coin stay where they are."""
        self.set_prices(prices_of(quotes))

    def set_prices(self, prices: Mapping[str, int]) -> None:
        """Write any prices, zero included, with 36 decimals less those of the token; VAI goes by `VAI`."""
        keys = [self.vai.address if s == "VAI" else self.markets[s].address for s in prices]
        self.oracle.send("set", keys, list(prices.values()))

    def deployment_entry(self) -> DeploymentEntry:
        """This pool as crossmargin's configuration names it; a block of the local chain takes a second."""
        addresses = {
            "comptroller": self.addresses["comptroller"],
            "native_market": self.addresses[f"v{NATIVE}"],
        }
        return DeploymentEntry("compound_v2", self.title, addresses, {"seconds_per_block": "1"})

    def token_entries(self) -> list[TokenEntry]:
        """VAI, a synthetic dollar."""
        return [TokenEntry(self.vai.address, "VAI", 18, "USD", "synthetic_usd")]

    def units(self, symbol: str, amount: Amount) -> int:
        """An amount of whole tokens in the smallest unit."""
        scaled = Decimal(amount).scaleb(18 if symbol == "VAI" else DECIMALS[symbol])
        if scaled != int(scaled):
            raise DevnetError(f"{symbol} has too few decimals for {amount}")
        return int(scaled)

    def liquidity(self, user: str) -> Liquidity:
        """The comptroller's own word, by what its markets have stored."""
        return Liquidity(*self.comptroller.call("getAccountLiquidity", user))

    def snapshot(self, user: str, symbol: str) -> tuple[int, int, int]:
        """vTokens, debt and exchange rate as stored."""
        _, tokens, debt, rate = self.markets[symbol].call("getAccountSnapshot", user)
        return tokens, debt, rate

    def supply(self, user: str, symbol: str, amount: Amount, *, enter: bool = True) -> None:
        """Mint tokens to the user and supply them; `enter` makes them collateral."""
        units, market = self.units(symbol, amount), self.markets[symbol]
        if symbol == NATIVE:
            self._give_native(user, units)
            market.send("mint", sender=user, value=units)
        else:
            self._mint_and_approve(user, symbol, units)
            self._checked(market, "mint", units, sender=user)
        if enter:
            self.comptroller.send("enterMarkets", [market.address], sender=user)

    def redeem(self, user: str, symbol: str, v_tokens: int) -> None:
        """Redeem so many vTokens."""
        self._checked(self.markets[symbol], "redeem", v_tokens, sender=user)

    def borrow(self, user: str, symbol: str, amount: Amount) -> None:
        """Borrow; the tokens stay with the user. Minting VAI is borrowing it."""
        if symbol == "VAI":
            self._checked(self.vai_controller, "mintVAI", self.units(symbol, amount), sender=user)
        else:
            self._checked(self.markets[symbol], "borrow", self.units(symbol, amount), sender=user)

    def repay(self, user: str, symbol: str, amount: Amount) -> None:
        """Mint what is needed, then repay an amount."""
        units = self.units(symbol, amount)
        if symbol == NATIVE:
            self._give_native(user, units)
            self.markets[symbol].send("repayBorrow", sender=user, value=units)
        else:
            self._mint_and_approve(user, symbol, units)
            self._checked(self.markets[symbol], "repayBorrow", units, sender=user)

    def accrue(self, symbols: Sequence[str] = tuple(MARKETS)) -> Receipt:
        """Have markets and VAI add their interest, all in one transaction and so in one block."""
        calls = [(self.markets[symbol], "accrueInterest", ()) for symbol in symbols]
        return self.batch([*calls, (self.vai_controller, "accrueVAIInterest", ())])

    def batch(self, calls: Sequence[tuple[Contract, str, tuple[object, ...]]]) -> Receipt:
        """Several calls in one transaction, sent by Multicall3. Raises `TransactionReverted`."""
        packed = [(contract.address, False, contract.encode(name, *args)) for contract, name, args in calls]
        return multicall3.attach(self.chain).send("aggregate3", packed)

    def enter_pool(self, user: str, pool: int) -> None:
        """Choose another set of risk parameters; 0 is the core pool's."""
        self.comptroller.send("enterPool", pool, sender=user)

    def pause(self, symbol: str, action: int, *, paused: bool = True) -> None:
        """Pause an action on a market: 3 repay, 4 seize, 5 liquidate."""
        target = self.vai_controller if symbol == "VAI" else self.markets[symbol]
        self.comptroller.send("setActionsPaused", [target.address], [action], paused)

    def mine(self, blocks: int) -> None:
        """Mine so many blocks, one second apart, in one request."""
        self.chain.node.rpc("anvil_mine", hex(blocks), hex(1))

    def fund(self) -> None:
        """Supply deep liquidity and borrow a good part of it, so that interest accrues both ways."""
        provider, borrower = self.site.account("lp"), self.site.account("borrower")
        liquidity: dict[str, Amount] = {"USDC": 10_000_000, "DAI": 5_000_000, "WETH": 5_000, "WBTC": 100}
        for symbol, amount in {**liquidity, "wstETH": 1_000, NATIVE: 2_000}.items():
            self.supply(provider, symbol, amount)
        self.supply(borrower, "WBTC", 600)
        for symbol, amount in {"USDC": 6_000_000, "DAI": 2_000_000, "WETH": 800, NATIVE: 500}.items():
            self.borrow(borrower, symbol, amount)

    def seed(self) -> None:
        """The seeded wallets have nothing here."""

    def _give_native(self, user: str, units: int) -> None:
        node = self.chain.node
        node.set_balance(user, node.balance(user) + units)

    def _mint_and_approve(self, user: str, symbol: str, units: int) -> None:
        token = self.tokens[symbol]
        token.send("mint", user, units)
        token.send("approve", self.markets[symbol].address, units, sender=user)

    def _checked(self, contract: Contract, function: str, units: int, *, sender: str) -> None:
        """Send what answers an error code instead of reverting; raises `DevnetError` where it does."""
        receipt = contract.send(function, units, sender=sender)
        failures = contract.events(receipt, "Failure")
        if failures:
            raise DevnetError(f"{contract.name}.{function} answered an error code: {failures}")
