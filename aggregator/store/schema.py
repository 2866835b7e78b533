"""The schema's version in the file, and how an empty file gets its schema.

`schema_version` is Alembic's version table under another name, so that migrations continue from here.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from aggregator.model.errors import StoreError
from aggregator.store import account_tables, risk_tables, tables
from aggregator.store.columns import Table

# Importing a module of tables fills the metadata.
TABLE_MODULES = (tables, account_tables, risk_tables)

VERSION = "0001"

_VERSION_TABLE = sa.Table(
    "schema_version",
    sa.MetaData(),
    sa.Column(
        "version_num",
        sa.String(32),
        primary_key=True,
        comment="Revision of the schema; the one row is kept by migrations",
    ),
    comment="Which revision of the schema this file has",
)


def bring_up_to_date(connection: sa.Connection, path: Path) -> None:
    """Give an empty file the schema; raises StoreError on a file that isn't ours or has another version."""
    if _table_names(connection):
        check_version(connection, path)
        return
    Table.metadata.create_all(connection)
    _VERSION_TABLE.create(connection)
    connection.execute(_VERSION_TABLE.insert().values(version_num=VERSION))


def check_version(connection: sa.Connection, path: Path) -> None:
    """Raise StoreError unless the file has the schema that this release reads and writes."""
    if _VERSION_TABLE.name not in _table_names(connection):
        raise StoreError(str(path), "it is a DuckDB database, but not of crossmargin: name another file")
    found = connection.execute(sa.select(_VERSION_TABLE.c.version_num)).scalars().all()
    if found != [VERSION]:
        has = ", ".join(found) or "none"
        raise StoreError(
            str(path),
            f"its schema has version {has}, this release knows {VERSION}: use the release that wrote it",
        )


def _table_names(connection: sa.Connection) -> set[str]:
    statement = (
        "SELECT table_name FROM duckdb_tables() WHERE NOT internal AND database_name = current_database()"
    )
    return set(connection.exec_driver_sql(statement).scalars())
