"""What would change the score most: small changes of a book, each followed along all rays and draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from aggregator.model.accounts import Account
from aggregator.model.assets import USD, Asset, Classification, index_id
from aggregator.model.explanation import Change
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from aggregator.model.readings import Quote
from aggregator.model.results import RiskResult
from aggregator.risk.book import Book
from aggregator.risk.parts import notional_usd, parts, today_usd
from aggregator.risk.scenarios import ScenarioSet
from aggregator.risk.score import score
from aggregator.risk.variations import Swap, kappas

SHARE = 0.01
"""Of gross value: how much is changed at a time."""

ORIGIN = "hypothetical"
DECIMALS = 18
DOLLARS = Asset(index_id(USD), USD, DECIMALS)


def changes(book: Book, risk: RiskResult, scenarios: ScenarioSet) -> tuple[Change, ...]:
    """Each change of 1% of gross value (at most the whole position), the most helpful first.

    Of a book of one portfolio, whose result `risk` is. Nothing where it holds nothing.
    """
    size = SHARE * risk.gross_usd
    tried = list(_changed(book, risk, size)) if size > 0.0 else []
    drawn = [point.whole_usd for point in risk.survival if point.branch == "draws"]
    swaps = [swap for _, swap in tried]
    found = kappas(_with_dollars(book.portfolios[0]), swaps, scenarios, drawn=drawn)
    before = score(risk.kappa)
    judged = [
        replace(change, kappa=float(kappa), score_change=score(float(kappa)) - before)
        for (change, _), kappa in zip(tried, found, strict=True)
    ]
    return tuple(sorted(judged, key=lambda change: -change.score_change))


def _with_dollars(portfolio: Portfolio) -> Portfolio:
    """The portfolio, which may hold dollars, without rules, which would no longer be true of its accounts."""
    return replace(
        portfolio,
        accounts=tuple(replace(account, rule=None, reported=None) for account in portfolio.accounts),
        marks={**portfolio.marks, DOLLARS.id: Quote(DOLLARS.id, 1, 0, ORIGIN)},
        classes={**portfolio.classes, DOLLARS.id: Classification(USD, "base")},
    )


def _changed(book: Book, risk: RiskResult, size: float) -> Iterator[tuple[Change, Swap]]:
    portfolio, worth = book.portfolios[0], today_usd(book)
    for part in parts(book):
        account, value = book.accounts[part.account], float(worth[part.row])
        notional = abs(notional_usd(part.position, value, portfolio.marks))
        if notional == 0.0:
            continue
        share = min(1.0, size / notional)
        after = replace(_less(account, part.place, share, value), rule=None, reported=None)
        repaid = isinstance(part.position, Debt)
        change = Change("repay" if repaid else "reduce", share * notional, 0.0, 0.0, account.id, part.place)
        yield change, Swap(part.account, after)
    for greeks in risk.greeks:
        delta = greeks.delta_usd * 100.0
        hedge = min(size, abs(delta))
        change = Change("hedge", hedge, 0.0, 0.0, underlying=greeks.underlying)
        perp = _hedge(book, greeks.underlying, -hedge if delta > 0 else hedge)
        yield change, Swap(None, perp)


def _less(account: Account, place: int, share: float, value_usd: float) -> Account:
    """The account with a share less of a position, and the dollars of a sale; a debt is paid from outside."""
    position, rest = account.positions[place], 1.0 - share
    smaller: Position
    match position:
        case Holding() | Supply() | Debt():
            smaller = replace(position, raw=round(position.raw * rest))
        case Perp() | Option():
            smaller = replace(position, size_raw=round(position.size_raw * rest))
    cash = 0.0 if isinstance(position, Perp | Debt) else value_usd * share
    raw = round(abs(cash) * 10**DECIMALS)
    paid: Position = Debt(DOLLARS, raw, "variable", ORIGIN) if cash < 0.0 else Holding(DOLLARS, raw, ORIGIN)
    positions = (*account.positions[:place], smaller, *account.positions[place + 1 :])
    return replace(account, positions=(*positions, paid) if raw else positions)


def _hedge(book: Book, underlying: str, notional_usd: float) -> Account:
    """An account of the wallet itself with a perp of this notional, which costs nothing to hold."""
    perp = Perp(
        market=ORIGIN,
        index=index_id(underlying),
        underlying=underlying,
        size_raw=round(notional_usd * 10**DECIMALS),
        size_decimals=DECIMALS,
        entry_price_raw=1,
        mark_price_raw=1,
        price_decimals=0,
        pnl_raw=0,
        funding_raw=0,
        settlement=DOLLARS,
        origin=ORIGIN,
        funding_24h_raw=0,
    )
    like = book.accounts[0]
    return replace(
        like,
        id=ORIGIN,
        protocol="wallet",
        kind="perp",
        label=ORIGIN,
        positions=(perp,),
        rule=None,
        reported=None,
    )
