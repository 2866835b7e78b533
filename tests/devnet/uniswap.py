"""Uniswap V3 on the local chain: pools of the shared tokens around the market, and what is done with them.

The real contracts from their published artifacts: factory and pools of `@uniswap/v3-core` 1.0.1, whose pools
have the code that the router looks for; router and position manager of `@uniswap/v3-periphery` 1.0.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import isqrt, log
from typing import TYPE_CHECKING, TypeAlias

from tests.devnet.artifacts import Artifact, shipped
from tests.devnet.chain import MAX_UINT256
from tests.devnet.deployment import Deployment, DeploymentEntry, Site
from tests.devnet.tokens import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.devnet.chain import Contract, Receipt
    from tests.devnet.prices import Quotes

Amount: TypeAlias = Decimal | int | str
DEADLINE = 2**255
MAX_TICK = 887_272
SUSD = "sUSD"
LYRA_SUSD = "sUSD of Lyra"
"""The dollar of Lyra's own doubles of Synthetix, another token."""
SPACINGS: Mapping[int, int] = {100: 1, 500: 10, 3_000: 60, 10_000: 200}
"""Ticks between usable ones, by fee in millionths. A fresh factory lacks the first."""


@dataclass(frozen=True)
class Seeded:
    """A pool of a fresh world: USD on both sides together, by how far its range goes to either side.

    Such as 1.1 for a range from price / 1.1 to price * 1.1; 0 for all prices.
    """

    tokens: tuple[str, str]
    fee: int
    usd: Mapping[str, int]


WIDE = {"1.02": 600_000, "1.1": 1_500_000, "1.6": 2_000_000, "0": 1_500_000}
THIN = {"1.1": 250_000, "2": 400_000, "0": 300_000}
PEGGED = {"1.001": 2_000_000, "1.01": 1_500_000, "0": 200_000}
POOLS = (
    Seeded(("WETH", "USDC"), 500, WIDE),
    Seeded(("WETH", "USDC"), 3_000, THIN),
    Seeded(("WBTC", "WETH"), 3_000, WIDE),
    Seeded(("WBTC", "USDC"), 3_000, THIN),
    Seeded(("WETH", "DAI"), 3_000, THIN),
    Seeded(("wstETH", "WETH"), 100, PEGGED),
    Seeded(("DAI", "USDC"), 100, PEGGED),
    Seeded((SUSD, "USDC"), 500, PEGGED),  # where Synthetix is
    Seeded((LYRA_SUSD, "USDC"), 500, PEGGED),  # where Lyra is
)


def core(name: str) -> Artifact:
    """A contract of Uniswap V3's core."""
    return shipped("@uniswap/v3-core", "artifacts/contracts")[name]


def periphery(name: str) -> Artifact:
    """A contract of Uniswap V3's periphery."""
    return shipped("@uniswap/v3-periphery", "artifacts/contracts")[name]


class UniswapV3(Deployment):
    """Pools of two tokens each, by symbols and fee; amounts are whole tokens.

    The market of `prices` does not move them: `arbitrage` does, by swaps.
    """

    name = "uniswap_v3"
    title = "Uniswap V3 local"
    deployer = 44

    def __init__(self, site: Site, addresses: Mapping[str, str]) -> None:
        super().__init__(site, addresses)
        at = site.chain.at
        self.factory = at(core("UniswapV3Factory"), addresses["factory"])
        self.router = at(periphery("SwapRouter"), addresses["router"])
        self.positions = at(periphery("NonfungiblePositionManager"), addresses["positions"])
        self._traded: dict[str, Contract] = {symbol: site.tokens[symbol] for symbol in KINDS}

    @classmethod
    def deploy(cls, site: Site) -> dict[str, str]:
        """Deploy factory, router and position manager; a fee of 0.01% is enabled, as it was later."""
        chain, weth = site.chain, site.tokens["WETH"].address
        factory = chain.deploy(core("UniswapV3Factory"))
        factory.send("enableFeeAmount", 100, SPACINGS[100])
        router = chain.deploy(periphery("SwapRouter"), factory.address, weth)
        # The describer of positions' pictures is never asked.
        positions = chain.deploy(periphery("NonfungiblePositionManager"), factory.address, weth, weth)
        return {
            "factory": factory.address,
            "router": router.address,
            "positions": positions.address,
        }

    def write_prices(self, quotes: Quotes) -> None:
        """Nothing: pools keep their price until somebody trades, see `arbitrage`."""

    def deployment_entry(self) -> DeploymentEntry:
        """This exchange as crossmargin's configuration names it."""
        return DeploymentEntry(
            self.name, self.title, {name: self.addresses[name] for name in ("factory", "router")}
        )

    def know(self, symbol: str, token: Contract) -> None:
        """Trade a further mintable token with 18 decimals, quoted by this symbol."""
        self._traded[symbol] = token

    def seeded(self) -> list[Seeded]:
        """The pools of `POOLS` whose tokens this world has."""
        return [pool for pool in POOLS if set(pool.tokens) <= set(self._traded)]

    def fund(self) -> None:
        """Open the pools at the market, with finite depth."""
        lp = self.site.account("lp")
        for seeded in self.seeded():
            self.open_pool(*seeded.tokens, seeded.fee)
            for width, usd in seeded.usd.items():
                self.add_range(lp, *seeded.tokens, seeded.fee, width=width, usd=usd)

    def seed(self) -> None:
        """Nothing: wallets hold none of it."""

    @property
    def traded(self) -> tuple[str, ...]:
        """The symbols of all tokens that it knows."""
        return tuple(self._traded)

    def token(self, symbol: str) -> Contract:
        """A token that is traded here."""
        return self._traded[symbol]

    def raw(self, symbol: str, amount: Amount) -> int:
        """An amount of whole tokens in the smallest unit."""
        return int(Decimal(amount).scaleb(_decimals(symbol)))

    def mint(self, symbol: str, account: str, raw: int) -> None:
        """Create tokens out of nothing, in the smallest unit."""
        self._traded[symbol].send("mint", account, raw)

    def open_pool(self, a: str, b: str, fee: int, price: Amount | None = None) -> Contract:
        """A pool at a price of `a` in `b`, the market's by default."""
        low, high = self._sorted(a, b)
        value = self.market(a, b) if price is None else Decimal(price)
        root = root_of(value if low == a else 1 / value, low, high)
        tokens = (self._traded[low].address, self._traded[high].address)
        self.positions.send("createAndInitializePoolIfNecessary", *tokens, fee, root)
        return self.pool(a, b, fee)

    def pool(self, a: str, b: str, fee: int) -> Contract:
        """The pool of two tokens and a fee in millionths."""
        tokens = (self._traded[a].address, self._traded[b].address)
        address = self.factory.call("getPool", *tokens, fee)
        return self.chain.at(core("UniswapV3Pool"), str(address), f"pool {a}/{b} {fee}")

    def market(self, a: str, b: str) -> Decimal:
        """What the market gives of `b` for one `a`."""
        quotes = self.site.prices.quotes
        return quotes.usd(a) / quotes.usd(b)

    def add_range(self, user: str, a: str, b: str, fee: int, *, width: str, usd: Amount) -> Receipt:
        """Liquidity of about so much on both sides around the pool's price; see `Seeded` for `width`."""
        spacing, tick = SPACINGS[fee], int(self.pool(a, b, fee).call("slot0")[1])
        most = MAX_TICK // spacing * spacing
        reach = round(log(float(width)) / log(1.0001)) if Decimal(width) else 2 * most
        lower = max(-most, (tick - reach) // spacing * spacing)
        upper = min(most, -(-(tick + reach) // spacing) * spacing)
        half = Decimal(usd) / 2
        quotes = self.site.prices.quotes
        amounts = {one: self.raw(one, round(half / quotes.usd(one), 6)) for one in (a, b)}
        return self.add_liquidity(user, a, b, fee, ticks=(lower, upper), raw=amounts)

    def add_liquidity(
        self, user: str, a: str, b: str, fee: int, *, ticks: tuple[int, int], raw: Mapping[str, int]
    ) -> Receipt:
        """Mint at most so much of both tokens, and a position between two ticks of it."""
        low, high = self._sorted(a, b)
        for symbol in (low, high):
            self.mint(symbol, user, raw[symbol])
            self._traded[symbol].send("approve", self.positions.address, MAX_UINT256, sender=user)
        tokens = (self._traded[low].address, self._traded[high].address)
        order = (*tokens, fee, *ticks, raw[low], raw[high], 0, 0, user, DEADLINE)
        return self.positions.send("mint", order, sender=user)

    def swap(self, user: str, sold: str, bought: str, fee: int, raw: int, limit: int = 0) -> Receipt:
        """Mint so much of a token and sell it, at most until the pool's root price is `limit`."""
        self.mint(sold, user, raw)
        self._traded[sold].send("approve", self.router.address, MAX_UINT256, sender=user)
        pair = (self._traded[sold].address, self._traded[bought].address)
        return self.router.send("exactInputSingle", (*pair, fee, user, DEADLINE, raw, 0, limit), sender=user)

    def arbitrage(self) -> None:
        """Trade every seeded pool to the market's present price."""
        trader = self.site.account("treasury")
        for seeded in self.seeded():
            low, high = self._sorted(*seeded.tokens)
            root = int(self.pool(low, high, seeded.fee).call("slot0")[0])
            wanted = root_of(self.market(low, high), low, high)
            sold, bought = (low, high) if wanted < root else (high, low)
            if wanted != root:
                plenty = self.raw(sold, 10**12)
                self.swap(trader, sold, bought, seeded.fee, plenty, wanted)

    def _sorted(self, a: str, b: str) -> tuple[str, str]:
        """The two symbols as a pool orders them: by address."""
        return (a, b) if int(self._traded[a].address, 16) < int(self._traded[b].address, 16) else (b, a)


def root_of(price: Decimal, low: str, high: str) -> int:
    """A price of `low` in `high` as a pool keeps it: of smallest units, its root with 96 binary places."""
    raw = price.scaleb(_decimals(high) - _decimals(low))
    return isqrt(int(raw * 10**40) * 2**192 // 10**40)


def _decimals(symbol: str) -> int:
    return KINDS[symbol].decimals if symbol in KINDS else 18
