"""Random operations on a market of the local chain, from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.devnet.errors import TransactionReverted
from tests.devnet.tokens import KINDS

if TYPE_CHECKING:
    from tests.devnet.aave import Aave

SYMBOLS = ("WETH", "wstETH", "WBTC", "USDC", "DAI")
LENT = ("WETH", "WBTC", "USDC", "DAI")
BASE_PRICES = {"WETH": 2_000, "wstETH": 2_300, "WBTC": 40_000, "USDC": 1, "DAI": 1}


@dataclass
class Seen:
    """What the states of a run covered, so that a run of trivial states fails."""

    kinds: dict[str, int] = field(default_factory=dict)

    def note(self, kind: str) -> None:
        self.kinds[kind] = self.kinds.get(kind, 0) + 1


class Changes:
    """Random operations on one market; what the pool refuses is left out."""

    def __init__(self, market: Aave, seed: int) -> None:
        self.market, self.random, self.seen = market, random.Random(seed), Seen()
        self.prices: dict[str, int] = {}

    def run(self, user: str) -> None:
        """One or two operations of a wallet."""
        operations = [self.supply, self.supply, self.borrow, self.borrow, self.repay]
        operations += [self.withdraw, self.toggle, self.emode]
        for operation in self.random.sample(operations, 2):
            try:
                operation(user)
            except TransactionReverted:
                continue
            self.seen.note(operation.__name__)

    def amount(self, symbol: str, usd: float) -> Decimal:
        """An amount that uses every decimal of the token."""
        units = int(usd / BASE_PRICES[symbol] * 10 ** KINDS[symbol].decimals)
        return Decimal(units + self.random.randrange(units // 1000 + 2)).scaleb(-KINDS[symbol].decimals)

    def supply(self, user: str) -> None:
        symbol = self.random.choice(SYMBOLS)
        self.market.supply(user, symbol, self.amount(symbol, 10 ** self.random.uniform(1, 5.5)))

    def borrow(self, user: str) -> None:
        available = self.market.account_data(user).available_borrows_base / 10**8
        symbol = self.random.choice(LENT)
        self.market.borrow(user, symbol, self.amount(symbol, available * self.random.uniform(0.4, 0.99)))

    def repay(self, user: str) -> None:
        symbol = self.random.choice(LENT)
        owed = self.market.owed(user, symbol)
        part = Decimal(self.random.randrange(owed + 1)).scaleb(-KINDS[symbol].decimals)
        self.market.repay(user, symbol, part if self.random.random() < 0.7 else None)

    def withdraw(self, user: str) -> None:
        symbol = self.random.choice(SYMBOLS)
        supplied = self.market.supplied(user, symbol)
        part = Decimal(self.random.randrange(supplied // 3 + 1)).scaleb(-KINDS[symbol].decimals)
        self.market.withdraw(user, symbol, part if self.random.random() < 0.8 else None)

    def toggle(self, user: str) -> None:
        self.market.set_collateral(user, self.random.choice(SYMBOLS), enabled=self.random.random() < 0.5)

    def emode(self, user: str) -> None:
        self.market.set_emode(user, self.random.choice([0, 1, 1]))

    def move_prices(self) -> None:
        """Prices with every digit, up to 30% away from where they began."""
        for symbol, usd in BASE_PRICES.items():
            self.prices[symbol] = int(usd * self.random.uniform(0.7, 1.3) * 10**8)
            self.market.set_feed(symbol, self.prices[symbol])
