"""Accounts that a venue answers for in place of the chain."""

from aggregator.store.migrations import run_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add three columns, which are NULL in the rows that are there."""
    run_sql(__file__)
