"""One market with its underlying, the same for every wallet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.compound_v2.calls import (
    DECIMALS,
    PRICE,
    SYMBOL,
)
from adapters.compound_v2.comptroller import NO_ADDRESS, Comptroller, column
from adapters.compound_v2.interest import Totals
from adapters.compound_v2.listing import Listing
from aggregator.contract import Deployment, Read, attempt, both, symbol_of
from aggregator.model.assets import Asset, AssetId, native_id, token_id
from aggregator.model.errors import (
    MalformedReply,
    ReadError,
    UnusablePrice,
)
from aggregator.model.units import Address

PRICE_DECIMALS = 36
NATIVE_DECIMALS = 18


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
