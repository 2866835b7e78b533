"""The contract functions that are read or called, and what they answer."""

from __future__ import annotations

from aggregator.contract import Function
from aggregator.model.units import Address

# Factory; fees in millionths
POOL: Function[Address] = Function("getPool(address,address,uint24)(address)")
SPACING: Function[int] = Function("feeAmountTickSpacing(uint24)(int24)")

# Pool
SLOT: Function[tuple[int, int, int, int, int, int, bool]] = Function(
    "slot0()(uint160,int24,uint16,uint16,uint16,uint8,bool)"
)
LIQUIDITY: Function[int] = Function("liquidity()(uint128)")
BITMAP: Function[int] = Function("tickBitmap(int16)(uint256)")
TICK: Function[tuple[int, int, int, int, int, int, int, bool]] = Function(
    "ticks(int24)(uint128,int128,uint256,uint256,int56,uint160,uint32,bool)"
)
NET = 1
"""Which output of `TICK` is the liquidity that comes in where the price rises through it."""

# SwapRouter
FACTORY: Function[Address] = Function("factory()(address)")
WETH9: Function[Address] = Function("WETH9()(address)")
SELL: Function[int] = Function(
    "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))(uint256)"
)

# WETH9
WRAP: Function[tuple[()]] = Function("deposit()()")
UNWRAP: Function[tuple[()]] = Function("withdraw(uint256)()")
