"""The functions and events of Gamma's contracts that the adapter reads.

Source: Controller, MarginCalculator, Oracle, OtokenFactory and ChainlinkPricer in github
opynfinance/GammaProtocol at 841f81d9.
"""

from __future__ import annotations

from typing import NamedTuple

from aggregator.contract import Event, Function
from aggregator.model.units import Address


class Product(NamedTuple):
    """What margin parameters are set for: all options of these assets and this right."""

    underlying: Address
    strike_asset: Address
    collateral: Address
    is_put: bool


class Series(NamedTuple):
    """One oToken as its factory made it; strike with 8 decimals in the strike asset, expiry in seconds."""

    otoken: Address
    underlying: Address
    strike_asset: Address
    collateral: Address
    strike: int
    expiry: int
    is_put: bool

    @property
    def product(self) -> Product:
        """The product that it is an option of."""
        return Product(self.underlying, self.strike_asset, self.collateral, self.is_put)

    @property
    def assets(self) -> tuple[Address, ...]:
        """Underlying, strike asset and collateral, each once."""
        return tuple(dict.fromkeys((self.underlying, self.strike_asset, self.collateral)))


class PricerSet(NamedTuple):
    """The oracle takes an asset's price from this contract from now on."""

    asset: Address
    pricer: Address


class Round(NamedTuple):
    """A round of a Chainlink aggregator; times in Unix seconds."""

    round_id: int
    answer: int
    started_at: int
    updated_at: int
    answered_in: int


class ExpiryPrice(NamedTuple):
    """An asset's price in USD at an expiry, 8 decimals; final once nobody can dispute it any more."""

    price: int
    is_final: bool


class Excess(NamedTuple):
    """Collateral above what is required, or what lacks where `is_excess` is False; in collateral units."""

    amount: int
    is_excess: bool


class StoredVault(NamedTuple):
    """A vault as the controller keeps it: lists of at most one entry, in parallel to their amounts.

    `raw` is the struct itself, to be handed to the calculator. `latest_update` in Unix seconds.
    """

    raw: tuple[tuple[Address, ...] | tuple[int, ...], ...]
    kind: int
    latest_update: int


_VAULT = "(address[],address[],address[],uint256[],uint256[],uint256[])"
_PRODUCT = "address,address,address,bool"

# Controller
VAULT_COUNT: Function[int] = Function("getAccountVaultCounter(address)(uint256)")
VAULT: Function[StoredVault] = Function(
    f"getVaultWithDetails(address,uint256)({_VAULT},uint256,uint256)",
    into=lambda vault, kind, update: StoredVault(tuple(vault), kind, update),
)
CALCULATOR: Function[Address] = Function("calculator()(address)")
ORACLE: Function[Address] = Function("oracle()(address)")  # of the calculator, too
ADDRESS_BOOK: Function[Address] = Function("addressbook()(address)")
FULLY_PAUSED: Function[bool] = Function("systemFullyPaused()(bool)")
PARTIALLY_PAUSED: Function[bool] = Function("systemPartiallyPaused()(bool)")
PAYOUT: Function[int] = Function("getPayout(address,uint256)(uint256)")

# OtokenFactory
FACTORY_BOOK: Function[Address] = Function("addressBook()(address)")
OTOKEN_COUNT: Function[int] = Function("getOtokensLength()(uint256)")
OTOKEN_CREATED: Event[Series] = Event(
    "OtokenCreated(address,address,address indexed,address indexed,address indexed,uint256,uint256,bool)",
    into=lambda otoken, _creator, underlying, strike_asset, collateral, strike, expiry, is_put: Series(
        otoken, underlying, strike_asset, collateral, strike, expiry, is_put
    ),
)

# MarginCalculator
EXCESS: Function[Excess] = Function(
    f"getExcessCollateral({_VAULT},uint256)(uint256,bool)",
    into=Excess,
)
SPOT_SHOCK: Function[int] = Function(f"getSpotShock({_PRODUCT})(uint256)")
TIMES_TO_EXPIRY: Function[tuple[int, ...]] = Function(f"getTimesToExpiry({_PRODUCT})(uint256[])", into=tuple)
MAX_PRICE: Function[int] = Function(f"getMaxPrice({_PRODUCT},uint256)(uint256)")
DUST: Function[int] = Function("getCollateralDust(address)(uint256)")
DEVIATION: Function[int] = Function("getOracleDeviation()(uint256)")

# Oracle
PRICE: Function[int] = Function("getPrice(address)(uint256)")
EXPIRY_PRICE: Function[ExpiryPrice] = Function(
    "getExpiryPrice(address,uint256)(uint256,bool)", into=ExpiryPrice
)
PRICER: Function[Address] = Function("getPricer(address)(address)")
PRICER_SET: Event[PricerSet] = Event("PricerUpdated(address indexed,address indexed)", into=PricerSet)

# ChainlinkPricer, and the aggregator that it asks
AGGREGATOR: Function[Address] = Function("aggregator()(address)")
LATEST_ROUND: Function[Round] = Function(
    "latestRoundData()(uint80,int256,uint256,uint256,uint80)", into=Round
)

# ERC-20, oTokens included
BALANCE: Function[int] = Function("balanceOf(address)(uint256)")
DECIMALS: Function[int] = Function("decimals()(uint8)")
SYMBOL: Function[str] = Function("symbol()(string)")
