"""`crossmargin schedule run|once|list`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import options

if TYPE_CHECKING:
    from aggregator.schedule.definitions import ScheduleJob
    from aggregator.schedule.passes import Pass
    from aggregator.settings import Settings
    from aggregator.store.saved import ScheduleRun
    from cli.health import Gate

app = typer.Typer(help="Take snapshots of groups of wallets when they are due.", no_args_is_help=True)

Job = Annotated[list[str] | None, typer.Option("--job", metavar="NAME", help="Only this job (repeatable).")]


@app.callback()
def _group() -> None:
    """Take snapshots of groups of wallets when they are due."""


@app.command("run")
def run(
    *,
    rpc: options.Rpc = None,
    job: Job = None,
    config: options.Config = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON envelope per slot on stdout.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Take snapshots as they come due, until SIGTERM or Ctrl-C; catch up first on what was missed."""
    from aggregator.schedule.daemon import Daemon  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415

    def told(ended: ScheduleRun) -> None:
        good = ended.outcome == "ok"
        errors = () if good else ({"code": "schedule", "message": ended.reason or ended.outcome},)
        envelope.write(envelope.envelope("schedule run", _slot(ended), ok=good, errors=errors))

    _log(quiet=quiet)
    settings = options.settings(config)
    rpcs = tuple(rpc or ())
    chosen = _chosen(settings, job)
    daemon = Daemon(settings, chosen, rpc=rpcs, told=told) if json else Daemon(settings, chosen, rpc=rpcs)
    daemon.run()


@app.command("once")
def once(
    *,
    rpc: options.Rpc = None,
    job: Job = None,
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for the block after a slot.")
    ] = 60,
    warn_under: options.WarnUnder = None,
    fail_under: options.FailUnder = None,
    allow_partial: options.AllowPartial = False,
    config: options.Config = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Take the slots that are due now, and those that were missed, and end: for cron."""
    from aggregator.schedule.once import take_due  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415
    from cli.health import Gate, worst  # noqa: PLC0415

    settings = options.settings(config)
    gate = Gate(warn_under=warn_under, fail_under=fail_under, allow_partial=allow_partial)
    passes = take_due(settings, _chosen(settings, job), rpc=tuple(rpc or ()), wait_s=wait)
    if json:
        envelope.write(_once_document(passes))
    for name, found in passes.items():
        for ended, _ in found.done:
            if not json:
                typer.echo(_line(ended))
        if found.waiting and not quiet:
            due = _time(found.waiting[0])
            typer.echo(f"{name}: {due} waits: {found.why}", err=True)
    raise typer.Exit(worst(code for found in passes.values() for code in _codes(found, gate)))


@app.command("list")
def list_jobs(*, config: options.Config = None, json: options.Json = False) -> None:
    """List the jobs of the configuration, when each is due next and what came of it last."""
    from aggregator import app as use_cases  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415
    from cli.table import table  # noqa: PLC0415

    settings = options.settings(config)
    warehouse = use_cases.warehouse(settings).for_reading()
    now = datetime.now(UTC)
    rows = [(job, next(reversed(warehouse.runs(job.name)), None)) for job in _chosen(settings, None)]
    if json:
        envelope.write(
            envelope.envelope(
                "schedule list",
                [
                    {
                        "job": job.name,
                        "group": job.group,
                        "rule": job.shown,
                        "chains": list(job.chains),
                        "block": job.block,
                        "next_due": _time(job.rule.next_after(now)),
                        "last": None if last is None else _slot(last),
                    }
                    for job, last in rows
                ],
            )
        )
        return
    cells = [
        (
            job.name,
            f"@{job.group}",
            job.shown,
            job.block,
            _time(job.rule.next_after(now)),
            "never taken" if last is None else f"{_time(last.due_at)} {last.outcome}",
        )
        for job, last in rows
    ]
    typer.echo(table(("job", "group", "rule", "block", "next due (UTC)", "last"), cells))


def _chosen(settings: Settings, names: list[str] | None) -> tuple[ScheduleJob, ...]:
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415
    from aggregator.schedule.definitions import jobs  # noqa: PLC0415

    found = jobs(settings)
    if not found:
        raise BadConfiguration("schedule", "there is no job: add a [[schedule]] to the configuration")
    for name in names or ():
        if name not in {job.name for job in found}:
            known = ", ".join(job.name for job in found) or "none is configured"
            raise BadConfiguration("--job", f"there is no job {name!r}: jobs are {known}")
    return tuple(job for job in found if not names or job.name in names)


def _codes(found: Pass, gate: Gate) -> list[int]:
    """What each wallet that was read ends with, and each slot that was not."""
    from cli.exits import Exit  # noqa: PLC0415
    from cli.health import exit_code  # noqa: PLC0415

    codes = [exit_code(checked, gate) for _, taken in found.done for checked in taken.checked]
    if found.silent or any(taken.unreachable for _, taken in found.done):
        codes.append(Exit.UNAVAILABLE)
    if any(ended.outcome == "failed" for ended, _ in found.done):
        codes.append(Exit.PARTIAL)
    if not gate.allow_partial and any(ended.outcome in {"partial", "missed"} for ended, _ in found.done):
        codes.append(Exit.PARTIAL)
    return codes


def _once_document(passes: dict[str, Pass]) -> dict[str, Any]:
    from cli import envelope  # noqa: PLC0415

    errors = [
        {"code": "schedule", "message": _line(ended)}
        for found in passes.values()
        for ended, _ in found.done
        if ended.outcome != "ok"
    ]
    errors += [
        {"code": "schedule", "message": f"{name}: {found.why}"}
        for name, found in passes.items()
        if found.silent and not found.done
    ]
    data = [
        {
            "job": name,
            "slots": [_slot(ended) for ended, _ in found.done],
            "waiting": [_time(slot) for slot in found.waiting],
            "why": _clean(found.why) or None,
        }
        for name, found in passes.items()
    ]
    return envelope.envelope("schedule once", data, ok=not errors, errors=errors)


def _slot(ended: ScheduleRun) -> dict[str, Any]:
    return {
        "job": ended.job,
        "group": ended.group,
        "due_at": _time(ended.due_at),
        "outcome": ended.outcome,
        "reason": ended.reason,
        "started_at": None if ended.started_at is None else _time(ended.started_at),
        "ended_at": None if ended.ended_at is None else _time(ended.ended_at),
        "snapshots": list(ended.snapshots),
    }


def _line(ended: ScheduleRun) -> str:
    parts = [f"{ended.job}  {_time(ended.due_at)}  {ended.outcome}", *ended.snapshots]
    return "  ".join([*parts, _clean(ended.reason or "")]).rstrip()


def _clean(text: str) -> str:
    from cli.text import clean  # noqa: PLC0415

    return clean(text, 500)


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _log(*, quiet: bool) -> None:
    """The daemon's own lines on stderr; those of HTTP clients would show URLs, which may hold keys."""
    import logging  # noqa: PLC0415
    import sys  # noqa: PLC0415
    import time  # noqa: PLC0415

    formatter = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    for name, level in (("crossmargin", logging.INFO), ("apscheduler", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.WARNING if quiet else level)
