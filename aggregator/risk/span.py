"""SPAN: 16 scenarios per underlying, credit between underlyings, a minimum for written options.

After CME's Standard Portfolio Analysis of Risk, as RISK.md section 12 states it. Scan ranges, volatility
shocks and correlations are the framework's, so that only the method differs. There is no charge between
months: perps and options here follow one forward.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np

from aggregator.model.comparison import Span, SpanUnderlying
from aggregator.model.positions import Option, Perp
from aggregator.risk.book import Book
from aggregator.risk.covariance import correlation
from aggregator.risk.greeks import deltas_usd
from aggregator.risk.numbering import Numbering
from aggregator.risk.parts import Part, parts, today_usd, values_usd
from aggregator.risk.rays import Ray, Rays, Vol

_STEPS = (
    (0, "unchanged"),
    (1, "up 1/3"),
    (-1, "down 1/3"),
    (2, "up 2/3"),
    (-2, "down 2/3"),
    (3, "up 3/3"),
    (-3, "down 3/3"),
)
_VOLS = ((Vol.UP, "vol up"), (Vol.DOWN, "vol down"))
_FAR = ((1.0, "far up"), (-1.0, "far down"))

SCENARIOS = len(_STEPS) * len(_VOLS) + len(_FAR)


def span(book: Book) -> Span:
    """SPAN of a book of one portfolio.

    A position belongs to the underlying that it follows, a coin-settled derivative to its index. What a
    token may lose against its underlying is in no scenario.
    """
    underlyings = book.axes.bases
    held, owners = list(parts(book)), _underlyings(book)
    today = today_usd(book)
    rays = Rays.of([ray for u in underlyings for ray in _rays(book, u)], book.axes)
    gains = values_usd(book, rays) - today[:, None]
    delta = deltas_usd(book, 0)
    credits_usd, least_usd = _credits_usd(book, delta), _least_usd(book)
    entries = []
    for i, u in enumerate(underlyings):
        mine = [part.row for part, owner in zip(held, owners, strict=True) if owner == u]
        losses = -gains[mine, i * SCENARIOS : (i + 1) * SCENARIOS].sum(axis=0)
        worst = int(losses.argmax())
        risk = max(0.0, float(losses[worst]))
        entries.append(
            SpanUnderlying(
                underlying=u,
                scenario=rays.names[i * SCENARIOS + worst],
                scanning_risk_usd=risk,
                delta_usd=delta.get(u, 0.0),
                credit_usd=min(credits_usd.get(u, 0.0), risk),
                short_option_minimum_usd=least_usd.get(u, 0.0),
            )
        )
    options = [part.row for part in held if isinstance(part.position, Option)]
    return Span(tuple(entries), float(today[options].sum()))


def _rays(book: Book, underlying: str) -> Iterator[Ray]:
    """The 16 scenarios of one underlying: seven prices with two volatilities each, and two far ones."""
    scenarios = book.scenarios
    size, scan_range = scenarios.parameters.span, scenarios.scan_range(underlying)
    for step, price in _STEPS:
        for vol, how in _VOLS:
            yield Ray(f"{underlying} {price}, {how}", {underlying: step / 3.0 * scan_range}, vol=vol)
    for sign, price in _FAR:
        move = max(scenarios.parameters.rays.extreme_floor, sign * size.extreme_ranges * scan_range)
        yield Ray(f"{underlying} {price}", {underlying: move}, weight=size.extreme_weight)


def _underlyings(book: Book) -> Sequence[str]:
    """The underlying that each position belongs to, in the order of `parts`."""
    numbering = Numbering(book.scenarios, book.portfolios[0].classes)

    def of(part: Part) -> str:
        position = part.position
        followed = position.index if isinstance(position, Perp | Option) else position.asset.id
        return numbering.of(followed).underlying

    return [of(part) for part in parts(book)]


def _credits_usd(book: Book, delta: Mapping[str, float]) -> dict[str, float]:
    """What each underlying is forgiven because another one's delta is opposite.

    Pairs in falling order of correlation, each dollar of delta used once; of a pair's matched dollars the
    correlation's share of both scan ranges is forgiven.
    """
    underlyings = book.axes.bases
    R = correlation(book.scenarios, underlyings)
    left = {u: delta.get(u, 0.0) for u in underlyings}
    credit: dict[str, float] = defaultdict(float)
    pairs = sorted(combinations(range(len(underlyings)), 2), key=lambda pair: (-R[pair], pair))
    for i, j in pairs:
        one, other = underlyings[i], underlyings[j]
        if left[one] * left[other] < 0.0 < R[i, j]:
            matched = min(abs(left[one]), abs(left[other]))
            for u in (one, other):
                credit[u] += float(R[i, j]) * matched * book.scenarios.scan_range(u)
                left[u] -= float(np.copysign(matched, left[u]))
    return credit


def _least_usd(book: Book) -> dict[str, float]:
    """The short-option minimum of each underlying: a share of the notional of every written option."""
    share, legs = book.scenarios.parameters.span.short_option_minimum, book.legs
    least: dict[str, float] = defaultdict(float)
    for leg in np.flatnonzero(legs.quantity < 0.0):
        underlying = book.contracts.underlying[legs.contract[leg]]
        least[underlying] -= share * float(legs.quantity[leg] * legs.unit_usd[leg])
    return least
