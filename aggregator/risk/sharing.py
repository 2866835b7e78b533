"""Accounts that use one venue: what the step of one leaves to the others, in their rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from aggregator.model.accounts import Account
from aggregator.model.rules import Rule
from aggregator.model.shared import RoomRule, SharedMarket, SharedRoom, SharingRule
from aggregator.risk.copies import Copy


def share_market(copy: Copy, trader: str, moved: SharedMarket) -> None:
    """The other accounts of a market, which a trade has moved for them too."""
    _share(copy, trader, lambda rule: rule.beside(moved) if isinstance(rule, SharingRule) else rule)


def share_room(copy: Copy, actor: str, left: SharedRoom) -> None:
    """The other accounts that draw on a room; it is noted with what was done with them, see `Copy.acts`."""
    drawing = _share(copy, actor, lambda rule: rule.with_room(left) if isinstance(rule, RoomRule) else rule)
    for account in drawing:
        copy.note(account.id, left)


def _share(copy: Copy, actor: str, after: Callable[[Rule | None], Rule | None]) -> list[Account]:
    """Give the other accounts what their rules are after a step; those whose rule is another one then."""
    changed = [
        replace(one, rule=rule)
        for one in copy.accounts.values()
        if one.id != actor and (rule := after(one.rule)) is not one.rule
    ]
    copy.accounts.update((one.id, one) for one in changed)
    return changed
