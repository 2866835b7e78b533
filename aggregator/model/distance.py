"""How far the market may move before something fails, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class CriticalPrice:
    """The nearest price at which something is used up, if one factor moves.

    Of the whole (`account_id` None) equity falls to the add-ons, E = A; of an account its headroom ends,
    G = 0. `factor` is an underlying, or the name of a token that leaves its peg while all underlyings stand
    still. `others`: whether other underlyings stand still or move as they do on average. `price_usd` is None
    where today's price of the factor is not known; `distance` is the relative move from today.
    """

    account_id: str | None
    factor: str
    kind: Literal["underlying", "peg"]
    others: Literal["still", "correlated"]
    direction: Literal["down", "up"]
    price_usd: float | None
    distance: float


@dataclass(frozen=True, slots=True)
class ReverseStress:
    """The most likely joint move of all underlyings that uses up the whole's equity.

    `moves` are relative moves by underlying, `mahalanobis` their distance in standard deviations of a day.
    The linear figures are those of delta alone; None where the book has none.
    """

    moves: tuple[tuple[str, float], ...]
    mahalanobis: float
    linear_moves: tuple[tuple[str, float], ...]
    linear_mahalanobis: float | None


@dataclass(frozen=True, slots=True)
class Distance:
    """Critical prices, and the joint one; None where no move from a hundredth to a hundredfold is enough."""

    prices: tuple[CriticalPrice, ...]
    joint: ReverseStress | None
