"""Expected shortfall and value at risk."""

from aggregator.store.migrations import run_sql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add a table, and columns that are NULL in the rows that are there."""
    run_sql(__file__)
