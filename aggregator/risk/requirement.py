"""What a silo's equity counts as, and costs that are in no price (RISK.md section 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.risk.book import Book


@dataclass(frozen=True, eq=False, slots=True)
class AddOns:
    """A in USD: of each account alone (accounts,), and of each portfolio, netted (portfolios,)."""

    account: NDArray[np.float64]
    wallet: NDArray[np.float64]


def add_ons(book: Book) -> AddOns:
    """Perp, naked-short, funding and half-spread add-ons.

    Perps by net notional per account and underlying. A short is naked as far as calls and puts of its
    underlying, expiry and strike together are short: within the account, and for a portfolio over all its
    accounts. Funding counts where more goes out than comes in.
    """
    size, legs, count = book.scenarios.parameters, book.legs, len(book.accounts)
    perps = np.bincount(legs.perp_account, np.abs(legs.perp_net_usd), minlength=count) * size.add_on_perp
    account = perps + size.half_spread * legs.derivative_usd
    account += size.add_on_naked_short * _naked_usd(book, legs.holder, count)
    account += np.maximum(0.0, -legs.funding_usd)
    wallet = np.sum(list(add_on_lines(book).values()), axis=0)
    return AddOns(account, wallet)


def add_on_lines(book: Book) -> dict[str, NDArray[np.float64]]:
    """A of each portfolio by what it is for, each (portfolios,) in USD."""
    size, legs, count = book.scenarios.parameters, book.legs, len(book.accounts)
    perps: NDArray[np.float64] = np.bincount(
        legs.perp_account, np.abs(legs.perp_net_usd), minlength=count
    ).astype(np.float64)
    owners = book.wallet[legs.holder]
    return {
        "perps": size.add_on_perp * book.by_wallet(perps),
        "written options": size.add_on_naked_short * _naked_usd(book, owners, len(book.portfolios)),
        "funding of 24 hours": np.maximum(0.0, -book.by_wallet(legs.funding_usd)),
        "half-spread": size.half_spread * book.by_wallet(legs.derivative_usd),
    }


def counted(book: Book, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """f_v(e) = mu_v * max(e, 0) - max(-e, 0) of silo values (accounts, ...): a protocol may fail."""
    haircut = book.scenarios.parameters.haircut
    mu = np.array([1.0 - haircut.of(account.protocol) for account in book.accounts])
    scale = mu.reshape(-1, *(1,) * (values.ndim - 1))
    return np.where(values > 0.0, scale * values, values)


def _naked_usd(book: Book, owner: NDArray[np.intp], owners: int) -> NDArray[np.float64]:
    legs = book.legs
    if not len(owner):
        return np.zeros(owners)
    keys, at = np.unique(np.column_stack([owner, legs.group]), axis=0, return_inverse=True)
    short = np.maximum(0.0, -np.bincount(at.ravel(), legs.quantity, minlength=len(keys)))
    unit_usd = np.zeros(len(keys))
    np.maximum.at(unit_usd, at.ravel(), legs.unit_usd)
    naked = np.zeros(owners)
    np.add.at(naked, keys[:, 0], short * unit_usd)
    return naked
