"""Stresses as rows: one for the whole (without an account), one for each account; or one for a grid point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import rows
from cli.change_documents import of_either, unknown
from cli.envelope import usd
from cli.text import clean

if TYPE_CHECKING:
    from aggregator.model.stresses import Reassessed, StressReport

CHANGE = (
    "equity_usd",
    "equity_after_usd",
    "native_health",
    "native_health_after",
    "liquidatable",
    "liquidatable_after",
    "score",
    "score_after",
    "band",
    "band_after",
)
OUTCOMES = ("wallet", "stress", "account_id", *CHANGE, "survives", "native_unknown")
GRID = ("wallet", "moves", "equity_usd", "loss_usd", "survives", "liquidatable", "native_unknown")


def write(report: StressReport, *, header: bool) -> None:
    """Print the outcomes of one wallet, or its grid where it has one."""
    wallet = report.today.portfolio.wallet
    if report.grid:
        points = [
            (
                wallet,
                " ".join(f"{clean(name, 96)}={change:.12g}" for name, change in point.moves),
                usd(point.equity_usd),
                usd(point.loss_usd),
                _flag(point.survives),
                " ".join(point.liquidatable),
                " ".join(point.unknown),
            )
            for point in report.grid
        ]
        rows.write(GRID, points, numbers=("equity_usd", "loss_usd"), header=header)
        return
    lines = [
        (wallet, clean(outcome.name, 64), *line[:-1], _flag(outcome.after.survives), line[-1])
        for outcome in report.outcomes
        for line in changes(report.today, outcome.after)
    ]
    rows.write(OUTCOMES, lines, numbers=CHANGE, header=header)


def changes(before: Reassessed, after: Reassessed) -> list[tuple[str, ...]]:
    """The account (empty for the whole), the columns of CHANGE, and why a health is unknown after."""
    one, other = before.risk, after.risk
    found: list[tuple[str, ...]] = [
        (
            "",
            usd(one.equity_usd),
            usd(other.equity_usd),
            "",
            "",
            _flag(bool(before.liquidatable)),
            _flag(bool(after.liquidatable)),
            _number(one.score),
            _number(other.score),
            one.band.value,
            other.band.value,
            "",
        )
    ]
    why = unknown(after)
    for account in of_either(before, after):
        was, then = before.account(account.id), after.account(account.id)
        lost = account.id in why
        found.append(
            (
                account.id,
                "" if was is None else usd(was.equity_usd),
                "" if then is None else usd(then.equity_usd),
                "" if was is None else _number(was.native_health),
                "" if then is None else _number(then.native_health),
                "" if was is None else _flag(was.liquidatable),
                "" if then is None or lost else _flag(then.liquidatable),
                *[""] * 4,
                why.get(account.id, ""),
            )
        )
    return found


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)
