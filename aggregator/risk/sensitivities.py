"""First and second derivatives of a portfolio's value to log returns, for what is estimated from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.risk.book import Book

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Sensitivities:
    """In USD, in the order of `book.axes.bases`: `delta` (bases,) per log return, `gamma` (bases, bases) its
    change, `vega` (bases,) per change of ln IV. A price is exp of its log return, so that holding it alone
    has a gamma."""

    delta: Floats
    gamma: Floats
    vega: Floats


def sensitivities(book: Book) -> list[Sensitivities]:
    """Those of every portfolio of a book, at the model's Greeks.

    What pays in a coin moves with that coin as well: with value V = q * p * c(s) the cross term is q * p *
    dc/ds * s.
    """
    bases = book.axes.bases
    loading, _ = book.axes.loadings(book.factors)
    linear = book.by_wallet(book.exposures()) @ loading
    contracts, held = book.contracts, book.by_wallet(book.holdings())
    greeks = contracts.greeks()
    price, payment = loading[contracts.price_factor], loading[contracts.payment_factor]
    worth, paid = book.contract_usd(), contracts.settlement_usd
    slope = paid * greeks.delta * contracts.spot
    bend = paid * greeks.gamma * contracts.spot**2 + slope
    found = []
    for wallet in range(len(book.portfolios)):
        q = held[wallet]
        gamma = np.diag(linear[wallet]) if bases else np.zeros((0, 0))
        cross = (price * (q * slope)[:, None]).T @ payment
        gamma = gamma + (price * (q * bend)[:, None]).T @ price + cross + cross.T
        gamma += (payment * (q * worth)[:, None]).T @ payment
        found.append(
            Sensitivities(
                delta=linear[wallet] + (q * slope) @ price + (q * worth) @ payment,
                gamma=gamma,
                vega=(q * paid * greeks.vega * contracts.iv) @ price,
            )
        )
    return found
