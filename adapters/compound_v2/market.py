"""What a comptroller and its markets say of themselves, the same for every wallet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.compound_v2.calls import (
    ACCRUAL_BLOCK,
    ACCRUAL_TIME,
    ACTION_PAUSED,
    ALL_MARKETS,
    BORROW_INDEX,
    CASH,
    CLOSE_FACTOR,
    CORE_INCENTIVE,
    DECIMALS,
    DEPRECATED,
    EXCHANGE_RATE,
    FORCED,
    INCENTIVE,
    LIQUIDATE,
    LIQUIDATOR,
    MARKET,
    ORACLE,
    PRICE,
    PROTOCOL_PAUSED,
    RATE_PER_BLOCK,
    RATE_PER_SECOND,
    REPAY,
    RESERVE_FACTOR,
    SEIZE,
    SEIZE_PAUSED,
    SEIZE_SHARE,
    SYMBOL,
    TOTAL_BORROWS,
    TOTAL_RESERVES,
    TOTAL_SUPPLY,
    UNDERLYING,
    VAI_CONTROLLER,
)
from adapters.compound_v2.interest import Totals
from aggregator.contract import Deployment, Function, Read, ask, attempt, both, join
from aggregator.model.assets import Asset, AssetId, native_id, token_id
from aggregator.model.errors import (
    CallReverted,
    MalformedReply,
    NoContract,
    ReadError,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.units import Address

NO_ADDRESS = Address("0x" + "0" * 40)
PRICE_DECIMALS = 36
NATIVE_DECIMALS = 18


@dataclass(frozen=True, slots=True)
class Comptroller:
    """A comptroller with what must be known before its markets can be read.

    `incentive` is Compound's, None on Venus, where each market and pool has its own. `vai_controller` and
    `liquidator` are None on Compound and where Venus has none. `paused` is seizing on Compound, and
    everything on Venus.
    """

    address: Address
    markets: tuple[Address, ...]
    oracle: Address
    close_factor: int
    incentive: int | None
    vai_controller: Address | None
    liquidator: Address | None
    paused: bool

    @property
    def venus(self) -> bool:
        """Whether it is of Venus' kind."""
        return self.incentive is None


@dataclass(frozen=True, slots=True)
class Market:
    """One market. `price` is of the underlying, with 36 decimals less the underlying's, or why there is none.

    `factor` and `incentive` are Compound's; on Venus they depend on the account, and `core_incentive` is what
    a debt in VAI is liquidated by.
    """

    address: Address
    c_token: AssetId
    asset: Asset
    price: int | ReadError
    price_origin: str
    totals: Totals
    factor: int
    core_incentive: int
    seize_share: int
    forced: bool
    repay_paused: bool
    seize_paused: bool
    liquidate_paused: bool

    @property
    def native(self) -> bool:
        """Whether its underlying is the chain's own coin."""
        return self.asset.id.endswith("/native")

    @property
    def price_decimals(self) -> int:
        """Decimals of the price of a whole token."""
        return PRICE_DECIMALS - self.asset.decimals


@dataclass(frozen=True, slots=True)
class Listing:
    """The columns of all markets, before it is known what their underlyings are."""

    underlyings: Mapping[Address, Address]
    prices: Sequence[int | ReadError]
    totals: Sequence[Totals]
    factors: Sequence[int]
    core_incentives: Sequence[int]
    seize_shares: Sequence[int]
    forced: Sequence[bool]
    repay_paused: Sequence[bool]
    seize_paused: Sequence[bool]
    liquidate_paused: Sequence[bool]


def identify(deployment: Deployment) -> Read[Comptroller]:
    """One round: markets, oracle and kind; raises Unsupported on a kind that is not known."""
    at = deployment.addresses["comptroller"]
    [[markets], [oracle], [close_factor], *asked] = yield from join(
        [
            ask([ALL_MARKETS.at(at)]),
            ask([ORACLE.at(at)]),
            ask([CLOSE_FACTOR.at(at)]),
            attempt([INCENTIVE.at(at)]),
            attempt([VAI_CONTROLLER.at(at)]),
            attempt([LIQUIDATOR.at(at)]),
            attempt([SEIZE_PAUSED.at(at)]),
            attempt([PROTOCOL_PAUSED.at(at)]),
        ]
    )
    incentive, vai_controller, liquidator, seize_paused, protocol_paused = (absent(one) for [one] in asked)
    compound = incentive is not None
    if (vai_controller is None, seize_paused is not None, protocol_paused is None) != (compound,) * 3:
        raise Unsupported(
            f"the comptroller {at} of {deployment.name}",
            "its functions are neither those of Compound V2 nor those of Venus' core pool since it has risk "
            "pools; read a later block, or remove the entry",
        )
    return Comptroller(
        address=at,
        markets=markets,
        oracle=oracle,
        close_factor=close_factor,
        incentive=incentive,
        vai_controller=None if vai_controller in (None, NO_ADDRESS) else vai_controller,
        liquidator=None if liquidator in (None, NO_ADDRESS) else liquidator,
        paused=bool(seize_paused if compound else protocol_paused),
    )


def read_listing(deployment: Deployment, comptroller: Comptroller) -> Read[Listing]:
    """One round: totals, prices and parameters of all markets."""
    markets, native = list(comptroller.markets), deployment.addresses.get("native_market")
    tokens = [market for market in markets if market != native]
    read = _venus_columns if comptroller.venus else _compound_columns
    totals, underlyings, prices, parameters = yield from join(
        [
            _totals(deployment, markets),
            column(UNDERLYING, tokens),
            _outcomes(PRICE, comptroller.oracle, markets),
            read(comptroller, tokens),
        ]
    )
    factors, core_incentives, seize_shares, forced, *paused = parameters
    return Listing(
        dict(zip(tokens, underlyings, strict=True)),
        prices,
        totals,
        factors,
        core_incentives,
        seize_shares,
        forced,
        *paused,
    )


def read_markets(
    deployment: Deployment, comptroller: Comptroller, listing: Listing, symbols: Mapping[AssetId, str]
) -> Read[tuple[Market, ...]]:
    """One round: decimals of the underlyings, symbols of those that are not listed in `symbols`."""
    tokens = list(dict.fromkeys(listing.underlyings.values()))
    ids = {token: token_id(deployment.chain, token) for token in tokens}
    unknown = [token for token in tokens if ids[token] not in symbols]
    decimals, answers = yield from both(
        column(DECIMALS, tokens), attempt([SYMBOL.at(token) for token in unknown])
    )
    told = {ids[token]: symbol_of(token, answer) for token, answer in zip(unknown, answers, strict=True)}
    named = {**told, **symbols}
    assets = {
        token: Asset(ids[token], named[ids[token]], places)
        for token, places in zip(tokens, decimals, strict=True)
    }
    for asset in assets.values():
        if asset.decimals > PRICE_DECIMALS:
            raise MalformedReply(f"decimals() of {asset.id}", f"{asset.decimals} is more than any token has")
    coin = native_id(deployment.chain)
    native = Asset(coin, symbols.get(coin, "native coin"), NATIVE_DECIMALS)
    return tuple(
        _market(
            deployment,
            comptroller,
            listing,
            i,
            assets.get(listing.underlyings.get(market, NO_ADDRESS), native),
        )
        for i, market in enumerate(comptroller.markets)
    )


def _market(
    deployment: Deployment, comptroller: Comptroller, listing: Listing, i: int, asset: Asset
) -> Market:
    address, price = comptroller.markets[i], listing.prices[i]
    origin = f"{PRICE.canonical}@{comptroller.oracle}"
    return Market(
        address=address,
        c_token=token_id(deployment.chain, address),
        asset=asset,
        price=UnusablePrice(f"{asset.symbol} ({asset.id})", origin, 0) if price == 0 else price,
        price_origin=origin,
        totals=listing.totals[i],
        factor=listing.factors[i],
        core_incentive=listing.core_incentives[i],
        seize_share=listing.seize_shares[i],
        forced=listing.forced[i],
        repay_paused=listing.repay_paused[i],
        seize_paused=listing.seize_paused[i],
        liquidate_paused=listing.liquidate_paused[i],
    )


def _totals(deployment: Deployment, markets: list[Address]) -> Read[list[Totals]]:
    by_time = deployment.options.get("clock") == "timestamp"
    fields = [
        RATE_PER_SECOND if by_time else RATE_PER_BLOCK,
        BORROW_INDEX,
        ACCRUAL_TIME if by_time else ACCRUAL_BLOCK,
        TOTAL_BORROWS,
        TOTAL_RESERVES,
        CASH,
        TOTAL_SUPPLY,
        EXCHANGE_RATE,
        RESERVE_FACTOR,
    ]
    columns = yield from join([column(field, markets) for field in fields])
    return [Totals(*row) for row in zip(*columns, strict=True)]


def _compound_columns(comptroller: Comptroller, tokens: list[Address]) -> Read[Sequence[Sequence[int]]]:
    """Factors, incentives, seize shares, forced; repayment, seizure and liquidation paused."""
    markets = list(comptroller.markets)
    listed, deprecated, shares = yield from join(
        [
            ask([MARKET.each(comptroller.address, markets)]),
            _outcomes(DEPRECATED, comptroller.address, markets),
            _outcomes(SEIZE_SHARE, tokens),
        ]
    )
    [parameters] = listed
    # Markets from before 2021 have no share, the comptroller of some forks no deprecation.
    share = dict(zip(tokens, (absent(one) or 0 for one in shares), strict=True))
    none = [False] * len(markets)
    return (
        parameters.values(1),
        [comptroller.incentive or 0] * len(markets),
        [share.get(market, 0) for market in markets],
        [bool(absent(one)) for one in deprecated],
        none,
        [comptroller.paused] * len(markets),
        none,
    )


def _venus_columns(comptroller: Comptroller, tokens: list[Address]) -> Read[Sequence[Sequence[int]]]:  # noqa: ARG001
    """As for Compound; factors are the account's."""
    markets, at = list(comptroller.markets), comptroller.address
    incentives, forced, *paused = yield from join(
        [
            column(CORE_INCENTIVE, at, markets),
            column(FORCED, at, markets),
            *(column(ACTION_PAUSED, at, markets, action) for action in (REPAY, SEIZE, LIQUIDATE)),
        ]
    )
    none = [0] * len(markets)
    return (none, incentives, none, forced, *paused)


def column(function: Function[Any], targets: Address | Sequence[Address], *arguments: Any) -> Read[list[Any]]:
    """One columnar request; raises its first failure."""
    if not targets or any(argument == [] for argument in arguments):
        return []
    [column] = yield from ask([function.each(targets, *arguments)])
    return column.values()


def _outcomes(
    function: Function[Any], targets: Address | Sequence[Address], *arguments: Any
) -> Read[list[Any]]:
    """One columnar request, failures in their places."""
    if not targets or any(argument == [] for argument in arguments):
        return []
    [column] = yield from ask([function.each(targets, *arguments)])
    return list(column.outcomes())


def absent(answer: Any) -> Any:
    """An answer, None where the contract has no such function; raises any other failure."""
    if isinstance(answer, CallReverted):
        return None
    if isinstance(answer, ReadError):
        raise answer
    return answer


def symbol_of(address: Address, answer: str | ReadError) -> str:
    """A token's own name for itself; its address where it has none, or one that is no text (bytes32)."""
    if isinstance(answer, (CallReverted, MalformedReply, NoContract)):
        return address
    if isinstance(answer, ReadError):
        raise answer
    return answer
