"""`crossmargin export` and `crossmargin import`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli import options


class Format(StrEnum):
    """How the files of an export are written."""

    PARQUET = "parquet"
    CSV = "csv"
    ARROW = "arrow"


Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the export.")]


def export(
    folder: Folder,
    *,
    format_: Annotated[
        Format, typer.Option("--format", help="parquet, csv or arrow; each keeps every figure exactly.")
    ] = Format.PARQUET,
    wallet: Annotated[
        list[str] | None,
        typer.Option("--wallet", metavar="WALLET", help="Only snapshots of this wallet (repeatable)."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Only snapshots as of this UTC date or time or later."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Replace an earlier export.")] = False,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Write the database to a new folder: a file per table, and a manifest with their hashes."""
    from aggregator.app import exchange  # noqa: PLC0415  # --help must not pay for it
    from aggregator.model.units import parse_address  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415

    manifest = exchange.export(
        options.settings(config),
        folder,
        encoding=format_,
        wallets=[parse_address(text) for text in wallet or ()],
        since=None if since is None else options.moment(since, "--since"),
        overwrite=yes,
    )
    snapshots, rows = manifest.tables["snapshot"].rows, sum(t.rows for t in manifest.tables.values())
    if json:
        data = {
            "folder": folder.name,
            "format": manifest.encoding,
            "schema_revision": manifest.schema_revision,
            "snapshots": snapshots,
            "tables": {name: entry.model_dump() for name, entry in manifest.tables.items()},
        }
        envelope.write(envelope.envelope("export", data))
    else:
        files = len(manifest.tables)
        typer.echo(f"{folder.name}: {snapshots:,} snapshot(s), {rows:,} rows in {files} {format_} files")


def import_(folder: Folder, *, config: options.Config = None, json: options.Json = False) -> None:
    """Merge an export into the database: all of it, or nothing where a byte of it differs."""
    from aggregator.app import exchange  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415

    imported = exchange.import_export(options.settings(config), folder)
    if json:
        data = {"folder": folder.name, "added": imported.added, "skipped": imported.skipped}
        envelope.write(envelope.envelope("import", data))
    else:
        typer.echo(f"{folder.name}: {imported.added:,} snapshot(s) added, {imported.skipped:,} there already")
