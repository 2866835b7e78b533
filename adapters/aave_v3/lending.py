"""What a pool has in cash, what all have supplied, and what a wallet holds of its assets: round 3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.aave_v3.calls import BALANCE, FLASH_PREMIUM, SCALED_TOTAL, VIRTUAL_BALANCE
from adapters.aave_v3.market import Market, Reserve
from adapters.aave_v3.room import SupplyCap
from adapters.aave_v3.user import User
from adapters.aave_v3.versions import Maths
from aggregator.contract import Read, ask, join, optional
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class Lending:
    """The premium in bps, cash and caps by reserve id, and the reserves whose asset the wallet holds.

    What was not answered is not there.
    """

    premium_bps: int | None = None
    cash: Mapping[int, int] = field(default_factory=dict)
    held: frozenset[int] = frozenset()
    caps: Mapping[int, SupplyCap] = field(default_factory=dict)

    def lendable(self, market: Market, reserve: Reserve) -> int | None:
        """What a flash loan may take; None where that is not known.

        Pools of revisions that are taken for V3.0 may be from before there was a flag.
        """
        if reserve.flash_enabled:
            return self.cash.get(reserve.id)
        return 0 if market.pool.version.virtual_balances else None


def read_lending(market: Market, user: User, wallet: Address) -> Read[Lending]:
    """One round; what the wallet holds, and room below caps, are asked for where it has an account."""
    pool, reserves = market.pool, market.reserves
    tokens = [reserve.address for reserve in reserves]
    if pool.version.virtual_balances:
        cash = ask([VIRTUAL_BALANCE.each(pool.address, tokens)])
    else:
        cash = ask([BALANCE.each(tokens, [reserve.a_token for reserve in reserves])])
    reads = [optional(ask([FLASH_PREMIUM.at(pool.address)])), optional(cash)]
    capped = [reserve for reserve in reserves if reserve.supply_cap]
    if user.flags:
        reads.append(optional(ask([BALANCE.each(tokens, wallet)])))
        if capped:
            reads.append(optional(ask([SCALED_TOTAL.each([one.a_token for one in capped])])))
    premium, columns, *held = yield from join(reads)
    found: dict[int, int] = {}
    for reserve, amount in zip(reserves, columns[0].outcomes() if columns else (), strict=False):
        # From V3.1 to V3.3 a reserve may be outside of virtual accounting (GHO): its cash is not known so.
        apart = pool.version.virtual_balances and pool.version.maths is Maths.V3_0
        if isinstance(amount, int) and (reserve.virtual_accounting or not apart):
            found[reserve.id] = amount
    amounts = held[0][0].outcomes() if held and held[0] else ()
    owned = {
        reserve.id
        for reserve, amount in zip(reserves, amounts, strict=False)
        if isinstance(amount, int) and amount
    }
    totals = held[1][0].outcomes() if len(held) > 1 and held[1] else ()
    caps = {
        one.id: SupplyCap(one.supply_cap, total + one.treasury_scaled, one.factor_bps)
        for one, total in zip(capped, totals, strict=False)
        if isinstance(total, int)
    }
    return Lending(premium[0] if premium else None, found, frozenset(owned), caps)
