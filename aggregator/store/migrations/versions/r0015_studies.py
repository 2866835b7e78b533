"""Plans, cascades, ladders and calendars."""

from aggregator.store.migrations import run_sql

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add tables that are empty for the snapshots that are there.

    `plan` and `plan_step` of 0002, which no release wrote a row into, give way to new ones.
    """
    run_sql(__file__)
