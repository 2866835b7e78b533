"""The contract functions of a market that say what a liquidation takes, and what its pool has."""

from __future__ import annotations

from typing import NamedTuple

from adapters.lyra_v1.amm import Bounds, ForcedClose
from adapters.lyra_v1.closing import Penalty
from adapters.lyra_v1.premium import Pricing, Variance
from aggregator.contract import Function
from aggregator.model.units import Address


class ForceClose(NamedTuple):
    """How OptionGreekCache prices liquidations, and forced closes of shorts: periods in seconds, the rest
    with 18 decimals."""

    iv_period: int
    skew_period: int
    vol_shock: int
    late_vol_shock: int
    least_over_spot: int
    closes: ForcedClose


class Limits(NamedTuple):
    """Bounds of trades, and those that liquidations know: seconds before expiry, and of the skew with 18
    decimals."""

    bounds: Bounds
    cutoff: int
    least_skew: int
    most_skew: int
    caps_skew: bool


class CachedGreeks(NamedTuple):
    """One option of a strike as of the last update of the Greeks; 18 decimals."""

    std_vega: int
    call: int
    put: int


class GlobalGreeks(NamedTuple):
    """What all options are to traders, as of the last update of the Greeks; 18 decimals."""

    std_vega: int
    option_value: int


class Hedge(NamedTuple):
    """The hedger's short of base and its collateral in quote; 18 decimals."""

    short: int
    collateral: int


_WORDS_5 = ",".join(["uint256"] * 5)
_WORDS_9 = ",".join(["uint256"] * 9)
_WORDS_10 = ",".join(["uint256"] * 10)
_NET = "(int256,int256,int256)"
_GREEKS = "(int256,int256,uint256,uint256,uint256)"

# OptionGreekCache
FORCE_CLOSE: Function[ForceClose] = Function(
    f"getForceCloseParams()(({_WORDS_10}))",
    into=lambda row: ForceClose(row[0], row[1], row[6], row[7], row[9], ForcedClose(row[2], row[3], row[8])),
)
GLOBAL_GREEKS: Function[GlobalGreeks] = Function(
    f"getGlobalCache()(({_WORDS_5},{_NET}))", into=lambda row: GlobalGreeks(row[-1][1], row[-1][2])
)
CACHED_GREEKS: Function[CachedGreeks] = Function(
    f"getStrikeCache(uint256)((uint256,uint256,uint256,uint256,{_GREEKS},int256,int256,uint256))",
    into=lambda row: CachedGreeks(*row[4][2:]),
)
MEAN_IV: Function[int] = Function("getIvGWAV(uint256,uint256)(uint256)")
MEAN_SKEW: Function[int] = Function("getSkewGWAV(uint256,uint256)(uint256)")

# OptionToken
PENALTY: Function[Penalty] = Function(
    "getPartialCollatParams()((uint256,uint256,uint256,uint256))", into=lambda row: Penalty(*row)
)

# OptionMarketPricer
PRICING: Function[Pricing] = Function(f"getPricingParams()(({_WORDS_9}))", into=lambda row: Pricing(*row))
VARIANCE: Function[Variance] = Function(
    f"getVarianceFeeParams()(({_WORDS_9}))", into=lambda row: Variance(*row)
)
LIMITS: Function[Limits] = Function(
    f"getTradeLimitParams()((int256,int256,{_WORDS_9},bool))",
    into=lambda row: Limits(Bounds(*row[:2], *row[3:9]), row[2], *row[9:]),
)

# OptionMarket: the part of trades' fees that it keeps
RESERVED: Function[int] = Function(
    "getOptionMarketParams()((uint256,address,uint256,uint256))", into=lambda row: row[2]
)

# LiquidityPool; in Avalon its net value is the last word
NET_VALUE: Function[int] = Function(
    "getLiquidity(uint256)((uint256,uint256,uint256,uint256,uint256,uint256))", into=lambda row: row[-1]
)
POOL_HEDGER: Function[Address] = Function("poolHedger()(address)")

# ShortPoolHedger of Avalon
HEDGE: Function[Hedge] = Function("getShortPosition()(uint256,uint256)", into=Hedge)

# SynthetixAdapter and its Exchanger
EXCHANGER: Function[Address] = Function("exchanger()(address)")
EXCHANGE_FEE: Function[int] = Function("feeRateForExchange(bytes32,bytes32)(uint256)")
