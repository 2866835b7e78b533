"""Delivery, multiplier and the mark's source of options; perpetual ones."""

from aggregator.store.migrations import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add three columns, which are NULL in the rows that are there."""
    run_sql(__file__)
