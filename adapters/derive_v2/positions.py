"""An account's holdings as positions of the model."""

from __future__ import annotations

import math

from adapters.derive_v2 import calls
from adapters.derive_v2.black76 import YEAR_SECONDS
from adapters.derive_v2.held import Held
from adapters.derive_v2.holdings import Expiry, Holdings, OptionHeld, PerpHeld
from adapters.derive_v2.margin import DECIMALS
from adapters.derive_v2.overview import Overview
from adapters.derive_v2.system import Shared, System
from aggregator.model.fixed_point import multiply
from aggregator.model.positions import Debt, Option, Perp, Position, Supply
from aggregator.model.readings import Block
from aggregator.model.rules import WAD
from aggregator.pricing.sources import IvKind, IvSource, first_usable

HOURS_A_DAY = 24


def cash_positions(system: System, shared: Shared, found: Overview) -> tuple[Position, ...]:
    """Cash with pending interest, as the token that it is redeemed for: what is owed is owed in full."""
    amount = found.cash(system.cash) if found.with_interest is None else found.with_interest
    unit = 10**shared.token.decimals
    origin = calls.BALANCES.at(system.sub_accounts, found.account).origin
    if amount < 0:
        return (Debt(shared.token, -(amount * unit // WAD), "variable", origin),)
    raw = multiply(amount, shared.exchange_rate) * unit // WAD
    return (Supply(shared.token, raw, is_collateral=True, origin=origin),) if raw else ()


def positions(held: Held, block: Block) -> list[Position]:
    """What an account has but cash."""
    case = held.case
    found: list[Position] = []
    for base in case.bases:
        token = held.tokens[base]
        amount = sum(one.amount for one in case.found.balances if one.asset == base)
        raw = amount * 10**token.decimals // WAD
        found.append(Supply(token, raw, is_collateral=True, origin=case.origin))
    for one in held.book.holdings:
        if one.perp is not None:
            found.append(_perp(held, one, one.perp, block))
        for expiry in one.expiries:
            for option in expiry.options:
                if expiry.is_settled(block.timestamp):
                    found += _claim(held, expiry, option)
                else:
                    found.append(_option(held, one, expiry, option, block))
    return found


def _claim(held: Held, expiry: Expiry, option: OptionHeld) -> tuple[Position, ...]:
    """A settled option: what its payout moves, until somebody lets it become cash."""
    shared, origin = held.case.shared, held.case.origin
    payout = option.payoff(expiry.fixed)
    raw = abs(payout) * 10**shared.token.decimals // WAD
    if not raw:
        return ()
    if payout < 0:
        return (Debt(shared.token, raw, "variable", origin),)
    return (Supply(shared.token, raw, is_collateral=True, origin=origin),)


def _option(held: Held, of: Holdings, expiry: Expiry, option: OptionHeld, block: Block) -> Option:
    market = held.case.market_named(of.name)
    discount = held.book.discount(expiry, block.timestamp)
    surface = calls.VOL.at(market.vol, option.strike, expiry.time).origin
    source = first_usable([IvSource(IvKind.SURFACE, option.vol / WAD, surface)])
    return Option(
        instrument=of.instrument(expiry, option),
        index=of.spot.asset,
        underlying=of.name,
        right="call" if option.is_call else "put",
        style="european",
        size_raw=option.amount,
        size_decimals=DECIMALS,
        strike_raw=option.strike,
        price_decimals=DECIMALS,
        expiry=expiry.time,
        settlement=held.case.shared.token,
        mark_raw=of.mark(expiry, option, of.spot.price, block.timestamp, discount),
        iv=source.iv if source else None,
        iv_source=source.origin if source else None,
        rate=_carry(of, expiry, block),
        origin=held.case.origin,
        mark_source=f"Black-76 at {calls.FORWARD.at(market.forward, expiry.time).origin}",
    )


def _carry(of: Holdings, expiry: Expiry, block: Block) -> float:
    """The rate per year at which the spot price grows to the forward: it has the feed's rate within it."""
    years = expiry.seconds(block.timestamp) / YEAR_SECONDS
    forward = (expiry.fixed + expiry.variable) / of.spot.price
    return math.log(forward) / years if years and not expiry.fixed else 0.0


def _perp(held: Held, of: Holdings, perp: PerpHeld, block: Block) -> Perp:
    spot, token = of.spot.price, held.case.shared.token
    unit = 10**token.decimals
    daily = multiply(perp.size, multiply(perp.funding_rate * HOURS_A_DAY, spot))
    return Perp(
        market=of.perp_name,
        index=of.spot.asset,
        underlying=of.name,
        size_raw=perp.size,
        size_decimals=DECIMALS,
        entry_price_raw=perp.last_mark,
        mark_price_raw=perp.price_at(spot),
        price_decimals=DECIMALS,
        pnl_raw=perp.profit(spot) * unit // WAD,
        funding_raw=perp.funding(spot, block.timestamp) * unit // WAD,
        settlement=token,
        origin=held.case.origin,
        funding_24h_raw=-daily * unit // WAD,
    )
