"""What kappa and the requirement follow from, and what other margin methods ask."""

from aggregator.store.migrations import run_sql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add two tables, which are empty for the snapshots that are there."""
    run_sql(__file__)
