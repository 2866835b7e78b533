"""The accounts of a wallet: what their protocols say of each, where it is liquidated, and what it holds."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, assert_never

from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from aggregator.model.units import checksum, scaled
from cli.table import table
from cli.text import WIDTH, amount, clean, percent, price, short_address, shortened, usd

if TYPE_CHECKING:
    from aggregator.app import Checked
    from aggregator.model.accounts import Account
    from aggregator.model.assets import AssetId
    from aggregator.model.portfolio import Portfolio
    from aggregator.model.results import AccountRisk, AssetLiquidationPrice, LiquidationPrice

_SAME = 1e-3
"""Distances that are shown alike: of collateral in one token, its own fall and its underlying's."""


def label(account: Account, limit: int = 26) -> str:
    """An account's name for people; of one that a venue answered for, or another address holds, with that."""
    tail = "" if account.observed is None else f" at {clean(account.observed.endpoint, 12)}"
    if len(account.owner_path) > 1:
        tail += f" in {short_address(checksum(account.owner_path[-1]))}"
    return shortened(account.label, max(8, limit - len(tail))) + tail


def accounts(checked: Checked) -> str:
    """One row for each account."""
    header = ("account", "equity", "own health", "liquidation", "positions")
    judged = [(account_of(checked, risk), risk) for risk in checked.risk.accounts]
    lost = set(checked.portfolio.unjudged)
    left = [
        (label(account), usd(risk.equity_usd), _health(risk, known=account.id not in lost))
        for account, risk in judged
    ]
    ways = [liquidation(risk, checked.portfolio) for _, risk in judged]
    used = 2 + sum(max(len(row[i]) for row in (header, *left)) + 2 for i in range(3))
    used += max(len(way) for way in chain([header[3]], *ways)) + 2
    rows: list[tuple[str, ...]] = []
    for (account, _), cells, way in zip(judged, left, ways, strict=True):
        held = _wrapped([position_text(p) for p in account.positions], max(20, WIDTH - used))
        lines = zip_longest(way, held, fillvalue="")
        rows += [(*(cells if i == 0 else ("",) * 3), *line) for i, line in enumerate(lines)]
    return textwrap.indent(table(header, rows, right=(1,)), "  ")


def account_of(checked: Checked, risk: AccountRisk) -> Account:
    """The account that was judged."""
    return next(account for account in checked.portfolio.accounts if account.id == risk.account_id)


def _health(risk: AccountRisk, *, known: bool) -> str:
    if risk.is_unjudged:
        return f"{risk.reported_health:.2f} told"
    if risk.native_health is None:
        return "–" if known else "unknown"
    if risk.check_bps is None:
        return f"{risk.native_health:.2f}"
    mark = "✓" if risk.check_bps <= 1 else "≠"
    return f"{risk.native_health:.2f} {mark}{risk.check_bps:.1f}bp"


def liquidation(risk: AccountRisk, portfolio: Portfolio) -> list[str]:
    """The nearest price at which an account is liquidated, and how far that is: of an underlying, with all
    that moves with it, and of a token that falls below its peg, where that is nearer. A line each."""
    if risk.liquidatable:
        return ["now"]
    nearest = min(risk.liquidation_prices, key=lambda p: abs(p.distance), default=None)
    found = [] if nearest is None else [_way(nearest.underlying, nearest)]
    peg = _lost_peg(risk, portfolio)
    if peg is not None and (nearest is None or abs(peg.distance) < abs(nearest.distance) - _SAME):
        found.append(_way(_symbol(peg.asset_id, portfolio), peg) + " peg")
    return found or ["–"]


def _lost_peg(risk: AccountRisk, portfolio: Portfolio) -> AssetLiquidationPrice | None:
    """Where the pegged token whose own price needs to fall least liquidates an account."""
    classes = portfolio.classes
    falling = [p for p in risk.asset_liquidation_prices if p.direction == "down" and p.asset_id in classes]
    pegged = (p for p in falling if classes[p.asset_id].is_pegged)
    return min(pegged, key=lambda p: abs(p.distance), default=None)


def _symbol(asset: AssetId, portfolio: Portfolio) -> str:
    held = (position for account in portfolio.accounts for position in account.positions)
    tokens = (p.asset for p in held if isinstance(p, Holding | Supply | Debt))
    return next((token.symbol for token in tokens if token.id == asset), asset)


def _way(name: str, found: LiquidationPrice | AssetLiquidationPrice) -> str:
    return f"{clean(name, 12)} {price(found.price_usd)} {percent(found.distance)}"


def position_text(position: Position) -> str:
    """A position in a few words: `+40 wstETH`, `−25 ETH perp @ $2,080`, `−10 ETH C 2,400 28 Feb 26`."""
    match position:
        case Holding() | Supply():
            return (
                f"+{amount(scaled(position.raw, position.asset.decimals))} {clean(position.asset.symbol, 12)}"
            )
        case Debt():
            return (
                f"−{amount(scaled(position.raw, position.asset.decimals))} {clean(position.asset.symbol, 12)}"
            )
        case Perp():
            size = amount(scaled(position.size_raw, position.size_decimals))
            entry = amount(scaled(position.entry_price_raw, position.price_decimals))
            return f"{_plus(size)} {clean(position.underlying, 12)} perp @ ${entry}"
        case Option():
            size = amount(scaled(position.size_raw, position.size_decimals))
            strike = amount(scaled(position.strike_raw, position.price_decimals))
            day = "perpetual" if position.expiry is None else _day(position.expiry)
            return (
                f"{_plus(size)} {clean(position.underlying, 12)} {position.right[0].upper()} {strike} {day}"
            )
        case _:
            assert_never(position)


def _day(timestamp: int) -> str:
    try:
        return datetime.fromtimestamp(timestamp, tz=UTC).strftime("%d %b %y")
    except (OverflowError, OSError, ValueError):  # an expiry beyond the calendar
        return f"t={timestamp}"


def _plus(text: str) -> str:
    return text if text.startswith("−") else f"+{text}"


def _wrapped(parts: Iterable[str], width: int) -> list[str]:
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 2 + len(part) <= width:
            lines[-1] += f"  {part}"
        else:
            lines.append(part)
    return lines or [""]
