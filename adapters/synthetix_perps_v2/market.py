"""What one market says of one wallet: the last round of a read, sent for held markets only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.synthetix_perps_v2 import calls
from adapters.synthetix_perps_v2.calls import Valued
from adapters.synthetix_perps_v2.margin import MarketState
from adapters.synthetix_perps_v2.names import key_text
from adapters.synthetix_perps_v2.orders import DelayedOrder, Windows
from adapters.synthetix_perps_v2.terms import Terms, Unsaid, read_terms
from aggregator.contract import Read, ask, attempt, both, join
from aggregator.model.errors import CallReverted, MalformedReply, ReadError
from aggregator.model.readings import Block
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class Held:
    """A margin account that is there: it has a margin, a position, or both (18 decimals).

    `margin` and `last_price` are as last settled, at entry `funding_index` of the market's funding
    sequence, whose last entry is `last_index`.
    """

    market: Address
    market_key: bytes
    asset_key: bytes
    last_index: int
    funding_index: int
    margin: int
    last_price: int
    size: int

    @property
    def label(self) -> str:
        """The market's key as text, such as `sETHPERP`."""
        return key_text(self.market_key)

    @property
    def base_asset(self) -> str:
        """The key of the asset whose price it follows, such as `sETH`."""
        return key_text(self.asset_key)


@dataclass(frozen=True, slots=True)
class Conditions:
    """The market's state and price, and what keeps others than `endorsed` addresses from liquidating."""

    state: MarketState
    max_delta: int
    max_skew: int
    endorsed: bool
    price: Valued


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """A market's conditions and its own views of an account, all at the block."""

    market: Conditions
    settled_funding: int
    profit_loss: Valued
    accrued_funding: Valued
    remaining_margin: Valued
    liquidation_price: Valued
    can_liquidate: bool
    flagged: bool


@dataclass(frozen=True, slots=True)
class Details:
    """All of one margin account: `position` is None where only margin is deposited.

    `suspension` is the protocol's reason for suspending the market, None where it has not. `terms` are
    those of trades, or why the contracts don't tell them. Where nothing is open, `conditions` and `terms` are
    those of a position that could be opened, or why that is not known; None where nobody asked.
    """

    held: Held
    order: DelayedOrder
    windows: Windows
    suspension: str | None
    position: OpenPosition | None
    terms: Terms | Unsaid | None
    conditions: Conditions | Unsaid | None = None


@dataclass(frozen=True, slots=True)
class System:
    """Where the parts of one deployment live at the block; why that of the exchanger is not known."""

    manager: Address
    markets: tuple[Address, ...]
    settings: Address
    status: Address
    exchange_rates: Address
    exchanger: Address | Unsaid


def details(held: Held, system: System, wallet: Address, block: Block, *, openings: bool) -> Read[Details]:
    """Read one margin account in one round; with `openings` also what could be opened without a position."""
    state = both(_order(held, system, wallet), _suspension(held, system))
    terms = read_terms(held.market, held.market_key, held.asset_key, system.settings, system.exchanger)
    if held.size == 0 and not openings:
        (order, windows), suspension = yield from state
        return Details(held, order, windows, suspension, None, None)
    if held.size == 0:
        could = join([both(_conditions(held, system, block), terms)], isolate=True)
        ((order, windows), suspension), [outcome] = yield from both(state, could)
        # Whatever keeps it from being told: nothing is open that depends on it.
        conditions, found = (Unsaid(outcome), None) if isinstance(outcome, ReadError) else outcome
        return Details(held, order, windows, suspension, None, _pending(found, order), conditions)
    ((order, windows), suspension), (position, found) = yield from both(
        state, both(_position(held, system, wallet, block), terms)
    )
    return Details(held, order, windows, suspension, position, _pending(found, order))


def _pending(found: Terms | Unsaid | None, order: DelayedOrder) -> Terms | Unsaid | None:
    return replace(found, pending=order.size_delta != 0) if isinstance(found, Terms) else found


def _order(held: Held, system: System, wallet: Address) -> Read[tuple[DelayedOrder, Windows]]:
    settings, key = system.settings, held.market_key
    [order], windows = yield from both(
        ask([calls.DELAYED_ORDERS.at(held.market, wallet)]),
        ask(
            [
                calls.OFFCHAIN_MIN_AGE.at(settings, key),
                calls.OFFCHAIN_MAX_AGE.at(settings, key),
                calls.CONFIRM_SECONDS.at(settings, key),
                calls.CONFIRM_ROUNDS.at(settings, key),
                calls.CURRENT_ROUND.at(system.exchange_rates, held.asset_key),
            ]
        ),
    )
    return order, Windows(*windows)


def _suspension(held: Held, system: System) -> Read[str | None]:
    [answer] = yield from attempt([calls.REQUIRE_ACTIVE.at(system.status, held.market_key)])
    if isinstance(answer, CallReverted):
        return answer.reason or "no reason given"
    if isinstance(answer, ReadError):
        raise answer
    return None


def _conditions(held: Held, system: System, block: Block) -> Read[Conditions]:
    market, key, settings = held.market, held.market_key, system.settings
    figures, ([endorsed], [price]) = yield from both(
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
                calls.MAX_LIQUIDATION_DELTA.at(settings, key),
                calls.MAX_PD.at(settings, key),
            ]
        ),
        both(ask([calls.ALL_ENDORSED.at(system.manager)]), ask([calls.ASSET_PRICE.at(market)])),
    )
    *state, max_delta, max_skew = figures
    return Conditions(_state(held, settings, state, block), max_delta, max_skew, bool(endorsed), price)


def _position(held: Held, system: System, wallet: Address, block: Block) -> Read[OpenPosition]:
    market = held.market
    if not 0 < held.funding_index <= held.last_index:
        where = calls.POSITIONS.at(market, wallet).origin
        raise MalformedReply(where, f"funding entry {held.funding_index} of {held.last_index}")
    conditions, (entries, (flags, views)) = yield from both(
        _conditions(held, system, block),
        both(
            ask(
                [
                    calls.FUNDING_SEQUENCE.at(market, held.last_index),
                    calls.FUNDING_SEQUENCE.at(market, held.funding_index),
                ]
            ),
            both(
                ask([calls.CAN_LIQUIDATE.at(market, wallet), calls.IS_FLAGGED.at(market, wallet)]),
                ask(
                    [
                        calls.PROFIT_LOSS.at(market, wallet),
                        calls.ACCRUED_FUNDING.at(market, wallet),
                        calls.REMAINING_MARGIN.at(market, wallet),
                        calls.LIQUIDATION_PRICE.at(market, wallet),
                    ]
                ),
            ),
        ),
    )
    last_entry, first_entry = entries
    profit_loss, accrued_funding, remaining_margin, liquidation_price = views
    can_liquidate, flagged = flags
    return OpenPosition(
        market=conditions,
        settled_funding=last_entry - first_entry,
        profit_loss=profit_loss,
        accrued_funding=accrued_funding,
        remaining_margin=remaining_margin,
        liquidation_price=liquidation_price,
        can_liquidate=can_liquidate,
        flagged=flagged,
    )


def _state(held: Held, settings: Address, figures: Sequence[int], block: Block) -> MarketState:
    """In the order of its fields; raises MalformedReply where funding could not be worked out of them."""
    _, skew_scale, _, _, funding_time, *_ = figures
    if skew_scale == 0:
        raise MalformedReply(calls.SKEW_SCALE.at(settings, held.market_key).origin, "a skew scale of zero")
    if funding_time > block.timestamp:
        where = calls.FUNDING_LAST_RECOMPUTED.at(held.market).origin
        raise MalformedReply(where, f"{funding_time}, after the block's time {block.timestamp}")
    return MarketState(*figures)
