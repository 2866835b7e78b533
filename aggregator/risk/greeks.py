"""Greeks per underlying in closed form, on base units: a wrapped or staked token counts what it is worth."""

from __future__ import annotations

import numpy as np

from aggregator.model.assets import USD
from aggregator.model.results import Greeks
from aggregator.pricing import black76
from aggregator.risk.book import Book


def greeks(book: Book, wallet: int) -> tuple[Greeks, ...]:
    """The Greeks of one portfolio of a book, an entry per underlying that it is exposed to.

    `gamma_usd` is what +1% adds to `delta_usd` through gamma. Cash and stablecoins have no underlying but
    USD and no Greeks. An underlying without a spot has none either (`book.flags` is not told: the price book
    warns). Options at no volatility have gamma, vega and theta 0.
    """
    spots = book.portfolios[wallet].spots
    mine = slice(book.account_start[wallet], book.account_start[wallet + 1])
    exposure = book.exposures()[mine].sum(axis=0)
    units = book.holdings()[mine].sum(axis=0)
    contracts = book.contracts
    rows = {u: np.zeros(5) for u in book.axes.bases if u in spots}
    if len(contracts):
        one = black76.greeks(
            spot=contracts.spot,
            strike=contracts.strike,
            years=contracts.years,
            iv=contracts.iv,
            rate=contracts.rate,
            sign=contracts.sign,
        )
        np.add.at(exposure, contracts.payment_factor, units * book.contract_usd())
        held = units * contracts.settlement_usd
        for i, underlying in enumerate(contracts.underlying):
            if underlying not in rows:
                continue
            # The option's index may be worth k spots: dV/dS is k times the slope to the index.
            k = contracts.spot[i] / spots[underlying]
            slopes = (one.delta[i] * k, one.gamma[i] * k * k, one.vega[i], one.theta[i], one.rho[i])
            rows[underlying] += held[i] * np.array(slopes)
    for factor, value in zip(book.factors, exposure, strict=True):
        if factor.underlying != USD and factor.underlying in rows:
            rows[factor.underlying][0] += value / spots[factor.underlying]
    return tuple(_named(u, spots[u], row) for u, row in rows.items() if row.any())


def _named(underlying: str, spot: float, row: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Greeks:
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
