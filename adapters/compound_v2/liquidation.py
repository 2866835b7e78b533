"""What `liquidateBorrow` does: checks in the contracts' order, amounts with their rounding.

Source: CToken.liquidateBorrowFresh and Comptroller.liquidateBorrowAllowed of Compound V2; VToken,
PolicyFacet, ComptrollerLens, VAIController and Liquidator of npm @venusprotocol/venus-protocol 10.3.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from adapters.compound_v2.position import Leg, VaiDebt
from aggregator.model.assets import AssetId
from aggregator.model.rules import WAD, Refused


@dataclass(frozen=True, slots=True)
class Terms:
    """What the comptroller decides for all markets.

    `close_factor` of a debt can be repaid at once. `treasury_share` of a liquidator's bonus is Venus'. An
    account that owes `least_vai` or more has its VAI liquidated first; None where that is not demanded.
    """

    close_factor: int
    paused: bool
    treasury_share: int
    least_vai: int | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What a liquidation moved: `seized` and `fee` in the collateral's cTokens; the markets afterwards."""

    repaid: int
    seized: int
    fee: int
    debt: Leg | VaiDebt
    collateral: Leg


def refusal(
    terms: Terms, debt: Leg | VaiDebt | None, vai: VaiDebt | None, offered: int, *, shortfall: bool
) -> Refused | None:
    """Why the protocol refuses before it takes anything; None where it does not. All with interest added.

    `debt` is None where nothing is owed in what was named.
    """
    if _vai_comes_first(terms, debt, vai):
        return Refused("VAIDebtTooHigh")
    if terms.paused:
        return Refused("protocol is paused")
    if debt is not None and debt.liquidate_paused:
        return Refused("action is paused")
    owed = 0 if debt is None else _owed(debt)
    if debt is not None and debt.forced:
        most = owed
    elif not shortfall:
        return Refused("INSUFFICIENT_SHORTFALL")
    else:
        most = terms.close_factor * owed // WAD
    if offered > most:
        return Refused("TOO_MUCH_REPAY")
    if offered == 0:
        return Refused("INVALID_CLOSE_AMOUNT_REQUESTED")
    if debt is not None and debt.repay_paused:
        return Refused("action is paused")
    return None


def take(
    terms: Terms, debt: Leg | VaiDebt, collateral: Leg, offered: int, prices: Mapping[AssetId, int]
) -> Taken | Refused:
    """Repay a debt and seize collateral for it; refuses where the account has too little of it."""
    repaid, rest = _repay(debt, offered)
    if isinstance(rest, Leg) and rest.c_token == collateral.c_token:
        collateral = rest
    incentive = collateral.vai_incentive if isinstance(debt, VaiDebt) else collateral.incentive
    per_token = prices[collateral.feed.asset] * collateral.totals.exchange_rate // WAD
    if per_token == 0:
        return Refused("divide by zero")
    ratio = (incentive * prices[debt.feed.asset] // WAD) * WAD // per_token
    tokens = ratio * repaid // WAD
    if tokens > collateral.tokens:
        return Refused(("VAI_" if isinstance(debt, VaiDebt) else "") + "LIQUIDATE_SEIZE_TOO_MUCH")
    if collateral.seize_paused:
        return Refused("action is paused")
    if terms.treasury_share and collateral.incentive < WAD:
        return Refused("the bonus is negative")
    fee, left = _fee(terms, replace(collateral, tokens=collateral.tokens - tokens), tokens)
    if isinstance(rest, Leg) and rest.c_token == collateral.c_token:
        rest = left
    return Taken(repaid, tokens - fee, fee, rest, left)


def _vai_comes_first(terms: Terms, debt: Leg | VaiDebt | None, vai: VaiDebt | None) -> bool:
    if terms.least_vai is None or isinstance(debt, VaiDebt) or (debt is not None and debt.forced):
        return False
    owed = 0 if vai is None else vai.debt.owed
    return owed >= terms.least_vai and not (vai is not None and vai.liquidate_paused)


def _owed(debt: Leg | VaiDebt) -> int:
    return debt.owed if isinstance(debt, Leg) else debt.debt.owed


def _repay(debt: Leg | VaiDebt, offered: int) -> tuple[int, Leg | VaiDebt]:
    if isinstance(debt, VaiDebt):
        rest, repaid = debt.debt.repaid(offered)
        return repaid, replace(debt, debt=rest)
    totals = debt.totals
    after = replace(totals, borrows=totals.borrows - offered, cash=totals.cash + offered)
    return offered, replace(debt, owed=debt.owed - offered, totals=after)


def _fee(terms: Terms, collateral: Leg, tokens: int) -> tuple[int, Leg]:
    """The protocol's part of the seized cTokens, and the market once it has redeemed or kept them."""
    totals = collateral.totals
    if collateral.seize_share:
        # Compound burns them: the underlying becomes reserves.
        fee = tokens * collateral.seize_share // WAD
        kept = totals.exchange_rate * fee // WAD
        after = replace(totals, reserves=totals.reserves + kept, supply=totals.supply - fee)
        return fee, replace(collateral, totals=after)
    if not terms.treasury_share:
        return 0, collateral
    bonus = tokens * (collateral.incentive - WAD) // collateral.incentive
    fee = bonus * terms.treasury_share // WAD
    amount = totals.exchange_rate * fee // WAD
    if amount > totals.cash:
        return fee, collateral  # the liquidator contract keeps them for later
    after = replace(totals, cash=totals.cash - amount, supply=totals.supply - fee)
    return fee, replace(collateral, totals=after)
