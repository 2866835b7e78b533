"""A book's value position by position, in full, along rays; nothing is extrapolated from Greeks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggregator.model.assets import AssetId
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Option, Perp, Position
from aggregator.model.readings import Quote
from aggregator.pricing.book import usd
from aggregator.risk.book import Book
from aggregator.risk.book import book as book_of
from aggregator.risk.rays import Rays
from aggregator.risk.revaluation import Revaluation

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Part:
    """One position: its row among the parts of a book, its account's number and its place in the account."""

    row: int
    account: int
    place: int
    position: Position


def parts(book: Book) -> Iterator[Part]:
    """The positions of all accounts in their order."""
    row = 0
    for number, account in enumerate(book.accounts):
        for place, position in enumerate(account.positions):
            yield Part(row, number, place, position)
            row += 1


def apart(portfolio: Portfolio) -> Portfolio:
    """The portfolio with an account for each position, in the order of `parts`.

    Each keeps its account's rule, which says what prices matter and no longer what is required.
    """
    accounts = tuple(
        replace(account, id=f"{account.id}#{place}", positions=(position,))
        for account in portfolio.accounts
        for place, position in enumerate(account.positions)
    )
    return replace(portfolio, accounts=accounts)


def values_usd(book: Book, rays: Rays, level: float = 1.0) -> Floats:
    """What each position is worth on each ray at a stress multiple, shape (positions, rays).

    Weights of rays count as in `Revaluation.values`, whose accounts are the sums of these.
    """
    at = np.array([level])
    values: Floats = Revaluation.of(apart_book(book), rays).values(at)[:, 0]
    return values


def today_usd(book: Book) -> Floats:
    """What each position is worth at market marks, shape (positions,)."""
    return apart_book(book).equity_usd()


def notional_usd(position: Position, value_usd: float, marks: Mapping[AssetId, Quote]) -> float:
    """The notional of a derivative in USD, short < 0, and the value of everything else."""
    match position:
        case Perp():
            scale = int(10 ** (position.size_decimals + position.price_decimals))
            return position.size_raw * position.mark_price_raw / scale * usd(marks[position.settlement.id])
        case Option():
            unit_usd = usd(marks[position.index]) * usd(marks[position.settlement.id])
            return position.size_raw / int(10**position.size_decimals) * unit_usd
        case _:
            return value_usd


def apart_book(book: Book) -> Book:
    """The book with an account for each position, on the axes of the whole."""
    # What only the rule of an empty account depends on is still an axis: rays are on those of the book.
    single = book_of([apart(portfolio) for portfolio in book.portfolios], book.scenarios)
    return replace(single, axes=book.axes)
