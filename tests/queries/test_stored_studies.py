"""Queries on studies as they are saved: which is the newest, and what a cascade that is another's hides."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.store.cascade_rows import cascade_study
from tests.queries.asking import answer
from tests.store.samples import PORTFOLIO, TAKEN_AT
from tests.store.studied import CASCADE, save_studied

OTHER = replace(PORTFOLIO, spots={**PORTFOLIO.spots, "ETH": 2_000.0})
LATER = replace(
    PORTFOLIO, blocks={c: replace(b, timestamp=b.timestamp + 60) for c, b in PORTFOLIO.blocks.items()}
)
COVID, SHOCK = (cascade_study(replace(CASCADE, scenario=name), {"of": name}) for name in ("covid", "shock"))
QUERIES = pytest.mark.parametrize("query", ["cascade_steps", "bad_debt_by_bearer"])


@QUERIES
@pytest.mark.parametrize("first", [PORTFOLIO, OTHER], ids=["one", "other"])
def test_of_two_reads_of_one_block_the_later_is_the_newest(tmp_path: Path, query: str, first: object) -> None:
    """As `latest` has it, whatever their ids are."""
    path = tmp_path / "w.duckdb"
    for i, portfolio in enumerate((PORTFOLIO, OTHER) if first is PORTFOLIO else (OTHER, PORTFOLIO)):
        at = TAKEN_AT + timedelta(minutes=i)
        _, [last] = save_studied(path, [COVID], portfolio, taken_at=at)
    assert {row["cascade_id"] for row in answer(path, query)} == {last.id}


@QUERIES
def test_a_scenario_is_looked_for_in_earlier_snapshots(tmp_path: Path, query: str) -> None:
    """That nothing is liquidated in a scenario is never said because a later snapshot has another one."""
    path = tmp_path / "w.duckdb"
    _, [covid] = save_studied(path, [COVID])
    _, [shock] = save_studied(path, [SHOCK], LATER)
    assert {row["cascade_id"] for row in answer(path, query)} == {shock.id}
    assert {row["cascade_id"] for row in answer(path, query, scenario="covid")} == {covid.id}
    assert answer(path, query, scenario="nothing") == []
