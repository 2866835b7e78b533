"""A wallet before and after actions, for a terminal and as rows. 100 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from cli import change_table, rows
from cli.screen import Provenance, header, incomplete
from cli.stress_rows import CHANGE, changes
from cli.text import WIDTH, clean

if TYPE_CHECKING:
    from aggregator.model.stresses import WhatIf

COLUMNS = ("wallet", "account_id", *CHANGE, "native_unknown")


def screen(found: WhatIf, source: Provenance) -> str:
    """What was done, the whole, every account, and what the answer takes for granted."""
    today, after = found.today, found.after
    done = [
        line
        for action in found.done
        for line in textwrap.wrap(clean(action, 300), WIDTH - 2, subsequent_indent="    ")
    ]
    notes = [line for note in found.told for line in textwrap.wrap(f"note: {clean(note, 400)}", WIDTH - 2)]
    blocks = [
        header(today.portfolio, source),
        incomplete(today.portfolio),
        textwrap.indent("\n".join(done), "  "),
        change_table.whole(today.risk, after.risk, complete=not after.unknown),
        change_table.accounts(today, after),
        textwrap.indent("\n".join(notes), "  "),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def write_rows(found: WhatIf, *, header: bool) -> None:
    """Print a row for the whole (without an account) and one for each account."""
    wallet = found.today.portfolio.wallet
    lines = [(wallet, *line) for line in changes(found.today, found.after)]
    rows.write(COLUMNS, lines, numbers=CHANGE, header=header)
