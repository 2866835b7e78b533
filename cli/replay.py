"""`crossmargin replay`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli import options
from cli.health import Gate, answer_health
from cli.positions import answer_positions


class Command(StrEnum):
    """What a recording can be asked."""

    HEALTH = "health"
    POSITIONS = "positions"


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording made by `crossmargin record`.")],
    command: Annotated[Command, typer.Argument(help="What to answer from it.")] = Command.HEALTH,
    *,
    config: options.Config = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    allow_partial: options.AllowPartial = False,
) -> None:
    """Answer from a recording, without any network: the same bytes every time."""
    from aggregator import app  # noqa: PLC0415
    from aggregator.reading.recording import Recording  # noqa: PLC0415

    answer = app.replay(Recording.load(file))
    if command is Command.HEALTH:
        settings = options.settings(config)
        answer_health(answer, settings, Gate(allow_partial=allow_partial), json=json, quiet=quiet, save=False)
    else:
        answer_positions(answer, json=json, quiet=quiet, allow_partial=allow_partial)
