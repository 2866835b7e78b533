"""Random operations on one comet of the local chain, from a seed."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.adapters.compound_v3.kit import asset_id
from tests.adapters.feeds import rewrite
from tests.devnet.errors import TransactionReverted
from tests.devnet.tokens import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from aggregator.model.assets import AssetId
    from tests.devnet.comet import Comet

USD = {"WETH": 2_000, "wstETH": 2_300, "WBTC": 40_000, "USDC": 1, "DAI": 1}


class Changes:
    """Random operations and prices; what the comet refuses is left out of `done`."""

    def __init__(self, comet: Comet, seed: int) -> None:
        self.comet, self.random = comet, random.Random(seed)
        self.done: dict[str, int] = {}
        self.prices: dict[AssetId, int] = {}
        self._start = {name: comet.price(comet.site.prices.quotes, name) for name in comet.feeds}

    def note(self, kind: str) -> None:
        """Count something that was seen."""
        self.done[kind] = self.done.get(kind, 0) + 1

    def run(self, user: str) -> None:
        """Two operations of a wallet."""
        operations: list[Callable[[str], None]] = [self.post, self.post, self.borrow, self.borrow]
        operations += [self.repay, self.lend, self.take_out, self.accrue]
        if self.random.random() < 0.3:
            operations.append(self.repay_all)
        for operation in self.random.sample(operations, 2):
            try:
                operation(user)
            except TransactionReverted:
                continue
            self.note(operation.__name__)

    def open(self, user: str) -> None:
        """One to all collaterals, and most of what can be borrowed against them."""
        symbols = list(self.comet.factors)
        for symbol in self.random.sample(symbols, self.random.randint(1, len(symbols))):
            self.post(user, symbol)
        self.borrow(user, most=0.98)

    def post(self, user: str, symbol: str | None = None) -> None:
        """Supply collateral."""
        chosen = symbol or self.random.choice(list(self.comet.factors))
        self.comet.supply(user, chosen, self.amount(chosen, 10 ** self.random.uniform(3, 5)))

    def lend(self, user: str) -> None:
        """Supply base, which repays first."""
        self.comet.supply(
            user, self.comet.base, self.amount(self.comet.base, 10 ** self.random.uniform(2, 4))
        )

    def borrow(self, user: str, most: float = 1.2) -> None:
        """Withdraw more base than there is, up to so much of what the comet allows, or somewhat beyond."""
        usd = 0.0
        for symbol, factors in self.comet.factors.items():
            tokens = self.comet.collateral(user, symbol) / 10 ** KINDS[symbol].decimals
            usd += tokens * USD[symbol] * float(factors.borrow)
        base = 10 ** KINDS[self.comet.base].decimals
        usd -= self.comet.owed(user) / base * USD[self.comet.base]
        wanted = self.amount(self.comet.base, max(usd, 1) * self.random.uniform(0.5, most))
        self.comet.borrow(user, wanted + Decimal(self.comet.supplied(user)) / base)

    def repay(self, user: str) -> None:
        """Supply a part of the debt."""
        owed = self.comet.owed(user)
        part = Decimal(self.random.randrange(owed + 1)).scaleb(-KINDS[self.comet.base].decimals)
        self.comet.supply(user, self.comet.base, part)

    def repay_all(self, user: str) -> None:
        """The whole debt, to the last unit."""
        self.comet.repay_all(user)

    def take_out(self, user: str) -> None:
        """Withdraw some of a collateral, or all."""
        symbol = self.random.choice(list(self.comet.factors))
        balance = self.comet.collateral(user, symbol)
        units = balance if self.random.random() < 0.3 else self.random.randrange(balance + 1)
        self.comet.withdraw(user, symbol, Decimal(units).scaleb(-KINDS[symbol].decimals))

    def accrue(self, user: str) -> None:  # noqa: ARG002  # as the other operations
        """Bring the comet's indices up to now."""
        self.comet.accrue()

    def amount(self, symbol: str, usd: float) -> Decimal:
        """An amount that uses every decimal of the token."""
        units = int(usd / USD[symbol] * 10 ** KINDS[symbol].decimals)
        return Decimal(units + self.random.randrange(units // 1000 + 2)).scaleb(-KINDS[symbol].decimals)

    def move_prices(self, spread: float = 0.3) -> None:
        """Prices with every digit, up to so far from where they began; a base that costs one keeps at it."""
        for symbol, start in self._start.items():
            fixed = symbol == self.comet.base and self.comet.quote == "base"
            price = start if fixed else int(start * self.random.uniform(1 - spread, 1 + spread))
            self.set_price(symbol, price)

    def move_collateral(self, ratio: float) -> None:
        """Multiply the price of every collateral."""
        for symbol in self.comet.factors:
            before = self.prices[asset_id(self.comet, symbol)]
            self.set_price(symbol, max(1, int(before * ratio)))

    def set_price(self, symbol: str, price: int) -> None:
        """Write a feed, and remember it."""
        rewrite(self.comet.feeds[symbol], price)
        self.prices[asset_id(self.comet, symbol)] = price
