"""Expected shortfall and value at risk."""

from aggregator.store.migrations import run_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add a table, and columns that are NULL in the rows that are there."""
    run_sql(__file__)
