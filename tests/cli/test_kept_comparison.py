"""A snapshot of the demo: what other methods ask is what `--compare` shows, and kappa is in its rows."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.cli.runner import crossmargin
from tests.store.recomputed import recomputed


def test_what_a_snapshot_keeps_is_what_was_shown(tmp_path: Path) -> None:
    """The comparison but for each leg alone, whether it was asked for or not; and the score out of points."""
    shown = crossmargin("health", "--demo", "--compare", "--json").json()["data"]
    crossmargin("health", "--demo", "--save")
    kept = crossmargin("query", "run", "requirement_by_method", "--json").json()["data"]["rows"]
    methods = shown["comparison"]["methods"]
    assert methods[0]["method"] == "legs_isolated"
    names = ("method", "variant", "requirement_usd", "capital_efficiency")
    figures = [tuple(m[name] or "" if name == "variant" else m[name] for name in names) for m in methods[1:]]
    assert [tuple(row[name] for name in names) for row in kept] == figures
    [snapshot] = crossmargin("snapshot", "list", "--json").json()["data"]
    with duckdb.connect(str(tmp_path / "test.published.duckdb"), read_only=True) as connection:
        found = recomputed(connection, snapshot["snapshot_id"])
    assert (found["kappa"], found["score"]) == pytest.approx((shown["kappa"], shown["score"]), rel=1e-9)
    assert found["requirement_usd"] == pytest.approx(float(shown["requirement_usd"]), rel=1e-9)
