"""Warehouses to export, and exports to spoil."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from aggregator.model.units import Address
from aggregator.store import encodings
from aggregator.store.columns import table_of
from aggregator.store.encodings import Encoding
from aggregator.store.export import export
from aggregator.store.importing import Imported, import_export
from aggregator.store.manifest import MANIFEST, Manifest, describe
from aggregator.store.opening import Opening
from aggregator.store.saved import ScheduleRun
from aggregator.store.scope import Choice, row_classes
from aggregator.store.warehouse import Warehouse
from tests.store.blank import blank, copied
from tests.store.samples import BLOCK, MAINNET, PORTFOLIO, WALLET, save
from tests.store.studied import save_studied

OTHER = Address("0x" + "0f" * 20)
EVERYTHING = Choice()
CREATED = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
DUE = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER_BLOCK = replace(
    BLOCK, number=BLOCK.number + 300, timestamp=BLOCK.timestamp + 3600, hash="0x" + "e5" * 32
)
LATER = replace(PORTFOLIO, blocks={**PORTFOLIO.blocks, MAINNET: LATER_BLOCK})
LATER_AS_OF = datetime.fromtimestamp(LATER_BLOCK.timestamp, UTC).replace(tzinfo=None)
CSV_TRAPS = 'a "label", with\r\nall of NULL,\\N and =1+1'


def fill(path: Path) -> Warehouse:
    """Three snapshots of two wallets, one orphaned, one studied; wallets with groups; runs of a schedule."""
    copied(_fill, path)
    return Warehouse(path)


def _fill(path: Path) -> None:
    save(path, replace(PORTFOLIO, wallet=OTHER, warnings=("", CSV_TRAPS)))
    save_studied(path)
    orphaned = save(path, LATER).id
    warehouse = Warehouse(path)
    warehouse.mark_orphaned([orphaned])
    warehouse.add_wallet(WALLET, CSV_TRAPS, ["desk", "all"], added_at=CREATED)
    warehouse.add_wallet(OTHER, "", ["all"], added_at=CREATED)
    warehouse.record_runs(
        [
            ScheduleRun("hourly", "desk", DUE, DUE, CREATED, "ok", None, (orphaned,)),
            ScheduleRun("hourly", "desk", CREATED, None, None, "missed", "asleep"),
        ]
    )


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, in an order that says nothing."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return {
            table: connection.execute(f'FROM "{table}" ORDER BY ALL').fetchall()
            for table in (table_of(row).name for row in row_classes())
        }


def write_out(
    path: Path,
    folder: Path,
    encoding: Encoding = Encoding.PARQUET,
    choice: Choice = EVERYTHING,
    *,
    overwrite: bool = False,
) -> Manifest:
    """Export a warehouse as at a fixed moment."""
    return export(
        Opening(path, lock_timeout_s=10),
        folder,
        encoding=encoding,
        choice=choice,
        tool_version="0.1.0",
        created_at=CREATED,
        overwrite=overwrite,
    )


def take_in(path: Path, folder: Path) -> Imported:
    """Import a folder, into an empty warehouse where there is no file yet."""
    if not path.exists():
        blank(path)
    return import_export(Opening(path, lock_timeout_s=1), folder)


def manifest_of(folder: Path) -> Manifest:
    """The manifest as it lies there."""
    return Manifest.model_validate_json((folder / MANIFEST).read_bytes())


def reseal(folder: Path, **changes: object) -> None:
    """Write a manifest that was changed on purpose, as whoever knows how could."""
    changed = manifest_of(folder).model_copy(update={**changes, "sha256": ""})
    (folder / MANIFEST).unlink()
    changed.write(folder)


def rewrite(folder: Path, table: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change a table's rows and let the manifest agree."""
    manifest = manifest_of(folder)
    [schema] = [encodings.arrow_schema(table_of(row)) for row in row_classes() if table_of(row).name == table]
    path = manifest.file(folder, table)
    with encodings.reading(manifest.encoding, path, schema) as reader:
        changed = change(reader.read_all())
    path.unlink()
    count = encodings.write(manifest.encoding, path, changed.schema, changed.to_batches())
    reseal(folder, tables=manifest.tables | {table: describe(path, count)})


def set_value(column: str, value: object, row: int = 0) -> Callable[[pa.Table], pa.Table]:
    """A change for `rewrite`: one value of one row."""

    def change(table: pa.Table) -> pa.Table:
        values = table[column].to_pylist()
        values[row] = value
        field = table.schema.field(column)
        return table.set_column(table.schema.get_field_index(column), field, pa.array(values, field.type))

    return change
