"""`crossmargin plan calendar`."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import options

if TYPE_CHECKING:
    from aggregator.app import Answer
    from aggregator.model.calendars import Calendar, CalendarEvent
    from aggregator.model.portfolio import Portfolio
    from cli.screen import Provenance

COLUMNS = ("wallet", "time", "days", "event", "account_id", "threshold", "instrument", "size")
LONGEST_DAYS = 3_650


def calendar(
    wallets: options.SomeWallets = None,
    *,
    days: Annotated[
        int, typer.Option(metavar="DAYS", min=1, max=LONGEST_DAYS, help="How far to look ahead.")
    ] = 365,
    rpc: options.Rpc = None,
    chain: options.Chain = None,
    adapter: options.AdapterName = None,
    block: options.BlockText = "latest",
    confirm: options.Confirm = None,
    demo: options.Demo = False,
    save: options.SaveStudy = False,
    csv: options.Csv = False,
    allow_partial: options.AllowPartial = False,
    config: options.Config = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show when interest, borrowing and funding alone cost accounts their health, and what expires.

    Prices and rates stay as they are: what comes first if nothing else happens.
    """
    from aggregator import app  # noqa: PLC0415  # --help must not pay for it
    from cli import exits  # noqa: PLC0415

    options.one_output(csv=csv, json=json)
    settings = options.settings(config)
    answer = options.answer(
        wallets,
        settings,
        demo=demo,
        quiet=quiet,
        rpc=rpc,
        chain=chain,
        adapter=adapter,
        block=block,
        confirm=confirm,
    )
    found = app.calendars(answer, days)
    _show(answer, found, json=json, csv=csv, quiet=quiet)
    if save:
        options.tell_saved(app.save_calendars(answer, found, settings))
    raise typer.Exit(exits.of_portfolios(answer.portfolios, allow_partial=allow_partial))


def _show(answer: Answer, found: tuple[Calendar, ...], *, json: bool, csv: bool, quiet: bool) -> None:
    from cli import envelope, rows  # noqa: PLC0415
    from cli.screen import provenance  # noqa: PLC0415

    for number, (one, portfolio) in enumerate(zip(found, answer.portfolios, strict=True)):
        if json:
            data = document(one, answer.names.get(one.wallet))
            envelope.write(envelope.of_portfolio("plan calendar", portfolio, data))
        elif csv:
            lines = [_row(one, event) for event in one.events]
            rows.write(COLUMNS, lines, numbers=("time", "days", "threshold", "size"), header=number == 0)
        else:
            typer.echo(screen(one, portfolio, provenance(answer, portfolio)))
        options.tell_portfolio(portfolio, failures=csv, quiet=quiet)


def document(found: Calendar, name: str | None = None) -> dict[str, Any]:
    """A calendar as the `data` of an envelope; `name` is the wallet's own in ENS."""
    from cli.envelope import usd  # noqa: PLC0415
    from cli.text import clean  # noqa: PLC0415

    return {
        "wallet": found.wallet,
        "name": name,
        "horizon_days": found.horizon_days,
        "events": [
            {
                "time": event.time,
                "days": event.days,
                "event": event.kind,
                "account_id": event.account_id,
                "label": clean(event.label, 100),
                "threshold": event.threshold,
                "instrument": None if event.instrument is None else clean(event.instrument, 100),
                "size": event.size,
            }
            for event in found.events
        ],
        "accounts": [
            {
                "account_id": one.account_id,
                "label": clean(one.label, 100),
                "carry_usd_day": None if one.carry_usd_day is None else usd(one.carry_usd_day),
                "judged": one.judged,
            }
            for one in found.accounts
        ],
    }


def screen(found: Calendar, portfolio: Portfolio, source: Provenance) -> str:
    """The timeline, then what accounts cost a day. 100 columns."""
    from cli.screen import header, incomplete  # noqa: PLC0415
    from cli.table import table  # noqa: PLC0415
    from cli.text import shortened, usd  # noqa: PLC0415

    lines = [
        (
            _date(event.time),
            f"{event.days:,.1f}",
            shortened(event.label, 34),
            shortened(_sentence(event), 36),
        )
        for event in found.events
    ]
    title = f"at today's prices and rates, over {found.horizon_days:,} days"
    timeline = table(("date (UTC)", "days", "account", "what"), lines, right=(1,)) if lines else "nothing"
    carry = [
        (
            shortened(one.label, 48),
            "unknown" if one.carry_usd_day is None else usd(one.carry_usd_day),
            "its own test can't be followed in time" if one.judged is False else "",
        )
        for one in found.accounts
    ]
    accounts = table(("account", "a day", ""), carry, right=(1,)) if carry else ""
    blocks = [
        header(portfolio, source),
        incomplete(portfolio),
        textwrap.indent(f"{title}\n\n{timeline}", "  "),
        textwrap.indent(accounts, "  "),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _sentence(event: CalendarEvent) -> str:
    if event.kind == "expiry":
        held = "" if event.size is None else f"{event.size:+g} "
        return f"{held}{event.instrument} expires"
    if event.kind == "liquidation":
        return "fails its own test"
    return f"own health falls below {event.threshold:g}"


def _row(found: Calendar, event: CalendarEvent) -> tuple[str, ...]:
    def text(value: object) -> str:
        return "" if value is None else str(value)

    return (
        found.wallet,
        str(event.time),
        repr(event.days),
        event.kind,
        event.account_id,
        text(event.threshold),
        text(event.instrument),
        text(event.size),
    )


def _date(time: int) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M}"
