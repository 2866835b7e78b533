"""The sale of collateral: who repays a trader's settlement token gets other collateral at a discount.

Source: `isLiquidatable`, `liquidateCollateral` and `getMaxRepaidSettlementAndLiquidatableCollateral` of
Vault.sol and `getTotalDebtValue` of AccountBalance.sol of npm `@perp/curie-contract` 2.8.4, with their
rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.perp_curie.closing import as_of, without_bad_debt
from adapters.perp_curie.market import MILLION, Collateral
from aggregator.model.assets import AssetId
from aggregator.model.rules import Amount, Liquidated, Refused, Repayment

if TYPE_CHECKING:
    from adapters.perp_curie.margin import CurieRule


@dataclass(frozen=True, slots=True)
class SaleTerms:
    """When and how much collateral is sold; ratios in millionths, debts in the settlement token's unit.

    It is sold below a margin of `margin_ratio`; where the debt in the settlement token exceeds `debt_share`
    of the other collateral, counted with its haircut; or where it exceeds `most_debt`. At once at most `part`
    is repaid, all of a debt up to `small_debt`. `initial_ratio` of what was borrowed counts as a debt, too.
    `fee_ratio` of a payment is the insurance fund's. `paused` is the vault's own stop.
    """

    margin_ratio: int
    initial_ratio: int
    debt_share: int
    most_debt: int
    part: int
    small_debt: int
    fee_ratio: int
    paused: bool

    def __post_init__(self) -> None:
        ratios = (self.margin_ratio, self.initial_ratio, self.debt_share, self.part, self.fee_ratio)
        if not all(0 <= one <= MILLION for one in ratios):
            raise ValueError(f"ratios {ratios} of {MILLION}")


def is_due(rule: CurieRule, prices: Mapping[AssetId, int], time: int) -> bool:
    """Whether collateral may be sold (`Vault.isLiquidatable`); never where there is none."""
    terms = rule.terms
    if terms is None or not rule.collaterals:
        return False
    value, collateral = rule.exact_value(prices, time), rule.collateral_value(prices)
    if value < rule.gross(prices) * terms.margin_ratio // MILLION:
        return True
    debt = max(0, collateral - value)
    return debt > collateral * terms.debt_share // MILLION or debt // rule.unit > terms.most_debt


def sell(
    rule: CurieRule, prices: Mapping[AssetId, int], time: int, repayment: Repayment
) -> Liquidated | Refused:
    """See CurieRule.liquidate."""
    if repayment.debt.asset != rule.settlement:
        return Refused("only the settlement token is repaid")
    if repayment.collateral is None:
        return Refused("one collateral is sold at a time, and none is named")
    if rule.terms is not None and rule.terms.paused:
        return Refused("Pausable: paused")
    if rule.terms is None or not is_due(rule, prices, time):
        return Refused("V_NL: collateral can't be sold now")
    found = next((one for one in rule.collaterals if one.feed.asset == repayment.collateral), None)
    if found is None:
        return Refused("the trader has none of this collateral")
    price = rule.price_of(prices, found.feed) * (MILLION - found.discount) // MILLION
    if price == 0 or rule.terms.fee_ratio == MILLION:
        return Refused("a division by zero: nothing is left of the price, or of the payment")
    paid = repayment.debt.raw
    most, most_sold = _most(rule, rule.terms, prices, time, found, price)
    if paid > most:
        return Refused(f"V_MSAE: at most {most} can be repaid at once")
    sold = most_sold if paid == most else found.amount_for(paid * rule.unit, price)
    fee = paid * rule.terms.fee_ratio // MILLION
    left = [one.with_more(-sold) if one is found else one for one in rule.collaterals]
    after, bad_debt = without_bad_debt(
        replace(
            as_of(rule, time),
            balance=rule.balance + paid - fee,
            access=None if rule.access is None else rule.access.with_more(paid - fee),
            collaterals=tuple(one for one in left if one.balance),
            insurance=rule.insurance + fee * rule.unit,
        ),
        prices,
    )
    return Liquidated(
        repaid=_amounts(rule.settlement, paid),
        seized=_amounts(found.feed.asset, sold),
        fees=_amounts(rule.settlement, fee),
        bad_debt=_amounts(rule.settlement, bad_debt),
        successor=after,
    )


def _most(
    rule: CurieRule,
    terms: SaleTerms,
    prices: Mapping[AssetId, int],
    time: int,
    held: Collateral,
    price: int,
) -> tuple[int, int]:
    """How much can be repaid at once, in the settlement token's unit, and what is given for it."""
    owed = max(0, rule.collateral_value(prices) - rule.exact_value(prices, time))
    debt = max(owed, rule.borrowed(prices) * terms.initial_ratio // MILLION)
    if debt > terms.small_debt * rule.unit:
        debt = debt * terms.part // MILLION
    repaid = debt * MILLION // (MILLION - terms.fee_ratio)
    sold = held.amount_for(repaid, price)
    if sold > held.balance:
        repaid, sold = held.worth(price), held.balance
    return repaid // rule.unit, sold


def _amounts(asset: AssetId, raw: int) -> tuple[Amount, ...]:
    return (Amount(asset, raw),) if raw else ()
