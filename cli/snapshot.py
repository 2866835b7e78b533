"""`crossmargin snapshot take|list`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import typer

from cli import options

app = typer.Typer(help="Keep and list snapshots in the database.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep and list snapshots in the database."""


@app.command("take")
def take(
    wallets: options.Wallets,
    *,
    rpc: options.Rpc = None,
    chain: options.Chain = None,
    adapter: options.AdapterName = None,
    block: options.BlockText = "latest",
    allow_partial: options.AllowPartial = False,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Read wallets and keep everything that `health` computes; the same blocks again change nothing."""
    from aggregator import app as use_cases  # noqa: PLC0415
    from cli import envelope, exits  # noqa: PLC0415
    from cli.text import told  # noqa: PLC0415

    settings = options.settings(config)
    chosen = options.selection(wallets, rpc=rpc, chain=chain, adapter=adapter, block=block)
    answer = use_cases.read(chosen, settings)
    found = use_cases.check(answer)
    for checked, kept in zip(
        found, use_cases.save_all(found, answer, settings, trigger="snapshot"), strict=True
    ):
        data = {"snapshot_id": kept.id, "created": kept.created, "wallet": checked.portfolio.wallet}
        if json:
            envelope.write(envelope.of_portfolio("snapshot take", checked.portfolio, data))
        else:
            part = "" if checked.portfolio.coverage.complete else ", INCOMPLETE"
            state = f"kept{'' if kept.created else ' already'}{part}"
            typer.echo(f"{kept.id}  {checked.portfolio.wallet}  {state}")
            for failure in checked.portfolio.failures:
                typer.echo(f"not read: {told(failure)}", err=True)
    failures = [failure for portfolio in answer.portfolios for failure in portfolio.failures]
    nothing = not any(portfolio.coverage.ok for portfolio in answer.portfolios)
    raise typer.Exit(exits.of_failures(failures, nothing_read=nothing, allow_partial=allow_partial))


@app.command("list")
def list_snapshots(*, config: options.Config = None, json: options.Json = False) -> None:
    """List the snapshots in the database, the newest first."""
    from aggregator import app as use_cases  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415
    from cli.table import table  # noqa: PLC0415

    found = use_cases.list_snapshots(options.settings(config))
    if json:
        envelope.write(envelope.envelope("snapshot list", [_row(s) for s in found]))
        return
    cells = [
        (s.id, _time(s.as_of), s.wallet, s.status, "–" if s.score is None else f"{s.score:.1f}", str(s.band))
        for s in found
    ]
    typer.echo(table(("snapshot", "as of (UTC)", "wallet", "status", "score", "band"), cells))


def _row(summary: Any) -> dict[str, Any]:
    return {
        "snapshot_id": summary.id,
        "wallet": summary.wallet,
        "as_of": _time(summary.as_of),
        "taken_at": _time(summary.taken_at),
        "status": summary.status,
        "score": summary.score,
        "band": summary.band,
        "verdict": summary.verdict,
    }


def _time(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
