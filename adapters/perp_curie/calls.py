"""The contract functions that are read, and what they answer."""

from __future__ import annotations

from typing import NamedTuple

from aggregator.contract import Function
from aggregator.model.units import Address


class Totals(NamedTuple):
    """Of all markets of a trader, 18 decimals: realised and not settled, unrealised, and orders' fees."""

    owed_realized_pnl: int
    unrealized_pnl: int
    pending_fee: int


class TakerInfo(NamedTuple):
    """The taker's part of a position: signed base, and quote paid (< 0) or received for it."""

    size: int
    notional: int
    growth: int


class MarketInfo(NamedTuple):
    """A market's pool; ratios in millionths."""

    pool: Address
    exchange_fee_ratio: int
    uniswap_fee_ratio: int
    insurance_fee_ratio: int
    max_price_spread_ratio: int


class TickInfo(NamedTuple):
    """A tick of a pool, without its growths."""

    gross: int
    net: int
    fee_growth_base: int
    fee_growth_quote: int
    cumulative: int
    seconds_per_liquidity: int
    seconds: int
    initialized: bool


class OrderInfo(NamedTuple):
    """A range order; the growths are what funding and fees were when last settled."""

    liquidity: int
    lower: int
    upper: int
    fee_growth: int
    premium_inside: int
    premium_below: int
    premium_by_root_inside: int
    base_debt: int
    quote_debt: int


class CollateralConfig(NamedTuple):
    """How a token counts as collateral; ratios in millionths."""

    price_feed: Address
    ratio: int
    discount: int
    deposit_cap: int


class Slot(NamedTuple):
    """The state of a pool: `root` is the root price with 96 binary places."""

    root: int
    tick: int
    observation: int
    cardinality: int
    next_cardinality: int
    fee_protocol: int
    unlocked: bool


def _taker(fields: tuple[int, int, int]) -> TakerInfo:
    return TakerInfo(*fields)


def _market(fields: tuple[Address, int, int, int, int]) -> MarketInfo:
    return MarketInfo(*fields)


def _order(fields: tuple[int, int, int, int, int, int, int, int, int]) -> OrderInfo:
    return OrderInfo(*fields)


def _collateral(fields: tuple[Address, int, int, int]) -> CollateralConfig:
    return CollateralConfig(*fields)


# ClearingHouse and Vault each have a stop of their own
PAUSED: Function[bool] = Function("paused()(bool)")

# ClearingHouse
CONFIG: Function[Address] = Function("getClearingHouseConfig()(address)")
EXCHANGE: Function[Address] = Function("getExchange()(address)")
ORDER_BOOK: Function[Address] = Function("getOrderBook()(address)")
INSURANCE_FUND: Function[Address] = Function("getInsuranceFund()(address)")
ACCOUNT_BALANCE: Function[Address] = Function("getAccountBalance()(address)")
VAULT: Function[Address] = Function("getVault()(address)")
ACCOUNT_VALUE: Function[int] = Function("getAccountValue(address)(int256)")

# AccountBalance
BASE_TOKENS: Function[tuple[Address, ...]] = Function("getBaseTokens(address)(address[])")
PNL_AND_FEE: Function[Totals] = Function("getPnlAndPendingFee(address)(int256,int256,uint256)", into=Totals)
REQUIREMENT: Function[int] = Function("getMarginRequirementForLiquidation(address)(int256)")
ACCOUNT_INFO: Function[TakerInfo] = Function(
    "getAccountInfo(address,address)((int256,int256,int256))", into=_taker
)
MARK_PRICE: Function[int] = Function("getMarkPrice(address)(uint256)")

# Exchange; the order book and the exchange both know the registry
PENDING_FUNDING: Function[int] = Function("getPendingFundingPayment(address,address)(int256)")
MOST_TICKS: Function[int] = Function("getMaxTickCrossedWithinBlock(address)(uint24)")
MARKET_TWAP: Function[int] = Function("getSqrtMarketTwapX96(address,uint32)(uint160)")
MARKET_REGISTRY: Function[Address] = Function("getMarketRegistry()(address)")

# OrderBook
ORDER_IDS: Function[tuple[bytes, ...]] = Function("getOpenOrderIds(address,address)(bytes32[])")
ORDER: Function[OrderInfo] = Function(
    "getOpenOrderById(bytes32)((uint128,int24,int24,uint256,int256,int256,int256,uint256,uint256))",
    into=_order,
)

# Vault
COLLATERAL_TOKENS: Function[tuple[Address, ...]] = Function("getCollateralTokens(address)(address[])")
BALANCE: Function[int] = Function("getBalance(address)(int256)")
BALANCE_OF_TOKEN: Function[int] = Function("getBalanceByToken(address,address)(int256)")
COLLATERAL_LIQUIDATABLE: Function[bool] = Function("isLiquidatable(address)(bool)")
SALE_MARGIN_RATIO: Function[int] = Function("getCollateralMmRatio()(uint24)")
SETTLEMENT_TOKEN: Function[Address] = Function("getSettlementToken()(address)")
SETTLEMENT_DECIMALS: Function[int] = Function("decimals()(uint8)")
COLLATERAL_MANAGER: Function[Address] = Function("getCollateralManager()(address)")

# CollateralManager
COLLATERAL_CONFIG: Function[CollateralConfig] = Function(
    "getCollateralConfig(address)((address,uint24,uint24,uint256))", into=_collateral
)
COLLATERAL_PRICE: Function[int] = Function("getPrice(address,uint256)(uint256)")
COLLATERAL_PRICE_DECIMALS: Function[int] = Function("getPriceFeedDecimals(address)(uint8)")

DEBT_SHARE: Function[int] = Function("getDebtNonSettlementTokenValueRatio()(uint24)")
SALE_PART: Function[int] = Function("getLiquidationRatio()(uint24)")
SALE_FEE_RATIO: Function[int] = Function("getCLInsuranceFundFeeRatio()(uint24)")
MOST_DEBT: Function[int] = Function("getDebtThresholdByTrader(address)(uint256)")
SMALL_DEBT: Function[int] = Function("getCollateralValueDust()(uint256)")

# InsuranceFund
CAPACITY: Function[int] = Function("getInsuranceFundCapacity()(int256)")

# ClearingHouseConfig; ratios in millionths
INITIAL_RATIO: Function[int] = Function("getImRatio()(uint24)")
MAINTENANCE_RATIO: Function[int] = Function("getMmRatio()(uint24)")
PENALTY_RATIO: Function[int] = Function("getLiquidationPenaltyRatio()(uint24)")
SETTLEMENT_CAP: Function[int] = Function("getSettlementTokenBalanceCap()(uint256)")
MARK_INTERVALS: Function[tuple[int, int]] = Function("getMarkPriceConfig()(uint32,uint32)")
TWAP_INTERVAL: Function[int] = Function("getTwapInterval()(uint32)")
MAX_FUNDING_RATE: Function[int] = Function("getMaxFundingRate()(uint24)")

# MarketRegistry
MARKET_INFO: Function[MarketInfo] = Function(
    "getMarketInfo(address)((address,uint24,uint24,uint24,uint24))", into=_market
)
OWN_MARKET_INFO: Function[MarketInfo] = Function(
    "getMarketInfoByTrader(address,address)((address,uint24,uint24,uint24,uint24))", into=_market
)

# BaseToken
IS_OPEN: Function[bool] = Function("isOpen()(bool)")
IS_CLOSED: Function[bool] = Function("isClosed()(bool)")
INDEX_PRICE: Function[int] = Function("getIndexPrice(uint256)(uint256)")
PAUSED_PRICE: Function[int] = Function("getPausedIndexPrice()(uint256)")
CLOSED_PRICE: Function[int] = Function("getClosedPrice()(uint256)")

# Tokens
SYMBOL: Function[str] = Function("symbol()(string)")
DECIMALS: Function[int] = Function("decimals()(uint8)")
TOKEN_BALANCE: Function[int] = Function("balanceOf(address)(uint256)")

# Uniswap V3 pool
SLOT: Function[Slot] = Function("slot0()(uint160,int24,uint16,uint16,uint16,uint8,bool)", into=Slot)
LIQUIDITY: Function[int] = Function("liquidity()(uint128)")
TICK_SPACING: Function[int] = Function("tickSpacing()(int24)")
TICK: Function[TickInfo] = Function(
    "ticks(int24)(uint128,int128,uint256,uint256,int56,uint160,uint32,bool)", into=TickInfo
)
OBSERVE: Function[tuple[tuple[int, ...], tuple[int, ...]]] = Function("observe(uint32[])(int56[],uint160[])")

# What a trader sends
DEPOSIT: Function[None] = Function("deposit(address,uint256)()")
WITHDRAW: Function[None] = Function("withdraw(address,uint256)()")
WITHDRAW_ALL: Function[int] = Function("withdrawAll(address)(uint256)")
OPEN_POSITION: Function[tuple[int, int]] = Function(
    "openPosition((address,bool,bool,uint256,uint256,uint256,uint160,bytes32))(uint256,uint256)"
)
CLOSE_POSITION: Function[tuple[int, int]] = Function(
    "closePosition((address,uint160,uint256,uint256,bytes32))(uint256,uint256)"
)
