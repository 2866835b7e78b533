"""A portfolio before and after something has happened to it, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.model.cascades import Cascade
from aggregator.model.portfolio import Portfolio
from aggregator.model.results import AccountRisk, RiskResult


@dataclass(frozen=True, slots=True)
class Reassessed:
    """A portfolio after a change, and what risk says of it then.

    `unknown` names accounts whose own health is not known after it; the whole counts their positions.
    """

    portfolio: Portfolio
    risk: RiskResult
    unknown: tuple[str, ...]

    @property
    def survives(self) -> bool:
        """Whether what is left covers at least the costs that are in no price: kappa above 0."""
        return self.risk.kappa > 0.0

    @property
    def liquidatable(self) -> tuple[str, ...]:
        """The accounts that their protocols could liquidate, by id."""
        return tuple(account.account_id for account in self.risk.accounts if account.liquidatable)

    def account(self, account_id: str) -> AccountRisk | None:
        """What risk says of one account; None where it is not part of the portfolio."""
        return next((a for a in self.risk.accounts if a.account_id == account_id), None)


@dataclass(frozen=True, slots=True)
class StressOutcome:
    """What one scenario does to a portfolio: `loss_usd` of the whole, and everything after it.

    `moves` are those of the scenario as it was given (-0.3 is 30% down), `elsewhere` that of underlyings it
    does not name, `volatility` what it says of implied volatility in words. `told` are sentences on what it
    could not do. `after` is right after the moves; `cascade` is what follows, where it was asked for.
    """

    name: str
    title: str
    moves: tuple[tuple[str, float], ...]
    elsewhere: float
    volatility: str
    loss_usd: float
    after: Reassessed
    told: tuple[str, ...]
    cascade: Cascade | None = None


@dataclass(frozen=True, slots=True)
class GridPoint:
    """The whole at one point of a grid of prices: its moves, worth and loss, and whether it survives.

    `liquidatable` and `unknown` are ids of accounts, as in Reassessed.
    """

    moves: tuple[tuple[str, float], ...]
    equity_usd: float
    loss_usd: float
    survives: bool
    liquidatable: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StressReport:
    """A portfolio today, and what scenarios and the points of a grid do to it, in the order asked for."""

    today: Reassessed
    outcomes: tuple[StressOutcome, ...]
    grid: tuple[GridPoint, ...]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A portfolio today and after actions on a copy of it; `done` are the actions as they were asked for.

    `told` are sentences on what the answer takes for granted.
    """

    today: Reassessed
    after: Reassessed
    done: tuple[str, ...]
    told: tuple[str, ...]
