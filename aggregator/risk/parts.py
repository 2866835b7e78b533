"""A book's value position by position, in full, along rays; nothing is extrapolated from Greeks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.model.accounts import Account
from aggregator.model.positions import Position
from aggregator.risk.book import Book
from aggregator.risk.rays import Ray, Rays
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


def first_rows(accounts: tuple[Account, ...]) -> NDArray[np.intp]:
    """The row of each account's first position, and the number of all positions at the end."""
    return np.cumsum([0, *(len(account.positions) for account in accounts)], dtype=np.intp)


def values_usd(book: Book, rays: Rays, level: float = 1.0) -> Floats:
    """What each position is worth on each ray at a stress multiple, shape (positions, rays).

    Weights of rays count as in `Revaluation.values`, whose accounts are the sums of these.
    """
    at = np.array([level])
    revaluation = Revaluation.of(book, rays)
    today, moved = np.zeros((2, int(first_rows(book.accounts)[-1]), len(rays)))
    factors = revaluation.factors(at)[:, 0]
    _add(book, np.ones_like(factors), np.ones((len(book.contracts), len(rays))), today)
    _add(book, factors, np.exp(level * revaluation.log_iv), moved)
    return today + rays.weight * (moved - today)


def today_usd(book: Book) -> Floats:
    """What each position is worth at market marks, shape (positions,)."""
    return values_usd(book, Rays.of([Ray("NONE")], book.axes))[:, 0]


def _add(book: Book, factors: Floats, iv: Floats, into: Floats) -> None:
    legs, first = book.legs, first_rows(book.accounts)
    linear = legs.exposure_usd[:, None] * factors[legs.factor]
    np.add.at(into, first[legs.account] + legs.position, linear)
    if len(book.contracts):
        units = book.contracts.values(factors, iv)
        np.add.at(into, first[legs.holder] + legs.held_as, legs.quantity[:, None] * units[legs.contract])
