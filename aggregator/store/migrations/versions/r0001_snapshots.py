"""Snapshots: what was read, and what risk said of it."""

from aggregator.store.migrations import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables of an empty file."""
    run_sql(__file__)
