"""The functions of a comet, and of the price feeds behind it, that are read."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from aggregator.contract import Function
from aggregator.model.units import Address


class Totals(NamedTuple):
    """`totalsBasic`: the indices as last accrued (15 decimals), totals at index 1, and when that was."""

    supply_index: int
    borrow_index: int
    tracking_supply_index: int
    tracking_borrow_index: int
    total_supply: int
    total_borrow: int
    updated_at: int
    pause_flags: int


class UserBasic(NamedTuple):
    """`userBasic`: base at index 1, owed below zero; a bit per collateral, from the 17th on in `reserved`."""

    principal: int
    tracking_index: int
    tracking_accrued: int
    assets_in: int
    reserved: int


# On the comet, the same for every wallet.
BASE_TOKEN: Function[Address] = Function("baseToken()(address)")
BASE_FEED: Function[Address] = Function("baseTokenPriceFeed()(address)")
BASE_SCALE: Function[int] = Function("baseScale()(uint256)")
ASSET_COUNT: Function[int] = Function("numAssets()(uint8)")
TOTALS: Function[Totals] = Function(
    "totalsBasic()(uint64,uint64,uint64,uint64,uint104,uint104,uint40,uint8)", into=Totals
)
UTILIZATION: Function[int] = Function("getUtilization()(uint256)")
SUPPLY_RATE: Function[int] = Function("getSupplyRate(uint256)(uint64)")
BORROW_RATE: Function[int] = Function("getBorrowRate(uint256)(uint64)")
ASSET_INFO: Function[tuple[int, ...]] = Function(
    "getAssetInfo(uint8)(uint8,address,address,uint64,uint64,uint64,uint64,uint128)"
)
PRICE: Function[int] = Function("getPrice(address)(uint256)")
COLLATERAL_TOTAL: Function[tuple[int, int]] = Function("totalsCollateral(address)(uint128,uint128)")
SUPPLY_PAUSED: Function[bool] = Function("isSupplyPaused()(bool)")
TRANSFER_PAUSED: Function[bool] = Function("isTransferPaused()(bool)")
WITHDRAW_PAUSED: Function[bool] = Function("isWithdrawPaused()(bool)")
ABSORB_PAUSED: Function[bool] = Function("isAbsorbPaused()(bool)")
BUY_PAUSED: Function[bool] = Function("isBuyPaused()(bool)")

# On the comet, of a wallet. The two balances have their interest up to the block; `isLiquidatable` does not.
USER_BASIC: Function[UserBasic] = Function(
    "userBasic(address)(int104,uint64,uint64,uint16,uint8)", into=UserBasic
)
SUPPLIED: Function[int] = Function("balanceOf(address)(uint256)")
OWED: Function[int] = Function("borrowBalanceOf(address)(uint256)")
LIQUIDATABLE: Function[bool] = Function("isLiquidatable(address)(bool)")
USER_COLLATERAL: Function[tuple[int, int]] = Function("userCollateral(address,address)(uint128,uint128)")
COLLATERAL: Function[int] = Function("collateralBalanceOf(address,address)(uint128)")

# On tokens and price feeds.
BALANCE: Function[int] = Function("balanceOf(address)(uint256)")
SYMBOL: Function[str] = Function("symbol()(string)")
LATEST_ROUND: Function[tuple[int, int, int, int, int]] = Function(
    "latestRoundData()(uint80,int256,uint256,uint256,uint80)"
)


class AssetWord(IntEnum):
    """The words of ASSET_INFO. Factors have 18 decimals; `SCALE` is one whole token."""

    OFFSET = 0
    ASSET = 1
    FEED = 2
    SCALE = 3
    BORROW_FACTOR = 4
    LIQUIDATE_FACTOR = 5
    LIQUIDATION_FACTOR = 6
    SUPPLY_CAP = 7
