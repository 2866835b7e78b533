"""The functions of the comptroller, the markets (cTokens, vTokens) and their helpers that are read.

All of them are views. `borrowBalanceCurrent` and its like are not: they would add interest to a market in the
middle of a batch, and what other calls of the batch answer would depend on their order.
"""

from __future__ import annotations

from aggregator.contract import Function
from aggregator.model.units import Address

# On Multicall3: the block number as contracts see it, which on some chains is another chain's.
BLOCK_NUMBER: Function[int] = Function("getBlockNumber()(uint256)")

# On every comptroller.
ALL_MARKETS: Function[tuple[Address, ...]] = Function("getAllMarkets()(address[])")
ORACLE: Function[Address] = Function("oracle()(address)")
CLOSE_FACTOR: Function[int] = Function("closeFactorMantissa()(uint256)")
ASSETS_IN: Function[tuple[Address, ...]] = Function("getAssetsIn(address)(address[])")
# An error code; liquidity and shortfall in the oracle's currency with 18 decimals.
ACCOUNT_LIQUIDITY: Function[tuple[int, int, int]] = Function(
    "getAccountLiquidity(address)(uint256,uint256,uint256)"
)

# On Compound's comptroller: one incentive for all markets.
INCENTIVE: Function[int] = Function("liquidationIncentiveMantissa()(uint256)")
SEIZE_PAUSED: Function[bool] = Function("seizeGuardianPaused()(bool)")
# Listed, collateral factor, receives COMP.
MARKET: Function[tuple[bool, int, bool]] = Function("markets(address)(bool,uint256,bool)")
# The same on forks that pay no COMP: they leave the third word out.
MARKET_OF_TWO: Function[tuple[bool, int]] = Function("markets(address)(bool,uint256)")
DEPRECATED: Function[bool] = Function("isDeprecated(address)(bool)")

# On Venus' comptroller.
VAI_CONTROLLER: Function[Address] = Function("vaiController()(address)")
LIQUIDATOR: Function[Address] = Function("liquidatorContract()(address)")
PROTOCOL_PAUSED: Function[bool] = Function("protocolPaused()(bool)")
MINT_VAI_PAUSED: Function[bool] = Function("mintVAIGuardianPaused()(bool)")
REPAY_VAI_PAUSED: Function[bool] = Function("repayVAIGuardianPaused()(bool)")
ACTION_PAUSED: Function[bool] = Function("actionPaused(address,uint8)(bool)")
FORCED: Function[bool] = Function("isForcedLiquidationEnabled(address)(bool)")
FORCED_FOR_USER: Function[bool] = Function("isForcedLiquidationEnabledForUser(address,address)(bool)")
# The factor by the account's pool; weighting 0 is what is lent on, 1 the liquidation threshold.
EFFECTIVE_FACTOR: Function[int] = Function("getEffectiveLtvFactor(address,address,uint8)(uint256)")
EFFECTIVE_INCENTIVE: Function[int] = Function("getEffectiveLiquidationIncentive(address,address)(uint256)")
CORE_INCENTIVE: Function[int] = Function("getLiquidationIncentive(address)(uint256)")
MINTED_VAI: Function[int] = Function("mintedVAIs(address)(uint256)")

# On Venus' liquidator contract.
TREASURY_SHARE: Function[int] = Function("treasuryPercentMantissa()(uint256)")
FORCE_VAI: Function[bool] = Function("forceVAILiquidate()(bool)")
LEAST_VAI: Function[int] = Function("minLiquidatableVAI()(uint256)")

# On the VAI controller.
VAI: Function[Address] = Function("getVAIAddress()(address)")
VAI_INDEX: Function[int] = Function("vaiMintIndex()(uint256)")
VAI_RATE: Function[int] = Function("getVAIRepayRatePerBlock()(uint256)")
PAST_VAI_INTEREST: Function[int] = Function("pastVAIInterest(address)(uint256)")
VAI_MINTER_INDEX: Function[int] = Function("getVAIMinterInterestIndex(address)(uint256)")

# On the oracle; by market, 36 decimals less those of the underlying.
PRICE: Function[int] = Function("getUnderlyingPrice(address)(uint256)")

# On a market. The accrual is a block number, or a time in forks that count by seconds.
UNDERLYING: Function[Address] = Function("underlying()(address)")
ACCRUAL_BLOCK: Function[int] = Function("accrualBlockNumber()(uint256)")
ACCRUAL_TIME: Function[int] = Function("accrualBlockTimestamp()(uint256)")
RATE_PER_BLOCK: Function[int] = Function("borrowRatePerBlock()(uint256)")
RATE_PER_SECOND: Function[int] = Function("borrowRatePerTimestamp()(uint256)")
BORROW_INDEX: Function[int] = Function("borrowIndex()(uint256)")
TOTAL_BORROWS: Function[int] = Function("totalBorrows()(uint256)")
TOTAL_RESERVES: Function[int] = Function("totalReserves()(uint256)")
TOTAL_SUPPLY: Function[int] = Function("totalSupply()(uint256)")
CASH: Function[int] = Function("getCash()(uint256)")
RESERVE_FACTOR: Function[int] = Function("reserveFactorMantissa()(uint256)")
EXCHANGE_RATE: Function[int] = Function("exchangeRateStored()(uint256)")
SEIZE_SHARE: Function[int] = Function("protocolSeizeShareMantissa()(uint256)")
# An error code, cTokens, debt and exchange rate, all as stored: without interest since the last accrual.
SNAPSHOT: Function[tuple[int, int, int, int]] = Function(
    "getAccountSnapshot(address)(uint256,uint256,uint256,uint256)"
)

# On an underlying.
SYMBOL: Function[str] = Function("symbol()(string)")
DECIMALS: Function[int] = Function("decimals()(uint8)")

# Venus' numbers of actions.
REPAY, SEIZE, LIQUIDATE = 3, 4, 5
COLLATERAL_FACTOR, LIQUIDATION_THRESHOLD = 0, 1
