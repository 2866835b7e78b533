"""A wallet's positions with their series, and its accounts with the protocol's own word on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.lyra_v1.calls import (
    CAN_LIQUIDATE,
    MIN_COLLATERAL,
    STRIKE_AND_BOARD,
    HeldPosition,
    Series,
    Settlement,
)
from adapters.lyra_v1.closing_terms import Sources, Terms, read_buy_back, read_terms
from adapters.lyra_v1.collateral import OptionType
from adapters.lyra_v1.generations import settlement_of
from adapters.lyra_v1.held import Holding
from adapters.lyra_v1.market import Market, Spot, Untold, unless_refused
from adapters.lyra_v1.portfolio import CloseOutTerms, Judgement, Wallet
from aggregator.contract import Deployment, Read, ask, attempt, both
from aggregator.model.accounts import Account
from aggregator.model.errors import ReadError, Unsupported
from aggregator.model.positions import check_valued
from aggregator.model.readings import Block

_ACTIVE = 1
_TYPES = frozenset(OptionType)
LONGS = frozenset(kind for kind in OptionType if not kind.is_short)


@dataclass(frozen=True, slots=True)
class Told:
    """An account, and what should be said of it beside its positions."""

    account: Account
    warning: str | None = None


def terms_for(
    deployment: Deployment, market: Market, sources: Sources | Untold, held: Sequence[HeldPosition]
) -> Read[Terms | Untold | None]:
    """What liquidations take in a market, or why that can't be told; None where no short is held."""
    if all(position.option_type in LONGS for position in held):
        return None
    if isinstance(sources, Untold):
        return sources
    return (yield from unless_refused(read_terms(deployment, market, sources)))


def read_series(
    deployment: Deployment, held: Sequence[HeldPosition], block: Block
) -> Read[list[Holding | ReadError]]:
    """Each position with its series, or why that can't be told."""
    market = deployment.addresses["option_market"]
    strikes = list(dict.fromkeys(position.strike_id for position in held))
    series, settlements = yield from both(
        attempt([STRIKE_AND_BOARD.at(market, strike) for strike in strikes]),
        attempt([settlement_of(deployment).at(market, strike) for strike in strikes]),
    )
    by_strike = dict(zip(strikes, zip(series, settlements, strict=True), strict=True))
    return [_holding(deployment, position, *by_strike[position.strike_id], block) for position in held]


def _holding(
    deployment: Deployment,
    position: HeldPosition,
    series: Series | ReadError,
    settlement: Settlement | ReadError,
    block: Block,
) -> Holding | ReadError:
    if position.state != _ACTIVE or position.option_type not in _TYPES:
        return Unsupported(
            f"option type {position.option_type} in state {position.state} of {deployment.name}",
            "this release knows five types of active positions",
        )
    if isinstance(series, ReadError):
        return series
    if isinstance(settlement, ReadError):
        return settlement
    try:
        check_valued(
            f"of strike {position.strike_id} in {deployment.name}",
            series.strike,
            series.expiry,
            block.timestamp,
        )
    except Unsupported as error:
        return error
    is_expired = block.timestamp >= series.expiry or settlement.price_at_expiry > 0
    return Holding(OptionType(position.option_type), position, series, settlement, is_expired)


def read_short(
    owner: Wallet, held: Holding | ReadError, spot: Spot, terms: Terms | Untold | None
) -> Read[Told]:
    """A short's account with the protocol's own word on it; its liquidation is left out where not told."""
    if isinstance(held, ReadError):
        raise held.with_traceback(None)
    if not held.can_be_liquidated:
        return Told(owner.short_account(held, None))
    at, price = owner.deployment.addresses, spot.feed.price
    series, position = held.series, held.position
    least = MIN_COLLATERAL.at(
        at["greek_cache"], held.kind, series.strike, series.expiry, price, position.amount
    )
    flag = CAN_LIQUIDATE.at(at["option_token"], position, series.expiry, series.strike, price)
    ([minimum], [flagged]), closing = yield from both(
        both(ask([least]), ask([flag])), _close_out_terms(owner, held, spot, terms)
    )
    known = closing if isinstance(closing, CloseOutTerms) else None
    account = owner.short_account(held, Judgement(minimum, flagged, least.origin, known))
    return Told(account, owner.unknown_terms(closing.error) if isinstance(closing, Untold) else None)


def _close_out_terms(
    owner: Wallet, held: Holding, spot: Spot, terms: Terms | Untold | None
) -> Read[CloseOutTerms | Untold | None]:
    if terms is None or isinstance(terms, Untold):
        return terms
    price, strike = spot.feed.price, held.position.strike_id
    read = read_buy_back(
        owner.deployment, owner.market, terms, strike, held.series, price, is_call=held.kind.is_call
    )
    found = yield from unless_refused(read)
    if isinstance(found, Untold):
        return found
    return CloseOutTerms(terms.exchange_at(price), terms.sources.penalty, *found)


def all_longs(owner: Wallet, longs: Sequence[Holding | ReadError]) -> Read[Told]:
    """One account of all options held; raises the first one's error that can't be told."""
    yield from ()
    known = list[Holding]()
    for one in longs:
        if isinstance(one, ReadError):
            raise one.with_traceback(None)
        known.append(one)
    return Told(owner.long_account(known))
