"""The schema's revision in the file, and how a file of an earlier one, or an empty one, gets the present one.

`schema_version` is Alembic's version table. Alembic itself is imported only where a file must be changed.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from aggregator.model.errors import StoreError
from aggregator.store import (
    account_risk_tables,
    account_tables,
    calendar_tables,
    cascade_tables,
    greek_tables,
    index_tables,
    plan_tables,
    requirement_tables,
    risk_tables,
    run_tables,
    tables,
    wallet_tables,
)

# Importing a module of tables fills the metadata.
TABLE_MODULES = (
    tables,
    account_tables,
    risk_tables,
    account_risk_tables,
    greek_tables,
    requirement_tables,
    wallet_tables,
    run_tables,
    plan_tables,
    cascade_tables,
    calendar_tables,
    index_tables,
)

REVISIONS = tuple(f"{number:04}" for number in range(1, 18))
"""Every revision of the schema, the present one last."""

VERSION_TABLE = sa.Table(
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


def bring_up_to_date(connection: sa.Connection, path: Path, *, to: str = REVISIONS[-1]) -> None:
    """Give the file the schema of revision `to`, keeping what it holds, within the connection's transaction.

    Raises StoreError on a file that isn't ours or that a later release wrote.
    """
    if _table_names(connection):
        if is_current(connection, path):
            return
    else:
        VERSION_TABLE.create(connection)
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    # The dialect makes itself known to Alembic only if that was imported before it.
    from duckdb_sqlalchemy import alembic_impl  # noqa: F401, PLC0415

    # So that the commit goes straight into the file. DuckDB 1.5 can't replay from its log a column that was
    # added to a table with CHECKs: a kill or a full disk before the next checkpoint would leave a file that
    # nothing opens.
    connection.exec_driver_sql("SET checkpoint_threshold = '0b'")
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def is_current(connection: sa.Connection, path: Path) -> bool:
    """Whether the file has the present schema; False where an earlier release wrote it.

    Raises StoreError where it isn't ours or a later release wrote it.
    """
    if VERSION_TABLE.name not in _table_names(connection):
        raise StoreError(str(path), "it is a DuckDB database, but not of crossmargin: name another file")
    found = connection.execute(sa.select(VERSION_TABLE.c.version_num)).scalars().all()
    if len(found) != 1 or found[0] not in REVISIONS:
        has = ", ".join(found) or "none"
        raise StoreError(
            str(path),
            f"its schema has version {has}, this release knows {REVISIONS[0]} to {REVISIONS[-1]}: "
            "use the release that wrote it, or a later one",
        )
    return bool(found[0] == REVISIONS[-1])


def _table_names(connection: sa.Connection) -> set[str]:
    statement = (
        "SELECT table_name FROM duckdb_tables() WHERE NOT internal AND database_name = current_database()"
    )
    return set(connection.exec_driver_sql(statement).scalars())
