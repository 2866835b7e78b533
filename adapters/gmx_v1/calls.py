"""The functions that are read; signatures from github gmx-io/gmx-contracts, as named beside each group."""

from __future__ import annotations

from typing import NamedTuple

from aggregator.contract import Function
from aggregator.model.units import Address


class Stored(NamedTuple):
    """A position as the vault keeps it; USD with 30 decimals, all zero where there is none."""

    size: int
    collateral: int
    average_price: int
    entry_funding_rate: int
    reserve_amount: int
    realised_pnl: int
    has_realised_profit: bool
    last_increased_time: int


class IncreaseOrder(NamedTuple):
    """An order that opens or adds; `purchase_amount` of `purchase_token` lies in the order book."""

    purchase_token: Address
    purchase_amount: int
    collateral_token: Address
    index_token: Address
    size_delta: int
    is_long: bool
    trigger_price: int
    above: bool
    execution_fee: int


class DecreaseOrder(NamedTuple):
    """An order that closes or reduces; only the fee of its execution lies in the order book."""

    collateral_token: Address
    collateral_delta: int
    index_token: Address
    size_delta: int
    is_long: bool
    trigger_price: int
    above: bool
    execution_fee: int


class SwapOrder(NamedTuple):
    """An order that swaps `amount_in` of `first`, which lies in the order book."""

    first: Address
    second: Address
    third: Address
    amount_in: int
    min_out: int
    trigger_ratio: int
    above: bool
    should_unwrap: bool
    execution_fee: int


class IncreaseRequest(NamedTuple):
    """What waits for a keeper to open or add: `amount_in` of the first token of its path."""

    account: Address
    index_token: Address
    amount_in: int
    min_out: int
    size_delta: int
    is_long: bool
    acceptable_price: int
    execution_fee: int
    block_number: int
    block_time: int
    has_collateral_in_eth: bool
    callback_target: Address


class DecreaseRequest(NamedTuple):
    """What waits for a keeper to close or reduce."""

    account: Address
    index_token: Address
    collateral_delta: int
    size_delta: int
    is_long: bool
    receiver: Address
    acceptable_price: int
    min_out: int
    execution_fee: int
    block_number: int
    block_time: int
    withdraw_eth: bool
    callback_target: Address


def _uint(name: str, inputs: str = "") -> Function[int]:
    return Function(f"{name}({inputs})(uint256)")


def _address(name: str, inputs: str = "") -> Function[Address]:
    return Function(f"{name}({inputs})(address)")


# core/Vault.sol: settings
MAX_LEVERAGE = _uint("maxLeverage")
LIQUIDATION_FEE = _uint("liquidationFeeUsd")
MARGIN_FEE = _uint("marginFeeBasisPoints")
MIN_PROFIT_TIME = _uint("minProfitTime")
FUNDING_INTERVAL = _uint("fundingInterval")
FUNDING_FACTOR = _uint("fundingRateFactor")
STABLE_FUNDING_FACTOR = _uint("stableFundingRateFactor")
TOKENS_LENGTH = _uint("allWhitelistedTokensLength")
TOKEN = _address("allWhitelistedTokens", "uint256")
PRICE_FEED = _address("priceFeed")

# core/Vault.sol: per token
TOKEN_DECIMALS = _uint("tokenDecimals", "address")
MIN_PROFIT = _uint("minProfitBasisPoints", "address")
POOL_AMOUNT = _uint("poolAmounts", "address")
RESERVED_AMOUNT = _uint("reservedAmounts", "address")
GUARANTEED_USD = _uint("guaranteedUsd", "address")
CUMULATIVE_RATE = _uint("cumulativeFundingRates", "address")
LAST_FUNDING_TIME = _uint("lastFundingTimes", "address")
SHORT_SIZE = _uint("globalShortSizes", "address")
MIN_PRICE = _uint("getMinPrice", "address")
NEXT_RATE = _uint("getNextFundingRate", "address")
IS_STABLE: Function[bool] = Function("stableTokens(address)(bool)")
IS_WHITELISTED: Function[bool] = Function("whitelistedTokens(address)(bool)")

# core/Vault.sol: per position (account, collateral, index, is long)
POSITION: Function[Stored] = Function(
    "getPosition(address,address,address,bool)(uint256,uint256,uint256,uint256,uint256,uint256,bool,uint256)",
    into=Stored,
)
POSITION_FEE = _uint("getPositionFee", "address,address,address,bool,uint256")
FUNDING_FEE = _uint("getFundingFee", "address,address,address,bool,uint256,uint256")
VALIDATE: Function[tuple[int, int]] = Function(
    "validateLiquidation(address,address,address,bool,bool)(uint256,uint256)"
)

# core/VaultPriceFeed.sol: token, maximise, with the price of an AMM, unused
FEED_PRICE = _uint("getPrice", "address,bool,bool,bool")

# peripherals/Reader.sol: nine words a position
READER_POSITIONS: Function[tuple[int, ...]] = Function(
    "getPositions(address,address,address[],address[],bool[])(uint256[])"
)

# core/GlpManager.sol
VAULT = _address("vault")
GLP = _address("glp")
AUM = _uint("getAum", "bool")
AUM_ADDITION = _uint("aumAddition")
AUM_DEDUCTION = _uint("aumDeduction")
SHORT_AVERAGE = _uint("getGlobalShortAveragePrice", "address")
COOLDOWN = _uint("cooldownDuration")
LAST_ADDED = _uint("lastAddedAt", "address")

# tokens and staking/RewardTracker.sol
BALANCE = _uint("balanceOf", "address")
SUPPLY = _uint("totalSupply")
SYMBOL: Function[str] = Function("symbol()(string)")
IS_DEPOSIT: Function[bool] = Function("isDepositToken(address)(bool)")
DEPOSITED = _uint("depositBalances", "address,address")
CLAIMABLE = _uint("claimable", "address")
REWARD_TOKEN = _address("rewardToken")

# core/OrderBook.sol
WETH = _address("weth")
INCREASE_ORDERS = _uint("increaseOrdersIndex", "address")
DECREASE_ORDERS = _uint("decreaseOrdersIndex", "address")
SWAP_ORDERS = _uint("swapOrdersIndex", "address")
INCREASE_ORDER: Function[IncreaseOrder] = Function(
    "getIncreaseOrder(address,uint256)(address,uint256,address,address,uint256,bool,uint256,bool,uint256)",
    into=IncreaseOrder,
)
DECREASE_ORDER: Function[DecreaseOrder] = Function(
    "getDecreaseOrder(address,uint256)(address,uint256,address,uint256,bool,uint256,bool,uint256)",
    into=DecreaseOrder,
)
SWAP_ORDER: Function[SwapOrder] = Function(
    "getSwapOrder(address,uint256)(address,address,address,uint256,uint256,uint256,bool,bool,uint256)",
    into=SwapOrder,
)

# core/PositionRouter.sol
INCREASE_REQUESTS = _uint("increasePositionsIndex", "address")
DECREASE_REQUESTS = _uint("decreasePositionsIndex", "address")
INCREASE_REQUEST: Function[IncreaseRequest] = Function(
    "increasePositionRequests(bytes32)"
    "(address,address,uint256,uint256,uint256,bool,uint256,uint256,uint256,uint256,bool,address)",
    into=IncreaseRequest,
)
DECREASE_REQUEST: Function[DecreaseRequest] = Function(
    "decreasePositionRequests(bytes32)"
    "(address,address,uint256,uint256,bool,address,uint256,uint256,uint256,uint256,uint256,bool,address)",
    into=DecreaseRequest,
)
REQUEST_PATH: Function[tuple[Address, ...]] = Function("getIncreasePositionRequestPath(bytes32)(address[])")
