"""What a step of a plan asks of its venue."""

from aggregator.store.migrations import run_sql

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add a column, which is NULL in the rows that are there."""
    run_sql(__file__)
