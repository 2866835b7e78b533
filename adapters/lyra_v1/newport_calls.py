"""The contract functions of a Newport market that differ from Avalon's."""

from __future__ import annotations

from adapters.lyra_v1.calls import Settlement
from aggregator.contract import Function

REFERENCE = 2
"""Which of its prices the exchange adapter is asked for: the one that positions are judged at."""

# BaseExchangeAdapter
SPOT: Function[int] = Function("getSpotPriceForMarket(address,uint8)(uint256)")
RATE: Function[int] = Function("rateAndCarry(address)(int256)")

# OptionMarket: the fourth word is the part of what longs are owed that is paid
NEWPORT_SETTLEMENT: Function[Settlement] = Function(
    "getSettlementParameters(uint256)(uint256,uint256,uint256,uint256)", into=Settlement
)

# ERC-20
SYMBOL: Function[str] = Function("symbol()(string)")
DECIMALS: Function[int] = Function("decimals()(uint8)")
