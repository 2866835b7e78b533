"""What a liquidator does with a lending account: of all pairs of debt and collateral the one that pays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.positions import Debt, Supply
from aggregator.model.rules import Amount, LiquidatableRule, Liquidated, Refused, Repayment

HALVINGS = 64
"""Of an offer that is refused, until one is taken."""

NO_GAIN = "a liquidator would lose by it at the market's prices"
NOTHING_TO_TAKE = "it has no debt, or no collateral to take"


@dataclass(frozen=True, slots=True)
class Choice:
    """What is offered, and what that does; `gain_usd` is the liquidator's at the market's prices."""

    repayment: Repayment
    done: Liquidated
    gain_usd: float


def choice(
    account: Account,
    rule: LiquidatableRule,
    prices: Mapping[AssetId, int],
    time: int,
    gain_usd: Callable[[Liquidated], float],
) -> Choice | Refused:
    """The best liquidation of an account at its oracle's prices, or why there is none.

    Of each pair as much as the protocol takes at once; the first of equal ones. Where the protocol absorbs an
    account itself, it does so whatever that brings. Nobody liquidates at a loss.
    """
    best: Choice | None = None
    refused: Refused | None = None
    for debt, owed in _totals(account, Debt):
        absorbed = rule.liquidate(prices, time, Repayment(Amount(debt, owed), None))
        if isinstance(absorbed, Liquidated):
            return Choice(Repayment(Amount(debt, owed), None), absorbed, gain_usd(absorbed))
        for collateral, _ in _totals(account, Supply):
            found = _largest(rule, prices, time, debt, collateral, owed)
            if isinstance(found, Refused):
                refused = refused or found
                continue
            offer, done = found
            gain = gain_usd(done)
            if best is None or gain > best.gain_usd:
                best = Choice(Repayment(Amount(debt, offer), collateral), done, gain)
        if best is None and refused is None:
            refused = absorbed
    if best is None:
        return refused or Refused(NOTHING_TO_TAKE)
    return best if best.gain_usd > 0.0 else Refused(NO_GAIN)


def _totals(account: Account, kind: type[Debt] | type[Supply]) -> Iterator[tuple[AssetId, int]]:
    """What the account owes of each asset, or has as collateral, each once and more than nothing."""
    totals: dict[AssetId, int] = {}
    for position in account.positions:
        if isinstance(position, kind) and (isinstance(position, Debt) or position.is_collateral):
            totals[position.asset.id] = totals.get(position.asset.id, 0) + position.raw
    return ((asset, raw) for asset, raw in totals.items() if raw)


def _largest(
    rule: LiquidatableRule,
    prices: Mapping[AssetId, int],
    time: int,
    debt: AssetId,
    collateral: AssetId,
    owed: int,
) -> tuple[int, Liquidated] | Refused:
    """The largest offer that the protocol takes; refused as the whole debt is where it takes none.

    More than is owed is offered first: what counts in shares may need it. A protocol that refuses what is too
    much takes everything below, or leaves a gap around what would leave dust: then what is below the gap.
    """

    def tried(raw: int) -> Liquidated | Refused:
        return rule.liquidate(prices, time, Repayment(Amount(debt, raw), collateral))

    first: Refused | None = None
    for raw in (2 * owed + 1, owed):
        done = tried(raw)
        if isinstance(done, Liquidated):
            return raw, done
        first = first or done
    taken, refused = owed, owed
    for _ in range(HALVINGS):
        refused, taken = taken, taken // 2
        if not taken:
            break
        found = tried(taken)
        if isinstance(found, Liquidated):
            break
    else:
        taken = 0
    if not taken or isinstance(found, Refused):
        return first or Refused(NOTHING_TO_TAKE)
    while refused - taken > 1:
        middle = (taken + refused) // 2
        one = tried(middle)
        if isinstance(one, Liquidated):
            taken, found = middle, one
        else:
            refused = middle
    return taken, found
