"""Answers of queries as a table, CSV or JSON: exact figures, and untrusted text made harmless."""

from __future__ import annotations

import csv
import math
import re
import sys
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
import typer

from cli.envelope import usd
from cli.table import table
from cli.text import clean

if TYPE_CHECKING:
    from aggregator.store.query import Answer, Column

Scalar: TypeAlias = str | int | float | bool | None

TABLE_ROWS = 1_000
_CELL = 100
_WHOLE = sys.maxsize
_INTEGER = re.compile(r"-?[0-9]+")
# A cell of a spreadsheet that starts like this is a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBERS = ("INT", "DECIMAL", "DOUBLE", "FLOAT", "BIGNUM")


def plain(value: Any, column: Column) -> Scalar:
    """A value as JSON has it: dollars, decimals and integers beyond 64 bits are strings, infinity is None.

    Times are UTC; bytes are hex; text has no control, format or bidirectional characters.
    """
    match value:
        case None | bool():
            return value
        case int():
            return str(value) if column.name.endswith("_usd") else value
        case float():
            if not math.isfinite(value):
                return None
            return usd(value) if column.name.endswith("_usd") else value
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.isoformat() + "Z"
        case date():
            return value.isoformat()
        case bytes():
            return "0x" + value.hex()
        case _:
            return clean(str(value), _WHOLE)


def documents(answer: Answer) -> Iterator[dict[str, Scalar]]:
    """A JSON object per row."""
    names = _told_apart([clean(column.name, _WHOLE) for column in answer.columns])
    for rows in answer.batches:
        for row in rows:
            yield dict(zip(names, map(plain, row, answer.columns), strict=True))


def _told_apart(names: list[str]) -> list[str]:
    """Names that are equal now that they are clean, numbered: an object would keep the last of them only."""
    apart: list[str] = []
    for name in names:
        tries = (f"{name}_{number}" for number in count(1))
        apart.append(name if name not in apart else next(one for one in tries if one not in {*apart, *names}))
    return apart


def write_json_lines(answer: Answer) -> None:
    """Print a JSON object per line and row."""
    for document in documents(answer):
        sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def write_csv(answer: Answer) -> None:
    """Print comma-separated values; text that a spreadsheet would run begins with an apostrophe."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([_inert(clean(column.name, _WHOLE)) for column in answer.columns])
    for rows in answer.batches:
        writer.writerows([_csv_cell(v, c) for v, c in zip(row, answer.columns, strict=True)] for row in rows)


def write_table(answer: Answer) -> None:
    """Print a table for people, of the first rows where there are many; says so on stderr."""
    cells: list[list[str]] = []
    more = False
    for rows in answer.batches:
        room = TABLE_ROWS - len(cells)
        cells += [[_cell(v, c) for v, c in zip(row, answer.columns, strict=True)] for row in rows[:room]]
        if len(rows) > room:
            more = True
            break
    right = [i for i, column in enumerate(answer.columns) if any(n in column.type for n in _NUMBERS)]
    typer.echo(table([clean(column.name, _CELL) for column in answer.columns], cells, right=right))
    if more:
        typer.echo(f"the first {TABLE_ROWS:,} rows; --csv, --jsonl, --parquet give all", err=True)


def _csv_cell(value: Any, column: Column) -> Scalar:
    if isinstance(value, float):
        return repr(value)
    shown = plain(value, column)
    return _inert(shown) if isinstance(value, str) and isinstance(shown, str) else shown


def _inert(text: str) -> str:
    return "'" + text if text.startswith(_FORMULA) and not _INTEGER.fullmatch(text) else text


def _cell(value: Any, column: Column) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float() | Decimal() if column.name.endswith("_usd") and math.isfinite(value):
            return f"{value:,.2f}"
        case float():
            return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.2f}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case _:
            return clean(str(plain(value, column)), _CELL)
