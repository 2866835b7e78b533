"""`crossmargin replay`: any command that reads, answered from a recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import options

if TYPE_CHECKING:
    from aggregator.reading.recording import Recording

COMMANDS = (
    "health",
    "positions",
    "stress",
    "whatif",
    "plan liquidation",
    "plan repair",
    "plan calendar",
    "crosscheck",
    "snapshot take",
)
CONTEXT = {"allow_interspersed_args": False, "ignore_unknown_options": True}
"""What follows the file belongs to the command."""


def replay(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording made by `crossmargin record`.")],
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND",
            help="health (also without a command), positions, stress, whatif, plan liquidation, "
            "plan repair, plan calendar, crosscheck or snapshot take, and its options; the wallets are those "
            "of the recording.",
        ),
    ] = None,
) -> None:
    """Answer a command from a recording, without any network: the bytes that it printed live."""
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415
    from aggregator.model.units import parse_address  # noqa: PLC0415
    from aggregator.reading.recording import Recording  # noqa: PLC0415

    given = command or []
    words = given if given and not given[0].startswith("-") else ["health", *given]
    name = next((known for known in COMMANDS if words[: len(known.split())] == known.split()), None)
    if name is None:
        raise BadConfiguration("COMMAND", f"{words[0]!r} is not answered from a recording: give {_listed()}")
    rest = words[len(name.split()) :]
    recording = Recording.load(file)
    wallets = [parse_address(wallet) for wallet in recording.request.get("wallets", ())]
    if not wallets:
        raise BadConfiguration("recording", "names no wallet")
    if not {"--json", "--quiet", "-q", "--help", "-h"} & set(rest):
        typer.echo(_told(recording), err=True)
    token = options.replayed.set(recording)
    try:
        root = context.find_root()
        with root.command.make_context("crossmargin", [*name.split(), *wallets, *rest]) as run:
            root.command.invoke(run)
    finally:
        options.replayed.reset(token)


def _listed() -> str:
    return f"{', '.join(COMMANDS[:-1])} or {COMMANDS[-1]}"


def _told(recording: Recording) -> str:
    from aggregator.model.readings import Block  # noqa: PLC0415
    from cli.screen import recorded  # noqa: PLC0415

    pins = (pin for tape in recording.tapes.values() for pin in tape.pins.values())
    return recorded(recording.origin, [pin for pin in pins if isinstance(pin, Block)])
