"""What accounts come to soon after each step of a plan."""

from aggregator.store.migrations import run_sql

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add columns, which are NULL in the rows that are there."""
    run_sql(__file__)
