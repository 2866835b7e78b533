"""Which rows of which tables an export holds, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import SQLModel

from aggregator.model.units import Address
from aggregator.store import index_tables, schema
from aggregator.store.columns import Table, table_of

SNAPSHOT_ID = "snapshot_id"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which snapshots: of these wallets (none: of all), as of `since` (naive UTC) or later."""

    wallets: tuple[Address, ...] = ()
    since: datetime | None = None


def row_classes() -> tuple[type[SQLModel], ...]:
    """The class of every table but those of progress, which means nothing elsewhere, by name of the table."""
    modules = [module for module in schema.TABLE_MODULES if module is not index_tables]
    classes = {row for module in modules for row in vars(module).values() if _is_row(row)}
    return tuple(sorted(classes, key=lambda row: table_of(row).name))


def natural_key(row: type[SQLModel]) -> list[str]:
    """The columns that tell a table's rows apart."""
    return [column.name for column in sa.inspect(row).primary_key]


def query(row: type[SQLModel], choice: Choice) -> tuple[str, list[object]]:
    """SQL and parameters of a table's chosen rows, sorted by their key, so that equal rows give equal files.

    A choice of wallets leaves out runs of schedules, which belong to groups.
    """
    table = table_of(row)
    columns, key = (", ".join(map(quoted, names)) for names in (table.columns.keys(), natural_key(row)))
    conditions = _conditions(table, choice)
    where = " AND ".join(["true", *conditions])
    sql = f"SELECT {columns} FROM {quoted(table.name)} WHERE {where} ORDER BY {key}"  # noqa: S608  # our names
    return sql, [value for values in conditions.values() for value in values]


def _conditions(table: sa.Table, choice: Choice) -> dict[str, list[object]]:
    """SQL conditions with their parameters."""
    match table.name:
        case "wallet" | "wallet_group":
            return _of(choice.wallets, "address")
        case "schedule_run":
            return {"false": []} if choice.wallets else _from(choice.since, "due_at")
        case _:
            inner = _of(choice.wallets, "wallet") | _from(choice.since, "as_of")
            if not inner:
                return {}
            chosen = f"SELECT {SNAPSHOT_ID} FROM snapshot WHERE {' AND '.join(inner)}"  # noqa: S608  # ours
            parameters = [value for values in inner.values() for value in values]
            return {f"{quoted(table.columns[SNAPSHOT_ID].name)} IN ({chosen})": parameters}


def _of(wallets: Sequence[Address], column: str) -> dict[str, list[object]]:
    return {f"list_contains(?, {column})": [list(wallets)]} if wallets else {}


def _from(since: datetime | None, column: str) -> dict[str, list[object]]:
    return {f"{column} >= ?": [since]} if since else {}


def quoted(name: str) -> str:
    """A name as SQL spells it."""
    return f'"{name}"'


def _is_row(row: object) -> bool:
    return isinstance(row, type) and issubclass(row, Table) and hasattr(row, "__table__")
