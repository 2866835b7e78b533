"""Other people's loans as arrays, by the plain rule of lending: a hundred thousand of them in one step.

Each has one collateral and one debt. It can be liquidated below a health of one, for its bonus, as far as
its close factor lets; what is owed when no collateral is left is bad debt. Floats: a table is an estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggregator.model.assets import USD
from aggregator.risk.factors import Factor
from aggregator.risk.repricing import Multipliers

Floats = NDArray[np.float64]

DUST_USD = 0.01
"""A debt below it is nobody's business: halving it again and again would never end."""

NO_GAIN = 1e-12
"""Of what is repaid: less is the rounding of floats, and nobody's gain."""


@dataclass(frozen=True, eq=False, slots=True)
class Borrowers:
    """Loans (borrowers,): `label` is the place in `labels` of where each is.

    `collateral` and `debt` are units of the assets numbered `collateral_of` and `debt_of`, whose prices
    today are `price_usd` (assets,) and which move with `factors`. At a health from `part_from` up only `part`
    of a debt can be repaid at once, below it all. `told` are sentences on where the prices are from.
    """

    labels: tuple[str, ...]
    assets: tuple[str, ...]
    factors: tuple[Factor, ...]
    price_usd: Floats
    label: NDArray[np.intp]
    collateral_of: NDArray[np.intp]
    debt_of: NDArray[np.intp]
    collateral: Floats
    debt: Floats
    threshold: Floats
    bonus: Floats
    part: Floats
    part_from: Floats
    told: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.label)

    def prices(self, moves: Multipliers) -> Floats:
        """USD of each asset, (assets,), once everything has moved."""
        prices: Floats = self.price_usd * np.array([moves.of(factor) for factor in self.factors])
        return prices

    def worth_usd(self, prices: Floats) -> float:
        """All collateral less all debts."""
        value = self.collateral * prices[self.collateral_of] - self.debt * prices[self.debt_of]
        return float(value.sum())

    def gross_usd(self, prices: Floats) -> float:
        """All collateral and all debts."""
        value = self.collateral * prices[self.collateral_of] + self.debt * prices[self.debt_of]
        return float(value.sum())


@dataclass(frozen=True, eq=False, slots=True)
class Swept:
    """One round of liquidations, all by the number of the label (labels,), in USD at the market's prices.

    `sold_usd` by underlying, bought < 0. `idle` counts those that nobody liquidates because it would not pay.
    """

    after: Borrowers
    count: NDArray[np.intp]
    repaid_usd: Floats
    seized_usd: Floats
    bad_debt_usd: Floats
    toxic: NDArray[np.bool_]
    sold_usd: Mapping[int, Mapping[str, float]]
    idle: int


def sweep(borrowers: Borrowers, oracles: Floats, market: Floats) -> Swept:
    """Liquidate everybody who fails at the prices of their label's oracle (labels, assets).

    `market` are the prices (assets,) at which seized collateral is sold and debts are bought.
    """
    c_of, d_of = borrowers.collateral_of, borrowers.debt_of
    c_price, d_price = oracles[borrowers.label, c_of], oracles[borrowers.label, d_of]
    c_value, d_value = borrowers.collateral * c_price, borrowers.debt * d_price
    health = np.divide(
        c_value * borrowers.threshold, d_value, out=np.full(len(borrowers), np.inf), where=d_value > 0.0
    )
    due = (health < 1.0) & (d_value > DUST_USD)
    part = np.where(health >= borrowers.part_from, borrowers.part, 1.0)
    wanted = d_value * part * (1.0 + borrowers.bonus)
    all_of_it = wanted >= c_value
    seized = np.where(all_of_it, borrowers.collateral, np.divide(wanted, c_price))
    repaid = np.where(all_of_it, c_value / (1.0 + borrowers.bonus) / d_price, borrowers.debt * part)
    seized_usd, repaid_usd = seized * market[c_of], repaid * market[d_of]
    # Without any collateral nobody pays: the debt is written off.
    gains = seized_usd > repaid_usd * (1.0 + NO_GAIN)
    paying = due & (gains | (borrowers.collateral == 0.0))
    seized, repaid = np.where(paying, seized, 0.0), np.where(paying, repaid, 0.0)
    seized_usd, repaid_usd = np.where(paying, seized_usd, 0.0), np.where(paying, repaid_usd, 0.0)
    left, owed = borrowers.collateral - seized, borrowers.debt - repaid
    gone = paying & all_of_it
    left = np.where(gone, 0.0, left)
    bad = np.where(gone, np.maximum(owed, 0.0), 0.0)
    owed = np.where(gone, 0.0, np.maximum(owed, 0.0))
    toxic = paying & (d_value * (1.0 + borrowers.bonus) > c_value)
    count = len(borrowers.labels)

    def by_label(values: Floats) -> Floats:
        return np.bincount(borrowers.label, values, minlength=count).astype(np.float64)

    return Swept(
        after=replace(borrowers, collateral=left, debt=owed),
        count=np.bincount(borrowers.label[paying], minlength=count),
        repaid_usd=by_label(repaid_usd),
        seized_usd=by_label(seized_usd),
        bad_debt_usd=by_label(bad * market[d_of]),
        toxic=np.bincount(borrowers.label[toxic], minlength=count) > 0,
        sold_usd=_sold(borrowers, paying, seized_usd, repaid_usd),
        idle=int((due & ~paying).sum()),
    )


def _sold(
    borrowers: Borrowers, paying: NDArray[np.bool_], seized_usd: Floats, repaid_usd: Floats
) -> dict[int, dict[str, float]]:
    """By label and underlying."""
    sold: dict[int, dict[str, float]] = {}
    assets = len(borrowers.assets)
    for of, values, sign in (
        (borrowers.collateral_of, seized_usd, 1.0),
        (borrowers.debt_of, repaid_usd, -1.0),
    ):
        pair = borrowers.label[paying] * assets + of[paying]
        totals = np.bincount(pair, values[paying], minlength=len(borrowers.labels) * assets)
        for place in np.flatnonzero(totals):
            name = borrowers.factors[place % assets].underlying
            if name == USD:
                continue
            mine = sold.setdefault(int(place // assets), {})
            mine[name] = mine.get(name, 0.0) + sign * float(totals[place])
    return sold


def close_factor(text: str) -> tuple[float, float] | None:
    """The part that can be repaid at once, and from which health on; None where the text is no rule.

    `full`, `aave_v3` (half from a health of 0.95 on, all below), or a share such as `0.5` or `50%`.
    """
    if text == "full":
        return 1.0, 0.0
    if text == "aave_v3":
        return 0.5, 0.95
    try:
        share = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError:
        return None
    return (share, 0.0) if 0.0 < share <= 1.0 else None
