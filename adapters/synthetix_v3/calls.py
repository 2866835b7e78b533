"""The contract functions and events that are read, and what they answer."""

from __future__ import annotations

from typing import NamedTuple

from aggregator.contract import Event, Function
from aggregator.model.units import Address

SNX_USD = 0
"""The collateral id of snxUSD."""
SELL = 2
"""The spot market's kind of transaction at whose price collateral counts."""
DEFAULT_TOLERANCE = 0
FLAG, LIQUIDATE = 1, 2
"""Kinds of execution that the node of keeper costs is asked for."""


class OpenPosition(NamedTuple):
    """A position at the present index price: `total_pnl` has funding and interest in it."""

    total_pnl: int
    accrued_funding: int
    size: int
    owed_interest: int


class Summary(NamedTuple):
    """A market at the block."""

    skew: int
    size: int
    max_open_interest: int
    funding_rate: int
    funding_velocity: int
    index_price: int


class Order(NamedTuple):
    """The last order of an account that was neither settled nor cancelled; without one all is zero."""

    commitment_time: int
    market: int
    size_delta: int
    strategy: int


class Strategy(NamedTuple):
    """When an order may be settled after it was committed, in seconds."""

    delay: int
    window: int


class MarketUpdated(NamedTuple):
    """A trade or liquidation: the market's funding rate as recomputed then."""

    market: int
    price: int
    skew: int
    size: int
    size_delta: int
    funding_rate: int
    funding_velocity: int
    interest_rate: int


class OrderCommitted(NamedTuple):
    """An order left to be settled; funding is recomputed then, too."""

    market: int
    account: int
    kind: int
    size_delta: int
    acceptable_price: int
    commitment_time: int
    expected_price_time: int
    settlement_time: int
    expiration_time: int
    tracking_code: bytes
    sender: Address


class Capacity(NamedTuple):
    """What may be liquidated now, at most within a window, and when the last liquidation was."""

    capacity: int
    limit: int
    latest: int


_OrderFields = tuple[int, tuple[int, int, int, int, int, bytes, Address]]


def _order(commitment_time: int, request: tuple[int, int, int, int, int, bytes, Address]) -> Order:
    market, _, size_delta, strategy, *_ = request
    return Order(commitment_time, market, size_delta, strategy)


# The NFT of accounts
BALANCE: Function[int] = Function("balanceOf(address)(uint256)")
TOKEN_OF_OWNER: Function[int] = Function("tokenOfOwnerByIndex(address,uint256)(uint256)")

# The perps market: of the system
FLAGGED: Function[tuple[int, ...]] = Function("flaggedAccounts()(uint256[])")
MARKETS: Function[tuple[int, ...]] = Function("getMarkets()(uint256[])")
ACCOUNT_TOKEN: Function[Address] = Function("getAccountTokenAddress()(address)")
INTEREST_RATE: Function[int] = Function("interestRate()(uint128)")
GUARDS: Function[tuple[int, ...]] = Function("getKeeperRewardGuards()(uint256,uint256,uint256,uint256)")
COLLATERAL_REWARD: Function[int] = Function("getCollateralLiquidateRewardRatio()(uint128)")
COST_NODE: Function[bytes] = Function("getKeeperCostNodeId()(bytes32)")

# ... of an account
COLLATERAL_IDS: Function[tuple[int, ...]] = Function("getAccountCollateralIds(uint128)(uint256[])")
OPEN_POSITIONS: Function[tuple[int, ...]] = Function("getAccountOpenPositions(uint128)(uint256[])")
DEBT: Function[int] = Function("debt(uint128)(uint256)")
ORDER: Function[Order] = Function(
    "getOrder(uint128)((uint256 commitmentTime,(uint128 marketId,uint128 accountId,int128 sizeDelta,"
    "uint128 settlementStrategyId,uint256 acceptablePrice,bytes32 trackingCode,address referrer) request))",
    into=lambda order: _order(*order),
)
AVAILABLE_MARGIN: Function[int] = Function("getAvailableMargin(uint128)(int256)")
REQUIRED_MARGINS: Function[tuple[int, int, int]] = Function(
    "getRequiredMargins(uint128)(uint256,uint256,uint256)"
)
CAN_LIQUIDATE: Function[bool] = Function("canLiquidate(uint128)(bool)")
CAN_LIQUIDATE_MARGIN_ONLY: Function[bool] = Function("canLiquidateMarginOnly(uint128)(bool)")
COLLATERAL_AMOUNT: Function[int] = Function("getCollateralAmount(uint128,uint128)(uint256)")
OPEN_POSITION: Function[OpenPosition] = Function(
    "getOpenPosition(uint128,uint128)(int256,int256,int128,uint256)", into=OpenPosition
)

# ... of a market
SUMMARY: Function[Summary] = Function(
    "getMarketSummary(uint128)((int256,uint256,uint256,int256,int256,uint256))",
    into=lambda summary: Summary(*summary),
)
METADATA: Function[tuple[str, str]] = Function("metadata(uint128)(string,string)")
FUNDING_PARAMETERS: Function[tuple[int, int]] = Function("getFundingParameters(uint128)(uint256,uint256)")
LIQUIDATION_PARAMETERS: Function[tuple[int, ...]] = Function(
    "getLiquidationParameters(uint128)(uint256,uint256,uint256,uint256,uint256)"
)
MAX_LIQUIDATION: Function[tuple[int, int, int, Address]] = Function(
    "getMaxLiquidationParameters(uint128)(uint256,uint256,uint256,address)"
)
CAPACITY: Function[Capacity] = Function(
    "liquidationCapacity(uint128)(uint256,uint256,uint256)", into=Capacity
)
LOCKED_OI_RATIO: Function[int] = Function("getLockedOiRatio(uint128)(uint256)")
STRATEGY: Function[Strategy] = Function(
    "getSettlementStrategy(uint128,uint256)((uint8,uint256,uint256,address,bytes32,uint256,bool,uint256))",
    into=lambda strategy: Strategy(strategy[1], strategy[2]),
)
MARKET_UPDATED: Event[MarketUpdated] = Event(
    "MarketUpdated(uint128,uint256,int256,uint256,int256,int256,int256,uint128)", into=MarketUpdated
)
ORDER_COMMITTED: Event[OrderCommitted] = Event(
    "OrderCommitted(uint128 indexed,uint128 indexed,uint8,int128,uint256,uint256,uint256,uint256,uint256,"
    "bytes32 indexed,address)",
    into=OrderCommitted,
)

# ... of a collateral: most that may be posted, upper and lower limit of the discount, its scalar
COLLATERAL_CONFIGURATION: Function[tuple[int, int, int, int]] = Function(
    "getCollateralConfigurationFull(uint128)(uint256,uint256,uint256,uint256)"
)

# The spot market, of a synth
SYNTH: Function[Address] = Function("getSynth(uint128)(address)")
SYNTH_NAME: Function[str] = Function("name(uint128)(string)")
SPOT_SKEW_SCALE: Function[int] = Function("getMarketSkewScale(uint128)(uint256)")
SPOT_PRICE: Function[int] = Function("indexPrice(uint128,uint128,uint8)(uint256)")

# The oracle manager: price, time, two spare words
PROCESS: Function[int] = Function(
    "processWithRuntime(bytes32,bytes32[],bytes32[])((int256,uint256,uint256,uint256))",
    into=lambda output: output[0],
)


def cost_call_arguments(node: bytes, feeds: int, kind: int) -> tuple[bytes, list[bytes], list[bytes]]:
    """What PROCESS is asked for a keeper's cost of an execution that updates so many feeds."""
    keys = [b"numberOfUpdatedFeeds".ljust(32, b"\0"), b"executionKind".ljust(32, b"\0"), bytes(32), bytes(32)]
    return node, keys, [feeds.to_bytes(32), kind.to_bytes(32), bytes(32), bytes(32)]
