"""Comma-separated values: what comes from a chain can't be a formula."""

from __future__ import annotations

import csv
import sys
from collections.abc import Collection, Sequence


def write(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Collection[str], header: bool
) -> None:
    """Print rows, under their header where `header`; columns in `numbers` are figures of ours."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if header:
        writer.writerow(columns)
    exact = [column in numbers for column in columns]
    writer.writerows(
        [cell if number else _harmless(cell) for cell, number in zip(row, exact, strict=True)] for row in rows
    )


def _harmless(text: str) -> str:
    """A cell that starts like a formula would run in a spreadsheet: symbols come from chains."""
    return f"'{text}" if text.startswith(tuple("=+-@＝＋－＠")) else text
