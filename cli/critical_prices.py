"""Critical prices and the joint reverse stress, for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aggregator.model.positions import Debt, Holding, Supply
from cli.account_table import label
from cli.table import table
from cli.text import clean, percent, price

if TYPE_CHECKING:
    from aggregator.app import Checked
    from aggregator.model.distance import CriticalPrice, Distance


def factor_name(checked: Checked, factor: str) -> str:
    """An underlying as people call it: the symbol of a token that is its own, whose name is its id."""
    positions = (position for account in checked.portfolio.accounts for position in account.positions)
    symbols: dict[str, str] = {
        p.asset.id: p.asset.symbol for p in positions if isinstance(p, Holding | Supply | Debt)
    }
    return clean(symbols.get(factor, factor), 24)


def critical_prices(checked: Checked, distance: Distance) -> Iterator[str]:
    """A row for each thing that may move, then the move of all together."""
    if distance.prices:
        yield "Until the equity of the whole is used up, and until the first account fails its own test:"
        header = ("what moves", "the others", "whole, down", "whole, up", "first account")
        keys = dict.fromkeys((p.factor, p.kind, p.others) for p in distance.prices)
        rows = [_row(checked, distance, key) for key in keys]
        yield from textwrap.indent(table(header, rows), "  ").splitlines()
    else:
        yield "No single price uses up the whole or fails an account, from a hundredth to a hundredfold."
    joint = distance.joint
    if joint is None:
        yield "No joint move of all underlyings uses up the whole, from a hundredth to a hundredfold."
    elif joint.mahalanobis == 0.0:
        yield "The equity of the whole is used up already."
    else:
        moves = ", ".join(f"{factor_name(checked, name)} {percent(move)}" for name, move in joint.moves)
        yield (
            f"The likeliest joint move that uses up the whole: {moves}; {joint.mahalanobis:,.1f} standard "
            "deviations of a day away."
        )


def _row(checked: Checked, distance: Distance, key: tuple[str, str, str]) -> tuple[str, ...]:
    found = [p for p in distance.prices if (p.factor, p.kind, p.others) == key]
    factor, kind, others = key
    whole = {p.direction: _text(p) for p in found if p.account_id is None}
    accounts = [p for p in found if p.account_id is not None]
    nearest = min(accounts, key=lambda p: abs(p.distance), default=None)
    return (
        factor_name(checked, factor) + (" (its peg)" if kind == "peg" else ""),
        "stand still" if others == "still" else "as usual",
        whole.get("down", "–"),
        whole.get("up", "–"),
        "–" if nearest is None else f"{_text(nearest)} {_label(checked, nearest)}",
    )


def _label(checked: Checked, found: CriticalPrice) -> str:
    account = next(a for a in checked.portfolio.accounts if a.id == found.account_id)
    return label(account, 24)


def _text(found: CriticalPrice) -> str:
    at = "" if found.price_usd is None else f"{price(found.price_usd)} "
    return f"{at}{percent(found.distance)}"
