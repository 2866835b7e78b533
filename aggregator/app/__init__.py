"""The use cases: the only package that joins the layers.

`checks` reads wallets and judges them, `snapshots` keeps them; heavy libraries are imported where they are
used, so that a replay needs no HTTP client and a check no database.
"""

from aggregator.app.checks import (
    DEMO,
    Answer,
    Checked,
    Selection,
    adapters,
    check,
    demo,
    doctor,
    read,
    replay,
)
from aggregator.app.snapshots import list_snapshots, publish, save, save_all, warehouse

__all__ = [
    "DEMO",
    "Answer",
    "Checked",
    "Selection",
    "adapters",
    "check",
    "demo",
    "doctor",
    "list_snapshots",
    "publish",
    "read",
    "replay",
    "save",
    "save_all",
    "warehouse",
]
