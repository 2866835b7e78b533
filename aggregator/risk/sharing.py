"""Accounts that use one venue: what the step of one leaves to the others, in their rules."""

from __future__ import annotations

from dataclasses import replace

from aggregator.model.shared import RoomRule, SharedMarket, SharedRoom, SharingRule
from aggregator.risk.copies import Copy


def share_market(copy: Copy, trader: str, moved: SharedMarket) -> None:
    """The other accounts of a market, which a trade has moved for them too."""
    for other in list(copy.accounts.values()):
        if other.id == trader or not isinstance(other.rule, SharingRule):
            continue
        rule = other.rule.beside(moved)
        if rule is not other.rule:
            copy.accounts[other.id] = replace(other, rule=rule)


def share_room(copy: Copy, actor: str, left: SharedRoom) -> None:
    """The other accounts that draw on a room; it is noted with what was done with them, see `Copy.acts`."""
    for other in list(copy.accounts.values()):
        if other.id == actor or not isinstance(other.rule, RoomRule):
            continue
        rule = other.rule.with_room(left)
        if rule is not other.rule:
            copy.accounts[other.id] = replace(other, rule=rule)
            copy.note(other.id, left)
