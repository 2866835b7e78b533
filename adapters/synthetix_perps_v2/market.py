"""What one market says of one wallet: the last round of a read, sent for held markets only."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.synthetix_perps_v2 import calls
from adapters.synthetix_perps_v2.calls import DelayedOrder, Valued
from adapters.synthetix_perps_v2.margin import MarketState
from adapters.synthetix_perps_v2.names import key_text
from aggregator.contract import Read, ask, attempt, both
from aggregator.model.errors import CallReverted, MalformedReply, ReadError
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class Held:
    """A margin account that is there: it has a margin, a position, or both (18 decimals).

    `margin` and `last_price` are as last settled, at entry `funding_index` of the market's funding
    sequence, whose last entry is `last_index`.
    """

    market: Address
    market_key: bytes
    last_index: int
    funding_index: int
    margin: int
    last_price: int
    size: int

    @property
    def label(self) -> str:
        """The market's key as text, such as `sETHPERP`."""
        return key_text(self.market_key)


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """The market's state and its own views of an account, all at the block."""

    base_asset: str
    state: MarketState
    settled_funding: int
    price: Valued
    profit_loss: Valued
    accrued_funding: Valued
    remaining_margin: Valued
    liquidation_price: Valued
    can_liquidate: bool
    flagged: bool


@dataclass(frozen=True, slots=True)
class Details:
    """All of one margin account: `position` is None where only margin is deposited.

    `suspension` is the protocol's reason for suspending the market, None where it has not.
    """

    held: Held
    order: DelayedOrder
    suspension: str | None
    position: OpenPosition | None


@dataclass(frozen=True, slots=True)
class System:
    """Where the parts of one deployment live at the block."""

    markets: tuple[Address, ...]
    settings: Address
    status: Address
    exchange_rates: Address


def details(held: Held, system: System, wallet: Address) -> Read[Details]:
    """Read one margin account in one round."""
    state = both(ask([calls.DELAYED_ORDERS.at(held.market, wallet)]), _suspension(held, system))
    if held.size == 0:
        [order], suspension = yield from state
        return Details(held, order, suspension, None)
    ([order], suspension), position = yield from both(state, _position(held, system.settings, wallet))
    return Details(held, order, suspension, position)


def _suspension(held: Held, system: System) -> Read[str | None]:
    [answer] = yield from attempt([calls.REQUIRE_ACTIVE.at(system.status, held.market_key)])
    if isinstance(answer, CallReverted):
        return answer.reason or "no reason given"
    if isinstance(answer, ReadError):
        raise answer
    return None


def _position(held: Held, settings: Address, wallet: Address) -> Read[OpenPosition]:
    market, key = held.market, held.market_key
    if not 0 < held.funding_index <= held.last_index:
        where = calls.POSITIONS.at(market, wallet).origin
        raise MalformedReply(where, f"funding entry {held.funding_index} of {held.last_index}")
    figures, (flags, (views, [asset])) = yield from both(
        ask(
            [
                calls.MARKET_SKEW.at(market),
                calls.SKEW_SCALE.at(settings, key),
                calls.MAX_FUNDING_VELOCITY.at(settings, key),
                calls.FUNDING_RATE_LAST_RECOMPUTED.at(market),
                calls.FUNDING_LAST_RECOMPUTED.at(market),
                calls.PREMIUM_MULTIPLIER.at(settings, key),
                calls.BUFFER_RATIO.at(settings, key),
                calls.FEE_RATIO.at(settings),
                calls.MIN_KEEPER_FEE.at(settings),
                calls.MAX_KEEPER_FEE.at(settings),
                calls.KEEPER_LIQUIDATION_FEE.at(settings),
                calls.FUNDING_SEQUENCE.at(market, held.last_index),
                calls.FUNDING_SEQUENCE.at(market, held.funding_index),
            ]
        ),
        both(
            ask([calls.CAN_LIQUIDATE.at(market, wallet), calls.IS_FLAGGED.at(market, wallet)]),
            both(
                ask(
                    [
                        calls.ASSET_PRICE.at(market),
                        calls.PROFIT_LOSS.at(market, wallet),
                        calls.ACCRUED_FUNDING.at(market, wallet),
                        calls.REMAINING_MARGIN.at(market, wallet),
                        calls.LIQUIDATION_PRICE.at(market, wallet),
                    ]
                ),
                ask([calls.BASE_ASSET.at(market)]),
            ),
        ),
    )
    *state, last_entry, first_entry = figures
    price, profit_loss, accrued_funding, remaining_margin, liquidation_price = views
    can_liquidate, flagged = flags
    return OpenPosition(
        base_asset=key_text(asset),
        state=MarketState(*state),
        settled_funding=last_entry - first_entry,
        price=price,
        profit_loss=profit_loss,
        accrued_funding=accrued_funding,
        remaining_margin=remaining_margin,
        liquidation_price=liquidation_price,
        can_liquidate=can_liquidate,
        flagged=flagged,
    )
