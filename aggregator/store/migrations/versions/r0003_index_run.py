"""Progress of `index`: lists of wallets that are read at one block per chain."""

from aggregator.store.migrations import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add two tables."""
    run_sql(__file__)
