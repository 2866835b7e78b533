"""`crossmargin positions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import options

if TYPE_CHECKING:
    from aggregator.app import Answer


def positions(
    wallets: options.Wallets,
    *,
    rpc: options.Rpc = None,
    chain: options.Chain = None,
    adapter: options.AdapterName = None,
    block: options.BlockText = "latest",
    csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values on stdout.")] = False,
    allow_partial: options.AllowPartial = False,
    config: options.Config = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """List every position of a wallet with its value, without computing risk."""
    from aggregator import app  # noqa: PLC0415
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    if csv and json:
        raise BadConfiguration("--csv", "not together with --json")
    chosen = options.selection(wallets, rpc=rpc, chain=chain, adapter=adapter, block=block)
    answer = app.read(chosen, options.settings(config))
    answer_positions(answer, json=json, csv=csv, quiet=quiet, allow_partial=allow_partial)


def answer_positions(
    answer: Answer, *, json: bool, quiet: bool, allow_partial: bool, csv: bool = False
) -> None:
    """Print the positions of every wallet of an answer, and exit with the code of what is missing."""
    from cli import documents, envelope, exits  # noqa: PLC0415

    for number, portfolio in enumerate(answer.portfolios):
        data = documents.positions(portfolio)
        if json:
            envelope.write(envelope.of_portfolio("positions", portfolio, data))
        elif csv:
            _write_csv(_rows(data), header=number == 0)
        else:
            typer.echo(_screen(data, complete=portfolio.coverage.complete))
        for failure in portfolio.failures:
            typer.echo(f"not read: {failure.adapter} · {failure.deployment}: {failure.error}", err=True)
        if not quiet:
            for warning in portfolio.warnings:
                typer.echo(f"warning: {warning}", err=True)
    failures = [failure for portfolio in answer.portfolios for failure in portfolio.failures]
    nothing = not any(portfolio.coverage.ok for portfolio in answer.portfolios)
    code = exits.of_failures(failures, nothing_read=nothing)
    raise typer.Exit(exits.Exit.OK if allow_partial and code is exits.Exit.PARTIAL else code)


COLUMNS = (
    "wallet",
    "chain_id",
    "protocol",
    "account_id",
    "kind",
    "asset",
    "amount",
    "price_usd",
    "value_usd",
)


def _rows(data: dict[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for account in data["accounts"]:
        for p in account["positions"]:
            asset = p.get("symbol") or p.get("instrument") or p.get("market")
            amount = p.get("amount") or p.get("size")
            unit = p.get("price_usd") or p.get("mark_price") or p.get("mark") or ""
            who = (data["wallet"], str(account["chain_id"]), account["protocol"], account["account_id"])
            rows.append((*who, p["kind"], str(asset), str(amount), str(unit), p.get("value_usd", "")))
    return rows


def _write_csv(rows: list[tuple[str, ...]], *, header: bool) -> None:
    import csv  # noqa: PLC0415
    import sys  # noqa: PLC0415

    writer = csv.writer(sys.stdout, lineterminator="\n")
    if header:
        writer.writerow(COLUMNS)
    # A cell that starts like a formula would run in a spreadsheet: symbols come from chains.
    writer.writerows([["'" + c if c[:1] in "=@+" else c for c in row] for row in rows])


def _screen(data: dict[str, Any], *, complete: bool) -> str:
    from decimal import Decimal  # noqa: PLC0415

    from cli import text  # noqa: PLC0415
    from cli.table import table  # noqa: PLC0415

    if not data["accounts"]:
        return f"{data['wallet']}: {'no position found' if complete else 'nothing could be read'}"
    cells = []
    labels = {account["account_id"]: account["label"] for account in data["accounts"]}
    for _, _, _, account, kind, asset, amount, price, value in _rows(data):
        worth = text.usd(float(value)) if value else ""
        unit = text.price(float(price)) if price else ""
        cells.append((labels[account], kind, asset, text.amount(Decimal(amount)), unit, worth))
    header = ("account", "kind", "asset", "amount", "price", "value")
    return f"{data['wallet']}\n\n{table(header, cells, right=(3, 4, 5))}"
