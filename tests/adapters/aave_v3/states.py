"""Random operations on a market of the local chain, from a seed."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.adapters.feeds import rewrite
from tests.devnet.aave import AaveV301
from tests.devnet.aave_deploy import RESERVES
from tests.devnet.errors import TransactionReverted
from tests.devnet.tokens import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.devnet.aave import Aave

SYMBOLS = ("WETH", "wstETH", "WBTC", "USDC", "DAI")
LENT = ("WETH", "WBTC", "USDC", "DAI")
BASE_PRICES = {"WETH": 2_000, "wstETH": 2_300, "WBTC": 40_000, "USDC": 1, "DAI": 1}


class Changes:
    """Random operations on one market; what the pool refuses is left out, `seen` counts the others."""

    def __init__(self, market: Aave, seed: int, *, dropped: str = "") -> None:
        self.market, self.random = market, random.Random(seed)
        self.seen: Counter[str] = Counter()
        self.symbols = tuple(symbol for symbol in SYMBOLS if symbol != dropped)
        self.prices: dict[str, int] = {}
        self.paused = ""

    def run(self, user: str) -> None:
        """Two operations of a wallet."""
        operations = [self.supply, self.supply, self.borrow, self.borrow, self.repay]
        operations += [self.withdraw, self.toggle, self.emode, self.borrow_stable]
        for operation in self.random.sample(operations, 2):
            self.try_to(operation, user)

    def try_to(self, operation: Callable[[str], object], what: str) -> None:
        """Note an operation that the pool did not refuse."""
        try:
            operation(what)
        except TransactionReverted:
            return
        self.seen[operation.__name__] += 1

    def govern(self) -> None:
        """Change a reserve's rules as the market's owners may."""
        if self.paused:
            self.market.pause(self.paused, paused=False)
            self.paused = ""
        operation = self.random.choice([self.freeze, self.thaw, self.zero_ltv, self.new_threshold])
        self.try_to(operation, self.random.choice(self.symbols))

    def pause(self) -> None:
        """Pause a reserve until the owners act again."""
        self.paused = self.random.choice(self.symbols)
        self.market.pause(self.paused)

    def freeze(self, symbol: str) -> None:
        self.market.freeze(symbol)

    def thaw(self, symbol: str) -> None:
        self.market.freeze(symbol, frozen=False)

    def zero_ltv(self, symbol: str) -> None:
        risk = RESERVES[symbol]
        self.market.configure(symbol, ltv_bps=0, threshold_bps=risk.threshold_bps, bonus_bps=risk.bonus_bps)

    def new_threshold(self, symbol: str) -> None:
        risk = RESERVES[symbol]
        threshold = risk.threshold_bps + self.random.randrange(-200, 300)
        ltv = min(risk.ltv_bps, threshold)
        self.market.configure(symbol, ltv_bps=ltv, threshold_bps=threshold, bonus_bps=risk.bonus_bps)

    def amount(self, symbol: str, usd: float) -> Decimal:
        """An amount that uses every decimal of the token."""
        units = int(usd / BASE_PRICES[symbol] * 10 ** KINDS[symbol].decimals)
        return Decimal(units + self.random.randrange(units // 1000 + 2)).scaleb(-KINDS[symbol].decimals)

    def supply(self, user: str) -> None:
        symbol = self.random.choice(self.symbols)
        self.market.supply(user, symbol, self.amount(symbol, 10 ** self.random.uniform(1, 5.5)))

    def borrow(self, user: str) -> None:
        symbol = self.random.choice(LENT)
        self.market.borrow(user, symbol, self._affordable(user, symbol))

    def borrow_stable(self, user: str) -> None:
        if not isinstance(self.market, AaveV301):
            self.borrow(user)
            return
        symbol = self.random.choice(("USDC", "DAI"))
        self.market.borrow_stable(user, symbol, self._affordable(user, symbol))

    def _affordable(self, user: str, symbol: str) -> Decimal:
        available = self.market.account_data(user).available_borrows_base / 10**8
        return self.amount(symbol, available * self.random.uniform(0.4, 0.99))

    def repay(self, user: str) -> None:
        symbol = self.random.choice(LENT)
        owed = self.market.owed(user, symbol)
        part = Decimal(self.random.randrange(owed + 1)).scaleb(-KINDS[symbol].decimals)
        self.market.repay(user, symbol, part if self.random.random() < 0.7 else None)

    def withdraw(self, user: str) -> None:
        symbol = self.random.choice(self.symbols)
        supplied = self.market.supplied(user, symbol)
        part = Decimal(self.random.randrange(supplied // 3 + 1)).scaleb(-KINDS[symbol].decimals)
        self.market.withdraw(user, symbol, part if self.random.random() < 0.8 else None)

    def toggle(self, user: str) -> None:
        enabled = self.random.random() < 0.5
        self.market.set_collateral(user, self.random.choice(self.symbols), enabled=enabled)

    def emode(self, user: str) -> None:
        self.market.set_emode(user, self.random.choice([0, 1, 1]))

    def move_prices(self) -> None:
        """Prices with every digit, up to 30% away from where they began."""
        for symbol, usd in BASE_PRICES.items():
            self.prices[symbol] = int(usd * self.random.uniform(0.7, 1.3) * 10**8)
            rewrite(self.market.feeds[symbol], self.prices[symbol])
