"""The contract functions of an Avalon market that the adapter reads.

Newport's contracts answer the same selectors with other structs (`getGreekCacheParams` lacks the rate,
`getSettlementParameters` has a fourth word): they fail to decode here instead of being misread.
"""

from __future__ import annotations

from typing import NamedTuple

from aggregator.contract import Function
from aggregator.model.rules import WAD
from aggregator.model.units import Address


class HeldPosition(NamedTuple):
    """A position of OptionToken; amounts with 18 decimals."""

    position_id: int
    strike_id: int
    option_type: int
    amount: int
    collateral: int
    state: int


class MinCollateral(NamedTuple):
    """Parameters of the minimum collateral; 18 decimals, points in seconds."""

    static_quote: int
    static_base: int
    vol_a: int
    point_a: int
    vol_b: int
    point_b: int
    call_spot_shock: int
    put_spot_shock: int


class CacheParameters(NamedTuple):
    """Seconds of the mean volatility that moves are measured against; the rate, 18 decimals."""

    usual_iv_period: int
    rate: int


class Series(NamedTuple):
    """A strike with its board; 18 decimals, expiry in Unix seconds."""

    board: int
    strike: int
    skew: int
    expiry: int
    base_iv: int
    frozen: bool


class Settlement(NamedTuple):
    """What a strike settles at: the price at expiry is 0 until its board is settled.

    `base_ratio` is the base that a short call gives up per option, `long_scale` the part of what longs are
    owed that a Newport pool pays; 18 decimals.
    """

    strike: int
    price_at_expiry: int
    base_ratio: int
    long_scale: int = WAD


class Rate(NamedTuple):
    """A price of Synthetix in USD, 18 decimals, and whether Synthetix calls it invalid."""

    price: int
    invalid: bool


class MarketAddresses(NamedTuple):
    """The contracts of a market as the viewer lists them."""

    liquidity_pool: Address
    liquidity_token: Address
    greek_cache: Address
    option_market: Address
    pricer: Address
    option_token: Address
    short_collateral: Address
    pool_hedger: Address
    quote_asset: Address
    base_asset: Address


_POSITION = "(uint256,uint256,uint8,uint256,uint256,uint8)"
_STRIKE = (
    "(uint256 id,uint256 strikePrice,uint256 skew,uint256 longCall,uint256 shortCallBase,"
    "uint256 shortCallQuote,uint256 longPut,uint256 shortPut,uint256 boardId)"
)
_BOARD = "(uint256 id,uint256 expiry,uint256 iv,bool frozen,uint256[] strikeIds)"

# OptionToken
OWNER_POSITIONS: Function[tuple[HeldPosition, ...]] = Function(
    f"getOwnerPositions(address)({_POSITION}[])",
    into=lambda rows: tuple(HeldPosition(*row) for row in rows),
)
CAN_LIQUIDATE: Function[bool] = Function(f"canLiquidate({_POSITION},uint256,uint256,uint256)(bool)")

# OptionGreekCache
MIN_COLLATERAL_PARAMETERS: Function[MinCollateral] = Function(
    "getMinCollatParams()((uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256))",
    into=lambda row: MinCollateral(*row),
)
CACHE_PARAMETERS: Function[CacheParameters] = Function(
    "getGreekCacheParams()((uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,int256))",
    into=lambda row: CacheParameters(usual_iv_period=row[3], rate=row[-1]),
)
MIN_COLLATERAL: Function[int] = Function(
    "getMinCollateral(uint8,uint256,uint256,uint256,uint256)(uint256)",
)

# OptionMarket
STRIKE_AND_BOARD: Function[Series] = Function(
    f"getStrikeAndBoard(uint256)({_STRIKE},{_BOARD})",
    into=lambda strike, board: Series(
        board.id, strike.strikePrice, strike.skew, board.expiry, board.iv, board.frozen
    ),
)
SETTLEMENT: Function[Settlement] = Function(
    "getSettlementParameters(uint256)(uint256,uint256,uint256)", into=Settlement
)
LIVE_BOARDS: Function[tuple[int, ...]] = Function("getLiveBoards()(uint256[])", into=tuple)

# SynthetixAdapter
BASE_KEY: Function[bytes] = Function("baseKey(address)(bytes32)")
QUOTE_KEY: Function[bytes] = Function("quoteKey(address)(bytes32)")
EXCHANGE_RATES: Function[Address] = Function("exchangeRates()(address)")
MARKET_PAUSED: Function[bool] = Function("isMarketPaused(address)(bool)")
GLOBAL_PAUSED: Function[bool] = Function("isGlobalPaused()(bool)")

# ExchangeRates of Synthetix
RATE_AND_INVALID: Function[Rate] = Function("rateAndInvalid(bytes32)(uint256,bool)", into=Rate)

# OptionMarketViewer
MARKET_ADDRESSES: Function[MarketAddresses] = Function(
    f"marketAddresses(address)({','.join(['address'] * 10)})", into=MarketAddresses
)

# ERC-20
BALANCE: Function[int] = Function("balanceOf(address)(uint256)")
