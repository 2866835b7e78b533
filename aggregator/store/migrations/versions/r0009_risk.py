"""Every source of each price; what the whole framework says of a portfolio."""

from aggregator.store.migrations import run_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add tables, which have no row of the snapshots that are there."""
    run_sql(__file__)
