"""Value at risk in four ways (RISK.md section 3): only expected shortfall enters the requirement."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from aggregator.model.tails import Tails, ValueAtRisk
from aggregator.pricing.returns import DailyReturns
from aggregator.risk import quantiles
from aggregator.risk.book import Book
from aggregator.risk.covariance import covariance
from aggregator.risk.draw_parameters import DrawParameters
from aggregator.risk.paths import Paths
from aggregator.risk.scan import Scan
from aggregator.risk.sensitivities import Sensitivities, sensitivities
from aggregator.risk.tail import Tail, tail_count

Floats = NDArray[np.float64]

CONFIDENCES = (0.95, 0.99)
DAYS = (1, 2)
LEAST_DAYS = 500
"""Fewer returns have no 1% tail worth the name."""


def delta_normal(delta: Floats, covariance: Floats, confidence: float) -> float:
    """z * sqrt(D' Sigma D)."""
    return -_z(confidence) * math.sqrt(max(0.0, float(delta @ covariance @ delta)))


def cornish_fisher(delta: Floats, gamma: Floats, covariance: Floats, confidence: float) -> float:
    """The quantile of D'x + x'Gx/2, x normal, with Cornish and Fisher's term for skewness.

    Moments: mean tr(GS)/2, variance D'SD + tr((GS)^2)/2, third 3*D'SGSD + tr((GS)^3), with S the covariance.
    """
    moved = gamma @ covariance
    mean = 0.5 * float(np.trace(moved))
    variance = float(delta @ covariance @ delta) + 0.5 * float(np.trace(moved @ moved))
    if variance <= 0.0:
        return -mean
    third = 3.0 * float(delta @ covariance @ moved @ delta) + float(np.trace(moved @ moved @ moved))
    z, skewness = _z(confidence), third / (variance * math.sqrt(variance))
    quantile = z + (z * z - 1.0) / 6.0 * skewness
    return -mean - math.sqrt(variance) * quantile


def tails(scan: Scan, tail: Tail, history: DailyReturns | None) -> list[Tails]:
    """Expected shortfall and value at risk of every portfolio of a book, of its value at market marks."""
    size = scan.book.scenarios.parameters.draws
    today = scan.book.by_wallet(scan.equity)
    sigma = covariance(scan.book.scenarios, scan.book.axes.bases)
    simulated = _Historical(scan.book, today, history)
    # The draws of fewer days are those of the horizon at a smaller multiple: both scale with the square root.
    # The lowest of the draws are enough for their quantiles.
    count = tail_count(min(CONFIDENCES), size.count)
    markets = [
        scan.book.by_wallet(tail.drawn.worst(math.sqrt(days / size.days), count, scan.book.by_wallet))
        for days in DAYS
    ]
    found = []
    for wallet, slopes in enumerate(sensitivities(scan.book)):
        drawn = (
            ValueAtRisk(
                "monte_carlo", c, days, _loss(today[wallet], values[wallet], tail_count(c, size.count))
            )
            for days, values in zip(DAYS, markets, strict=True)
            for c in CONFIDENCES
        )
        lived, absent = simulated.of(wallet)
        found.append(
            Tails(
                requirement_usd=float(today[wallet] - tail.whole[wallet]),
                expected_shortfall_usd=float(today[wallet] - tail.at_one[wallet]),
                confidence=size.confidence,
                days=size.days,
                draws=size.count,
                value_at_risk=(*_by_slopes(slopes, sigma, size), *drawn, *lived),
                historical_absent=absent,
            )
        )
    return found


def _by_slopes(slopes: Sensitivities, sigma: Floats, size: DrawParameters) -> Iterator[ValueAtRisk]:
    count = len(slopes.delta)
    # ln IV moves with its underlying and by itself: the second half of the normals is the latter.
    delta = np.concatenate([slopes.delta + size.iv_beta * slopes.vega, size.iv_volatility * slopes.vega])
    gamma, both = np.zeros((2, 2 * count, 2 * count))
    gamma[:count, :count] = slopes.gamma
    both[:count, :count], both[count:, count:] = sigma, np.eye(count)
    for days in DAYS:
        for c in CONFIDENCES:
            yield ValueAtRisk("delta_normal", c, days, delta_normal(slopes.delta, days * sigma, c))
    for days in DAYS:
        for c in CONFIDENCES:
            yield ValueAtRisk("cornish_fisher", c, days, cornish_fisher(delta, gamma, days * both, c))


class _Historical:
    """A book in the returns that there were: one day's, and two days' in a row."""

    def __init__(self, book: Book, today: Floats, history: DailyReturns | None) -> None:
        self._book, self._today = book, today
        self._known: tuple[str, ...] = () if history is None else history.assets
        self._days: list[tuple[Floats, Floats]] = []
        bases = book.axes.bases
        if history is None:
            return
        daily = np.full((len(bases), len(history.values)), np.nan)
        for row, base in enumerate(bases):
            if base in history.assets:
                daily[row] = history.values[:, history.assets.index(base)]
        for days in DAYS:
            starts = max(0, daily.shape[1] - days + 1)
            moves = np.sum([daily[:, i : starts + i] for i in range(days)], axis=0)
            known = np.nan_to_num(moves)
            beta = book.scenarios.parameters.draws.iv_beta
            values = Paths.of(book, known, beta * known).values(1.0)
            self._days.append((moves, book.by_wallet(values)))

    def of(self, wallet: int) -> tuple[Sequence[ValueAtRisk], str | None]:
        """One portfolio's, and why there is none: days on which all that it holds has a price count."""
        book = self._book
        moved, _ = book.axes_of(slice(*book.account_start[wallet : wallet + 2]))
        unknown = [book.axes.bases[i] for i in np.flatnonzero(moved) if book.axes.bases[i] not in self._known]
        if not self._known:
            return (), "no price history"
        if unknown:
            return (), f"no price history of {', '.join(unknown)}"
        found = []
        for days, (moves, values) in zip(DAYS, self._days, strict=True):
            whole = ~np.isnan(moves[moved]).any(axis=0)
            if whole.sum() < LEAST_DAYS:
                told = f"{whole.sum()} returns over {days} day{'' if days == 1 else 's'} for all that is held"
                return (), f"{told}; {LEAST_DAYS} are needed"
            found += [
                ValueAtRisk(
                    "historical",
                    c,
                    days,
                    _loss(self._today[wallet], values[wallet, whole], tail_count(c, int(whole.sum()))),
                )
                for c in CONFIDENCES
            ]
        return found, None


def _loss(today: float, values: Floats, k: int) -> float:
    """Today's value less the k-th lowest of values (scenarios,)."""
    return float(today - np.partition(values, k - 1)[k - 1])


def _z(confidence: float) -> float:
    """The normal quantile of the tail, below nothing."""
    return float(quantiles.normal(np.array([1.0 - confidence]))[0])
