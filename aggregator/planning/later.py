"""Accounts as they are if a plan is sent some minutes after its block: blocks are mined, and keepers awaited.

What is done with an account later is not what it is now and then some minutes of waiting: funding goes on
with the position that is there until a keeper has closed it.
"""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.model.accounts import Account
from aggregator.model.actions import Action, AdjustableRule, Applied, Traded, Untold
from aggregator.model.assets import AssetId
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import Health, Refused, Rule, prices_of
from aggregator.model.shared import RoomRule, SharedRoom, SharingRule
from aggregator.risk.copies import Copy

AHEAD_S = 600
"""What is aimed at holds for so long at flat prices: interest and funding go on while a plan is sent."""


def later_rule(copy: Copy, account: Account) -> Rule | None:
    """The account's rule if all that was done with it had been done later.

    The present one where nothing was, where its protocol would not have done it, and where other accounts'
    trades move its market; None where it has lost its rule by what was done.
    """
    acts, rule = copy.acts.get(account.id, ()), account.rule
    if not acts or rule is None or isinstance(rule, SharingRule):
        return rule
    known, late = copy.later.get(account.id, (0, _first(copy, account)))
    for action in acts[known:]:
        if isinstance(action, SharedRoom):
            late = late.with_room(action) if isinstance(late, RoomRule) else late
            continue
        done = _asked(copy, account, late, action)
        if not isinstance(done, Applied | Traded):
            return rule
        late = done.successor
    copy.later[account.id] = len(acts), late
    return late


def later_answer(copy: Copy, account: Account, action: Action) -> Applied | Traded | Refused | Untold:
    """What its protocol would say later of a further action."""
    return _asked(copy, account, later_rule(copy, account), action)


def later_test(copy: Copy, account: Account) -> Health | None:
    """What the account's own test says later; None where it has no rule, or that tells nothing."""
    rule = later_rule(copy, account)
    if rule is None:
        return None
    try:
        return rule.health(_prices(account, rule), _time(copy, account))
    except UnusablePrice:
        return None


def _time(copy: Copy, account: Account) -> int:
    return copy.portfolio.blocks[account.chain].timestamp + AHEAD_S


def _prices(account: Account, rule: Rule) -> Mapping[AssetId, int]:
    """Those that the account is judged at, also of what it has no more by now."""
    return {**prices_of(rule), **account.prices}


def _first(copy: Copy, account: Account) -> Rule | None:
    """The rule before anything was done."""
    there = (*copy.portfolio.accounts, *copy.portfolio.openable)
    return next((one.rule for one in there if one.id == account.id), None)


def _asked(
    copy: Copy, account: Account, rule: Rule | None, action: Action
) -> Applied | Traded | Refused | Untold:
    if not isinstance(rule, AdjustableRule):
        return Untold("its rule can't tell")
    try:
        return rule.apply(_prices(account, rule), _time(copy, account), action)
    except UnusablePrice as error:
        return Untold(str(error))
