"""What an account's interest comes to, and how long it lasts if nothing else happens."""

from __future__ import annotations

import math
from collections.abc import Mapping

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Debt, Supply
from aggregator.model.rules import Rule
from aggregator.risk.extraction import usd

DAY_S = 86_400
HORIZON_DAYS = 3_650
"""Beyond ten years nobody's rates stand still."""
PRECISION_S = 3_600


def interest_usd_day(account: Account, portfolio: Portfolio) -> float | None:
    """What supplies earn less what debts cost, in USD a day at the block's rates and marks.

    None where the account is no lending one, or a rate is not known. Rewards are not interest.
    """
    parts = []
    for position in account.positions if account.kind == "lending" else ():
        if not isinstance(position, (Supply, Debt)):
            return None
        if position.apr is None:
            return None
        value = usd(position.raw, position.asset.decimals, portfolio.marks[position.asset.id])
        parts.append((value if isinstance(position, Supply) else -value) * position.apr / 365)
    return math.fsum(parts) if parts else None


def runway_days(account: Account, time: int) -> float | None:
    """Days until the account's own test fails at today's prices and rates, to the hour and rounded up.

    0 where it can be liquidated now; None where it is no lending account or lasts for ten years.
    """
    rule, prices = account.rule, account.prices
    if rule is None or account.kind != "lending":
        return None
    if _fails(rule, prices, time):
        return 0.0
    safe, broken = 0, HORIZON_DAYS * DAY_S
    if not _fails(rule, prices, time + broken):
        return None
    while broken - safe > PRECISION_S:
        middle = (safe + broken) // 2
        safe, broken = (safe, middle) if _fails(rule, prices, time + middle) else (middle, broken)
    return broken / DAY_S


def _fails(rule: Rule, prices: Mapping[AssetId, int], time: int) -> bool:
    return rule.health(prices, time).liquidatable
