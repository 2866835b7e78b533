"""`crossmargin plan`: what would be liquidated, and what would prevent it."""

from __future__ import annotations

import typer

from cli import plan_calendar, plan_liquidation, plan_repair

app = typer.Typer(
    help="See liquidations coming, and find the cheapest steps that prevent them. Nothing is signed or sent.",
    no_args_is_help=True,
)
app.command("liquidation")(plan_liquidation.liquidation)
app.command("repair")(plan_repair.repair)
app.command("calendar")(plan_calendar.calendar)
