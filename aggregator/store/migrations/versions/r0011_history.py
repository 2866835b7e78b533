"""The price history that a result rests on."""

from aggregator.store.migrations import run_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add three columns, which are NULL in the rows that are there."""
    run_sql(__file__)
