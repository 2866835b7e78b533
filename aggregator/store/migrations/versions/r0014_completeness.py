"""The worst that unread parts allow, the score without late prices, and the cost of closing a book."""

from aggregator.store.migrations import run_sql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add columns that are NULL in the rows that are there."""
    run_sql(__file__)
