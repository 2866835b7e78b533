"""A stand-in for a Newport market on the local chain: WETH against USDC, volatilities and pool at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.lyra_v1.adapter import LyraAdapter, build
from aggregator.contract import Deployment, Deployments
from aggregator.model.units import ChainId, parse_address
from tests.devnet import lyra_deploy as avalon
from tests.devnet.artifacts import compiled
from tests.devnet.lyra import SKEWS, STRIKES
from tests.devnet.lyra_deploy import WEEK, units
from tests.reading_kit import read_accounts

if TYPE_CHECKING:
    import random

    from aggregator.model.readings import Reading
    from tests.devnet.chain import Contract
    from tests.devnet.world import World

EXPIRIES = (4 * WEEK, 12 * WEEK)
PARAMETERS = (
    avalon.MIN_COLLATERAL,
    avalon.FORCE_CLOSE,
    avalon.PARTIAL_COLLATERAL,
    avalon.PRICING,
    avalon.TRADE_LIMITS,
    avalon.VARIANCE_FEE,
)


@dataclass(frozen=True)
class Newport:
    """The stand-in's contracts and tokens; all that is not `pool`, `hedger` or a token is `market`."""

    world: World
    market: Contract
    pool: Contract
    hedger: Contract
    quote: Contract
    base: Contract
    shares: Contract

    @classmethod
    def deploy(cls, world: World, hedger: str = "StandInNewportPerp", base_decimals: int = 18) -> Newport:
        """A market at 2,000 with two boards, and a pool with 5 million that the first test account owns."""
        chain, made = world.chain, compiled("newport_stand_ins")
        token = compiled("devnet")["MintableToken"]
        quote = chain.deploy(token, "USD Coin", "USDC", 6)
        base = chain.deploy(token, "Wrapped Ether", "WETH", base_decimals)
        shares = chain.deploy(token, "Pool", "LP", 18)
        libraries = {"BlackScholes": world.lyra_v1.addresses["BlackScholes"]}
        maths = chain.deploy(avalon.artifacts()["TestBlackScholes"], libraries=libraries)
        tokens = [one.address for one in (quote, base, shares)]
        market = chain.deploy(made["StandInNewport"], maths.address, *tokens)
        pool = chain.deploy(made["StandInNewportPool"], market.address, *tokens)
        hedge = chain.deploy(made[hedger], market.address)
        market.send("setPool", pool.address)
        market.send("setParameters", *PARAMETERS)
        market.send("setPrice", units(2_000))
        market.send("setRate", units("0.06"))
        for seconds in EXPIRIES:
            prices, skews = [units(one) for one in STRIKES], [units(one) for one in SKEWS]
            market.send("addBoard", world.node.timestamp + seconds, units("0.8"), prices, skews)
        quote.send("mint", pool.address, 5_000_000 * 10**6)
        shares.send("mint", world.spare[2], units(4_800_000))
        shares.send("mint", world.spare[3], units(200_000))
        return cls(world, market, pool, hedge, quote, base, shares)

    def randomise(self, rng: random.Random) -> None:
        """Volatilities, Greeks and the pool's holdings as a year of trading might leave them."""
        market = self.market
        for board in (1, 2):
            market.send("setBoard", board, False, *(units(f"0.{rng.randint(60, 99)}") for _ in range(2)))  # noqa: FBT003
        for strike in range(1, 2 * len(STRIKES) + 1):
            market.send("setStrike", strike, units(f"1.{rng.randint(0, 9)}"), units(rng.randint(50, 400)))
        market.send("setGreeks", units(rng.randint(-20_000, 20_000)), units(rng.randint(-90_000, 400_000)))
        whole = 10 ** self.base.call("decimals")
        self.base.send("mint", self.pool.address, rng.randint(0, 50) * whole)
        protected = units(rng.choice((0, 500_000, 4_900_000)))
        self.pool.send("set", self.hedger.address, protected, units(rng.randint(0, 50_000)))
        self.hedger.send("setIdle", units(rng.randint(0, 20_000)))
        if self.hedger.name == "StandInNewportPerp":
            size = rng.choice((-1, 1)) * rng.randint(1, 300)
            self.hedger.send("set", units(size), units(400_000), units(rng.randint(1_900, 2_100)))
            return
        for is_long in (True, False):
            amounts = (rng.randint(10_000, 600_000), rng.randint(200_000, 300_000), rng.randint(1_800, 2_200))
            self.hedger.send("set", is_long, *map(units, amounts))

    def open_random_short(self, owner: str, rng: random.Random) -> None:
        """A short of any kind with 0.9 to 1.5 times the collateral that it needs, which is there."""
        kind, strike = rng.choice((2, 3, 4)), rng.randint(1, 2 * len(STRIKES))
        amount = units(rng.randint(1, 2_000)) // 100
        series, board = self.market.call("getStrikeAndBoard", strike)
        arguments = (kind, series["strikePrice"], board["expiry"], units(2_000), amount)
        least: int = self.market.call("getMinCollateral", *arguments)
        collateral = least * rng.randint(900, 1_500) // 1_000
        self.market.send("open", owner, strike, kind, amount, collateral)
        token = self.base if kind == 2 else self.quote
        token.send("mint", self.market.address, collateral // 10 ** (18 - token.call("decimals")) + 1)

    def adapter(self) -> LyraAdapter:
        """The adapter over it."""
        market = self.market.address
        roles = ("option_market", "option_token", "greek_cache", "exchange_adapter", "viewer")
        addresses = dict.fromkeys(roles, market)
        addresses |= {"quote_asset": self.quote.address, "base_asset": self.base.address}
        deployment = Deployment(
            adapter="lyra_v1",
            chain=ChainId(self.world.node.chain_id),
            name="Newport stand-in",
            addresses={role: parse_address(address) for role, address in addresses.items()},
            source="tests/devnet",
            options={"version": "newport", "underlying": "ETH"},
        )
        return build(Deployments((deployment,), ()))

    def read(self, wallet: str) -> Reading:
        """What the adapter reads of a wallet at the latest block."""
        return read_accounts(self.world.node.url, self.adapter(), wallet)
