"""Prices: the block at which each was read."""

from aggregator.store.migrations import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add three columns, which are NULL in the rows that are there."""
    run_sql(__file__)
