"""A wallet before and after something, side by side: the whole, then every account. 100 columns."""

from __future__ import annotations

import textwrap
from itertools import zip_longest
from typing import TYPE_CHECKING

from aggregator.model.results import Band
from cli.account_table import label, liquidation
from cli.change_documents import of_either, unknown
from cli.table import table
from cli.text import WIDTH, multiple, shortened, usd

if TYPE_CHECKING:
    from aggregator.model.results import AccountRisk, RiskResult
    from aggregator.model.stresses import Reassessed

INDENT = "  "


def whole(before: RiskResult, after: RiskResult, *, complete: bool = True) -> str:
    """The whole before and after; what could not be judged after is said."""
    rows = [
        ("equity", usd(before.equity_usd), usd(after.equity_usd)),
        ("requirement", usd(before.requirement_usd), usd(after.requirement_usd)),
        ("score", _score(before), _score(after)),
        ("survives", f"{multiple(before.kappa)} stresses", f"{multiple(after.kappa)} stresses"),
        ("band of the whole", before.unified_band.value, after.unified_band.value),
        (
            "weakest account",
            before.weakest_band.value,
            after.weakest_band.value if complete else _at_least(after.weakest_band),
        ),
    ]
    return textwrap.indent(table(("", "today", "after"), rows, right=(1, 2)), INDENT)


def accounts(before: Reassessed, after: Reassessed) -> str:
    """Every account before and after: equity, own health, liquidation; and why a health is unknown."""
    header = ("account", "equity", "after", "health", "after", "liquidation", "after")
    lost = unknown(after)
    accounts, cells = of_either(before, after), []
    for account in accounts:
        one, other = before.account(account.id), after.account(account.id)
        left = (
            *(_equity(side) for side in (one, other)),
            _health(one),
            "unknown" if account.id in lost else _health(other),
        )
        now = _liquidation(one, before)
        then = ["unknown"] if account.id in lost else _liquidation(other, after)
        lines = enumerate(zip_longest(now, then, fillvalue=""))
        cells.append([(*(("",) * len(left) if i else left), *both) for i, both in lines])
    every = [header[1:], *(line for lines in cells for line in lines)]
    used = sum(max(map(len, column)) + 2 for column in zip(*every, strict=True))
    wide = max(12, min(26, WIDTH - len(INDENT) - used))
    rows = [
        ("" if i else label(account, wide), *line)
        for account, lines in zip(accounts, cells, strict=True)
        for i, line in enumerate(lines)
    ]
    told = [table(header, rows, right=(1, 2, 3, 4))]
    names = {account.id: label(account, 40) for account in of_either(before, after)}
    for account_id, why in lost.items():
        told += textwrap.wrap(
            f"{names[account_id]}: own health after it is unknown: {why}", WIDTH - len(INDENT)
        )
    return textwrap.indent("\n".join(told), INDENT)


def named(names: dict[str, str], ids: tuple[str, ...], limit: int) -> str:
    """Accounts by name, as many as there is room for, and how many more there are."""
    shown = [shortened(names[one], 26) for one in ids]
    text = ", ".join(shown)
    if len(text) <= limit or not shown:
        return text
    first = shown[0] if len(shown[0]) <= limit - 8 else shortened(shown[0], max(8, limit - 8))
    return first if len(shown) == 1 else f"{first} +{len(shown) - 1} more"


def _score(risk: RiskResult) -> str:
    return "–" if risk.score is None else f"{risk.score:.0f}"


def _at_least(band: Band) -> str:
    return "unknown" if band is Band.NONE else f"{band.value} or worse"


def _equity(risk: AccountRisk | None) -> str:
    return "–" if risk is None else usd(risk.equity_usd)


def _health(risk: AccountRisk | None) -> str:
    return "–" if risk is None or risk.native_health is None else f"{risk.native_health:.2f}"


def _liquidation(risk: AccountRisk | None, of: Reassessed) -> list[str]:
    return ["–"] if risk is None else liquidation(risk, of.portfolio)
