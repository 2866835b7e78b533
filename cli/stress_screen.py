"""What stresses do to a wallet, for a terminal: a line for each, then accounts, then a grid. 100 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from cli import change_table, liquidation_screen
from cli.account_table import label
from cli.screen import Provenance, header, incomplete
from cli.table import table
from cli.text import WIDTH, clean, percent, usd

if TYPE_CHECKING:
    from aggregator.model.stresses import GridPoint, StressOutcome, StressReport
    from aggregator.risk.named import NamedStress


def screen(report: StressReport, source: Provenance, *, every_account: bool) -> str:
    """The stresses of one wallet; accounts of each where `every_account`, else of the worst alone."""
    today = report.today
    blocks = [header(today.portfolio, source), incomplete(today.portfolio)]
    if today.risk.score is None:
        blocks.append("  no position found" if today.portfolio.coverage.complete else "")
        return _joined(blocks)
    if report.outcomes:
        blocks.append(_summary(report))
    worst = max(report.outcomes, key=lambda one: one.loss_usd, default=None)
    shown = [outcome for outcome in report.outcomes if every_account or outcome is worst]
    blocks += [_detail(report, outcome) for outcome in shown]
    if report.grid:
        blocks.append(_grid(report))
    if len(report.outcomes) > 1 and not every_account:
        blocks.append("  accounts are those of the largest loss; of another one with --name NAME")
    return _joined(blocks)


def listed(stresses: tuple[NamedStress, ...]) -> str:
    """The named stresses of the configuration."""
    lines = []
    for stress in stresses:
        lines.append(f"{clean(stress.name, 40)}   {clean(stress.period, 60)}: {clean(stress.title, 80)}")
        lines += textwrap.wrap(
            _moves(tuple(stress.moves.items())), WIDTH, initial_indent="  ", subsequent_indent="  "
        )
    return "\n".join(lines)


def _joined(blocks: list[str]) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"


def _names(report: StressReport) -> dict[str, str]:
    return {account.id: label(account, 40) for account in report.today.portfolio.accounts}


def _summary(report: StressReport) -> str:
    names = _names(report)
    risk = report.today.risk
    rows = [("today", "", usd(risk.equity_usd), _score(risk.score), risk.unified_band.value, "")]
    for one in report.outcomes:
        after = one.after
        rows.append(
            (
                clean(one.name, 24),
                usd(-one.loss_usd),
                usd(after.risk.equity_usd),
                _score(after.risk.score),
                after.risk.unified_band.value,
                "unknown" if after.unknown and not after.liquidatable else _liquidated(names, one),
            )
        )
    columns = ("stress", "gain", "equity", "score", "whole", "its protocols may liquidate")
    return textwrap.indent(table(columns, rows, right=(1, 2, 3)), "  ")


def _liquidated(names: dict[str, str], one: StressOutcome) -> str:
    return change_table.named(names, one.after.liquidatable, 36) or "–"


def _score(score: float | None) -> str:
    return "–" if score is None else f"{score:.0f}"


def _detail(report: StressReport, one: StressOutcome) -> str:
    title = f"{clean(one.name, 40)}   {clean(one.title, 100)}".rstrip()
    moved = f"{_moves(one.moves)} · others {percent(one.elsewhere)}" if one.elsewhere else _moves(one.moves)
    lines = [*textwrap.wrap(title, WIDTH - 2)]
    lines += textwrap.wrap(
        " · ".join(part for part in (moved, f"volatility: {one.volatility}") if part), WIDTH - 2
    )
    for sentence in one.told:
        lines += textwrap.wrap(f"note: {clean(sentence, 400)}", WIDTH - 2)
    head = textwrap.indent("\n".join(lines), "  ")
    whole = change_table.whole(report.today.risk, one.after.risk, complete=not one.after.unknown)
    blocks = [head, whole, change_table.accounts(report.today, one.after)]
    if one.cascade is not None:
        blocks += ["  what follows", liquidation_screen.steps(one.cascade)]
    return "\n\n".join(blocks)


def _moves(moves: tuple[tuple[str, float], ...]) -> str:
    return " · ".join(f"{clean(name, 20)} {percent(change)}" for name, change in moves)


def _grid(report: StressReport) -> str:
    names = _names(report)
    axes = [name for name, _ in report.grid[0].moves]
    moving = [i for i in range(len(axes)) if len({point.moves[i][1] for point in report.grid}) > 1]
    if len(moving) == 2:
        return _plane(report.grid, moving[0], moving[1])
    rows = [
        (
            *(percent(point.moves[i][1]) for i in moving),
            usd(-point.loss_usd),
            usd(point.equity_usd),
            "yes" if point.survives else "NO",
            "unknown"
            if point.unknown and not point.liquidatable
            else change_table.named(names, point.liquidatable, 36) or "–",
        )
        for point in report.grid
    ]
    columns = (*(clean(axes[i], 16) for i in moving), "gain", "equity", "survives")
    right = tuple(range(len(moving) + 2))
    text = table((*columns, "its protocols may liquidate"), rows, right=right)
    return textwrap.indent(text, "  ")


def _plane(grid: tuple[GridPoint, ...], down: int, across: int) -> str:
    """Equity over two axes; `!` where an account can be liquidated, `X` where the whole is insolvent."""
    columns = list(dict.fromkeys(point.moves[across][1] for point in grid))
    rows: dict[float, list[str]] = {}
    for point in grid:
        mark = "X" if not point.survives else "!" if point.liquidatable else "?" if point.unknown else " "
        rows.setdefault(point.moves[down][1], [percent(point.moves[down][1])]).append(
            f"{usd(point.equity_usd)}{mark}"
        )
    names = clean(grid[0].moves[down][0], 12), clean(grid[0].moves[across][0], 12)
    room = max(2, (WIDTH - 14) // 11)
    blocks = []
    for start in range(0, len(columns), room):
        part = columns[start : start + room]
        header = (f"{names[0]} \\ {names[1]}", *(f"{percent(change)} " for change in part))
        body = [(row[0], *row[1 + start : 1 + start + len(part)]) for row in rows.values()]
        blocks.append(table(header, body, right=tuple(range(len(part) + 1))))
    told = (
        "equity   ! an account can be liquidated   ? one's own health is unknown   X the whole is insolvent"
    )
    return textwrap.indent("\n\n".join([*blocks, told]), "  ")
