"""Addresses that hold positions for a wallet, and how they belong to it."""

from aggregator.store.migrations import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add a table, which has no row of the snapshots that are there."""
    run_sql(__file__)
