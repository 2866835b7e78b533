"""What closing derivatives does to an account's positions, by the amounts that its venue's rule tells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.close_outs import Closed, CloseOut
from aggregator.model.positions import Debt, Option, Perp, Position, Supply
from aggregator.model.rules import Amount
from aggregator.planning.effects import Effect, asset_of, without_nothing
from aggregator.planning.valuation import Worth
from aggregator.pricing.book import usd
from aggregator.risk.book import book
from aggregator.risk.changed import perp_closed, with_margin
from aggregator.risk.greeks import position_greeks
from aggregator.risk.scenarios import ScenarioSet


def is_idle(done: CloseOut) -> bool:
    """Whether a close-out moves nothing: a limit on what is closed at a time is used up."""
    return not (done.closed or done.fees or done.returned or done.forfeited or done.bad_debt)


def is_told(account: Account, done: CloseOut) -> bool:
    """Whether what is left can be told: options closed in part are paid for in what only the rule knows."""
    if done.successor is None or done.posted is not None:
        return True
    parts = {one.market for one in done.closed}
    options = [p for p in account.positions if isinstance(p, Option)]
    return not any(_name(p) in parts for p in options) or not _left_open(account, done)


def closed_out(
    account: Account, done: CloseOut, at: Mapping[AssetId, int], worth: Worth, scenarios: ScenarioSet
) -> Effect:
    """An account after a close-out; `at` are the oracle's prices if it knew the market's.

    What is closed has gained its part of what has accrued, at the mark; that becomes margin, of which fees,
    what is forfeited and returned are taken, and to which bad debt is added. A price of closing beside the
    market's, as of an oracle that lags, is a gain or a loss of its own. Where nothing is left of the account,
    or the rule tells what is posted, the rest is what the venue settled at beside the marks.
    """
    fees = tuple(fee.amount for fee in done.fees)
    fees_usd = worth.all_usd((*fees, *done.forfeited))
    returned_usd, bad_usd = worth.all_usd(done.returned), worth.all_usd(done.bad_debt)
    after, other_usd = _rest(account, done, at, worth)
    if other_usd is None:
        change = value_usd(account, worth, scenarios) - value_usd(after, worth, scenarios)
        other_usd = change - fees_usd - returned_usd + bad_usd
    parts = list(_closed_parts(account, done))
    return Effect(
        account=after,
        fees=(*fees, *done.forfeited),
        returned=done.returned,
        bad_debt=done.bad_debt,
        closed=tuple((one.market, one.size_raw) for one in done.closed),
        liquidated_usd=math.fsum(abs(_notional_usd(p, share, worth)) for p, share in parts),
        fees_usd=fees_usd,
        other_usd=other_usd,
        bad_debt_usd=bad_usd,
        sold_usd=_sold(account, parts, worth, scenarios),
    )


def _rest(
    account: Account, done: CloseOut, at: Mapping[AssetId, int], worth: Worth
) -> tuple[Account, float | None]:
    """What is left, and what was lost by prices beside the marks; None where only the rest can tell."""
    if done.successor is None:
        return replace(account, positions=(), rule=None, reported=None), None
    closed = _by_market(done)
    kept: list[Position] = []
    gained: dict[AssetId, int] = {}
    lost_usd: float | None = 0.0
    for position in account.positions:
        one = closed.get(_name(position)) if isinstance(position, Perp | Option) else None
        if one is None or not isinstance(position, Perp | Option):
            kept.append(position)
            continue
        share = Fraction(one.size_raw, position.size_raw)
        if isinstance(position, Option):
            lost_usd = None
            rest: Perp | Option = replace(position, size_raw=position.size_raw - one.size_raw)
        else:
            asset, more = position.settlement.id, _beside(position, one, share, at)
            rest, gain = perp_closed(position, share)
            gained[asset] = gained.get(asset, 0) + gain + more
            lost_usd = None if lost_usd is None else lost_usd - worth.usd(asset, more)
            if done.posted is not None:
                rest = replace(rest, pnl_raw=0, funding_raw=0, borrowing_raw=0)
        if rest.size_raw:
            kept.append(rest)
    if done.posted is not None:
        kept = [p for p in kept if not isinstance(p, Supply | Debt)]
        gained, lost_usd = dict(done.posted), None
    else:
        for amount, sign in _moved(done):
            gained[amount.asset] = gained.get(amount.asset, 0) + sign * amount.raw
    after = replace(account, positions=tuple(kept), rule=done.successor, reported=None)
    for asset, raw in gained.items():
        if raw:
            known = asset_of(account, worth, asset)
            after = replace(after, positions=with_margin(after, known, raw))
    return replace(after, positions=without_nothing(after)), lost_usd


def _beside(perp: Perp, one: Closed, share: Fraction, at: Mapping[AssetId, int]) -> int:
    """What closing brings beside the mark, rounded down; the venue's price is its oracle's where that is
    `at`."""
    if not at.get(perp.index):
        return 0
    notional = int(perp.size_raw * share) * perp.mark_price_raw * 10**perp.settlement.decimals
    unit = int(10 ** (perp.size_decimals + perp.price_decimals))
    more: int = math.floor(notional * (Fraction(one.price, at[perp.index]) - 1) / unit)
    return more


def _by_market(done: CloseOut) -> dict[str, Closed]:
    """What is closed of each position: a venue may take it over in several parts, at one price."""
    found: dict[str, Closed] = {}
    for one in done.closed:
        before = found.get(one.market)
        size = one.size_raw + (before.size_raw if before else 0)
        found[one.market] = replace(one, size_raw=size)
    return found


def _moved(done: CloseOut) -> Iterator[tuple[Amount, int]]:
    """What leaves the margin, and what others put in."""
    yield from ((fee.amount, -1) for fee in done.fees)
    yield from ((amount, -1) for amount in (*done.forfeited, *done.returned))
    yield from ((amount, 1) for amount in done.bad_debt)


def _left_open(account: Account, done: CloseOut) -> bool:
    """Whether a derivative stays open in part."""
    sizes = {name: one.size_raw for name, one in _by_market(done).items()}
    return any(
        isinstance(p, Perp | Option) and sizes.get(_name(p), 0) != p.size_raw for p in account.positions
    )


def _closed_parts(account: Account, done: CloseOut) -> Iterator[tuple[Perp | Option, float]]:
    """Each derivative that is closed, and which share of it: all where the account is gone."""
    sizes = {name: one.size_raw for name, one in _by_market(done).items()}
    for position in account.positions:
        if isinstance(position, Perp | Option) and position.size_raw:
            share = 1.0 if done.successor is None else sizes.get(_name(position), 0) / position.size_raw
            if share:
                yield position, min(share, 1.0)


def _name(position: Perp | Option) -> str:
    return position.market if isinstance(position, Perp) else position.instrument


def _notional_usd(position: Perp | Option, share: float, worth: Worth) -> float:
    size = position.size_raw / int(10**position.size_decimals) * share
    if isinstance(position, Perp):
        price = position.mark_price_raw / int(10**position.price_decimals)
        return size * price * usd(worth.portfolio.marks[position.settlement.id])
    return size * usd(worth.portfolio.marks[position.index])


def _sold(
    account: Account, parts: list[tuple[Perp | Option, float]], worth: Worth, scenarios: ScenarioSet
) -> dict[str, float]:
    """What closing sells of underlyings: a perp its size, an option its delta."""
    sold = worth.sold((p.index, _notional_usd(p, share, worth)) for p, share in parts if isinstance(p, Perp))
    if any(isinstance(p, Option) for p, _ in parts):
        shares = {account.positions.index(p): share for p, share in parts if isinstance(p, Option)}
        alone = book([replace(worth.portfolio, accounts=(account,))], scenarios)
        for part in position_greeks(alone, 0):
            if part.ordinal in shares:
                usd_moved = 100.0 * part.greeks.delta_usd * shares[part.ordinal]
                sold[part.greeks.underlying] = sold.get(part.greeks.underlying, 0.0) + usd_moved
    return sold


def value_usd(account: Account, worth: Worth, scenarios: ScenarioSet) -> float:
    """The account's worth by full revaluation."""
    if not account.positions:
        return 0.0
    alone = book([replace(worth.portfolio, accounts=(account,))], scenarios)
    return float(alone.equity_usd()[0])
