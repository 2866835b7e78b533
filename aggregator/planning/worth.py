"""What accounts are worth at their marks: a step costs what is missing of it afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import assert_never

from aggregator.model.assets import Asset
from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from aggregator.risk.copies import Copy
from aggregator.risk.extraction import usd


def worth_usd(copy: Copy, accounts: Iterable[str]) -> float:
    """E of some accounts in USD; an option that has no mark counts nothing.

    Raises UnusablePrice where an asset has no mark.
    """
    return math.fsum(
        _usd(copy, position)
        for account in set(accounts)
        if account in copy.accounts
        for position in copy.accounts[account].positions
    )


def _usd(copy: Copy, position: Position) -> float:
    match position:
        case Holding() | Supply():
            return _coins(copy, position.asset, position.raw)
        case Debt():
            return -_coins(copy, position.asset, position.raw)
        case Perp():
            gained = position.pnl_raw + position.funding_raw + position.borrowing_raw
            return _coins(copy, position.settlement, gained)
        case Option():
            unit = int(10 ** (position.size_decimals + position.price_decimals))
            raw = position.size_raw * (position.mark_raw or 0) * int(10**position.settlement.decimals)
            return _coins(copy, position.settlement, raw // unit)
        case _:
            assert_never(position)


def _coins(copy: Copy, asset: Asset, raw: int) -> float:
    return usd(raw, asset.decimals, copy.portfolio.marks[asset.id])
