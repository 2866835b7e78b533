"""`crossmargin record`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import options


def record(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the recording goes.")],
    wallets: options.Wallets,
    *,
    rpc: options.Rpc = None,
    chain: options.Chain = None,
    adapter: options.AdapterName = None,
    block: options.BlockText = "latest",
    crosscheck: Annotated[
        bool, typer.Option("--crosscheck", help="Also what subgraphs say, for `replay FILE crosscheck`.")
    ] = False,
    history: Annotated[
        bool,
        typer.Option("--history", help="With --crosscheck: also contracts at positions' last events."),
    ] = False,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Read wallets and keep every reply in one portable file, without URLs or keys."""
    from aggregator import app  # noqa: PLC0415
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415
    from cli import envelope, exits  # noqa: PLC0415
    from cli.text import told  # noqa: PLC0415

    if history and not crosscheck:
        raise BadConfiguration("--history", "only with --crosscheck")
    settings = options.settings(config)
    selection = options.selection(wallets, settings, rpc=rpc, chain=chain, adapter=adapter, block=block)
    if crosscheck:
        checked = app.crosscheck(selection, settings, history=history, record_to=file)
        answer, beside = checked.answer, [failure for one in checked.checks for failure in one.failures]
    else:
        answer, beside = app.read_with_markets(selection, settings, record_to=file), []
    failures = [*(failure for portfolio in answer.portfolios for failure in portfolio.failures), *beside]
    if json:
        data = {"file": file.name, "bytes": file.stat().st_size, "wallets": list(selection.wallets)}
        for portfolio in answer.portfolios:
            envelope.write(envelope.of_portfolio("record", portfolio, data))
    else:
        typer.echo(f"{file.name}: {len(answer.portfolios)} wallet(s), {file.stat().st_size:,} bytes")
        for failure in failures:
            typer.echo(f"not read: {told(failure)}", err=True)
    nothing = all(portfolio.nothing_read for portfolio in answer.portfolios)
    raise typer.Exit(exits.of_failures(failures, nothing_read=nothing))
