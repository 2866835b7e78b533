"""The contract functions of a Newport market that differ from Avalon's."""

from __future__ import annotations

from typing import NamedTuple

from adapters.lyra_v1.base_exchange import RATE_UNIT
from adapters.lyra_v1.calls import Settlement
from aggregator.contract import Function

REFERENCE = 2
"""Which of its prices the exchange adapter is asked for: the one that positions are judged at."""

PROBE = RATE_UNIT
"""The cost in quote that the adapter is asked the base for: so large that its rounding does not show."""


class Liquidity(NamedTuple):
    """What a pool is worth net of options and the part of what traders are owed that it can pay, and the
    value of its hedge within that; 18 decimals."""

    hedge: int
    net_value: int
    long_scale: int


class Future(NamedTuple):
    """A position of the hedger on GMX, in USD with 18 decimals; `profit` is not realised."""

    size: int
    collateral: int
    profit: int


class Futures(NamedTuple):
    """The hedger's long and its short on GMX."""

    long: Future
    short: Future


# BaseExchangeAdapter
SPOT: Function[int] = Function("getSpotPriceForMarket(address,uint8)(uint256)")
RATE: Function[int] = Function("rateAndCarry(address)(int256)")
BASE_FOR_QUOTE: Function[int] = Function("estimateExchangeToExactQuote(address,uint256)(uint256)")

# OptionMarket: the fourth word is the part of what longs are owed that is paid
NEWPORT_SETTLEMENT: Function[Settlement] = Function(
    "getSettlementParameters(uint256)(uint256,uint256,uint256,uint256)", into=Settlement
)

# OptionGreekCache: seconds of the mean volatility that moves are measured against
USUAL_IV_PERIOD: Function[int] = Function(
    f"getGreekCacheParams()(({','.join(['uint256'] * 9)}))", into=lambda row: row[3]
)

# LiquidityPool
LIQUIDITY: Function[Liquidity] = Function(
    f"getLiquidity()(({','.join(['uint256'] * 7)}))", into=lambda row: Liquidity(*row[4:])
)
PROTECTED: Function[int] = Function("protectedQuote()(uint256)")

# GMXFuturesPoolHedger
_FUTURE = "(uint256,uint256,uint256,uint256,int256,uint256,bool)"
FUTURES: Function[Futures] = Function(
    f"getPositions()(({_FUTURE},{_FUTURE},uint256,bool))",
    into=lambda row: Futures(*(Future(one[0], one[1], one[4]) for one in row[:2])),
)

# SNXPerpsV2PoolHedger
PERP_MARGIN: Function[int] = Function("getCurrentPositionMargin()(uint256)")
PERP_SIZE: Function[int] = Function("getCurrentHedgedNetDelta()(int256)")

# ERC-20
SYMBOL: Function[str] = Function("symbol()(string)")
DECIMALS: Function[int] = Function("decimals()(uint8)")
