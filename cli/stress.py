"""`crossmargin stress`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import options
from cli.health import Gate, codes_after, worst

if TYPE_CHECKING:
    from aggregator.app import Answer, StressRequest
    from aggregator.model.stresses import StressReport
    from aggregator.risk.scenarios import CustomScenario
    from aggregator.settings import Settings


def stress(
    wallets: options.SomeWallets = None,
    *,
    shock: options.Shock = None,
    vol: Annotated[
        str | None,
        typer.Option(
            metavar="MOVE",
            help="Move implied volatilities: +20 is 20 vol points, +20% a fifth of themselves; up and down "
            "are the standard shocks.",
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="STRESS", help="A named stress, as --list shows them (repeatable)."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Scenarios of a TOML file (docs/stress.md).")
    ] = None,
    grid: Annotated[
        str | None,
        typer.Option(
            metavar="AXES",
            help="Worth and survival over a grid, such as ETH=-50%..50%:11,BTC=-30%..30%:7; with --shock and "
            "--vol at every point.",
        ),
    ] = None,
    cascade: Annotated[
        bool,
        typer.Option(
            "--cascade",
            help="Also show what liquidations follow from each, and what they cost (not with --csv).",
        ),
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="Show the named stresses and stop.")] = False,
    rpc: options.Rpc = None,
    chain: options.Chain = None,
    adapter: options.AdapterName = None,
    block: options.BlockText = "latest",
    confirm: options.Confirm = None,
    demo: options.Demo = False,
    csv: options.Csv = False,
    warn_under: options.WarnUnder = None,
    fail_under: options.FailUnder = None,
    allow_partial: options.AllowPartial = False,
    config: options.Config = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what price moves, named stresses or a grid of them would do to every account and to the whole.

    Without a scenario all named stresses are shown. Gates judge the state after each scenario, and at each
    point of a grid whether accounts and the whole survive.
    """
    from aggregator import app  # noqa: PLC0415  # --help must not pay for it
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    settings = options.settings(config)
    if list_:
        if wallets or demo or csv:
            raise BadConfiguration("--list", "shows the named stresses: give no wallet with it, nor --csv")
        _list(settings, json=json)
        return
    options.one_output(csv=csv, json=json)
    request = replace(_request(shock or [], vol, name or [], file, grid), cascades=cascade)
    if cascade and csv:
        raise BadConfiguration("--cascade", "has no rows of its own here: `plan liquidation --csv` has them")
    if cascade and grid is not None:
        raise BadConfiguration("--cascade", "follows scenarios, not the points of a grid: leave --grid out")
    if csv and request.grid and (request.names or request.custom):
        raise BadConfiguration("--csv", "is one table: give either --grid or --name and --file")
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
    reports = app.stress(answer, request)
    detailed = bool(request.names or request.custom)
    _show(answer, reports, json=json, csv=csv, quiet=quiet, detailed=detailed)
    gate = Gate(warn_under=warn_under, fail_under=fail_under, allow_partial=allow_partial)
    raise typer.Exit(worst(code for report in reports for code in _codes(report, gate)))


def _request(
    shock: list[str], vol: str | None, name: list[str], file: Path | None, grid: str | None
) -> StressRequest:
    from aggregator import app  # noqa: PLC0415
    from cli import shocks  # noqa: PLC0415

    custom = []
    moved = shocks.shocked(shock, vol)
    if (shock or vol) and not grid:
        custom.append((moved, ""))
    if file is not None:
        custom += shocks.scenarios_of(file)
    points: tuple[CustomScenario, ...] = ()
    if grid is not None:
        from aggregator.risk.stress import grid_points  # noqa: PLC0415

        points = grid_points(shocks.grid_axes(grid), moved)
    everything = not (custom or name or points)
    return app.StressRequest(names=tuple(name), everything=everything, custom=tuple(custom), grid=points)


def _codes(report: StressReport, gate: Gate) -> list[int]:
    """The codes of the states that gates judge; a grid's points have no score, but they survive or don't."""
    from cli.exits import Exit  # noqa: PLC0415

    gated = gate.warn_under is not None or gate.fail_under is not None
    codes = codes_after([outcome.after for outcome in report.outcomes] or [report.today], gate)
    for point in report.grid:
        if gated and (point.liquidatable or not point.survives):
            codes.append(Exit.LIQUIDATABLE if point.liquidatable else Exit.CRITICAL)
        elif point.unknown and not gate.allow_partial:
            codes.append(Exit.PARTIAL)
    return codes


def _list(settings: Settings, *, json: bool) -> None:
    from aggregator import app  # noqa: PLC0415
    from cli import change_documents, envelope, stress_screen  # noqa: PLC0415

    found = app.named_stresses(settings)
    if json:
        data = {"named": [change_documents.named(one) for one in found]}
        envelope.write(envelope.envelope("stress", data))
    else:
        typer.echo(stress_screen.listed(found))


def _show(
    answer: Answer,
    reports: tuple[StressReport, ...],
    *,
    json: bool,
    csv: bool,
    quiet: bool,
    detailed: bool,
) -> None:
    from cli import change_documents, envelope, stress_rows, stress_screen  # noqa: PLC0415
    from cli.screen import provenance  # noqa: PLC0415

    for number, report in enumerate(reports):
        portfolio = report.today.portfolio
        if json:
            data = change_documents.stress(report, answer.names.get(portfolio.wallet))
            envelope.write(envelope.of_portfolio("stress", portfolio, data))
        elif csv:
            stress_rows.write(report, header=number == 0)
        else:
            source = provenance(answer, portfolio)
            typer.echo(stress_screen.screen(report, source, every_account=detailed))
        options.tell_portfolio(portfolio, failures=csv, quiet=quiet)
