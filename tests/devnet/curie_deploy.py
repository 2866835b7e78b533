"""Deploys Perpetual Protocol Curie: the real contracts from their published artifacts.

All of `@perp/curie-contract` 2.8.4 that trading needs, the price feeds of `@perp/perp-oracle-contract` 0.6.8
and the pools of `@uniswap/v3-core` 1.0.1. Only the Chainlink aggregators and the tokens are the kit's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isqrt
from typing import TYPE_CHECKING

from tests.devnet.artifacts import Artifact, Bundle, shipped
from tests.devnet.chain import MAX_UINT256
from tests.devnet.tokens import Feeds

if TYPE_CHECKING:
    from tests.devnet.chain import Chain, Contract
    from tests.devnet.deployment import Site

MILLION = 10**6  # ratios are written in millionths
POOL_FEE = 3_000
TICK_SPACING = 60
TWAP_SECONDS = 900  # of the index prices
# Pools must have seen the longest window of the mark price before anybody trades.
SETTLING_SECONDS = 2_000
MAX_TICKS_PER_BLOCK = 1_000  # the contract's own upper bound


@dataclass(frozen=True)
class Market:
    """A market by the name of its base token: whose quote it follows, and its fees in millionths."""

    coin: str
    fee: int
    insurance_share: int


MARKETS: Mapping[str, Market] = {
    "vETH": Market("ETH", 1_000, 100_000),
    "vBTC": Market("BTC", 1_500, 200_000),
}
COLLATERAL = "WETH"
COLLATERAL_RATIO, COLLATERAL_DISCOUNT = 950_000, 50_000
CONTRACTS = (
    "ClearingHouseConfig",
    "MarketRegistry",
    "OrderBook",
    "InsuranceFund",
    "Exchange",
    "AccountBalance",
    "Vault",
    "CollateralManager",
    "ClearingHouse",
)


def curie() -> Bundle:
    """The protocol's own contracts."""
    return shipped("@perp/curie-contract", "artifacts/contracts")


def oracle(name: str) -> Artifact:
    """One of the protocol's price feeds."""
    return shipped("@perp/perp-oracle-contract", "artifacts/contracts")[name]


def uniswap(name: str) -> Artifact:
    """A contract of Uniswap V3."""
    return shipped("@uniswap/v3-core", "artifacts/contracts")[name]


def role(contract: str) -> str:
    """`ClearingHouse` as it is named among addresses: `clearing_house`."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in contract).removeprefix("_")


def deploy_curie(site: Site) -> dict[str, str]:
    """Deploy everything with the markets of `MARKETS`; addresses by role, and by kind and market."""
    chain, quotes = site.chain, site.prices.quotes
    coins = {market.coin for market in MARKETS.values()}
    feeds = Feeds.deploy(chain, quotes, sorted(coins))
    # A feed refuses two prices of one second, and gives no price before its first update.
    chain.node.warp(1)
    index = {name: _price_feed(chain, feeds[market.coin]) for name, market in MARKETS.items()}
    collateral_feed = _price_feed(chain, feeds["ETH"])
    bases = {name: _base_token(chain, name, index[name]) for name in MARKETS}
    quote = _quote_token(chain, max(int(base.address, 16) for base in bases.values()))
    factory = chain.deploy(uniswap("UniswapV3Factory"))
    parts = {name: chain.deploy(curie()[name]) for name in CONTRACTS}
    _wire(site, parts, quote, factory)
    pools = {
        name: _open_market(
            chain, parts, factory, quote, base, _sqrt_price(quotes.usd(MARKETS[name].coin)), name
        )
        for name, base in bases.items()
    }
    parts["CollateralManager"].send(
        "addCollateral",
        site.tokens[COLLATERAL].address,
        (collateral_feed.address, COLLATERAL_RATIO, COLLATERAL_DISCOUNT, MAX_UINT256),
    )
    chain.node.warp(SETTLING_SECONDS)
    return {
        **{role(name): part.address for name, part in parts.items()},
        "quote_token": quote.address,
        "collateral_feed": collateral_feed.address,
        **{f"feed {coin}": address for coin, address in feeds.items()},
        **{f"base {name}": base.address for name, base in bases.items()},
        **{f"index {name}": feed.address for name, feed in index.items()},
        **{f"pool {name}": pool.address for name, pool in pools.items()},
    }


def _price_feed(chain: Chain, aggregator: str) -> Contract:
    feed = chain.deploy(oracle("ChainlinkPriceFeedV3"), aggregator, 40 * 60, TWAP_SECONDS)
    feed.send("update")
    return feed


def _base_token(chain: Chain, name: str, index: Contract) -> Contract:
    dispatcher = chain.deploy(oracle("PriceFeedDispatcher"), index.address)
    token = chain.deploy(curie()["BaseToken"])
    token.send("initialize", name, name, dispatcher.address)
    return token


def _quote_token(chain: Chain, above: int) -> Contract:
    """The quote token's address must be above those of all base tokens: deployed again until it is."""
    while True:
        token = chain.deploy(curie()["QuoteToken"])
        if int(token.address, 16) > above:
            token.send("initialize", "vUSD", "vUSD")
            return token


def _wire(site: Site, parts: Mapping[str, Contract], quote: Contract, factory: Contract) -> None:
    at = {name: part.address for name, part in parts.items()}
    usdc = site.tokens["USDC"].address
    parts["ClearingHouseConfig"].send("initialize")
    parts["MarketRegistry"].send("initialize", factory.address, quote.address)
    parts["OrderBook"].send("initialize", at["MarketRegistry"])
    parts["InsuranceFund"].send("initialize", usdc)
    parts["Exchange"].send("initialize", at["MarketRegistry"], at["OrderBook"], at["ClearingHouseConfig"])
    parts["AccountBalance"].send("initialize", at["ClearingHouseConfig"], at["OrderBook"])
    parts["Exchange"].send("setAccountBalance", at["AccountBalance"])
    parts["OrderBook"].send("setExchange", at["Exchange"])
    vault = ("InsuranceFund", "ClearingHouseConfig", "AccountBalance", "Exchange")
    parts["Vault"].send("initialize", *(at[name] for name in vault))
    # At most 5 collaterals; debt up to 75% of their value; half is liquidated at a time; a buffer of 0.2%;
    # 3% of it for insurance; debt up to 10,000 USDC; below 500 USDC all of it is liquidated.
    settings = (5, 750_000, 500_000, 2_000, 30_000, 10_000 * MILLION, 500 * MILLION)
    parts["CollateralManager"].send("initialize", at["ClearingHouseConfig"], at["Vault"], *settings)
    parts["Vault"].send("setCollateralManager", at["CollateralManager"])
    parts["InsuranceFund"].send("setVault", at["Vault"])
    parts["AccountBalance"].send("setVault", at["Vault"])
    parts["ClearingHouse"].send(
        "initialize",
        *(at["ClearingHouseConfig"], at["Vault"], quote.address, factory.address),
        *(at["Exchange"], at["AccountBalance"], at["InsuranceFund"]),
    )
    parts["ClearingHouseConfig"].send("setSettlementTokenBalanceCap", MAX_UINT256)
    for name in ("MarketRegistry", "OrderBook", "Exchange", "AccountBalance", "Vault"):
        parts[name].send("setClearingHouse", at["ClearingHouse"])
    quote.send("mintMaximumTo", at["ClearingHouse"])
    quote.send("addWhitelist", at["ClearingHouse"])


def _open_market(
    chain: Chain,
    parts: Mapping[str, Contract],
    factory: Contract,
    quote: Contract,
    base: Contract,
    sqrt_price: int,
    name: str,
) -> Contract:
    factory.send("createPool", base.address, quote.address, POOL_FEE)
    address = factory.call("getPool", base.address, quote.address, POOL_FEE)
    pool = chain.at(uniswap("UniswapV3Pool"), str(address), f"pool {name}")
    for token in (base, quote):
        token.send("addWhitelist", pool.address)
    base.send("mintMaximumTo", parts["ClearingHouse"].address)
    base.send("addWhitelist", parts["ClearingHouse"].address)
    pool.send("initialize", sqrt_price)
    pool.send("increaseObservationCardinalityNext", 400)
    parts["MarketRegistry"].send("addPool", base.address, POOL_FEE)
    parts["MarketRegistry"].send("setFeeRatio", base.address, MARKETS[name].fee)
    parts["MarketRegistry"].send("setInsuranceFundFeeRatio", base.address, MARKETS[name].insurance_share)
    parts["Exchange"].send("setMaxTickCrossedWithinBlock", base.address, MAX_TICKS_PER_BLOCK)
    return pool


def _sqrt_price(price: Decimal) -> int:
    return isqrt(int(price * 10**18) * 2**192 // 10**18)
