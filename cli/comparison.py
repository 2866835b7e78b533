"""The same book under several margin methods, for people."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from cli.table import table
from cli.text import WIDTH, percent, usd

if TYPE_CHECKING:
    from aggregator.model.comparison import Comparison

_NAMES = {
    "legs_isolated": "each position alone",
    "silos_isolated": "each account alone",
    "native": "the protocols today",
    "span": "SPAN",
    "exchange_portfolio_margin": "exchange portfolio margin",
    "value_at_risk": "value at risk",
    "ours": "crossmargin",
}


def screen(beside: Comparison) -> str:
    """A line for each method, and below a sentence for each that says why it differs; 100 columns."""
    rows, why = [], {}
    for row in beside.rows:
        name = f"{_NAMES[row.method]} {row.variant}".strip()
        saved = "–" if row.capital_efficiency is None else percent(row.capital_efficiency)
        rows.append((name, usd(row.requirement_usd), saved))
        why[_NAMES[row.method]] = row.why
    whys = [
        line
        for name, said in why.items()
        for line in textwrap.wrap(f"{name}: {said}.", WIDTH - 4, subsequent_indent="  ")
    ]
    whys += [line for told in beside.missing for line in textwrap.wrap(f"{told}.", WIDTH - 4)]
    shown = table(("what is asked of this book by", "requirement", "ours saves"), rows, right=(1, 2))
    return "\n".join(
        [
            "  The same book under other rules",
            textwrap.indent(shown, "  "),
            "",
            *(f"  {line}" for line in whys),
            "",
        ]
    )
