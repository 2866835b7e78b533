"""The warehouse: wallets and groups, the latest snapshot of each, schedules, plans, views for people."""

from aggregator.store.migrations import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add tables, one column and views; `latest` is filled from the snapshots that are there."""
    run_sql(__file__)
