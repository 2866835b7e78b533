"""`crossmargin version`."""

from __future__ import annotations

import platform

import typer

from cli.options import Json


def version(*, json: Json = False) -> None:
    """Print the versions of crossmargin and of Python."""
    from aggregator import __version__  # noqa: PLC0415

    if json:
        from cli import envelope  # noqa: PLC0415

        envelope.write(
            envelope.envelope("version", {"crossmargin": __version__, "python": platform.python_version()})
        )
    else:
        typer.echo(f"crossmargin {__version__} (Python {platform.python_version()})")
