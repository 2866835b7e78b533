"""Greeks per underlying on base units, where a wrapped or staked token counts what it is worth.

In closed form, but for American options: see `pricing.american`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aggregator.model.assets import USD
from aggregator.model.results import Greeks, PositionGreeks
from aggregator.risk.book import Book

_FIELDS = ("delta_units", "delta_usd", "gamma_units", "gamma_usd", "vega_usd", "theta_usd", "rho_usd")


def position_greeks(book: Book, wallet: int) -> tuple[PositionGreeks, ...]:
    """The Greeks of each position of one portfolio of a book, an entry per underlying that it is exposed to.

    `gamma_usd` is what +1% adds to `delta_usd` through gamma. Cash and stablecoins have no underlying but
    USD and no Greeks. An underlying without a spot has none either (`book.flags` is not told: the price book
    warns). Options at no volatility have gamma, vega and theta 0.
    """
    spots = book.portfolios[wallet].spots
    known = {u for u in book.axes.bases if u in spots and u != USD}
    start, stop = book.account_start[wallet : wallet + 2]
    rows: dict[tuple[int, int, str], NDArray[np.float64]] = defaultdict(lambda: np.zeros(5))

    def exposed(at: int, place: int, factor: int, value_usd: float) -> None:
        underlying = book.factors[factor].underlying
        if underlying in known:
            rows[at, place, underlying][0] += value_usd / spots[underlying]

    legs, contracts = book.legs, book.contracts
    for leg in np.flatnonzero((legs.account >= start) & (legs.account < stop)):
        exposed(legs.account[leg], legs.position[leg], legs.factor[leg], legs.exposure_usd[leg])
    held = np.flatnonzero((legs.holder >= start) & (legs.holder < stop))
    if held.size:
        unit_usd = book.contract_usd()
        one = contracts.greeks()
        for leg in held:
            i, at, place = legs.contract[leg], legs.holder[leg], legs.held_as[leg]
            exposed(at, place, contracts.payment_factor[i], legs.quantity[leg] * unit_usd[i])
            underlying = contracts.underlying[i]
            if underlying not in known:
                continue
            # The option's index may be worth k spots: dV/dS is k times the slope to the index.
            k = contracts.spot[i] / spots[underlying]
            slopes = (one.delta[i] * k, one.gamma[i] * k * k, one.vega[i], one.theta[i], one.rho[i])
            worth = legs.quantity[leg] * contracts.settlement_usd[i]
            rows[at, place, underlying] += worth * np.array(slopes)
    return tuple(
        PositionGreeks(book.accounts[at].id, int(place), _named(underlying, spots[underlying], row))
        for (at, place, underlying), row in sorted(rows.items())
        if row.any()
    )


def total_greeks(parts: Sequence[PositionGreeks], order: Sequence[str]) -> tuple[Greeks, ...]:
    """The sums of Greeks per underlying in this order; where nothing is left there is no entry."""
    by_underlying: dict[str, list[Greeks]] = defaultdict(list)
    for part in parts:
        by_underlying[part.greeks.underlying].append(part.greeks)
    totals = (
        Greeks(
            underlying,
            *(math.fsum(getattr(entry, name) for entry in by_underlying[underlying]) for name in _FIELDS),
        )
        for underlying in order
        if underlying in by_underlying
    )
    return tuple(total for total in totals if any(getattr(total, name) for name in _FIELDS))


def deltas_usd(book: Book, wallet: int) -> dict[str, float]:
    """What one portfolio of a book gains in USD where an underlying doubles, by its delta: 100 times +1%."""
    totals = total_greeks(position_greeks(book, wallet), book.axes.bases)
    return {total.underlying: total.delta_usd * 100.0 for total in totals}


def _named(underlying: str, spot: float, row: NDArray[np.float64]) -> Greeks:
    delta, gamma, vega, theta, rho = (float(value) for value in row)
    step = 0.01 * spot
    return Greeks(
        underlying=underlying,
        delta_units=delta,
        delta_usd=delta * step,
        gamma_units=gamma * step,
        gamma_usd=gamma * step * step,
        vega_usd=vega * 0.01,
        theta_usd=theta / 365.0,
        rho_usd=rho * 1e-4,
    )
