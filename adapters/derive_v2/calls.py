"""The contract functions and events that the adapter reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from aggregator.contract import Event, Function
from aggregator.model.units import Address

T = TypeVar("T")

MAINTENANCE, INITIAL = False, True
"""Which margin MARGIN is asked for."""


class Balance(NamedTuple):
    """So much of an asset, with 18 decimals; `sub_id` is 0 but for options."""

    asset: Address
    sub_id: int
    amount: int


class Created(NamedTuple):
    """A subaccount for its first owner."""

    owner: Address
    account: int
    manager: Address


class Transferred(NamedTuple):
    """A subaccount that changes hands; the first time from nobody."""

    sender: Address
    receiver: Address
    account: int


class Deposited(NamedTuple):
    """A subaccount that Matching holds for somebody."""

    account: int
    owner: Address


class MarketCreated(NamedTuple):
    """A market of the standard manager gets its name."""

    market: int
    name: str


class AuctionState(NamedTuple):
    """An account's last auction."""

    account: int
    scenario: int
    insolvent: bool
    ongoing: bool
    cached_margin: int
    start: int
    reserved: int


class PositionDetail(NamedTuple):
    """What a perp keeps of a position; 18 decimals."""

    last_mark: int
    funding: int
    profit: int
    last_aggregated: int
    last_paid: int


def _rows(into: Callable[..., T]) -> Callable[[Any], tuple[T, ...]]:
    return lambda rows: tuple(into(*row) for row in rows)


# SubAccounts
OWNER_OF: Function[Address] = Function("ownerOf(uint256)(address)")
MANAGER: Function[Address] = Function("manager(uint256)(address)")
BALANCES: Function[tuple[Balance, ...]] = Function(
    "getAccountBalances(uint256)((address,uint256,int256)[])", into=_rows(Balance)
)
CREATED: Event[Created] = Event(
    "AccountCreated(address indexed,uint256 indexed,address indexed)", into=Created
)
TRANSFERRED: Event[Transferred] = Event(
    "Transfer(address indexed,address indexed,uint256 indexed)", into=Transferred
)

# Matching
OWNER_IN_MATCHING: Function[Address] = Function("subAccountToOwner(uint256)(address)")
DEPOSITED: Event[Deposited] = Event("DepositedSubAccount(uint256 indexed,address indexed)", into=Deposited)

# CashAsset, and the token behind it or behind other collateral
WRAPPED: Function[Address] = Function("wrappedAsset()(address)")
EXCHANGE_RATE: Function[int] = Function("getCashToStableExchangeRate()(uint256)")
WITHDRAW_FEE: Function[bool] = Function("temporaryWithdrawFeeEnabled()(bool)")
WITH_INTEREST: Function[int] = Function("calculateBalanceWithInterest(uint256)(int256)")
TOKEN_DECIMALS: Function[int] = Function("decimals()(uint8)")
TOKEN_SYMBOL: Function[str] = Function("symbol()(string)")

# DutchAuction
TERMS: Function[tuple[int, ...]] = Function(
    "getAuctionParams()((uint256,uint256,uint256,uint256,uint256,uint256,uint256))"
)
CUTOFF: Function[int] = Function("mtmCutoff()(int256)")
AUCTION: Function[AuctionState] = Function(
    "getAuction(uint256)((uint256,uint256,bool,bool,uint256,uint256,uint256))",
    into=lambda row: AuctionState(*row),
)
AUCTION_STATUS: Function[tuple[bool, int, int, int]] = Function(
    "getAuctionStatus(uint256)(bool,int256,int256,int256)"
)
WITHDRAW_BLOCKED: Function[bool] = Function("getIsWithdrawBlocked()(bool)")

# Every manager
MARGIN: Function[int] = Function("getMargin(uint256,bool)(int256)")
MARGIN_AND_VALUE: Function[tuple[int, int]] = Function(
    "getMarginAndMarkToMarket(uint256,bool,uint256)(int256,int256)"
)
STABLE_FEED: Function[Address] = Function("stableFeed()(address)")

# StandardManager
LAST_MARKET: Function[int] = Function("lastMarketId()(uint256)")
ASSET_OF_MARKET: Function[Address] = Function("assetMap(uint256,uint8)(address)")
MARKET_FEEDS: Function[tuple[Address, Address, Address]] = Function(
    "getMarketFeeds(uint256)(address,address,address)"
)
DEPEG: Function[tuple[int, int]] = Function("depegParams()(uint256,uint256)")
PERP_REQUIREMENTS: Function[tuple[int, int]] = Function("perpMarginRequirements(uint256)(uint256,uint256)")
OPTION_PARAMETERS: Function[tuple[int, ...]] = Function(
    "optionMarginParams(uint256)(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256)"
)
BASE_PARAMETERS: Function[tuple[int, int]] = Function("baseMarginParams(uint256)(uint256,uint256)")
ORACLE_PARAMETERS: Function[tuple[int, int, int, int]] = Function(
    "oracleContingencyParams(uint256)(uint256,uint256,uint256,uint256)"
)
MARKET_CREATED: Event[MarketCreated] = Event("MarketCreated(uint256,string)", into=MarketCreated)

# Both portfolio managers
OPTION: Function[Address] = Function("option()(address)")
PERP: Function[Address] = Function("perp()(address)")
SPOT_FEED: Function[Address] = Function("spotFeed()(address)")
FORWARD_FEED: Function[Address] = Function("forwardFeed()(address)")
VOL_FEED: Function[Address] = Function("volFeed()(address)")
RATE_FEED: Function[Address] = Function("interestRateFeed()(address)")
LIB: Function[Address] = Function("lib()(address)")

# PMRM and its library
BASE_ASSET: Function[Address] = Function("baseAsset()(address)")
SCENARIOS: Function[tuple[tuple[int, int], ...]] = Function("getScenarios()((uint256,uint8)[])")
BASIS: Function[tuple[int, ...]] = Function("getBasisContingencyParams()((uint256,uint256,uint256,uint256))")
CONTINGENCY: Function[tuple[int, ...]] = Function(
    "getOtherContingencyParams()((uint256,uint256,uint256,uint256,uint256,uint256,uint256))"
)
DISCOUNT: Function[tuple[int, ...]] = Function("getStaticDiscountParams()((uint256,uint256,uint256,uint256))")
VOL_SHOCK: Function[tuple[int, ...]] = Function(
    "getVolShockParams()((uint256,uint256,int256,int256,uint256))"
)

# PMRM_2 and its library; BASIS is the same
ACCOUNT_LIB: Function[Address] = Function("getAccountLib(uint256)(address)")
COLLATERAL_FEED: Function[Address] = Function("collateralSpotFeeds(address)(address)")
SCENARIOS_2: Function[tuple[tuple[int, int, int], ...]] = Function(
    "getScenarios()((uint256,uint8,uint256)[])"
)
CONTINGENCY_2: Function[tuple[int, ...]] = Function(
    "getOtherContingencyParams()((uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256))"
)
MARGIN_PARAMETERS: Function[tuple[int, ...]] = Function(
    "getMarginParams()((uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256))"
)
VOL_SHOCK_2: Function[tuple[int, ...]] = Function(
    "getVolShockParams()((uint256,uint256,int256,int256,uint256,uint256))"
)
SKEW_SHOCK: Function[tuple[int, ...]] = Function(
    "getSkewShockParams()((uint256,uint256,int256,int256,int256,int256,int256,int256))"
)
COLLATERAL_PARAMETERS: Function[tuple[bool, bool, int, int]] = Function(
    "getCollateralParameters(address)((bool,bool,uint256,uint256))"
)

# PerpAsset
PERP_PRICE: Function[tuple[int, int]] = Function("getPerpPrice()(uint256,uint256)")
UNSETTLED: Function[int] = Function("getUnsettledAndUnrealizedCash(uint256)(int256)")
POSITION: Function[PositionDetail] = Function(
    "positions(uint256)(uint256,int256,int256,int256,uint256)", into=PositionDetail
)
AGGREGATED_FUNDING: Function[int] = Function("aggregatedFunding()(int256)")
FUNDING_TIME: Function[int] = Function("lastFundingPaidAt()(uint256)")
FUNDING_RATE: Function[int] = Function("getFundingRate()(int256)")
IS_DISABLED: Function[bool] = Function("isDisabled()(bool)")

# Feeds: the second number is a confidence
SPOT: Function[tuple[int, int]] = Function("getSpot()(uint256,uint256)")
FORWARD: Function[tuple[int, int, int]] = Function("getForwardPricePortions(uint64)(uint256,uint256,uint256)")
VOL: Function[tuple[int, int]] = Function("getVol(uint128,uint64)(uint256,uint256)")
VOL_CONFIDENCE: Function[int] = Function("getExpiryMinConfidence(uint64)(uint256)")
RATE: Function[tuple[int, int]] = Function("getInterestRate(uint64)(int256,uint256)")
