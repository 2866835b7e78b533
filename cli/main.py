"""The command `crossmargin`: registers the commands and turns every failure into its exit code.

Command modules import the rest of the package inside their functions, so that --help stays fast.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from cli import (
    adapters,
    chains,
    crosscheck,
    doctor,
    exchange,
    health,
    history,
    index,
    plan,
    positions,
    query,
    record,
    replay,
    schedule,
    snapshot,
    stress,
    version,
    wallet,
    whatif,
)

if TYPE_CHECKING:
    from aggregator.model.errors import CrossmarginError

app = typer.Typer(
    name="crossmargin",
    help="One health score over lending, perpetuals and options, beside what each protocol itself says.",
    epilog="Exit codes: 0 ok, 1 internal, 2 usage, 10 authentication, 11 rate limited, 12 provider "
    "unavailable, 13 unsupported, 14 stale, 15 partial, 16 infeasible, 17 database locked, 30 warn, "
    "31 critical, 32 liquidatable.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("health")(health.health)
app.command("positions")(positions.positions)
app.command("stress")(stress.stress)
app.command("whatif")(whatif.whatif)
app.add_typer(plan.app, name="plan")
app.command("crosscheck")(crosscheck.crosscheck)
app.command("doctor")(doctor.doctor)
app.command("record")(record.record)
app.command("replay", context_settings=replay.CONTEXT)(replay.replay)
app.add_typer(snapshot.app, name="snapshot")
app.command("index")(index.index)
app.add_typer(history.app, name="history")
app.add_typer(wallet.app, name="wallet")
app.add_typer(schedule.app, name="schedule")
app.command("export")(exchange.export)
app.command("import")(exchange.import_)
app.add_typer(query.app, name="query")
app.add_typer(adapters.app, name="adapters")
app.command("chains")(chains.chains)
app.command("version")(version.version)


def main() -> None:
    """Run the command line and exit with its code."""
    from aggregator.model.errors import CrossmarginError  # noqa: PLC0415  # --help must not pay for more
    from cli import streams  # noqa: PLC0415

    streams.keep_going()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except (CrossmarginError, OSError) as error:
        sys.exit(told(error))


def told(error: CrossmarginError | OSError) -> int:
    """Say a failure on stderr, with --json as an envelope too; its exit code."""
    from aggregator.model import errors  # noqa: PLC0415
    from cli import envelope, exits  # noqa: PLC0415
    from cli.text import clean  # noqa: PLC0415

    sys.stderr.write(f"crossmargin: {clean(str(error), 1000)}\n")
    if not isinstance(error, errors.CrossmarginError):  # a full disk, a folder that may not be entered
        error = errors.UsageError(str(error))
    if "--json" in sys.argv:
        envelope.write(envelope.of_error(_command(sys.argv[1:]), error))
    return exits.of_error(error)


def _command(arguments: list[str]) -> str:
    words = [word for word in arguments if not word.startswith("-")]
    groups = {group.name for group in app.registered_groups}
    if arguments[:1] == ["query"] and arguments[1:2] != words[1:2]:
        return "query sql"  # what `query -` and `query --sql` are short for
    return " ".join(words[: 2 if words and words[0] in groups else 1]) or "crossmargin"


if __name__ == "__main__":
    main()
