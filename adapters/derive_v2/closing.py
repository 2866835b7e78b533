"""What an auction does to an account: a model of one bid at the earliest moment.

Source: DutchAuction.sol and BaseManager.sol (`executeBid`) of derivexyz/v2-core 7736900d. Nobody knows when
somebody bids: it is assumed that one bidder takes all that may be taken at once, of an auction that is not
live yet in the second that it starts, and at marks that do not move. Later bids are cheaper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from adapters.derive_v2.holdings import Holdings
from adapters.derive_v2.margin import Book, DeriveRule
from adapters.derive_v2.portfolio_2 import Portfolio2
from adapters.derive_v2.standard import Standard
from aggregator.model.assets import AssetId
from aggregator.model.close_outs import Closed, CloseOut, Fee, Receiver
from aggregator.model.fixed_point import multiply
from aggregator.model.rules import WAD, Amount, Refused


def close_out(
    rule: DeriveRule, prices: Mapping[AssetId, int], time: int, market: str | None
) -> CloseOut | Refused:
    """One bid for as much of an account as its auction sells, at these prices and this time.

    Perps are settled first. A solvent account sells the same share of all it has, cash included, at a
    discount: that is the liquidator's fee, and the start of the auction costs one for the security module.
    An insolvent one is taken over whole, and what the bidder is paid is bad debt; above what the account
    lacks it is the bidder's fee. Collateral that is sold counts as if it were cash.
    """
    if market is not None:
        return Refused("an account is auctioned as a whole: name no market")
    if not rule.health(prices, time).liquidatable:
        return Refused("DA_AccountIsAboveMaintenanceMargin")
    settled = _settled(rule, prices, time)
    margin, value = settled.margin(prices, time, initial=False)
    live = rule.auction
    if (live is not None and live.insolvent) or value <= 0:
        elapsed = time - live.start if live is not None and live.insolvent else 0
        return _taken_over(settled, prices, time, margin, value, elapsed)
    if live is not None:
        return _sold(settled, prices, time, 0, time - live.start, live.reserved)
    fee = rule.terms.fee(value, rule.terms.buffered(margin, value))
    charged = replace(settled, cash=settled.cash - fee)
    return _sold(charged, prices, time, fee, 0, 0)


def _taken_over(
    rule: DeriveRule, prices: Mapping[AssetId, int], time: int, margin: int, value: int, elapsed: int
) -> CloseOut | Refused:
    if margin >= 0:
        return Refused("DA_AuctionShouldBeTerminated")
    payout = rule.terms.payout(margin, value, elapsed)
    return CloseOut(
        closed=_closed(rule, prices, time, WAD),
        fees=_fees(rule, ("liquidator", max(payout + value, 0))),
        returned=(),
        forfeited=(),
        bad_debt=_amounts(rule, payout, up=True),
        borne_by=rule.loss_bearers,
        successor=None,
    )


def _sold(
    rule: DeriveRule, prices: Mapping[AssetId, int], time: int, fee: int, elapsed: int, reserved: int
) -> CloseOut | Refused:
    terms = rule.terms
    margin, value = rule.margin(prices, time, initial=False)
    if value <= reserved:
        return Refused("DA_AuctionShouldBeTerminated")
    discount = terms.discount(elapsed)
    if multiply(value - reserved, discount) <= 0:
        return Refused("DA_SolventAuctionEnded")
    share = min(terms.largest_share(value, terms.buffered(margin, value), discount, reserved), WAD)
    paid = multiply(multiply(value - reserved, discount), share)
    kept = _kept(rule.book, share)
    after = replace(
        rule, cash=rule.cash - multiply(rule.cash - reserved, share) + paid, book=kept, auction=None
    )
    _, left = after.margin(prices, time, initial=False)
    return CloseOut(
        closed=_closed(rule, prices, time, share),
        fees=_fees(rule, ("liquidator", max(value - left, 0)), ("insurance_fund", fee)),
        returned=(),
        forfeited=(),
        bad_debt=(),
        borne_by=rule.loss_bearers,
        successor=after,
        posted=_posted(after),
    )


def _posted(rule: DeriveRule) -> tuple[tuple[AssetId, int], ...] | None:
    """Cash as its token; None where there is other collateral, of whose token the rule knows no decimals."""
    collaterals = rule.book.collaterals if isinstance(rule.book, Portfolio2) else ()
    if collaterals or any(held.base for held in rule.book.holdings):
        return None
    return ((rule.stable.asset, rule.cash * 10**rule.stable_decimals // WAD),)


def _fees(rule: DeriveRule, *fees: tuple[Receiver, int]) -> tuple[Fee, ...]:
    return tuple(Fee(to, amount) for to, fee in fees for amount in _amounts(rule, fee))


def _amounts(rule: DeriveRule, cash: int, *, up: bool = False) -> tuple[Amount, ...]:
    """Cash in the token behind it; none where that is nothing."""
    scaled = cash * 10**rule.stable_decimals
    raw = -(-scaled // WAD) if up else scaled // WAD
    return (Amount(rule.stable.asset, raw),) if raw else ()


def _closed(rule: DeriveRule, prices: Mapping[AssetId, int], time: int, share: int) -> tuple[Closed, ...]:
    """The share of every perp and option, at its mark."""
    closed: list[Closed] = []
    for held in rule.book.holdings:
        spot = prices[held.spot.asset]
        if held.perp is not None:
            closed.append(Closed(held.perp_name, multiply(held.perp.size, share), held.perp.price_at(spot)))
        for expiry in held.expiries:
            discount = rule.book.discount(expiry, time)
            for option in expiry.options:
                name = held.instrument(expiry, option)
                mark = held.mark(expiry, option, spot, time, discount)
                closed.append(Closed(name, multiply(option.amount, share), mark))
    return tuple(one for one in closed if one.size_raw)


def _settled(rule: DeriveRule, prices: Mapping[AssetId, int], time: int) -> DeriveRule:
    """The account once its perps' profit and funding are cash (`settlePerpsWithIndex`)."""
    cash = rule.cash

    def of(held: Holdings) -> Holdings:
        nonlocal cash
        if held.perp is None:
            return held
        spot, perp = prices[held.spot.asset], held.perp
        cash += perp.cash(spot, time)
        aggregated = perp.aggregated_at(spot, time)
        settled = replace(
            perp,
            last_mark=perp.price_at(spot),
            realised=0,
            applied=0,
            aggregated=aggregated,
            had=aggregated,
            funding_time=max(time, perp.funding_time),
        )
        return replace(held, perp=settled)

    book = _changed(rule.book, of)
    return replace(rule, book=book, cash=cash)


def _changed(book: Book, change: Callable[[Holdings], Holdings]) -> Book:
    """The book with all of its holdings changed."""
    if isinstance(book, Standard):
        return replace(book, markets=tuple(replace(one, held=change(one.held)) for one in book.markets))
    return replace(book, held=change(book.held))


def _kept(book: Book, share: int) -> Book:
    """The book without a share of it."""

    def left(amount: int) -> int:
        return amount - multiply(amount, share)

    def of(held: Holdings) -> Holdings:
        perp = None if held.perp is None else replace(held.perp, size=left(held.perp.size))
        expiries = (
            replace(e, options=tuple(replace(o, amount=left(o.amount)) for o in e.options if left(o.amount)))
            for e in held.expiries
        )
        return replace(
            held,
            perp=perp if perp and perp.size else None,
            base=left(held.base),
            expiries=tuple(expiry for expiry in expiries if expiry.options),
        )

    changed = _changed(book, of)
    if isinstance(changed, Portfolio2):
        return replace(
            changed, collaterals=tuple(replace(one, amount=left(one.amount)) for one in changed.collaterals)
        )
    return changed
