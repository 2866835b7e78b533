"""One option of a market in the model's form, with what the protocol itself says that it is worth."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from adapters.lyra_v1.black_scholes import SECONDS_PER_YEAR, option_prices
from adapters.lyra_v1.fixed_point import UNIT
from adapters.lyra_v1.market import PRICE_DECIMALS, Market
from aggregator.model.assets import index_id
from aggregator.model.errors import Unsupported
from aggregator.model.positions import Option
from aggregator.model.rules import Feed
from aggregator.model.units import scaled
from aggregator.pricing.sources import IvKind, IvSource, first_usable

IV_SOURCE = "board.iv * strike.skew"
MOST_GROWTH = 100
"""Rate times years: beyond it no exponential is of any use."""


class Contract(NamedTuple):
    """What an option is: strike and `iv` with 18 decimals, expiry in Unix seconds.

    `origin` is the view that told the iv.
    """

    is_call: bool
    strike: int
    expiry: int
    iv: int
    origin: str

    def intrinsic(self, price: int) -> int:
        """What one is worth at a price of the underlying without time; 18 decimals."""
        return max(price - self.strike if self.is_call else self.strike - price, 0)


def instrument(market: Market, contract: Contract) -> str:
    """What people call it: `ETH 2026-12-01 2000 put`."""
    day = datetime.fromtimestamp(contract.expiry, UTC).strftime("%Y-%m-%d")
    strike = scaled(contract.strike, PRICE_DECIMALS).normalize()
    return f"{market.underlying} {day} {strike:f} {'call' if contract.is_call else 'put'}"


class Mark(NamedTuple):
    """What one option is worth, in quote with 18 decimals, and who says so."""

    raw: int
    source: str


def mark(market: Market, spot: Feed, contract: Contract, time: int, *, is_expired: bool) -> Mark:
    """The protocol's own formula at its own volatility and rate and at the present spot price.

    Intrinsic value once expired. Raises Unsupported where the contract's library would revert.
    """
    if is_expired:
        return Mark(contract.intrinsic(spot.price), f"intrinsic value at {spot.origin}")
    seconds, rate = max(contract.expiry - time, 0), market.parameters.rate
    try:
        if abs(rate) * seconds > MOST_GROWTH * UNIT * SECONDS_PER_YEAR:
            raise ValueError(f"a rate of {rate / UNIT:g}")
        call, put = option_prices(seconds, contract.iv, spot.price, contract.strike, rate)
    except ValueError as error:
        raise Unsupported(
            f"the option {instrument(market, contract)} at a spot price of {spot.price / UNIT:g}",
            f"the market's own formula has no price for it ({error})",
        ) from error
    return Mark(call if contract.is_call else put, f"Black-Scholes at {IV_SOURCE} and {spot.origin}")


def option(market: Market, contract: Contract, size: int, valued: Mark, origin: str) -> Option:
    """An option of this market, European and settled in cash; `size` is signed, written < 0."""
    iv = first_usable([IvSource(IvKind.BOARD, contract.iv / UNIT, f"{IV_SOURCE}, {contract.origin}")])
    return Option(
        instrument=instrument(market, contract),
        index=index_id(market.underlying),
        underlying=market.underlying,
        right="call" if contract.is_call else "put",
        style="european",
        size_raw=size,
        size_decimals=PRICE_DECIMALS,
        strike_raw=contract.strike,
        price_decimals=PRICE_DECIMALS,
        expiry=contract.expiry,
        settlement=market.quote,
        mark_raw=valued.raw,
        iv=iv.iv if iv else None,
        iv_source=iv.origin if iv else None,
        rate=market.parameters.rate / UNIT,
        origin=origin,
        # A covered call gives up base, but only what its loss in quote is worth at expiry.
        delivery="cash",
        mark_source=valued.source,
    )
