"""The functions of Aave V3's contracts that are read; their layouts are the same from V3.0 to V3.7."""

from __future__ import annotations

from enum import IntEnum

from aggregator.contract import Function
from aggregator.model.units import Address

# On the addresses provider: what the pool itself asks it at each call.
PRICE_ORACLE: Function[Address] = Function("getPriceOracle()(address)")
POOL: Function[Address] = Function("getPool()(address)")
# No address where there is none; until V3.6.
SENTINEL: Function[Address] = Function("getPriceOracleSentinel()(address)")

# On the pool.
REVISION: Function[int] = Function("POOL_REVISION()(uint256)")
RESERVES: Function[tuple[Address, ...]] = Function("getReservesList()(address[])")
USER_CONFIGURATION: Function[int] = Function("getUserConfiguration(address)(uint256)")
USER_EMODE: Function[int] = Function("getUserEMode(address)(uint256)")
# Collateral and debt in the base currency, available borrows, threshold and LTV in bps, health factor.
ACCOUNT_DATA: Function[tuple[int, int, int, int, int, int]] = Function(
    "getUserAccountData(address)(uint256,uint256,uint256,uint256,uint256,uint256)"
)
RESERVE_DATA: Function[tuple[int, ...]] = Function(
    "getReserveData(address)(uint256,uint128,uint128,uint128,uint128,uint128,uint40,uint16,"
    "address,address,address,address,uint128,uint128,uint128)"
)
# One category per reserve until V3.1: LTV, threshold and bonus in bps, price source, label.
EMODE_SINGLE: Function[tuple[int, int, int, Address, str]] = Function(
    "getEModeCategoryData(uint8)((uint16,uint16,uint16,address,string))"
)
# From V3.2 a category lists its reserves: LTV, threshold and bonus in bps; a bit per reserve id.
EMODE_CONFIG: Function[tuple[int, int, int]] = Function(
    "getEModeCategoryCollateralConfig(uint8)((uint16,uint16,uint16))"
)
EMODE_COLLATERAL: Function[int] = Function("getEModeCategoryCollateralBitmap(uint8)(uint128)")
# From V3.1: until when a reserve's borrowers are spared, in Unix seconds.
GRACE_UNTIL: Function[int] = Function("getLiquidationGracePeriod(address)(uint40)")
# From V3.6: collaterals of a category on which nobody may borrow, a bit per reserve id.
EMODE_LTV_ZERO: Function[int] = Function("getEModeCategoryLtvzeroBitmap(uint8)(uint128)")
# What a flash loan costs in bps; what it may take, from V3.1.
FLASH_PREMIUM: Function[int] = Function("FLASHLOAN_PREMIUM_TOTAL()(uint128)")
VIRTUAL_BALANCE: Function[int] = Function("getVirtualUnderlyingBalance(address)(uint128)")

# On the oracle and its sources.
PRICE: Function[int] = Function("getAssetPrice(address)(uint256)")
SOURCE: Function[Address] = Function("getSourceOfAsset(address)(address)")
LATEST_ANSWER: Function[int] = Function("latestAnswer()(int256)")
BASE_CURRENCY: Function[Address] = Function("BASE_CURRENCY()(address)")
BASE_UNIT: Function[int] = Function("BASE_CURRENCY_UNIT()(uint256)")

# On the price oracle sentinel, which watches the sequencer of a rollup.
LIQUIDATION_ALLOWED: Function[bool] = Function("isLiquidationAllowed()(bool)")

# On aTokens, debt tokens and underlyings.
SCALED_BALANCE: Function[int] = Function("scaledBalanceOf(address)(uint256)")
SCALED_TOTAL: Function[int] = Function("scaledTotalSupply()(uint256)")
STABLE_PRINCIPAL: Function[int] = Function("principalBalanceOf(address)(uint256)")
STABLE_RATE: Function[int] = Function("getUserStableRate(address)(uint256)")
STABLE_UPDATED: Function[int] = Function("getUserLastUpdated(address)(uint40)")
BALANCE: Function[int] = Function("balanceOf(address)(uint256)")
SYMBOL: Function[str] = Function("symbol()(string)")


class ReserveWord(IntEnum):
    """Where a field of RESERVE_DATA stands."""

    CONFIGURATION = 0
    LIQUIDITY_INDEX = 1
    LIQUIDITY_RATE = 2
    BORROW_INDEX = 3
    BORROW_RATE = 4
    UPDATED_AT = 6
    ID = 7
    A_TOKEN = 8
    STABLE_DEBT_TOKEN = 9
    DEBT_TOKEN = 10
    TREASURY = 12
