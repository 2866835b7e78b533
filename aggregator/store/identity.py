"""What makes two snapshots the same: the wallet, the blocks, what was read there and how it was judged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from aggregator.model.portfolio import Portfolio
from aggregator.model.results import RiskResult
from aggregator.store.bulk import Columns
from aggregator.store.columns import utc

# Not part of what was read: the order of rows, and messages that name an endpoint or a moment.
_NOT_READ = frozenset({"ordinal", "error_message"})
# Not part of a snapshot as it was saved: what may change, and the hash itself.
_NOT_SAVED = frozenset({"status", "rows_hash"})
_NOT_STUDIED = frozenset({"rows_hash"})


def content_hash(tables: Mapping[str, Columns]) -> str:
    """SHA-256 over the rows of the named tables, in hex.

    Independent of the order of rows and of columns that are NULL, so that a column added by a later release
    leaves it as it is.
    """
    return _hash(line for table, columns in tables.items() for line in _lines(table, columns, _NOT_READ))


def rows_hash(row: Columns, tables: Mapping[str, Columns], *, of: str = "snapshot") -> str:
    """SHA-256 over the row of a snapshot and those of all other tables, in hex: every column, every order.

    Only `snapshot.status` may change later. NULLs take no part, as in `content_hash`. `of` names the table
    of a study, of which nothing may.
    """
    first = _lines(of, row, _NOT_SAVED if of == "snapshot" else _NOT_STUDIED)
    rest = (line for table, columns in tables.items() for line in _lines(table, columns, frozenset()))
    return _hash([*first, *rest])


def as_of(portfolio: Portfolio, taken_at: datetime) -> datetime:
    """The time of the newest block, naive UTC; `taken_at` where no chain answered."""
    return max((utc(block.timestamp) for block in portfolio.blocks.values()), default=taken_at)


def snapshot_id(
    portfolio: Portfolio, result: RiskResult, content: str, taken_at: datetime, tool_version: str
) -> str:
    """A text that sorts by time and is the same for the same read at the same blocks.

    The result takes part by what determines it (tool, framework, parameters, scenarios), not by its floats.
    Where no chain answered nothing but the moment tells two reads apart, so it takes part.
    """
    parts = {
        "wallet": portfolio.wallet,
        "blocks": sorted([b.chain, b.number, b.hash] for b in portfolio.blocks.values()),
        "judged_by": [tool_version, result.framework_version, result.parameters_hash, result.scenario_hash],
        "content": content,
        "taken_at": None if portfolio.blocks else taken_at.isoformat(),
    }
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return f"{as_of(portfolio, taken_at):%Y%m%dT%H%M%SZ}-{portfolio.wallet[2:8]}-{digest[:20]}"


def _hash(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _lines(table: str, columns: Columns, left_out: Collection[str]) -> Iterable[str]:
    kept = sorted(name for name in columns if name not in left_out)
    for values in zip(*(columns[name] for name in kept), strict=True):
        row = {name: value for name, value in zip(kept, values, strict=True) if value is not None}
        # DuckDB's compression may give -0.0 back as 0.0: they are one number here.
        row = {name: value + 0.0 if isinstance(value, float) else value for name, value in row.items()}
        # str() of a Decimal, a time or a StrEnum is canonical; integers stay exact in Python's JSON.
        try:
            yield json.dumps([table, row], sort_keys=True, allow_nan=False, default=str)
        except ValueError as error:
            raise ValueError(f"{table} would hold a number that is not finite") from error
