"""What a pool can lend for one transaction: its premium, and the cash of its reserves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.aave_v3.calls import BALANCE, FLASH_PREMIUM, VIRTUAL_BALANCE
from adapters.aave_v3.market import Market, Reserve
from adapters.aave_v3.versions import Maths
from aggregator.contract import Read, ask, join, optional


@dataclass(frozen=True, slots=True)
class Lending:
    """The premium in bps, and cash by reserve id; what was not answered is not there."""

    premium_bps: int | None = None
    cash: Mapping[int, int] = field(default_factory=dict)

    def lendable(self, market: Market, reserve: Reserve) -> int | None:
        """What a flash loan may take; None where that is not known.

        Pools of revisions that are taken for V3.0 may be from before there was a flag.
        """
        if reserve.flash_enabled:
            return self.cash.get(reserve.id)
        return 0 if market.pool.version.virtual_balances else None


def read_lending(market: Market) -> Read[Lending]:
    """One round, the same for all wallets."""
    pool, reserves = market.pool, market.reserves
    tokens = [reserve.address for reserve in reserves]
    if pool.version.virtual_balances:
        cash = ask([VIRTUAL_BALANCE.each(pool.address, tokens)])
    else:
        cash = ask([BALANCE.each(tokens, [reserve.a_token for reserve in reserves])])
    premium, columns = yield from join([optional(ask([FLASH_PREMIUM.at(pool.address)])), optional(cash)])
    found: dict[int, int] = {}
    for reserve, amount in zip(reserves, columns[0].outcomes() if columns else (), strict=False):
        # From V3.1 to V3.3 a reserve may be outside of virtual accounting (GHO): its cash is not known so.
        apart = pool.version.virtual_balances and pool.version.maths is Maths.V3_0
        if isinstance(amount, int) and (reserve.virtual_accounting or not apart):
            found[reserve.id] = amount
    return Lending(premium[0] if premium else None, found)
