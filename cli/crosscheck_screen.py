"""A cross-check for a terminal. 100 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from aggregator.model.units import EXACT, checksum
from cli import account_table, text
from cli.screen import Provenance, header, incomplete, owned
from cli.table import table

if TYPE_CHECKING:
    from aggregator.app import CrossCheck, CrossChecked
    from aggregator.app.crosschecks import Compared, Comparison
    from aggregator.model.portfolio import Portfolio


def screen(portfolio: Portfolio, check: CrossCheck, found: CrossChecked) -> str:
    """Each comparison as a table, and what was not compared, and why."""
    source = Provenance(found.answer.chain_names)
    blocks = [header(portfolio, source), incomplete(portfolio)]
    columns = ("kind", "asset", "contracts", "subgraph", "difference", "verdict")
    for comparison in check.comparisons:
        cells = [_cells(one) for one in comparison.positions]
        shown = table(columns, cells, right=(2, 3, 4)) if cells else "no position in either"
        blocks += [_filled(_title(comparison)), textwrap.indent(shown, "  ")]
    if check.uncovered:
        names = ", ".join(dict.fromkeys(account_table.label(account, 48) for account in check.uncovered))
        blocks.append(_filled(f"Not compared, no subgraph is configured for it: {names}"))
    if check.uncounted:
        names = ", ".join(
            f"{text.short_address(checksum(h.address))} ({text.clean(h.how, 80)})" for h in check.uncounted
        )
        blocks.append(_filled(f"Not compared, not counted for this wallet: {names}"))
    blocks.append(owned(portfolio, source))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _title(comparison: Comparison) -> str:
    """Which deployment and subgraph, of whom, and how that address is the wallet's."""
    entry, path = comparison.subgraph, comparison.path
    whose = ""
    if comparison.how:
        steps = " → ".join(text.short_address(checksum(address)) for address in path)
        whose = f" of {steps} ({text.clean(comparison.how, 80)})"
    behind = f", {comparison.lag:,} blocks behind" if comparison.lag else ""
    return (
        f"{text.clean(comparison.deployment, 48)}{whose} beside subgraph {entry.name} ({entry.kind}) "
        f"at block {comparison.number:,}{behind}"
    )


def _filled(sentence: str) -> str:
    return textwrap.fill(sentence, 98, initial_indent="  ", subsequent_indent="  ")


def _cells(one: Compared) -> tuple[str, ...]:
    ours, theirs = one.ours, one.theirs
    difference = text.amount(EXACT.subtract(ours.amount, theirs.amount)) if ours and theirs else ""
    rate = "" if one.judged.rate is None else f" ({text.percent(one.judged.rate)} a year)"
    proven = "" if one.judged.proven_at is None else ", proven"
    return (
        one.kind,
        text.clean(one.name, 24),
        text.amount(ours.amount) if ours else "–",
        text.amount(theirs.amount) if theirs else "–",
        difference,
        f"{one.judged.verdict}{rate}{proven}",
    )
