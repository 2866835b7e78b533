"""Morpho Blue on the local chain: operations on its markets, and what its contract stores of them.

The contract, its interest rate model (as much APR as utilisation) and its oracles are those of npm
@morpho-org/morpho-blue 1.0.0. The vaults are OpenZeppelin's ERC-4626.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.devnet.artifacts import compiled
from tests.devnet.chain import MAX_UINT256, ZERO_ADDRESS, Contract, Receipt
from tests.devnet.deployment import Deployment, DeploymentEntry, Site
from tests.devnet.tokens import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.devnet.artifacts import Bundle
    from tests.devnet.prices import Quotes

WAD = 10**18
Amount = Decimal | int | str


@dataclass(frozen=True)
class MarketKind:
    """A market by its tokens' symbols; no collateral means an idle one, without oracle and interest.

    `lltv` and `fee` have 18 decimals.
    """

    collateral: str
    loan: str
    lltv: int
    fee: int = 0


MARKETS = {
    "wstETH/USDC": MarketKind("wstETH", "USDC", 86 * WAD // 100, fee=WAD // 10),
    "wstETH/WETH": MarketKind("wstETH", "WETH", 945 * WAD // 1000),
    "WBTC/DAI": MarketKind("WBTC", "DAI", 77 * WAD // 100, fee=WAD // 4),
    "WETH/USDC": MarketKind("WETH", "USDC", 915 * WAD // 1000),
    "WBTC/USDC": MarketKind("WBTC", "USDC", 385 * WAD // 1000),
    "idle USDC": MarketKind("", "USDC", 0),
}
LIQUIDITY = {
    "wstETH/USDC": 5_000_000,
    "wstETH/WETH": 3_000,
    "WBTC/DAI": 4_000_000,
    "WETH/USDC": 2_000_000,
    "WBTC/USDC": 1_000_000,
    "idle USDC": 100_000,
}
# What the borrower takes of that, against so much collateral.
BORROWED = {
    "wstETH/USDC": (2_000, 3_000_000),
    "wstETH/WETH": (2_500, 2_000),
    "WBTC/DAI": (150, 3_600_000),
    "WETH/USDC": (1_000, 1_000_000),
}


@dataclass(frozen=True)
class Position:
    """What Morpho stores of an owner in a market."""

    supply_shares: int
    borrow_shares: int
    collateral: int


@dataclass(frozen=True)
class MarketTotals:
    """What Morpho stores of a market, in the order of its struct."""

    supply_assets: int
    supply_shares: int
    borrow_assets: int
    borrow_shares: int
    updated_at: int
    fee: int


@dataclass(frozen=True)
class Liquidation:
    """A liquidation as the event tells it."""

    repaid_assets: int
    repaid_shares: int
    seized: int
    bad_debt: int


def contracts() -> Bundle:
    """Morpho Blue, compiled from its package."""
    return compiled("morpho_blue")


class MorphoBlue(Deployment):
    """One Morpho with its markets, named as in `MARKETS`. Amounts are whole tokens; `raw_` ones integers."""

    name = "morpho_blue"
    deployer = 5
    title = "Morpho Blue local"

    def __init__(self, site: Site, addresses: Mapping[str, str]) -> None:
        super().__init__(site, addresses)
        self.morpho = _attach(site, addresses["morpho"])
        self.irm = site.chain.at(contracts()["IrmMock"], addresses["irm"])
        self.oracles = {
            key: site.chain.at(contracts()["OracleMock"], addresses[f"oracle {key}"])
            for key, kind in MARKETS.items()
            if kind.collateral
        }
        vaults = compiled("vaults")
        self.vault = site.chain.at(vaults["ShareVault"], addresses["vault"])
        self.fee_vault = site.chain.at(vaults["ExitFeeVault"], addresses["fee vault"])

    @classmethod
    def deploy(cls, site: Site) -> dict[str, str]:
        """Deploy the contract, its markets with an oracle each, and two vaults of USDC."""
        chain, bundle = site.chain, contracts()
        deployed = chain.deploy(bundle["Morpho"], chain.sender)
        morpho, irm = _attach(site, deployed.address), chain.deploy(bundle["IrmMock"])
        addresses = {
            "morpho": morpho.address,
            "first_block": str(chain.node.block_number),
            "irm": irm.address,
        }
        morpho.send("setFeeRecipient", site.account("treasury"))
        morpho.send("enableIrm", irm.address)
        morpho.send("enableIrm", ZERO_ADDRESS)
        for key, kind in MARKETS.items():
            if kind.collateral:
                addresses[f"oracle {key}"] = chain.deploy(bundle["OracleMock"]).address
            morpho.send("enableLltv", kind.lltv)
            params = _params(site, addresses, key)
            morpho.send("createMarket", params)
            if kind.fee:
                morpho.send("setFee", params, kind.fee)
        vaults, usdc = compiled("vaults"), site.tokens["USDC"].address
        addresses["vault"] = chain.deploy(vaults["ShareVault"], usdc, "Vault USDC", "vUSDC").address
        addresses["fee vault"] = chain.deploy(
            vaults["ExitFeeVault"], usdc, "Fee vault USDC", "fUSDC", 50
        ).address
        return addresses

    def write_prices(self, quotes: Quotes) -> None:
        """Write the market into the oracle of every market: loan asset per collateral."""
        for key, oracle in self.oracles.items():
            kind = MARKETS[key]
            ratio = quotes.usd(kind.collateral) / quotes.usd(kind.loan)
            oracle.send("setPrice", int(ratio.scaleb(self.price_decimals(key))))

    def price_decimals(self, key: str) -> int:
        """Decimals of a market's oracle."""
        kind = MARKETS[key]
        return 36 + KINDS[kind.loan].decimals - KINDS[kind.collateral].decimals

    def deployment_entry(self) -> DeploymentEntry:
        """This deployment as crossmargin's configuration names it."""
        first_block = int(self.addresses["first_block"])
        return DeploymentEntry(
            "morpho_blue", self.title, {"morpho": self.morpho.address}, first_block=first_block
        )

    def params(self, key: str) -> tuple[str, str, str, str, int]:
        """A market's parameters as the contract wants them."""
        return _params(self.site, self.addresses, key)

    def market_id(self, key: str) -> bytes:
        """A market's id: the hash of its parameters."""
        return keccak(encode(["(address,address,address,address,uint256)"], [self.params(key)]))

    def totals(self, key: str) -> MarketTotals:
        """A market as stored, without interest since its last update."""
        return MarketTotals(*self.morpho.call("market", self.market_id(key)))

    def position(self, user: str, key: str) -> Position:
        """A position as stored."""
        return Position(*self.morpho.call("position", self.market_id(key), user))

    def supply(self, user: str, key: str, amount: Amount) -> Receipt:
        """Mint loan tokens to the user and lend them."""
        raw = self.tokens.units(MARKETS[key].loan, amount)
        self._mint_and_approve(user, MARKETS[key].loan, raw)
        return self.morpho.send("supply", self.params(key), raw, 0, user, b"", sender=user)

    def withdraw(self, user: str, key: str, *, raw: int = 0, shares: int = 0) -> Receipt:
        """Take lent assets out again, by assets or by shares."""
        return self.morpho.send("withdraw", self.params(key), raw, shares, user, user, sender=user)

    def supply_collateral(self, user: str, key: str, amount: Amount) -> Receipt:
        """Mint collateral to the user and post it."""
        raw = self.tokens.units(MARKETS[key].collateral, amount)
        self._mint_and_approve(user, MARKETS[key].collateral, raw)
        return self.morpho.send("supplyCollateral", self.params(key), raw, user, b"", sender=user)

    def withdraw_collateral(self, user: str, key: str, *, raw: int) -> Receipt:
        """Take collateral out again."""
        return self.morpho.send("withdrawCollateral", self.params(key), raw, user, user, sender=user)

    def borrow(self, user: str, key: str, *, raw: int) -> Receipt:
        """Borrow; the tokens stay with the user."""
        return self.morpho.send("borrow", self.params(key), raw, 0, user, user, sender=user)

    def repay(self, user: str, key: str, *, shares: int) -> Receipt:
        """Mint what is needed and repay so many shares."""
        self._mint_and_approve(user, MARKETS[key].loan, MAX_UINT256 // 2**64)
        return self.morpho.send("repay", self.params(key), 0, shares, user, b"", sender=user)

    def accrue(self, key: str) -> Receipt:
        """Have the contract add a market's interest."""
        return self.morpho.send("accrueInterest", self.params(key))

    def liquidate(self, user: str, key: str, *, seized: int = 0, shares: int = 0) -> Liquidation:
        """Liquidate by collateral or by shares; `fund_liquidator` must have been called once before.

        Raises `TransactionReverted` if the contract refuses.
        """
        liquidator = self.site.account("liquidator")
        arguments = (self.params(key), user, seized, shares, b"")
        receipt = self.morpho.send("liquidate", *arguments, sender=liquidator)
        [event] = self.morpho.events(receipt, "Liquidate")
        return Liquidation(
            event["repaidAssets"], event["repaidShares"], event["seizedAssets"], event["badDebtAssets"]
        )

    def fund_liquidator(self) -> None:
        """Give the liquidator as much of every loan token as any liquidation needs."""
        for symbol in sorted({kind.loan for kind in MARKETS.values()}):
            self._mint_and_approve(self.site.account("liquidator"), symbol, MAX_UINT256 // 2**64)

    def set_oracle(self, key: str, price: int) -> None:
        """Write any answer into one market's oracle; the next change of prices undoes it."""
        self.oracles[key].send("setPrice", price)

    def deposit(self, user: str, vault: Contract, amount: Amount) -> Receipt:
        """Mint USDC to the user and put it into a vault."""
        raw = self.tokens.units("USDC", amount)
        self._mint_and_approve(user, "USDC", raw, spender=vault.address)
        return vault.send("deposit", raw, user, sender=user)

    def fund(self) -> None:
        """Lend in every market and borrow a good part of most, so that interest accrues."""
        provider, borrower = self.site.account("lp"), self.site.account("borrower")
        self.write_prices(self.site.prices.quotes)
        for key, amount in LIQUIDITY.items():
            self.supply(provider, key, amount)
        for key, (collateral, debt) in BORROWED.items():
            self.supply_collateral(borrower, key, collateral)
            self.borrow(borrower, key, raw=self.tokens.units(MARKETS[key].loan, debt))

    def seed(self) -> None:
        """Nothing: the seeded wallets have no position here."""

    def _mint_and_approve(self, user: str, symbol: str, raw: int, *, spender: str = "") -> None:
        token = self.tokens[symbol]
        token.send("mint", user, raw)
        token.send("approve", spender or self.morpho.address, raw, sender=user)


def _attach(site: Site, address: str) -> Contract:
    # The events are declared in a library, whose code is part of the contract but not of its ABI.
    events = [item for item in contracts()["EventsLib"].abi if item["type"] == "event"]
    return site.chain.at([*contracts()["Morpho"].abi, *events], address, "Morpho")


def _params(site: Site, addresses: Mapping[str, str], key: str) -> tuple[str, str, str, str, int]:
    kind = MARKETS[key]
    loan = site.tokens[kind.loan].address
    if not kind.collateral:
        return loan, ZERO_ADDRESS, ZERO_ADDRESS, ZERO_ADDRESS, kind.lltv
    collateral = site.tokens[kind.collateral].address
    return loan, collateral, addresses[f"oracle {key}"], addresses["irm"], kind.lltv
