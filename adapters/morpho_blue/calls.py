"""The functions and events of Morpho Blue, its oracles, interest rate models and tokens that are read."""

from __future__ import annotations

from typing import NamedTuple

from aggregator.contract import Event, Function
from aggregator.model.units import Address


class Params(NamedTuple):
    """What makes a market, and its id by their hash; a collateral of address zero is none."""

    loan: Address
    collateral: Address
    oracle: Address
    irm: Address
    lltv: int


class Totals(NamedTuple):
    """A market's stored totals, without interest since `updated_at`; `fee` has 18 decimals."""

    supply_assets: int
    supply_shares: int
    borrow_assets: int
    borrow_shares: int
    updated_at: int
    fee: int


class Supplied(NamedTuple):
    """The event Supply or SupplyCollateral as far as it tells where somebody has a position."""

    market: bytes


# On Morpho.
PARAMS: Function[Params] = Function(
    "idToMarketParams(bytes32)(address,address,address,address,uint256)", into=Params
)
MARKET: Function[Totals] = Function(
    "market(bytes32)(uint128,uint128,uint128,uint128,uint128,uint128)", into=Totals
)
# Supply shares, borrow shares, collateral.
POSITION: Function[tuple[int, int, int]] = Function("position(bytes32,address)(uint256,uint128,uint128)")
FEE_RECIPIENT: Function[Address] = Function("feeRecipient()(address)")
SUPPLY: Event[Supplied] = Event(
    "Supply(bytes32 indexed,address indexed,address indexed,uint256,uint256)",
    into=lambda market, *_: Supplied(market),
)
SUPPLY_COLLATERAL: Event[Supplied] = Event(
    "SupplyCollateral(bytes32 indexed,address indexed,address indexed,uint256)",
    into=lambda market, *_: Supplied(market),
)

# On a market's oracle and interest rate model.
PRICE: Function[int] = Function("price()(uint256)")
BORROW_RATE: Function[int] = Function(
    "borrowRateView((address,address,address,address,uint256),"
    "(uint128,uint128,uint128,uint128,uint128,uint128))(uint256)"
)

# On tokens.
BALANCE: Function[int] = Function("balanceOf(address)(uint256)")
SYMBOL: Function[str] = Function("symbol()(string)")
DECIMALS: Function[int] = Function("decimals()(uint8)")
