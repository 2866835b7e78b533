"""What a comet has to pay out, and how much more it takes: its base, and its collaterals below their caps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.compound_v3.calls import BALANCE, COLLATERAL_TOTAL, AssetWord
from adapters.compound_v3.market import Comet, Terms
from adapters.compound_v3.user import User
from aggregator.contract import Column, Read, ask, both, optional
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class Room:
    """What the comet has of its base, and how much more of each collateral it takes: below zero above a cap.

    What was not answered is None, or not there.
    """

    cash: int | None = None
    below_caps: Mapping[Address, int] = field(default_factory=dict)


def read_room(comet: Comet, terms: Terms, user: User) -> Read[Room]:
    """One round, shared by wallets; none where the wallet has nothing in the comet."""
    if user.is_empty:
        return Room()
    caps = {row[AssetWord.ASSET]: row[AssetWord.SUPPLY_CAP] for row in terms.rows}
    totals: list[Column] | None
    cash, totals = yield from both(
        optional(ask([BALANCE.at(comet.base, comet.address)])),
        optional(ask([COLLATERAL_TOTAL.each(comet.address, list(caps))] if caps else [])),
    )
    found = totals[0].outcomes(0) if totals else ()
    return Room(
        cash=cash[0] if cash else None,
        below_caps={
            asset: cap - total
            for (asset, cap), total in zip(caps.items(), found, strict=False)
            if isinstance(total, int)
        },
    )
