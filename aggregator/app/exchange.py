"""Exporting the database as files, and importing such files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from aggregator import __version__
from aggregator.app import snapshots
from aggregator.model.errors import StoreError
from aggregator.model.units import Address
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.store.importing import Imported
    from aggregator.store.manifest import Manifest


def export(
    config: Settings,
    folder: Path,
    *,
    encoding: str = "parquet",
    wallets: Sequence[Address] = (),
    since: datetime | None = None,
    overwrite: bool = False,
) -> Manifest:
    """Write the snapshots (of some wallets, as of an aware time or later) to a folder, a file per table.

    Reads the published copy, so it works beside a daemon. Raises ValueError on an unknown encoding,
    ExchangeError where the folder can't be used, StoreError where there is nothing to export.
    """
    from aggregator.store.encodings import Encoding  # noqa: PLC0415  # a second of imports
    from aggregator.store.export import export as write  # noqa: PLC0415
    from aggregator.store.opening import Opening  # noqa: PLC0415
    from aggregator.store.scope import Choice  # noqa: PLC0415

    path = snapshots.warehouse(config).reading()
    if not path.exists():
        raise StoreError(str(config.database), "it does not exist yet: take a snapshot first")
    return write(
        Opening(path, lock_timeout_s=config.lock_timeout_s),
        folder,
        encoding=Encoding(encoding),
        choice=Choice(tuple(wallets), None if since is None else since.astimezone(UTC).replace(tzinfo=None)),
        tool_version=__version__,
        created_at=datetime.now(UTC),
        overwrite=overwrite,
    )


def import_export(config: Settings, folder: Path) -> Imported:
    """Merge an export into the database; raises ExchangeError, with nothing written, where they disagree."""
    from aggregator.store.importing import import_export as merge  # noqa: PLC0415
    from aggregator.store.opening import Opening  # noqa: PLC0415

    imported = merge(Opening(config.database, lock_timeout_s=config.lock_timeout_s), folder)
    snapshots.publish(config)
    return imported
