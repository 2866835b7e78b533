"""The schema's revisions, forward only: a file is brought from any earlier one to the present.

Each is frozen once released: `versions/rNNNN_*.sql` is what it does, beside the module that Alembic loads.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op


def run_sql(beside: str) -> None:
    """Run the statements of the .sql file that belongs to a revision's module (its `__file__`)."""
    op.get_bind().exec_driver_sql(Path(beside).with_suffix(".sql").read_text(encoding="utf-8"))
