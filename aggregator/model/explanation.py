"""Why a wallet's figures are what they are, as plain data. USD are floats: they come from scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aggregator.model.distance import Distance


@dataclass(frozen=True, slots=True)
class Contribution:
    """One line of the requirement M in USD; all of them add up to it. A gain is negative.

    `position`: what a position loses in the binding scenario, or on average in the draws that bind, revalued
    in full; `ordinal` is its place in the account, from 0. `haircut`: what an account's protocol may cost by
    failing. `add_on`: a cost that is in no price; `label` says which.
    """

    kind: Literal["position", "haircut", "add_on"]
    usd: float
    account_id: str | None = None
    ordinal: int | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the book by `size_usd`, and what the whole would survive after it.

    `reduce`: so much of a position is sold or closed at its mark for dollars that stay in the account.
    `repay`: so much of a debt is repaid with dollars from outside. `hedge`: a perp of so much against the
    net delta of an underlying. `score_change` is in points.
    """

    kind: Literal["reduce", "repay", "hedge"]
    size_usd: float
    kappa: float
    score_change: float
    account_id: str | None = None
    ordinal: int | None = None
    underlying: str | None = None


@dataclass(frozen=True, slots=True)
class Threat:
    """What would be liquidated first, where, and in how many standard stresses (inf: in none on the grid).

    `factor` (None: no price of one thing alone does it) is an underlying, or an asset id that leaves its
    underlying. `standard_move` is how far one standard stress moves it in that direction, as a fraction; None
    where none does.
    """

    account_id: str
    now: bool
    stresses: float
    scenario: str | None
    factor: str | None
    direction: Literal["down", "up"] | None
    price_usd: float | None
    distance: float | None
    standard_move: float | None


@dataclass(frozen=True, slots=True)
class Prevention:
    """An estimate of the dollars that keep the first account from liquidation, at today's prices.

    `goal`: its own health becomes 1.25, or it survives one standard stress. Linear in its power and
    requirement; fees and steps are not in it. 0 where the goal is met already. `repay_usd` is None where
    there is no debt, `deposit_usd` where nothing says what collateral would count. `price_usd`, `distance`:
    where the threat's own factor would liquidate it after the repayment, else after the deposit; None where
    it would not (`safe`), or where that is not known (neither).
    """

    goal: Literal["health", "stress"]
    repay_usd: float | None
    deposit_usd: float | None
    price_usd: float | None = None
    distance: float | None = None
    safe: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """What binds, what would help, and what happens first.

    `scenario`, `level`: where M is taken; `draws` is how many draws it is the mean of, None of a scenario.
    """

    scenario: str
    level: float
    draws: int | None
    requirement_usd: float
    contributions: tuple[Contribution, ...]
    changes: tuple[Change, ...]
    threat: Threat | None
    preventions: tuple[Prevention, ...]
    distance: Distance
