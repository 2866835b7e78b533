"""Random wallets on the local chain: positions over one to four protocols, some of them near liquidation."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random

from tests.devnet.aave import Aave
from tests.devnet.curie import PerpCurie
from tests.devnet.lyra import Kind
from tests.devnet.morpho import MARKETS
from tests.devnet.world import World

SETTLED_S = 3_600
"""After which the mean prices of venues have followed a move."""

SPENT = ("0.8", "0.95", "1")
"""Shares of what was borrowed that the wallet has spent."""


class Seeder:
    """Opens what a random wallet has; all amounts in whole tokens."""

    def __init__(self, world: World, user: str, random: Random) -> None:
        self.world, self.user, self.random = world, user, random
        self.opened: list[str] = []

    def open(self) -> None:
        """One to four protocols, cash, and a market that has moved since."""
        kinds: dict[str, Callable[[], None]] = {
            "Aave V3.6": lambda: self._aave(self.world.aave_v36),
            "Aave V3.0.1": lambda: self._aave(self.world.aave_v301),
            "Morpho": self._morpho,
            "Synthetix": self._synthetix,
            "Curie": self._curie,
            "Lyra": self._lyra,
        }
        self.world.lyra_v1.update_greeks()
        for name in self.random.sample(sorted(kinds), self.random.randint(1, 4)):
            kinds[name]()
            self.opened.append(name)
        self._cash()
        moved = {coin: self._between(-4, 4) for coin in ("ETH", "BTC")}
        quotes = self.world.prices.quotes
        self.world.prices.set(
            **{coin: round(getattr(quotes, coin) * (1 + by / 100), 2) for coin, by in moved.items()}
        )
        self.world.uniswap.arbitrage()
        curie = self.world.perp_curie
        for market, coin in (("vETH", "ETH"), ("vBTC", "BTC")):
            curie.arbitrage(market, self.world.prices.quotes.usd(coin))
        self.world.node.warp(SETTLED_S)
        self.world.prices.refresh()
        self.world.lyra_v1.update_greeks()

    def _between(self, low: float, high: float, places: int = 4) -> Decimal:
        return round(Decimal(self.random.uniform(low, high)), places)

    def _tokens(self, symbol: str, usd: Decimal, places: int = 6) -> Decimal:
        return round(usd / self.world.prices.quotes.usd(symbol), places)

    def _aave(self, market: Aave) -> None:
        for symbol in self.random.sample(["WETH", "WBTC", "DAI", "USDC"], self.random.randint(1, 2)):
            market.supply(self.user, symbol, self._tokens(symbol, self._between(4_000, 90_000)))
        room = Decimal(market.account_data(self.user).available_borrows_base).scaleb(-8)
        room *= self._between(0.8, 0.99)
        for symbol in self.random.sample(["USDC", "DAI", "WETH"], self.random.randint(1, 2)):
            amount = self._tokens(symbol, room / 2)
            market.borrow(self.user, symbol, amount)
            self._spend(symbol, amount)

    def _morpho(self) -> None:
        morpho = self.world.morpho_blue
        key = self.random.choice([key for key, kind in MARKETS.items() if kind.collateral])
        kind = MARKETS[key]
        usd = self._between(5_000, 120_000)
        morpho.supply_collateral(self.user, key, self._tokens(kind.collateral, usd))
        share = Decimal(kind.lltv).scaleb(-18) * self._between(0.8, 0.985)
        amount = self._tokens(kind.loan, usd * share)
        morpho.borrow(self.user, key, raw=self.world.tokens.units(kind.loan, amount))
        self._spend(kind.loan, amount)

    def _synthetix(self) -> None:
        market, coin = self.random.choice([("sETHPERP", "ETH"), ("sBTCPERP", "BTC")])
        margin = self._between(500, 6_000)
        size = self._tokens(coin, margin * self._between(8, 22)) * self.random.choice([-1, 1])
        self.world.synthetix.open(self.user, market, margin=margin, size=size)

    def _curie(self) -> None:
        curie = self.world.perp_curie
        market, coin = self.random.choice([("vETH", "ETH"), ("vBTC", "BTC")])
        margin = self._between(500, 6_000)
        curie.deposit(self.user, "USDC", margin)
        if self.random.random() < 0.4:
            curie.deposit(self.user, "WETH", self._between(0.05, 0.5))
        size = self._tokens(coin, margin * self._between(4, 8.5)) * self.random.choice([-1, 1])
        curie.open(self.user, market, size)

    def _lyra(self) -> None:
        lyra = self.world.lyra_v1
        board = self.random.choice(lyra.boards())
        kind = self.random.choice([Kind.SHORT_CALL_QUOTE, Kind.SHORT_PUT_QUOTE])
        strike, amount = self.random.choice([1800, 2000, 2200]), self._between(1, 8, 2)
        option = (int(kind), strike * 10**18, lyra.expiry(board), lyra.spot(), int(amount * 10**18))
        least = lyra.greek_cache.call("getMinCollateral", *option)
        collateral = round(Decimal(least).scaleb(-18) * self._between(1.06, 1.3), 4)
        if kind is Kind.SHORT_PUT_QUOTE:  # all that can ever be lost is the most that is taken
            collateral = min(collateral, strike * amount)
        lyra.open(self.user, lyra.strike_id(board, strike), kind, amount, collateral)
        if self.random.random() < 0.5:
            lyra.open(self.user, lyra.strike_id(board, 2000), Kind.LONG_PUT, amount / 2)
        lyra.spend_tokens(self.user)

    def _spend(self, symbol: str, amount: Decimal) -> None:
        spent = round(amount * Decimal(self.random.choice(SPENT)), 6)
        self.world.tokens.spend(symbol, self.user, self.world.wallets["empty"], spent)

    def _cash(self) -> None:
        """Tokens that help, coins that may, and a little that is in the way."""
        tokens, random = self.world.tokens, self.random
        self.world.node.set_balance(self.user, int(self._between(0.01, 2, 6) * 10**18))
        for symbol in random.sample(["USDC", "DAI", "WETH", "WBTC", "wstETH"], random.randint(1, 3)):
            tokens.mint(symbol, self.user, self._tokens(symbol, self._between(20, 4_000), 5))
        if random.random() < 0.4:
            self.world.synthetix.susd.send("issue", self.user, int(self._between(50, 2_000) * 10**18))
        if "Curie" in self.opened and random.random() < 0.3:
            self.world.get(PerpCurie).deposit(self.user, "USDC", 50)
