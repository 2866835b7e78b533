"""`crossmargin index`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import options
from cli.query import Parameters, given_parameters, sql_from_stdin

if TYPE_CHECKING:
    from aggregator.app.wallet_lists import Source
    from aggregator.settings import Settings


def index(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Wallets as CSV (or one per line) or Parquet."),
    ] = None,
    *,
    query: Annotated[
        str | None,
        typer.Option("--query", metavar="NAME", help="The wallets that a query answers; -: SQL from stdin."),
    ] = None,
    param: Parameters = None,
    column: Annotated[
        str | None,
        typer.Option(
            "--column", metavar="NAME", help="Where wallets are; else `wallet`, `address`, or the only one."
        ),
    ] = None,
    rpc: options.Rpc = None,
    chain: options.Chain = None,
    adapter: options.AdapterName = None,
    block: options.BlockText = "latest",
    confirm: options.Confirm = None,
    block_size: Annotated[
        int,
        typer.Option("--block-size", min=1, max=2_000, metavar="N", help="Wallets that are read together."),
    ] = 250,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew at new blocks, although a run has not ended.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the wallets and say what would be done.")
    ] = False,
    allow_partial: options.AllowPartial = False,
    config: options.Config = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Read any number of wallets at one block per chain, each into a snapshot.

    The same command goes on where a former one was ended.
    """
    from aggregator.app import chain_names, indexing  # noqa: PLC0415
    from cli.index_output import Teller, tell_plan  # noqa: PLC0415

    settings = options.settings(config)
    selection = options.selection(
        [], settings, rpc=rpc, chain=chain, adapter=adapter, block=block, confirm=confirm
    )
    source = _source(file, query, param, column, settings)
    names = chain_names(settings)
    if dry_run:
        planned = indexing.plan(source, selection, settings, restart=restart)
        tell_plan(source, planned, names, block_size, json=json)
        return
    teller = Teller(source, names, json=json, quiet=quiet)
    try:
        indexing.index(source, selection, settings, block_size=block_size, restart=restart, told=teller.hear)
    except KeyboardInterrupt:
        raise typer.Exit(teller.interrupted()) from None
    except BaseException:
        teller.stopped()
        raise
    raise typer.Exit(teller.ended(allow_partial=allow_partial))


def _source(
    file: Path | None, query: str | None, param: list[str] | None, column: str | None, settings: Settings
) -> Source:
    from aggregator.app import wallet_lists  # noqa: PLC0415
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    if (file is None) == (query is None):
        raise BadConfiguration("index", "say where the wallets are: a file, or --query NAME")
    if file is not None:
        if param:
            raise BadConfiguration("-p", "parameters belong to --query")
        return wallet_lists.of_file(file, column)
    given = given_parameters(param)
    if query == "-":
        return wallet_lists.of_query("sql", sql_from_stdin(), given, settings, column)
    return wallet_lists.of_query(query or "", None, given, settings, column)
