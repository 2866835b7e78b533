"""What a liquidation of Perpetual Protocol Curie does: a position is taken over at the mark price.

Source: `_liquidate` of ClearingHouse.sol, `getLiquidatablePositionSize` of AccountBalance.sol and
`settleBadDebt` of Vault.sol of npm `@perp/curie-contract` 2.8.4, rounding included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.perp_curie.market import DUST, MILLION, MarketState, cut
from aggregator.model.assets import AssetId
from aggregator.model.close_outs import Closed, CloseOut, Fee, LossBearer, Receiver
from aggregator.model.rules import WAD, Amount, Refused

if TYPE_CHECKING:
    from adapters.perp_curie.margin import CurieRule

SMALL_POSITION = 100 * WAD
"""A position worth no more is taken over whole."""
_MOST_STEPS = 1_000


@dataclass(frozen=True, slots=True)
class Taken:
    """One liquidation: amounts have 18 decimals, but `bad_debt`, in the settlement token's unit."""

    closed: Closed
    to_liquidator: int
    to_insurance: int
    bad_debt: int
    after: CurieRule


def close_out(
    rule: CurieRule, prices: Mapping[AssetId, int], time: int, name: str | None
) -> CloseOut | Refused:
    """See CurieRule.close_out."""
    if name is not None:
        one = _take_over(rule, prices, time, name)
        return one if isinstance(one, Refused) else _told(rule, prices, time, [one])
    taken: list[Taken] = []
    while len(taken) < _MOST_STEPS:
        now = taken[-1].after if taken else rule
        due = _largest(now, prices)
        step = (
            Refused("CH_PSZ: no position in an open market")
            if due is None
            else _take_over(now, prices, time, due)
        )
        if isinstance(step, Refused):
            return _told(rule, prices, time, taken) if taken else step
        taken.append(step)
    return _told(rule, prices, time, taken)


def _largest(rule: CurieRule, prices: Mapping[AssetId, int]) -> str | None:
    held = [one for one in rule.markets if one.is_open and abs(one.size) >= DUST]
    if not held:
        return None
    return max(held, key=lambda one: abs(one.value(rule.price_of(prices, one.feed)))).name


def _take_over(rule: CurieRule, prices: Mapping[AssetId, int], time: int, name: str) -> Taken | Refused:
    found = next((one for one in rule.markets if one.name == name), None)
    health = rule.health(prices, time)
    if refusal := _refusal(rule, found, health.liquidatable):
        return refusal
    if found is None or abs(found.size) < DUST:
        return Refused("CH_PSZ: no position in this market")
    price = rule.price_of(prices, found.feed)
    size = _liquidatable(rule, prices, time, found)
    if isinstance(size, Refused):
        return size
    notional = cut(size * price, WAD)
    penalty = abs(notional) * rule.penalty_ratio // MILLION
    liquidator = penalty if health.power < 0 else penalty // 2
    realized = _realized(found, size, notional)
    left = replace(found, size=found.size - size, notional=found.notional + notional - realized, funding=0)
    # What is too little to count leaves the books.
    kept = () if abs(left.size) < DUST and abs(left.notional) < DUST else (left,)
    settled = as_of(rule, time)
    at = rule.markets.index(found)
    owed = settled.markets[at].funding
    markets = (*settled.markets[:at], *kept, *settled.markets[at + 1 :])
    after = replace(
        settled,
        owed_pnl=rule.owed_pnl - owed + realized - penalty,
        markets=markets,
        insurance=rule.insurance + penalty - liquidator,
    )
    value = after.account_value(prices, time)
    if value < 0 and after.insurance // rule.unit * rule.unit < -value:
        return Refused("CH_IIC: the insurance fund can't cover the loss")
    after, bad_debt = without_bad_debt(after, prices)
    return Taken(Closed(name, size, price), liquidator, penalty - liquidator, bad_debt, after)


def _refusal(rule: CurieRule, found: MarketState | None, liquidatable: bool) -> Refused | None:
    # In the order of the contract; a market where the trader has nothing is taken for an open one.
    if rule.paused:
        return Refused("Pausable: paused")
    if found is not None and not found.is_open:
        return Refused("CH_MNO: the market is not open")
    if any(one.orders for one in rule.markets if one.is_open):
        return Refused("CH_CLWTISO: the trader's orders must be cancelled first")
    if not liquidatable:
        return Refused("CH_EAV: enough account value")
    return None


def _liquidatable(
    rule: CurieRule, prices: Mapping[AssetId, int], time: int, found: MarketState
) -> int | Refused:
    value = abs(found.value(rule.price_of(prices, found.feed)))
    ratio = MILLION
    half = rule.requirement(prices) // 2
    if value > SMALL_POSITION and rule.account_value(prices, time) >= half:
        ratio = rule.gross(prices) * MILLION // (2 * value)
        if ratio >= 2**24:
            return Refused("SafeCast: the position is too small a part of the account to be taken over")
        ratio = min(ratio, MILLION)
    return cut(found.size * ratio, MILLION)


def as_of(rule: CurieRule, time: int) -> CurieRule:
    """The account at a later time: funding has gone on."""
    later = tuple(replace(one, funding=one.funding_after(time - rule.time)) for one in rule.markets)
    return replace(rule, time=time, markets=later)


def without_bad_debt(rule: CurieRule, prices: Mapping[AssetId, int]) -> tuple[CurieRule, int]:
    """The account and what the insurance fund has paid for it, in the settlement token's unit.

    It pays once neither a market nor another collateral is left (`settleBadDebt`), whether it can or not.
    """
    value = rule.account_value(prices, rule.time)
    if value >= 0 or rule.markets or rule.collaterals:
        return rule, 0
    after = replace(rule, balance=rule.balance - value // rule.unit, insurance=rule.insurance + value)
    return after, -value // rule.unit


def _realized(found: MarketState, size: int, notional: int) -> int:
    """The profit that closing a part realises (`_getPnlToBeRealized`); nothing closed realises nothing."""
    if size == 0:
        return 0
    ratio = abs(size) * WAD // abs(found.size)
    return notional + cut(found.notional * ratio, WAD)


def _told(rule: CurieRule, prices: Mapping[AssetId, int], time: int, taken: list[Taken]) -> CloseOut:
    after = taken[-1].after

    def amount(raw: int) -> tuple[Amount, ...]:
        return (Amount(rule.settlement, raw),) if raw else ()

    totals: list[tuple[Receiver, int]] = [
        ("liquidator", sum(one.to_liquidator for one in taken)),
        ("insurance_fund", sum(one.to_insurance for one in taken)),
    ]
    fees = [Fee(receiver, one) for receiver, total in totals for one in amount(total // rule.unit)]
    bad_debt = sum(one.bad_debt for one in taken)
    empty = not after.markets and not after.collaterals and after.account_value(prices, time) == 0
    return CloseOut(
        closed=tuple(one.closed for one in taken if one.closed.size_raw),
        fees=tuple(fees),
        returned=(),
        forfeited=(),
        bad_debt=amount(bad_debt),
        borne_by=(LossBearer.INSURANCE_FUND,) if bad_debt else (),
        successor=None if empty else after,
    )
