"""Accounts of which a cascade can't say whether anybody liquidates them: their protocol alone knows."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.model.accounts import Account
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Debt, Option, Perp


def unjudged(portfolio: Portfolio) -> Iterator[tuple[Account, str]]:
    """Each account that could be liquidated and has no rule, with a sentence.

    One that its protocol can liquidate already is none: that is a refusal of the cascade.
    """
    for account in portfolio.accounts:
        if account.rule is not None or account.kind == "wallet":
            continue
        if account.reported is not None and account.reported.liquidatable:
            continue
        if account.reported is not None or any(_owes(p) for p in account.positions):
            yield account, f"{account.label}: whether it is liquidated is not known, for its rule is not"


def _owes(position: object) -> bool:
    if isinstance(position, Debt):
        return position.raw > 0
    return (isinstance(position, Perp) and position.size_raw != 0) or (
        isinstance(position, Option) and position.size_raw < 0
    )
