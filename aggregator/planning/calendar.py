"""Runway: when interest, borrowing and funding alone take an account below a threshold, at flat prices."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.calendars import AccountCarry, Calendar, CalendarEvent
from aggregator.model.errors import UnusablePrice
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Option, Perp
from aggregator.model.rules import Rule
from aggregator.risk.extraction import usd
from aggregator.risk.runway import DAY_S, interest_usd_day

THRESHOLDS = (1.5, 1.25, 1.1)
"""Own healths whose loss is told, beside liquidation itself."""

PRECISION_S = 3_600
_DAILY = 30
_WEEK = 7


def calendar(portfolio: Portfolio, days: int, thresholds: Sequence[float] = THRESHOLDS) -> Calendar:
    """The events of the next `days`, at today's prices and rates.

    Each account's own rule is asked at later times, so that what accrues does so as its protocol counts it;
    of an account with options no longer than until the first of them expires. A time is looked for between
    days (weeks after the first month) and found to the hour: a threshold that is lost and regained in between
    is not seen.
    """
    events: list[CalendarEvent] = []
    accounts: list[AccountCarry] = []
    for account in portfolio.accounts:
        if not account.positions or account.kind == "wallet":
            continue
        start = _time(portfolio, account)
        expiries = list(_expiries(account, start))
        events += [event for event in expiries if event.days <= days]
        judged = None if account.rule is None else _is_judged(account.rule, account.prices, start)
        if judged:
            end = min([float(days), *(event.days for event in expiries)])
            events += _losses(account, start, end, thresholds)
        accounts.append(AccountCarry(account.id, account.label, _carry(account, portfolio), judged))
    events.sort(key=lambda event: (event.time, event.account_id, event.kind, -(event.threshold or 0.0)))
    return Calendar(portfolio.wallet, days, tuple(events), tuple(accounts))


def _time(portfolio: Portfolio, account: Account) -> int:
    if account.observed is not None:
        return account.observed.time
    return portfolio.blocks[account.chain].timestamp


def _expiries(account: Account, start: int) -> Iterator[CalendarEvent]:
    for position in account.positions:
        if isinstance(position, Option) and position.expiry is not None and not position.is_expired(start):
            yield CalendarEvent(
                time=position.expiry,
                days=(position.expiry - start) / DAY_S,
                kind="expiry",
                account_id=account.id,
                label=account.label,
                instrument=position.instrument,
                size=position.size_raw / float(10**position.size_decimals),
            )


def _is_judged(rule: Rule, prices: Mapping[AssetId, int], start: int) -> bool:
    try:
        rule.health(prices, start)
    except (UnusablePrice, ArithmeticError, ValueError):
        return False
    return True


def _losses(account: Account, start: int, end: float, thresholds: Sequence[float]) -> Iterator[CalendarEvent]:
    """When each threshold that holds now is first lost, and when the account's own test fails."""
    times = [start + round(day * DAY_S) for day in _grid(end)]
    for threshold in (*thresholds, None):
        least = None if threshold is None else Fraction(str(threshold))
        if not _holds(account, start, least):
            if threshold is None:
                yield _event(account, start, start, threshold)
            continue
        safe = start
        for time in times:
            if _holds(account, time, least):
                safe = time
                continue
            yield _event(account, start, _first(account, safe, time, least), threshold)
            break


def _grid(end: float) -> Iterator[float]:
    """Days, then weeks, then the end itself."""
    day = 1.0
    while day < end:
        yield day
        day += 1.0 if day < _DAILY else _WEEK
    yield end


def _holds(account: Account, time: int, least: Fraction | None) -> bool:
    """Whether N >= least*Q, or without one whether the account's own test passes."""
    rule = account.rule
    if rule is None:
        return True
    said = rule.health(account.prices, time)
    if least is None:
        return not said.liquidatable
    return said.power >= least * said.requirement


def _first(account: Account, safe: int, lost: int, least: Fraction | None) -> int:
    while lost - safe > PRECISION_S:
        middle = (safe + lost) // 2
        safe, lost = (middle, lost) if _holds(account, middle, least) else (safe, middle)
    return lost


def _event(account: Account, start: int, time: int, threshold: float | None) -> CalendarEvent:
    return CalendarEvent(
        time=time,
        days=(time - start) / DAY_S,
        kind="liquidation" if threshold is None else "health",
        account_id=account.id,
        label=account.label,
        threshold=threshold,
    )


def _carry(account: Account, portfolio: Portfolio) -> float | None:
    """Interest of lending accounts, funding and borrowing of perps, a day; options carry nothing."""
    if account.kind == "lending":
        return interest_usd_day(account, portfolio)
    parts: list[float] = []
    for position in account.positions:
        if not isinstance(position, Perp):
            continue
        if position.funding_24h_raw is None or position.borrowing_24h_raw is None:
            return None
        raw = position.funding_24h_raw + position.borrowing_24h_raw
        parts.append(usd(raw, position.settlement.decimals, portfolio.marks[position.settlement.id]))
    return math.fsum(parts)
