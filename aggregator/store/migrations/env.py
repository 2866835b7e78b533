"""Run by Alembic: applies the revisions on the connection of the transaction that opens the file."""

from __future__ import annotations

from alembic import context

from aggregator.store.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE.name)
with context.begin_transaction():
    context.run_migrations()
