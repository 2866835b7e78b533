"""What an owner's own actions do in one market, all markets with their interest added.

Source: repayBorrow, mint and redeem of CToken (Compound V2) and of VToken and VAIController of npm
@venusprotocol/venus-protocol 10.3.0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.compound_v2.position import Leg, VaiDebt
from aggregator.model.actions import Untold
from aggregator.model.rules import WAD, Refused

PAUSED = Refused("action is paused")
TOO_LITTLE = Refused("the account has less of it")


@dataclass(frozen=True, slots=True)
class Acted:
    """How much of the underlying an action moves, and the market (or the debt in VAI) after it."""

    amount: int
    part: Leg | VaiDebt


def repaid(debt: Leg | VaiDebt, offered: int | None) -> Acted | Refused:
    """A repayment of what is owed at most: Compound itself refuses a larger number, Venus cuts it."""
    if debt.repay_paused:
        return PAUSED
    if isinstance(debt, VaiDebt):
        rest, taken = debt.debt.repaid(debt.debt.owed if offered is None else offered)
        return Acted(taken, replace(debt, debt=rest))
    amount = debt.owed if offered is None else min(offered, debt.owed)
    totals = debt.totals
    after = replace(totals, borrows=totals.borrows - amount, cash=totals.cash + amount)
    return Acted(amount, replace(debt, owed=debt.owed - amount, totals=after))


def deposited(leg: Leg, amount: int) -> Acted:
    """Underlying exchanged for cTokens, rounded down."""
    totals = leg.totals
    tokens = amount * WAD // totals.exchange_rate
    after = replace(totals, cash=totals.cash + amount, supply=totals.supply + tokens)
    return Acted(amount, replace(leg, tokens=leg.tokens + tokens, totals=after))


def withdrawn(leg: Leg, wanted: int | None) -> Acted | Refused:
    """CTokens redeemed: all of them, or as many as an amount is worth, rounded down."""
    totals = leg.totals
    tokens = leg.tokens if wanted is None else wanted * WAD // totals.exchange_rate
    amount = leg.supplied if wanted is None else wanted
    if tokens > leg.tokens:
        return TOO_LITTLE
    if amount and not tokens:
        return Refused("redeemTokens zero")
    if amount > totals.cash:
        return Refused("the market has too little cash")
    after = replace(totals, cash=totals.cash - amount, supply=totals.supply - tokens)
    return Acted(amount, replace(leg, tokens=leg.tokens - tokens, totals=after))


def not_entered(asset: str) -> Untold:
    """Of a market that the account has nothing in, or has not entered."""
    return Untold(
        f"the account has entered no market of {asset}, and what that would count it at is not known"
    )
