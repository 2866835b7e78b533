"""`crossmargin positions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from cli import options

if TYPE_CHECKING:
    from aggregator.app import Answer
    from aggregator.model.portfolio import Portfolio


def positions(
    wallets: options.Wallets,
    *,
    rpc: options.Rpc = None,
    chain: options.Chain = None,
    adapter: options.AdapterName = None,
    block: options.BlockText = "latest",
    confirm: options.Confirm = None,
    csv: options.Csv = False,
    allow_partial: options.AllowPartial = False,
    config: options.Config = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """List every position of a wallet with its value, without computing risk."""
    options.one_output(csv=csv, json=json)
    settings = options.settings(config)
    chosen = options.selection(
        wallets, settings, rpc=rpc, chain=chain, adapter=adapter, block=block, confirm=confirm
    )
    answer = options.read(chosen, settings, quiet=quiet)
    _answer(answer, json=json, csv=csv, quiet=quiet, allow_partial=allow_partial)


def _answer(answer: Answer, *, json: bool, csv: bool, quiet: bool, allow_partial: bool) -> None:
    """Print the positions of every wallet of an answer, and exit with the code of what is missing."""
    from cli import documents, envelope, exits, rows  # noqa: PLC0415

    for number, portfolio in enumerate(answer.portfolios):
        data = documents.positions(portfolio, answer.names.get(portfolio.wallet))
        if json:
            envelope.write(envelope.of_portfolio("positions", portfolio, data))
        elif csv:
            found = [*_rows(data), *_unread(portfolio)]
            rows.write(COLUMNS, found, numbers=("amount", "price_usd", "value_usd"), header=number == 0)
        else:
            typer.echo(_screen(portfolio, answer, data))
        options.tell_portfolio(portfolio, failures=json or csv, quiet=quiet)
    raise typer.Exit(exits.of_portfolios(answer.portfolios, allow_partial=allow_partial))


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
    "error",
)


def _rows(data: dict[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for account in data["accounts"]:
        for p in account["positions"]:
            asset = p.get("symbol") or p.get("instrument") or p.get("market")
            amount = p.get("amount") or p.get("size")
            unit = p.get("price_usd") or p.get("mark_price") or p.get("mark") or ""
            who = (data["wallet"], str(account["chain_id"]), account["protocol"], account["account_id"])
            rows.append((*who, p["kind"], str(asset), str(amount), str(unit), p.get("value_usd", ""), ""))
    return rows


def _unread(portfolio: Portfolio) -> list[tuple[str, ...]]:
    """A read that failed is a row: the file alone must show that it is incomplete."""
    from cli.text import clean, told  # noqa: PLC0415

    return [
        (f.wallet, str(f.chain), clean(f.adapter), "", "not_read", "", "", "", "", told(f))
        for f in portfolio.failures
    ]


def _screen(portfolio: Portfolio, answer: Answer, data: dict[str, Any]) -> str:
    import textwrap  # noqa: PLC0415
    from decimal import Decimal  # noqa: PLC0415

    from cli import account_table, screen, text  # noqa: PLC0415
    from cli.table import table  # noqa: PLC0415

    source = screen.Provenance(answer.chain_names, names=answer.names)
    blocks = [screen.header(portfolio, source), screen.incomplete(portfolio)]
    if not data["accounts"]:
        blocks.append("  no position found" if portfolio.coverage.complete else "")
        blocks.append(screen.owned(portfolio, source))
        return "\n\n".join(block for block in blocks if block) + "\n"
    cells = []
    labels = {account.id: account_table.label(account, 40) for account in portfolio.accounts}
    for _, _, _, account, kind, asset, amount, price, value, _ in _rows(data):
        worth = text.usd(float(value)) if value else ""
        unit = text.price(float(price)) if price else ""
        cells.append((labels[account], kind, asset, text.amount(Decimal(amount)), unit, worth))
    columns = ("account", "kind", "asset", "amount", "price", "value")
    blocks.append(textwrap.indent(table(columns, cells, right=(3, 4, 5)), "  "))
    blocks.append(screen.owned(portfolio, source))
    return "\n\n".join(block for block in blocks if block) + "\n"
