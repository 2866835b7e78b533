"""Compound V3 on the local chain, by a stand-in: what its comets do, and their word on an account."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from tests.devnet.artifacts import Artifact, compiled
from tests.devnet.chain import MAX_UINT256, Receipt
from tests.devnet.deployment import Deployment, DeploymentEntry, Site

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.devnet.chain import Chain, Contract
    from tests.devnet.prices import Quotes

Amount = Decimal | int | str
FACTOR_DECIMALS = 18
FEED_DECIMALS = 8
YEAR_SECONDS = 31_536_000


def factor(value: str) -> int:
    """A factor as a comet keeps it, with 18 decimals."""
    return int(Decimal(value).scaleb(FACTOR_DECIMALS))


@dataclass(frozen=True)
class Curve:
    """Interest per year by utilisation: at none, its slopes below and above the kink."""

    base: str
    low: str
    high: str
    kink: str

    def per_second(self) -> tuple[int, int, int, int]:
        """As a comet takes it: base, slopes per second, and the kink."""
        base, low, high = (factor(rate) // YEAR_SECONDS for rate in (self.base, self.low, self.high))
        return base, low, high, factor(self.kink)


@dataclass(frozen=True)
class Factors:
    """What a collateral counts for: borrowing, against liquidation, and what an absorption credits."""

    borrow: str
    liquidate: str
    liquidation: str


# Near those of cUSDCv3 on Ethereum.
SUPPLY_CURVE = Curve("0", "0.0325", "0.4", "0.8")
BORROW_CURVE = Curve("0.015", "0.035", "0.25", "0.8")


def stand_in() -> Artifact:
    """The contract that stands in for a comet."""
    return compiled("compound_v3_stand_in")["StandInComet"]


def deploy_comet(
    chain: Chain,
    *,
    symbol: str,
    base: tuple[str, str],
    collaterals: Sequence[tuple[str, str, Factors]],
    borrow_min: int,
) -> Contract:
    """A comet that is not initialised yet: `base` is token and feed, a collateral token, feed and factors."""
    rows = [
        (asset, feed, factor(f.borrow), factor(f.liquidate), factor(f.liquidation), 2**128 - 1)
        for asset, feed, f in collaterals
    ]
    curves = (SUPPLY_CURVE.per_second(), BORROW_CURVE.per_second())
    discount, reserves = factor("0.5"), 2**100
    return chain.deploy(stand_in(), (symbol, *base, *curves, discount, reserves, borrow_min, rows))


@dataclass(frozen=True)
class Absorption:
    """An absorption as the comet's event tells it: base paid out of the reserves, in the smallest unit."""

    receipt: Receipt
    base_paid_out: int


class Comet(Deployment):
    """One comet. Amounts are whole tokens as int, Decimal or text."""

    title: ClassVar[str]
    symbol: ClassVar[str]
    base: ClassVar[str]
    borrow_min: ClassVar[Amount]
    quote: ClassVar[str]
    factors: ClassVar[Mapping[str, Factors]]

    def __init__(self, site: Site, addresses: Mapping[str, str]) -> None:
        super().__init__(site, addresses)
        self.comet = site.chain.at(stand_in(), addresses["comet"], self.symbol)
        feed = compiled("devnet")["SettableFeed"]
        self.feeds = {
            name: site.chain.at(feed, addresses[f"feed {name}"]) for name in (self.base, *self.factors)
        }

    @classmethod
    def price(cls, quotes: Quotes, symbol: str) -> int:
        """What the market makes of a token in the currency of the comet's feeds, with 8 decimals."""
        price = quotes.usd(symbol) / (quotes.usd(cls.base) if cls.quote == "base" else 1)
        return int(price.scaleb(FEED_DECIMALS))

    @classmethod
    def deploy(cls, site: Site) -> dict[str, str]:
        """Deploy the comet and its feeds."""
        chain, tokens = site.chain, site.tokens
        artifact = compiled("devnet")["SettableFeed"]
        currency = cls.base if cls.quote == "base" else "USD"
        feeds = {
            name: chain.deploy(
                artifact, cls.price(site.prices.quotes, name), FEED_DECIMALS, f"{name} / {currency}"
            ).address
            for name in (cls.base, *cls.factors)
        }
        comet = deploy_comet(
            chain,
            symbol=cls.symbol,
            base=(tokens[cls.base].address, feeds[cls.base]),
            collaterals=[(tokens[name].address, feeds[name], f) for name, f in cls.factors.items()],
            borrow_min=tokens.units(cls.base, cls.borrow_min),
        )
        comet.send("initializeStorage")
        return {"comet": comet.address, **{f"feed {name}": address for name, address in feeds.items()}}

    def write_prices(self, quotes: Quotes) -> None:
        """Write the market into the comet's feeds."""
        for name in self.feeds:
            self.set_feed(name, self.price(quotes, name))

    def deployment_entry(self) -> DeploymentEntry:
        """This comet as crossmargin's configuration names it."""
        return DeploymentEntry(
            "compound_v3", self.title, {"comet": self.comet.address}, {"quote": self.quote}
        )

    def seed(self) -> None:
        """Nothing: no seeded wallet has a position here."""

    def asset(self, symbol: str) -> str:
        """Address of a token."""
        return self.tokens[symbol].address

    def supply(self, user: str, symbol: str, amount: Amount) -> Receipt:
        """Mint tokens to the user and supply them: base repays debt first."""
        units = self.tokens.units(symbol, amount)
        token = self.tokens[symbol]
        token.send("mint", user, units)
        token.send("approve", self.comet.address, units, sender=user)
        return self.comet.send("supply", self.asset(symbol), units, sender=user)

    def repay_all(self, user: str) -> Receipt:
        """Mint what is needed, then repay the whole debt."""
        token = self.tokens[self.base]
        token.send("mint", user, 2 * self.owed(user))
        token.send("approve", self.comet.address, MAX_UINT256, sender=user)
        return self.comet.send("supply", self.asset(self.base), MAX_UINT256, sender=user)

    def withdraw(self, user: str, symbol: str, amount: Amount) -> Receipt:
        """Withdraw collateral, or base; base that is not there is borrowed."""
        units = self.tokens.units(symbol, amount)
        return self.comet.send("withdraw", self.asset(symbol), units, sender=user)

    def borrow(self, user: str, amount: Amount) -> Receipt:
        """Borrow base; the tokens stay with the user."""
        return self.withdraw(user, self.base, amount)

    def absorb(self, *users: str) -> Absorption:
        """Absorb accounts. Raises `TransactionReverted` where one is not liquidatable, or all is paused."""
        liquidator = self.site.account("liquidator")
        receipt = self.comet.send("absorb", liquidator, list(users), sender=liquidator)
        paid = sum(event["basePaidOut"] for event in self.comet.events(receipt, "AbsorbDebt"))
        return Absorption(receipt, paid)

    def would_absorb(self, user: str) -> None:
        """Try an absorption at the latest block without changing anything; raises as `absorb` does."""
        self.comet.call("absorb", self.site.account("liquidator"), [user])

    def accrue(self) -> Receipt:
        """Have the comet accrue interest."""
        return self.comet.send("accrueAccount", self.site.account("keeper"))

    def supplied(self, user: str) -> int:
        """Base supplied with interest, in the smallest unit."""
        found: int = self.comet.call("balanceOf", user)
        return found

    def owed(self, user: str) -> int:
        """Base owed with interest, in the smallest unit."""
        found: int = self.comet.call("borrowBalanceOf", user)
        return found

    def collateral(self, user: str, symbol: str) -> int:
        """Collateral in the smallest unit."""
        found: int = self.comet.call("collateralBalanceOf", user, self.asset(symbol))
        return found

    def principal(self, user: str) -> int:
        """Base at index one, owed below zero."""
        found: int = self.comet.call("userBasic", user)[0]
        return found

    def set_feed(self, symbol: str, answer: int) -> None:
        """Write any answer into this comet's feed only; the next change of prices undoes it."""
        self.feeds[symbol].send("set", answer)

    def pause(self, *actions: str) -> Receipt:
        """Pause these of supply, transfer, withdraw, absorb and buy, and nothing else."""
        names = ("supply", "transfer", "withdraw", "absorb", "buy")
        return self.comet.send("pause", *(name in actions for name in names))


class CometUsdc(Comet):
    """A comet that lends USDC, its feeds in USD."""

    name = "compound_v3_usdc"
    deployer = 7
    title = "Compound V3 USDC local"
    symbol = "cUSDCv3"
    base = "USDC"
    borrow_min = 100
    quote = "usd"
    factors: ClassVar[Mapping[str, Factors]] = {
        "WETH": Factors("0.83", "0.9", "0.95"),
        "WBTC": Factors("0.7", "0.77", "0.95"),
        "wstETH": Factors("0.8", "0.87", "0.92"),
        "DAI": Factors("0.85", "0.9", "0.93"),
    }

    def fund(self) -> None:
        """Lend 10 million and borrow beyond the kink."""
        self.supply(self.site.account("lp"), "USDC", 10_000_000)
        borrower = self.site.account("borrower")
        self.supply(borrower, "WBTC", 500)
        self.borrow(borrower, 8_500_000)


class CometWeth(Comet):
    """A comet that lends WETH, its feeds in ETH: its base costs one."""

    name = "compound_v3_weth"
    deployer = 7
    title = "Compound V3 WETH local"
    symbol = "cWETHv3"
    base = "WETH"
    borrow_min = "0.1"
    quote = "base"
    factors: ClassVar[Mapping[str, Factors]] = {
        "wstETH": Factors("0.9", "0.93", "0.975"),
        "WBTC": Factors("0.8", "0.85", "0.95"),
        "USDC": Factors("0.8", "0.85", "0.93"),
    }

    def fund(self) -> None:
        """Lend 5,000 WETH and borrow below the kink."""
        self.supply(self.site.account("lp"), "WETH", 5_000)
        borrower = self.site.account("borrower")
        self.supply(borrower, "wstETH", 4_000)
        self.borrow(borrower, 3_000)
