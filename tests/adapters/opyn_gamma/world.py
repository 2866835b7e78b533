"""Stand-ins of Gamma on a bare node: ETH and BTC options against USDC."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from adapters.opyn_gamma.adapter import OpynAdapter
from aggregator.contract import Deployment, Deployments
from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId, token_id
from aggregator.model.readings import Reading
from aggregator.model.units import Address, ChainId, parse_address
from tests.devnet import multicall3
from tests.devnet.artifacts import compiled
from tests.devnet.chain import Chain, Contract
from tests.devnet.node import Node
from tests.reading_kit import pin, read_accounts, run_read

CHAIN = ChainId(31337)
DAY = 86_400
BOUNDS = ((DAY, 10**26), (30 * DAY, 2 * 10**26), (60 * DAY, 3326 * 10**23))
"""The last one and the shock are those of the published example."""
SHOCK = 75 * 10**25
DEVIATION = 5 * 10**25
DECIMALS = {"WETH": 18, "WBTC": 8, "USDC": 6}
DUST = {"WETH": 10**15, "USDC": 10**6}
PUT = ("WETH", "USDC", "USDC", True)
CALL = ("WETH", "USDC", "WETH", False)
Product = tuple[str, str, str, bool]
Entry = tuple[str, int]


class Gamma:
    """Everything of one deployment; the node lets any account send what it likes."""

    def __init__(self, node: Node) -> None:
        self.node, self.chain = node, Chain(node)
        multicall3.install(self.chain)
        kit, self._bundle = compiled("devnet"), compiled("opyn")
        self.tokens = {
            name: self.chain.deploy(kit["MintableToken"], name, name, places)
            for name, places in DECIMALS.items()
        }
        self.feeds = {
            name: self.chain.deploy(kit["SettableFeed"], price * 10**8, 8, name)
            for name, price in (("WETH", 2_000), ("WBTC", 30_000))
        }
        self.oracle = self.new("StandInOpynOracle")
        for name, feed in self.feeds.items():
            pricer = self.new("StandInOpynPricer", feed.address)
            self.oracle.send("setAssetPricer", self.at(name), pricer.address)
        self.oracle.send("setStablePrice", self.at("USDC"), 10**8)
        self.calculator = self.new("StandInMarginCalculator", self.oracle.address)
        book = self.chain.accounts[9]
        self.factory = self.new("StandInOtokenFactory", book)
        self.controller = self.new(
            "StandInGammaController", book, self.calculator.address, self.oracle.address
        )
        for name, dust in DUST.items():
            self.calculator.send("set", DEVIATION, self.at(name), dust)
        for product in (PUT, CALL):
            self.set_product(product)
        self.day = (pin(node.url).timestamp // DAY) * DAY + 8 * 3600

    def new(self, name: str, *arguments: Any) -> Contract:
        """A new stand-in."""
        return self.chain.deploy(self._bundle[name], *arguments)

    def at(self, name: str) -> str:
        """Address of a token."""
        return self.tokens[name].address

    def asset(self, name: str) -> AssetId:
        """Identity of a token."""
        return token_id(CHAIN, parse_address(self.at(name)))

    def set_product(self, product: Product, bounds: tuple[tuple[int, int], ...] = BOUNDS) -> None:
        """Margin parameters of a product."""
        *names, put = product
        assets = [self.at(name) for name in names]
        times, values = [b[0] for b in bounds], [b[1] for b in bounds]
        self.calculator.send("setProduct", *assets, put, SHOCK, times, values)

    def otoken(self, product: Product, strike: int, days: int) -> str:
        """A new option of this strike in whole USDC, so many days on."""
        *names, put = product
        assets = [self.at(name) for name in names]
        receipt = self.factory.send("createOtoken", *assets, strike * 10**8, self.day + days * DAY, put)
        [made] = self.factory.events(receipt, "OtokenCreated")
        return str(made["tokenAddress"])

    def contract(self, otoken: str) -> Contract:
        """An option's token."""
        return self.chain.at(self._bundle["StandInOtoken"], otoken)

    def open(
        self,
        owner: str,
        kind: int,
        *,
        short: Entry | None = None,
        long: Entry | None = None,
        collateral: Entry | None = None,
    ) -> None:
        """A new vault; the collateral by its token's name."""
        self.open_raw(
            owner,
            kind,
            [short[0]] if short else [],
            [long[0]] if long else [],
            [self.at(collateral[0])] if collateral else [],
            [short[1]] if short else [],
            [long[1]] if long else [],
            [collateral[1]] if collateral else [],
        )

    def open_raw(self, owner: str, kind: int, *lists: list[Any]) -> None:
        """A new vault of these six lists."""
        names = ("shortOtokens", "longOtokens", "collateralAssets")
        amounts = ("shortAmounts", "longAmounts", "collateralAmounts")
        vault = dict(zip((*names, *amounts), lists, strict=True))
        self.controller.send("open", kind, vault, sender=owner)

    @property
    def deployment(self) -> Deployment:
        """These contracts as configured."""
        return self.deployed({})

    def deployed(self, other: Mapping[str, str]) -> Deployment:
        """The same with other addresses."""
        addresses = {
            "controller": self.controller.address,
            "otoken_factory": self.factory.address,
            "oracle": self.oracle.address,
            **other,
        }
        parsed = {role: parse_address(address) for role, address in addresses.items()}
        return Deployment("opyn_gamma", CHAIN, "Gamma", parsed, "local node")

    def adapter(self) -> OpynAdapter:
        """The adapter over them."""
        return OpynAdapter(Deployments((self.deployment,), ()))

    def read(self, owner: str) -> Reading:
        """What the adapter reads of a wallet; raises the read's error."""
        return read_accounts(self.node.url, self.adapter(), owner)

    def account(self, owner: str) -> Account:
        """The only account of a wallet."""
        reading = self.read(owner)
        assert reading.failures == ()
        [account] = reading.accounts
        return account

    def generator(self, owner: str) -> Generator[Any, Any, Reading]:
        """The read itself, to be tampered with."""
        return self.adapter().read(self.deployment, parse_address(owner), pin(self.node.url))

    def run(self, read: Generator[Any, Any, Any]) -> Any:
        """The result of a read; raises what it raises."""
        return run_read(self.node.url, CHAIN, read)

    @contextmanager
    def isolated(self) -> Iterator[Gamma]:
        """Undo at the end whatever happened."""
        snapshot = self.node.snapshot()
        try:
            yield self
        finally:
            self.node.revert(snapshot)


def owner_of(gamma: Gamma, number: int = 0) -> Address:
    """An account of the node that has nothing yet."""
    return parse_address(gamma.chain.accounts[20 + number])
