"""What a trader's own deposits and withdrawals do; `trading` says it of trades.

Source: `deposit`, `withdraw` and `withdrawAll` of Vault.sol of npm `@perp/curie-contract` 2.8.4, rounding
included. That the vault has the tokens is taken for granted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.perp_curie.access import Access
from adapters.perp_curie.closing import as_of
from adapters.perp_curie.market import MILLION, Collateral
from adapters.perp_curie.trading import trade
from aggregator.model.actions import Action, Applied, Deposit, Repay, Trade, Traded, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.rules import Amount, Refused
from aggregator.model.shared import SharedRoom

if TYPE_CHECKING:
    from adapters.perp_curie.margin import CurieRule

NOT_READ = Untold("the initial margin and the vault's own stop were not read")
PAUSED = Refused("Pausable: paused")


def apply(
    rule: CurieRule, prices: Mapping[AssetId, int], time: int, action: Action
) -> Applied | Traded | Refused | Untold:
    """See CurieRule.apply."""
    if time < rule.time:
        raise ValueError(f"an account as of {rule.time} is asked for {time}")
    if isinstance(action, Trade):
        return trade(rule, prices, time, action)
    held = next((one for one in rule.collaterals if one.feed.asset == action.asset), None)
    if held is None and action.asset != rule.settlement:
        return Untold(f"the trader has no {action.asset} in the vault, and what it would count is not known")
    if rule.access is None:
        return NOT_READ
    if rule.access.vault_paused:
        return PAUSED
    if isinstance(action, Withdraw):
        return _withdrawn(rule, prices, time, rule.access.initial_ratio, held, action.raw)
    if isinstance(action, Deposit):
        return _deposited(rule, time, rule.access, held, action.raw)
    if held is not None:
        return Refused("only the settlement token is ever owed")
    raw = repayment(rule, action)
    return _deposited(rule, time, rule.access, None, raw) if raw else Refused("nothing is owed")


def repayment(rule: CurieRule, action: Repay) -> int:
    """How much of the settlement token a repayment deposits: no more than is owed at the block."""
    owed = max(0, -rule.settlement_raw)
    return owed if action.raw is None else min(action.raw, owed)


def _deposited(
    rule: CurieRule, time: int, access: Access, held: Collateral | None, raw: int
) -> Applied | Refused:
    if raw <= 0:
        return Refused("V_ZA: nothing is deposited")
    room = access.room if held is None else held.room
    if room is not None and raw > room:
        return Refused("V_GTSTBC: above the vault's cap" if held is None else "V_GTDC: above the deposit cap")
    settled = as_of(rule, time)
    if held is None:
        after = replace(settled, balance=rule.balance + raw, access=access.with_more(raw))
        return _applied(rule, after, raw, paid=True)
    return _applied(rule, _with(settled, held, raw), raw, paid=True, held=held)


def _withdrawn(
    rule: CurieRule,
    prices: Mapping[AssetId, int],
    time: int,
    ratio: int,
    held: Collateral | None,
    wanted: int | None,
) -> Applied | Refused:
    free = free_of(rule, prices, time, ratio, held)
    if isinstance(free, Refused):
        return free
    raw = free if wanted is None else wanted
    if raw > free:
        return Refused(f"V_NEFC: at most {free} is free")
    later = as_of(rule, time)
    owed = rule.owed_pnl - sum(one.funding for one in later.markets)
    markets = tuple(replace(one, funding=0) for one in later.markets)
    settled = replace(later, owed_pnl=owed, markets=markets)
    if held is not None:
        return _applied(rule, _with(settled, held, -raw), -raw, paid=False, held=held)
    # The whole of what was realised becomes balance; what is less than a unit is lost.
    balance = rule.balance - raw + owed // rule.unit
    access = None if rule.access is None else rule.access.with_more(-raw)
    return _applied(rule, replace(settled, balance=balance, owed_pnl=0, access=access), -raw, paid=False)


def free_of(
    rule: CurieRule, prices: Mapping[AssetId, int], time: int, ratio: int, held: Collateral | None
) -> int | Refused:
    """How much of a token can be taken out (`getFreeCollateralByToken`); the settlement token for None."""
    cash = rule.cash(time)
    free = rule.free_collateral(prices, time, ratio)
    if free <= 0 or rule.exact_value(prices, time) - rule.collateral_value(prices) < 0:
        return 0
    if held is None:
        return max(0, min(free, cash)) // rule.unit
    if held.ratio == 0:
        return Refused("a division by zero: the collateral counts nothing")
    return min(held.amount_for(free, rule.price_of(prices, held.feed)) * MILLION // held.ratio, held.balance)


def _with(rule: CurieRule, held: Collateral, added: int) -> CurieRule:
    """The account with so much more of a collateral; one of nothing is no collateral any more."""
    changed = [one.with_more(added) if one == held else one for one in rule.collaterals]
    return replace(rule, collaterals=tuple(one for one in changed if one.balance))


@dataclass(frozen=True, slots=True)
class VaultRoom(SharedRoom):
    """How much more of a token the vault takes after a step, of all traders."""

    room: int | None


def with_room(rule: CurieRule, left: SharedRoom) -> CurieRule:
    """See CurieRule.with_room."""
    if not isinstance(left, VaultRoom) or rule.access is None:
        return rule
    if left.venue == _venue(rule.access, rule.settlement):
        return replace(rule, access=replace(rule.access, room=left.room))
    if all(left.venue != _venue(rule.access, one.feed.asset) for one in rule.collaterals):
        return rule
    changed = [
        replace(one, room=left.room) if left.venue == _venue(rule.access, one.feed.asset) else one
        for one in rule.collaterals
    ]
    return replace(rule, collaterals=tuple(changed))


def _left(rule: CurieRule, held: Collateral | None) -> VaultRoom | None:
    """Of a collateral, as it is afterwards, or the settlement token."""
    access = rule.access
    if access is None:
        return None
    if held is None:
        return VaultRoom(_venue(access, rule.settlement), access.room)
    return VaultRoom(_venue(access, held.feed.asset), held.room)


def _venue(access: Access, asset: AssetId) -> str:
    return f"{asset} in {access.vault}"


def _applied(
    rule: CurieRule, after: CurieRule, added: int, *, paid: bool, held: Collateral | None = None
) -> Applied:
    """What is shown of it: funding that is settled by it stays with the positions that it comes from."""
    asset = rule.settlement if held is None else held.feed.asset
    shown = rule.settlement_raw + added if held is None else held.balance + added
    amount = Amount(asset, abs(added))
    return Applied(
        paid=amount if paid else None,
        received=None if paid else amount,
        supplied=max(0, shown),
        owed=max(0, -shown) if held is None else None,
        successor=after,
        room=_left(after, None if held is None else held.with_more(added)),
    )
