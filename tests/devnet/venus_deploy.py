"""Deploys Venus' core pool as its own scripts do: five markets, VAI, the liquidator, one more risk pool.

Everything is real but the price oracles and the share reserve, whose packages need more than is wanted here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.devnet.artifacts import Bundle, compiled, shipped
from tests.devnet.chain import MAX_UINT256

if TYPE_CHECKING:
    from tests.devnet.chain import Contract
    from tests.devnet.deployment import Site
    from tests.devnet.prices import Quotes

PACKAGE = "@venusprotocol/venus-protocol"
# The market of the chain's own coin, BNB on the real one.
NATIVE = "ETH"
WAD = 10**18
PERCENT = 10**16
V_TOKEN_DECIMALS = 8

CLOSE_FACTOR = 50 * PERCENT
RESERVE_FACTOR = 15 * PERCENT
# What the liquidator contract keeps of the bonus.
TREASURY_SHARE = 40 * PERCENT
MIN_LIQUIDATABLE_VAI = 1_000 * WAD
# Base, slope, slope above the kink per year; the kink. Few blocks a year, so that a test sees interest.
RATE_CURVE = (2 * PERCENT, 30 * PERCENT, 300 * PERCENT, 80 * PERCENT)
BLOCKS_PER_YEAR = 210_240
VAI_BASE_RATE = 4 * PERCENT
VAI_MINT_RATE_BPS = 10_000
# A second set of factors: the pool of correlated assets.
POOL = "ETH correlated"
POOL_FACTORS = (85 * PERCENT, 90 * PERCENT, 105 * PERCENT)


@dataclass(frozen=True)
class Market:
    """Risk parameters with 18 decimals: collateral factor, liquidation threshold, incentive."""

    factor: int
    threshold: int
    incentive: int


MARKETS = {
    "WETH": Market(78 * PERCENT, 82 * PERCENT, 110 * PERCENT),
    "WBTC": Market(75 * PERCENT, 80 * PERCENT, 108 * PERCENT),
    "USDC": Market(80 * PERCENT, 83 * PERCENT, 110 * PERCENT),
    "DAI": Market(0, 0, 110 * PERCENT),
    "wstETH": Market(70 * PERCENT, 77 * PERCENT, 112 * PERCENT),
    NATIVE: Market(77 * PERCENT, 80 * PERCENT, 110 * PERCENT),
}
DECIMALS = {"WETH": 18, "WBTC": 8, "USDC": 6, "DAI": 18, "wstETH": 18, NATIVE: 18}


def prices_of(quotes: Quotes) -> dict[str, int]:
    """The oracle's prices of all markets: 36 decimals less those of the token."""
    return {symbol: quotes.scaled(symbol, 36 - DECIMALS[symbol]) for symbol in MARKETS}


def artifacts() -> Bundle:
    """The contracts of Venus' core pool, as the package ships them."""
    return shipped(PACKAGE, "artifacts/contracts")


def stand_ins() -> Bundle:
    """The stand-ins for what is not deployed, and OpenZeppelin's proxy."""
    return compiled("venus_stand_ins")


def deploy_core_pool(site: Site) -> dict[str, str]:
    """Deploy everything; addresses by name."""
    contracts, chain = artifacts(), site.chain
    unitroller = chain.deploy(contracts["Unitroller"])
    diamond = chain.deploy(contracts["DiamondConsolidated"])
    unitroller.send("_setPendingImplementation", diamond.address)
    diamond.send("_become", unitroller.address)
    comptroller = chain.at(contracts["DiamondConsolidated"], unitroller.address, "Comptroller")
    access = chain.deploy(contracts["AccessControlManagerMock"], chain.sender)
    oracle = chain.deploy(stand_ins()["StandInVenusOracle"])
    reserve = chain.deploy(stand_ins()["StandInShareReserve"])
    rates = chain.deploy(contracts["JumpRateModel"], *RATE_CURVE, BLOCKS_PER_YEAR)
    comptroller.send("_setAccessControl", access.address)
    comptroller.send("_setComptrollerLens", chain.deploy(contracts["ComptrollerLens"]).address)
    comptroller.send("_setPriceOracle", oracle.address)
    comptroller.send("setDeviationBoundedOracle", oracle.address)
    comptroller.send("_setCloseFactor", CLOSE_FACTOR)

    addresses = {"comptroller": comptroller.address, "oracle": oracle.address, "access": access.address}
    markets = {symbol: _market(site, symbol, comptroller, rates, access, reserve) for symbol in MARKETS}
    addresses |= {f"v{symbol}": market.address for symbol, market in markets.items()}
    controller, vai = _vai(site, comptroller, access)
    addresses |= {"vai_controller": controller.address, "vai": vai.address}
    prices = prices_of(site.prices.quotes).values()
    keys = [*(market.address for market in markets.values()), vai.address]
    oracle.send("set", keys, [*prices, WAD])
    for symbol, listed in markets.items():
        _list(comptroller, listed.address, MARKETS[symbol])
    addresses["liquidator"] = _liquidator(site, comptroller, markets[NATIVE], access, reserve)
    comptroller.send("createPool", POOL)
    pooled = [markets[symbol].address for symbol in ("WETH", "wstETH")]
    comptroller.send("addPoolMarkets", [1, 1], pooled)
    for market in pooled:
        factor, threshold, incentive = POOL_FACTORS
        comptroller.send("setLiquidationIncentive(uint96,address,uint256)", 1, market, incentive)
        comptroller.send("setCollateralFactor(uint96,address,uint256,uint256)", 1, market, factor, threshold)
        comptroller.send("setIsBorrowAllowed", 1, market, True)  # noqa: FBT003
    return addresses


def _market(
    site: Site, symbol: str, comptroller: Contract, rates: Contract, access: Contract, reserve: Contract
) -> Contract:
    contracts, chain = artifacts(), site.chain
    # The first vToken is worth 0.02 of the underlying.
    initial = 2 * 10 ** (18 - 2 + DECIMALS[symbol] - V_TOKEN_DECIMALS)
    arguments = (
        *(comptroller.address, rates.address, initial),
        *(f"Venus {symbol}", f"v{symbol}", V_TOKEN_DECIMALS, chain.sender),
    )
    if symbol == NATIVE:
        market = chain.deploy(contracts["VBNB"], *arguments)
    else:
        market = chain.deploy(contracts["VBep20Immutable"], site.tokens[symbol].address, *arguments)
    market.send("setAccessControlManager", access.address)
    market.send("_setReserveFactor", RESERVE_FACTOR)
    market.send("setProtocolShareReserve", reserve.address)
    market.send("setReduceReservesBlockDelta", 10**9)
    return market


def _list(comptroller: Contract, market: str, risk: Market) -> None:
    comptroller.send("_supportMarket", market)
    comptroller.send("setLiquidationIncentive(address,uint256)", market, risk.incentive)
    comptroller.send("setCollateralFactor(address,uint256,uint256)", market, risk.factor, risk.threshold)
    comptroller.send("_setMarketSupplyCaps", [market], [MAX_UINT256])
    comptroller.send("_setMarketBorrowCaps", [market], [MAX_UINT256])
    comptroller.send("setIsBorrowAllowed", 0, market, True)  # noqa: FBT003


def _vai(site: Site, comptroller: Contract, access: Contract) -> tuple[Contract, Contract]:
    contracts, chain = artifacts(), site.chain
    vai = chain.deploy(contracts["VAI"], chain.node.chain_id)
    unitroller = chain.deploy(contracts["VAIUnitroller"])
    brains = chain.deploy(contracts["VAIController"])
    unitroller.send("_setPendingImplementation", brains.address)
    brains.send("_become", unitroller.address)
    controller = chain.at(contracts["VAIController"], unitroller.address, "VAIController")
    controller.send("initialize")
    controller.send("_setComptroller", comptroller.address)
    controller.send("setVAIToken", vai.address)
    controller.send("setAccessControl", access.address)
    controller.send("setReceiver", site.account("treasury"))
    controller.send("setMintCap", MAX_UINT256)
    controller.send("setBaseRate", VAI_BASE_RATE)
    vai.send("rely", controller.address)
    comptroller.send("_setVAIController", controller.address)
    comptroller.send("_setVAIMintRate", VAI_MINT_RATE_BPS)
    return controller, vai


def _liquidator(
    site: Site, comptroller: Contract, native: Contract, access: Contract, reserve: Contract
) -> str:
    contracts, chain = artifacts(), site.chain
    wrapped = chain.deploy(contracts["WBNB"])
    brains = chain.deploy(contracts["Liquidator"], comptroller.address, native.address, wrapped.address)
    data = brains.encode("initialize", TREASURY_SHARE, access.address, reserve.address)
    proxy = chain.deploy(stand_ins()["ERC1967Proxy"], brains.address, data)
    liquidator = chain.at(contracts["Liquidator"], proxy.address, "Liquidator")
    liquidator.send("setMinLiquidatableVAI", MIN_LIQUIDATABLE_VAI)
    liquidator.send("setPendingRedeemChunkLength", 5)
    comptroller.send("_setLiquidatorContract", liquidator.address)
    return liquidator.address
