"""Interest: rates of positions, what they come to and how long an account lasts; liquidation by asset."""

from aggregator.store.migrations import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add three columns, which are NULL in the rows that are there, and a table."""
    run_sql(__file__)
