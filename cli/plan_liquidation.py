"""`crossmargin plan liquidation`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import options
from cli.health import Gate, codes_after, worst

if TYPE_CHECKING:
    from aggregator.app import Answer, LiquidationRequest
    from aggregator.model.liquidations import LiquidationReport


def liquidation(
    wallets: options.SomeWallets = None,
    *,
    shock: options.Shock = None,
    vol: Annotated[
        str | None,
        typer.Option(metavar="MOVE", help="Move implied volatilities, as in `stress`."),
    ] = None,
    stress: Annotated[
        list[str] | None,
        typer.Option(metavar="STRESS", help="A named stress, as `stress --list` shows them (repeatable)."),
    ] = None,
    path: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Prices that move on: a CSV file with a column for each name and a row for each moment, in "
            "percent from today (docs/plans.md).",
        ),
    ] = None,
    lag: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[PROTOCOL=]N",
            help="Oracles are N rounds late, all of them or those of a protocol, in a table of borrowers too "
            "(repeatable).",
        ),
    ] = None,
    borrowers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Other people's loans, liquidated beside the wallet's: CSV, Parquet or JSON lines "
            "(docs/plans.md).",
        ),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Liquidations and bad debt at risk over N of the framework's draws."
        ),
    ] = None,
    rpc: options.Rpc = None,
    chain: options.Chain = None,
    adapter: options.AdapterName = None,
    block: options.BlockText = "latest",
    confirm: options.Confirm = None,
    demo: options.Demo = False,
    save: options.SaveStudy = False,
    csv: options.Csv = False,
    warn_under: options.WarnUnder = None,
    fail_under: options.FailUnder = None,
    allow_partial: options.AllowPartial = False,
    config: options.Config = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show which accounts would be liquidated one after another, at which prices, and what that costs.

    Without a scenario: the ladder of prices at which each account is liquidated. Sales move prices by depth,
    and bad debt falls to whom each protocol says. Gates judge the state after each cascade.
    """
    from aggregator import app  # noqa: PLC0415  # --help must not pay for it

    options.one_output(csv=csv, json=json)
    request = _request(shock or [], vol, stress or [], path, lag or [], borrowers, draws)
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
    reports = app.liquidations(answer, request)
    _show(answer, reports, json=json, csv=csv, quiet=quiet)
    if save:
        options.tell_saved(app.save_liquidations(answer, reports, request, settings))
    gate = Gate(warn_under=warn_under, fail_under=fail_under, allow_partial=allow_partial)
    sides = [side for one in reports for side in [o.after for o in one.outcomes] or [one.today]]
    raise typer.Exit(worst(codes_after(sides, gate)))


def _request(
    shock: list[str],
    vol: str | None,
    names: list[str],
    path: Path | None,
    lag: list[str],
    borrowers: Path | None,
    draws: int | None,
) -> LiquidationRequest:
    from aggregator import app  # noqa: PLC0415
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415
    from cli import shocks  # noqa: PLC0415

    custom = []
    if shock or vol is not None:
        custom.append((shocks.shocked(shock, vol), ""))
    everybody, late = 0, dict[str, int]()
    for text in lag:
        protocol, separator, count = text.rpartition("=")
        if not count.isdecimal() or int(count) > shocks.MOST_LAG or (separator and not protocol):
            raise BadConfiguration(
                "--lag", f"{text!r}: give rounds from 0 to {shocks.MOST_LAG}, such as 1 or aave_v3=2"
            )
        if protocol:
            late[protocol] = int(count)
        else:
            everybody = int(count)
    return app.LiquidationRequest(
        stresses=app.StressRequest(names=tuple(names), custom=tuple(custom)),
        path=() if path is None else tuple(shocks.path_of(path)),
        lag=everybody,
        lags=late,
        borrowers=None if borrowers is None else app.read_borrowers(borrowers),
        draws=draws,
    )


def _show(
    answer: Answer, reports: tuple[LiquidationReport, ...], *, json: bool, csv: bool, quiet: bool
) -> None:
    from cli import envelope, liquidation_documents, liquidation_screen  # noqa: PLC0415
    from cli.screen import provenance  # noqa: PLC0415

    for number, report in enumerate(reports):
        portfolio = report.today.portfolio
        if json:
            data = liquidation_documents.report(report, answer.names.get(portfolio.wallet))
            envelope.write(envelope.of_portfolio("plan liquidation", portfolio, data))
        elif csv:
            liquidation_screen.write_rows(report, header=number == 0)
            for line in liquidation_screen.notes(report):
                typer.echo(line, err=True)
        else:
            typer.echo(liquidation_screen.screen(report, provenance(answer, portfolio)))
        options.tell_portfolio(portfolio, failures=csv, quiet=quiet)
