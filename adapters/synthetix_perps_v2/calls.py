"""The contract functions that are read, and what they answer."""

from __future__ import annotations

from typing import NamedTuple

from adapters.synthetix_perps_v2.orders import DelayedOrder
from aggregator.contract import Function
from aggregator.model.units import Address


class Valued(NamedTuple):
    """A figure that depends on the asset's price, and whether the market calls that price invalid."""

    value: int
    invalid: bool


def _order(fields: tuple[bool, int, int, int, int, int, int, int, bytes]) -> DelayedOrder:
    return DelayedOrder(*fields)


# AddressResolver
GET_ADDRESS: Function[Address] = Function("getAddress(bytes32)(address)")

# A synth: the token that people hold, of which the resolver names what is behind it
PROXY: Function[Address] = Function("proxy()(address)")

# FuturesMarketManager; its argument asks for the markets of V2 or of V1
V1, V2 = False, True
ALL_MARKETS: Function[tuple[Address, ...]] = Function("allMarkets(bool)(address[])")
NUM_MARKETS: Function[int] = Function("numMarkets(bool)(uint256)")
ALL_ENDORSED: Function[tuple[Address, ...]] = Function("allEndorsedAddresses()(address[])")

# SystemStatus: returns nothing, and reverts where the market is suspended
REQUIRE_ACTIVE: Function[tuple[()]] = Function("requireFuturesMarketActive(bytes32)()")

# ExchangeRates
RATE: Function[Valued] = Function("rateAndInvalid(bytes32)(uint256,bool)", into=Valued)
CURRENT_ROUND: Function[int] = Function("getCurrentRoundId(bytes32)(uint256)")

# Exchanger: the surcharge on a trade from one asset to another, and whether prices are too volatile for one
DYNAMIC_FEE: Function[tuple[int, bool]] = Function("dynamicFeeRateForExchange(bytes32,bytes32)(uint256,bool)")

# PerpsV2MarketSettings: of a market, by its key
SKEW_SCALE: Function[int] = Function("skewScale(bytes32)(uint256)")
MAX_FUNDING_VELOCITY: Function[int] = Function("maxFundingVelocity(bytes32)(uint256)")
PREMIUM_MULTIPLIER: Function[int] = Function("liquidationPremiumMultiplier(bytes32)(uint256)")
BUFFER_RATIO: Function[int] = Function("liquidationBufferRatio(bytes32)(uint256)")
MAX_LIQUIDATION_DELTA: Function[int] = Function("maxLiquidationDelta(bytes32)(uint256)")
MAX_PD: Function[int] = Function("maxPD(bytes32)(uint256)")
OFFCHAIN_MIN_AGE: Function[int] = Function("offchainDelayedOrderMinAge(bytes32)(uint256)")
OFFCHAIN_MAX_AGE: Function[int] = Function("offchainDelayedOrderMaxAge(bytes32)(uint256)")
CONFIRM_SECONDS: Function[int] = Function("delayedOrderConfirmWindow(bytes32)(uint256)")
CONFIRM_ROUNDS: Function[int] = Function("nextPriceConfirmWindow(bytes32)(uint256)")
TAKER_FEE: Function[int] = Function("takerFeeOffchainDelayedOrder(bytes32)(uint256)")
MAKER_FEE: Function[int] = Function("makerFeeOffchainDelayedOrder(bytes32)(uint256)")
MAX_LEVERAGE: Function[int] = Function("maxLeverage(bytes32)(uint256)")
MAX_MARKET_VALUE: Function[int] = Function("maxMarketValue(bytes32)(uint256)")
# ... and of all markets
MIN_INITIAL_MARGIN: Function[int] = Function("minInitialMargin()(uint256)")
FEE_RATIO: Function[int] = Function("liquidationFeeRatio()(uint256)")
MIN_KEEPER_FEE: Function[int] = Function("minKeeperFee()(uint256)")
MAX_KEEPER_FEE: Function[int] = Function("maxKeeperFee()(uint256)")
KEEPER_LIQUIDATION_FEE: Function[int] = Function("keeperLiquidationFee()(uint256)")

# A market
MARKET_KEY: Function[bytes] = Function("marketKey()(bytes32)")
BASE_ASSET: Function[bytes] = Function("baseAsset()(bytes32)")
ASSET_PRICE: Function[Valued] = Function("assetPrice()(uint256,bool)", into=Valued)
MARKET_SKEW: Function[int] = Function("marketSkew()(int128)")
MARKET_SIZE: Function[int] = Function("marketSize()(uint128)")
FUNDING_SEQUENCE_LENGTH: Function[int] = Function("fundingSequenceLength()(uint256)")
FUNDING_SEQUENCE: Function[int] = Function("fundingSequence(uint256)(int128)")
FUNDING_LAST_RECOMPUTED: Function[int] = Function("fundingLastRecomputed()(uint32)")
FUNDING_RATE_LAST_RECOMPUTED: Function[int] = Function("fundingRateLastRecomputed()(int128)")

# A market, of an account
POSITIONS: Function[tuple[int, ...]] = Function(
    "positions(address)((uint64 id,uint64 lastFundingIndex,uint128 margin,uint128 lastPrice,int128 size))"
)
DELAYED_ORDERS: Function[DelayedOrder] = Function(
    "delayedOrders(address)((bool,int128,uint128,uint128,uint128,uint128,uint256,uint256,bytes32))",
    into=_order,
)
PROFIT_LOSS: Function[Valued] = Function("profitLoss(address)(int256,bool)", into=Valued)
ACCRUED_FUNDING: Function[Valued] = Function("accruedFunding(address)(int256,bool)", into=Valued)
REMAINING_MARGIN: Function[Valued] = Function("remainingMargin(address)(uint256,bool)", into=Valued)
LIQUIDATION_PRICE: Function[Valued] = Function("liquidationPrice(address)(uint256,bool)", into=Valued)
CAN_LIQUIDATE: Function[bool] = Function("canLiquidate(address)(bool)")
IS_FLAGGED: Function[bool] = Function("isFlagged(address)(bool)")
