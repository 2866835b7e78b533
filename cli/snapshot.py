"""`crossmargin snapshot take|list|show|prune`; `diff`, `requirement` and `verify` have own modules."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import options, snapshot_diff, snapshot_requirement, snapshot_verify

if TYPE_CHECKING:
    from aggregator.store.saved import Summary

app = typer.Typer(
    help="Keep, compare, judge anew and verify snapshots in the database.", no_args_is_help=True
)
app.command("diff")(snapshot_diff.diff)
app.command("requirement")(snapshot_requirement.requirement)
app.command("verify")(snapshot_verify.verify)

_AGE = re.compile(r"(\d{1,6})d")


@app.callback()
def _group() -> None:
    """Keep, compare, judge anew and verify snapshots in the database."""


@app.command("take")
def take(
    wallets: options.Wallets,
    *,
    rpc: options.Rpc = None,
    chain: options.Chain = None,
    adapter: options.AdapterName = None,
    block: options.BlockText = "latest",
    confirm: options.Confirm = None,
    allow_partial: options.AllowPartial = False,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Read wallets and keep everything that `health` computes; the same blocks again change nothing."""
    from aggregator import app as use_cases  # noqa: PLC0415
    from cli import envelope, exits  # noqa: PLC0415
    from cli.text import told  # noqa: PLC0415

    settings = options.settings(config)
    chosen = options.selection(
        wallets, settings, rpc=rpc, chain=chain, adapter=adapter, block=block, confirm=confirm
    )
    answer = options.read(chosen, settings)
    found = use_cases.check(answer)
    saved = use_cases.save_all(found, answer, settings, trigger="snapshot")
    for checked, kept in zip(found, saved, strict=True):
        data = {"snapshot_id": kept.id, "created": kept.created, "wallet": checked.portfolio.wallet}
        if json:
            envelope.write(envelope.of_portfolio("snapshot take", checked.portfolio, data))
        else:
            part = "" if checked.portfolio.coverage.complete else ", INCOMPLETE"
            state = f"kept{'' if kept.created else ' already'}{part}"
            typer.echo(f"{kept.id}  {checked.portfolio.wallet}  {state}")
            for failure in checked.portfolio.failures:
                typer.echo(f"not read: {told(failure)}", err=True)
    portfolios = [checked.portfolio for checked in found]
    raise typer.Exit(exits.of_portfolios(portfolios, allow_partial=allow_partial))


@app.command("list")
def list_snapshots(
    *,
    wallet: Annotated[
        str | None, typer.Option("--wallet", metavar="ADDRESS", help="Only snapshots of this wallet.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="Only the newest N.")
    ] = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """List the snapshots in the database, the newest first."""
    from aggregator import app as use_cases  # noqa: PLC0415
    from aggregator.model.units import parse_address  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415
    from cli.table import table  # noqa: PLC0415

    whose = None if wallet is None else parse_address(wallet)
    found = use_cases.list_snapshots(options.settings(config), whose, limit=limit)
    if json:
        envelope.write(envelope.envelope("snapshot list", [row(s) for s in found]))
        return
    cells = [
        (s.id, time(s.as_of), s.wallet, s.status, "–" if s.score is None else f"{s.score:.1f}", str(s.band))
        for s in found
    ]
    typer.echo(table(("snapshot", "as of (UTC)", "wallet", "status", "score", "band"), cells))


@app.command("show")
def show(
    snapshot: options.Snapshot,
    *,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Show what `health` showed when a snapshot was taken."""
    from aggregator import app as use_cases  # noqa: PLC0415
    from cli import documents, envelope, screen  # noqa: PLC0415

    settings = options.settings(config)
    stored = use_cases.stored(snapshot, settings)
    checked = use_cases.Checked(stored.portfolio, stored.result)
    if json:
        data = {"snapshot": row(stored.summary), "health": documents.health(checked)}
        envelope.write(envelope.of_portfolio("snapshot show", stored.portfolio, data))
        return
    kept = stored.summary
    origin = " from a recording" if kept.source == "recording" else ""
    told = f"snapshot {kept.id}, taken{origin} {screen.moment(kept.taken_at)}: not a live position"
    if kept.status == "orphaned":
        told += "\nORPHANED: one of its blocks was reorganised away; this never was the state of the chain"
    typer.echo(screen.screen(checked, screen.Provenance(use_cases.chain_names(settings), told)))


@app.command("prune")
def prune(
    *,
    keep_last: Annotated[
        int | None,
        typer.Option(
            "--keep-last",
            min=1,
            metavar="N",
            help="Delete what is older than each wallet's N newest usable ones.",
        ),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(
            "--before", metavar="TIME", help="Delete what is older: 2026-11-22, 2026-11-22T12:00Z, or 90d."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell how many there are.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Delete old snapshots; with both limits only those beyond both."""
    from aggregator import app as use_cases  # noqa: PLC0415
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415

    if keep_last is None and before is None:
        raise BadConfiguration("snapshot prune", "say what to delete: --keep-last N or --before TIME")
    settings = options.settings(config)
    limit = None if before is None else _moment(before, datetime.now(UTC))
    count = use_cases.prune(settings, keep_last=keep_last, before=limit, dry_run=True)
    if count and not dry_run:
        if not yes and not options.confirmed(f"Delete {count} snapshots?"):
            raise BadConfiguration("snapshot prune", f"would delete {count} snapshots: confirm with --yes")
        count = use_cases.prune(settings, keep_last=keep_last, before=limit)
    if json:
        envelope.write(envelope.envelope("snapshot prune", {"snapshots": count, "deleted": not dry_run}))
    else:
        typer.echo(f"{count} snapshot{'' if count == 1 else 's'} {'would be ' if dry_run else ''}deleted")


def row(summary: Summary) -> dict[str, Any]:
    """A snapshot's line as JSON."""
    return {
        "snapshot_id": summary.id,
        "wallet": summary.wallet,
        "as_of": time(summary.as_of),
        "taken_at": time(summary.taken_at),
        "status": summary.status,
        "score": summary.score,
        "band": summary.band,
        "verdict": summary.verdict,
    }


def time(moment: datetime) -> str:
    """A naive-UTC time as text."""
    return moment.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")


def _moment(text: str, now: datetime) -> datetime:
    """A time in UTC, or an age in days; raises BadConfiguration."""
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    age = _AGE.fullmatch(text)
    if age is None:
        return options.moment(text, "--before", "2026-11-22, 2026-11-22T12:00Z or an age such as 90d")
    try:
        return now - timedelta(days=int(age[1]))
    except OverflowError as error:
        raise BadConfiguration("--before", f"{text!r} is before all dates: give a shorter age") from error
