"""Borrowing fees of perps, beside their funding."""

from aggregator.store.migrations import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add two columns, which are NULL in the rows that are there."""
    run_sql(__file__)
