"""What a market asks of trades and withdrawals beyond the liquidation test: fees and limits as read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.synthetix_perps_v2 import calls
from adapters.synthetix_perps_v2.names import name_key
from aggregator.contract import Read, ask, both
from aggregator.model.errors import UNANSWERED, NotRecorded, ReadError
from aggregator.model.rules import JsonValue
from aggregator.model.stored import entry, exact
from aggregator.model.units import Address, parse_address


@dataclass(frozen=True, slots=True)
class Terms:
    """Fees and limits of one market, and whether the account may act; all with 18 decimals.

    `market` is the contract that takes transactions. `market_size` is the sum of all positions without
    their signs, and `max_market_size` what one side may hold, in units of the asset. The fees are shares of
    the notional of off-chain delayed orders; `dynamic_fee` is the exchanger's surcharge as read, which moves
    with rounds of the price, and `volatile` that it stops trades. `pending` is a delayed order that waits.
    """

    market: Address
    market_size: int
    max_market_size: int
    taker_fee: int
    maker_fee: int
    max_leverage: int
    min_initial_margin: int
    dynamic_fee: int
    volatile: bool
    pending: bool

    def to_json(self) -> dict[str, JsonValue]:
        """Data for `load_terms`; amounts and ratios are decimal strings."""
        return {
            "market": self.market,
            "market_size": str(self.market_size),
            "max_market_size": str(self.max_market_size),
            "taker_fee": str(self.taker_fee),
            "maker_fee": str(self.maker_fee),
            "max_leverage": str(self.max_leverage),
            "min_initial_margin": str(self.min_initial_margin),
            "dynamic_fee": str(self.dynamic_fee),
            "volatile": self.volatile,
            "pending": self.pending,
        }


@dataclass(frozen=True, slots=True)
class Unsaid:
    """Why something that an account can do without was not read."""

    error: ReadError


def load_terms(data: Mapping[str, JsonValue]) -> Terms:
    """The terms that `to_json` wrote; raises ValueError on other data."""
    return Terms(
        market=parse_address(entry(data, "market", str)),
        market_size=exact(data, "market_size"),
        max_market_size=exact(data, "max_market_size"),
        taker_fee=exact(data, "taker_fee"),
        maker_fee=exact(data, "maker_fee"),
        max_leverage=exact(data, "max_leverage"),
        min_initial_margin=exact(data, "min_initial_margin"),
        dynamic_fee=exact(data, "dynamic_fee"),
        volatile=entry(data, "volatile", bool),
        pending=entry(data, "pending", bool),
    )


def read_terms(
    market: Address, market_key: bytes, asset_key: bytes, settings: Address, exchanger: Address | Unsaid
) -> Read[Terms | Unsaid]:
    """The terms of a market in one round, without an order; why the contracts don't tell them as a value.

    What an owner may do is not worth an account that can't be read. Raises the error where nobody answered.
    """
    if isinstance(exchanger, Unsaid):
        return exchanger
    try:
        [size, largest, taker, maker, leverage, initial], [(surcharge, volatile)] = yield from both(
            ask(
                [
                    calls.MARKET_SIZE.at(market),
                    calls.MAX_MARKET_VALUE.at(settings, market_key),
                    calls.TAKER_FEE.at(settings, market_key),
                    calls.MAKER_FEE.at(settings, market_key),
                    calls.MAX_LEVERAGE.at(settings, market_key),
                    calls.MIN_INITIAL_MARGIN.at(settings),
                ]
            ),
            ask([calls.DYNAMIC_FEE.at(exchanger, name_key("sUSD"), asset_key)]),
        )
    except ReadError as error:
        return unsaid(error)
    return Terms(
        market=market,
        market_size=size,
        max_market_size=largest,
        taker_fee=taker,
        maker_fee=maker,
        max_leverage=leverage,
        min_initial_margin=initial,
        dynamic_fee=surcharge,
        volatile=volatile,
        pending=False,
    )


def unsaid(error: ReadError) -> Unsaid:
    """The error as a value; raises it where nobody answered, but for a recording older than the question."""
    if isinstance(error, UNANSWERED) and not isinstance(error, NotRecorded):
        raise error
    return Unsaid(error)
