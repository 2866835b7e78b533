"""Asking a file a query, and what every answer about latest snapshots is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aggregator.store import library, query
from aggregator.store.library import Value
from aggregator.store.limits import Limits
from tests.queries.synthetic import ASSETS, GROUPS, UNCLASSIFIED, Row, Synthetic

LIMITS = Limits(timeout_s=30.0, memory_gb=1.0)

UNDERLYING = {a.id: a.id if a is UNCLASSIFIED else a.underlying for a in ASSETS.values()}


def answer(path: Path, name: str, **given: str) -> list[Row]:
    """The rows of a query that ships, its parameters given as texts."""
    found = library.find(name)
    return own(path, found.sql, **found.values(given))


def own(path: Path, sql: str, **values: Value) -> list[Row]:
    """The rows of a statement."""

    def taken(answer: query.Answer) -> list[Row]:
        names = [column.name for column in answer.columns]
        return [dict(zip(names, row, strict=True)) for rows in answer.batches for row in rows]

    return query.run(path, "test", sql, values, taken, limits=LIMITS, lock_timeout_s=5.0)


@dataclass(frozen=True)
class Snapshot:
    """A latest snapshot."""

    id: str
    wallet: str
    as_of: datetime
    partial: bool


@dataclass(frozen=True)
class World:
    """A file and the rows that it was made of."""

    path: Path
    data: Synthetic

    def ask(self, name: str, **given: str) -> list[Row]:
        """The rows of a query."""
        return answer(self.path, name, **given)

    def latest(self, wallet: str | None = None, group: str | None = None) -> dict[str, Snapshot]:
        """The newest complete or partial snapshot of each wallet, by id."""
        newest: dict[str, Row] = {}
        for row in self.data.of("snapshot"):
            chosen = wallet in (None, row["wallet"]) and (group is None or row["wallet"] in GROUPS[group])
            if chosen and row["status"] in ("complete", "partial"):
                other = newest.get(row["wallet"])
                if other is None or row["as_of"] > other["as_of"]:
                    newest[row["wallet"]] = row
        return {
            row["snapshot_id"]: Snapshot(
                row["snapshot_id"], row["wallet"], row["as_of"], row["status"] == "partial"
            )
            for row in newest.values()
        }

    def account(self, row: Row) -> Row:
        """The account that a row belongs to."""
        key = (row["snapshot_id"], row["account_id"])
        [found] = [a for a in self.data.of("account") if (a["snapshot_id"], a["account_id"]) == key]
        return found

    def price(self, snapshot_id: str, asset_id: str) -> Decimal:
        """A mark."""
        key = (snapshot_id, asset_id)
        [found] = [p for p in self.data.of("price") if (p["snapshot_id"], p["asset_id"]) == key]
        mark: Decimal = found["price_usd"]
        return mark

    def gross(self, position: Row) -> float | None:
        """The absolute value of a position, of a perp its notional."""
        if position["kind"] == "perp":
            units: float = abs(position["size_raw"] * position["mark_price_raw"]) / 10**36
            return units * float(self.price(position["snapshot_id"], position["asset_id"]))
        value = position["value_usd"]
        return None if value is None else abs(float(value))


def total(values: Sequence[Decimal | None]) -> Decimal:
    """The exact sum of what is known."""
    return sum((value for value in values if value is not None), Decimal(0))


def same(found: Sequence[Row], expected: Sequence[Row]) -> None:
    """Assert that rows are equal in order; floats to 12 digits, all else exactly."""
    assert [list(row) for row in found] == [list(row) for row in expected][: len(found)]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for name, value in other.items():
            assert _equal(one[name], value), (name, one, other)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(other, float) and isinstance(one, float):
        return bool(one == pytest.approx(other, rel=1e-12, abs=1e-9))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def span(snapshots: Sequence[Snapshot]) -> Row:
    """The columns that tell how old and how complete a sum over snapshots is."""
    return {"oldest_as_of": min(s.as_of for s in snapshots), "partial": any(s.partial for s in snapshots)}


def moment(snapshot: Snapshot) -> Row:
    """The columns that tell how old and how complete a row of one snapshot is."""
    return {"as_of": snapshot.as_of, "partial": snapshot.partial}
