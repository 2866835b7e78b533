"""Every source of each price."""

from aggregator.store.migrations import run_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add a table, which has no row of the snapshots that are there."""
    run_sql(__file__)
