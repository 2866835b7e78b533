"""Expected shortfall in rows: kept, absent in what an earlier release saved, and never in part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aggregator.store.risk_rows import risk_columns, to_result
from aggregator.store.risk_tables import RiskResultRow, ValueAtRiskRow
from aggregator.store.warehouse import Warehouse
from tests.store.samples import FAMILIES, PORTFOLIO, RESULT, save


def rows(**changes: object) -> tuple[RiskResultRow, list[ValueAtRiskRow]]:
    """The sample's rows with other values in the row of the result."""
    columns = risk_columns(RESULT)
    values: dict[str, Any] = {name: column[0] for name, column in columns[RiskResultRow].items()} | changes
    estimates: Mapping[str, Sequence[Any]] = columns[ValueAtRiskRow]
    return (
        RiskResultRow(snapshot_id="s", **values),
        [
            ValueAtRiskRow(snapshot_id="s", **{name: column[i] for name, column in estimates.items()})
            for i in range(len(estimates["ordinal"]))
        ],
    )


def loaded(row: RiskResultRow, estimates: list[ValueAtRiskRow]) -> object:
    return to_result(
        row,
        estimates=estimates,
        survival=(),
        accounts=(),
        points=(),
        asset_points=(),
        greeks=(),
        position_greeks=(),
        scenarios=(),
        losses=(),
        flags=(),
    ).tails


def test_kept() -> None:
    """As they were, in their order."""
    assert RESULT.tails is not None
    assert loaded(*rows()) == RESULT.tails


def test_of_an_earlier_release(tmp_path: Path) -> None:
    """A snapshot without is loaded without."""
    path = tmp_path / "w.duckdb"
    saved = save(path, PORTFOLIO, replace(RESULT, tails=None))
    assert Warehouse(path).load(saved.id, FAMILIES).result.tails is None


@pytest.mark.parametrize("name", ["requirement_usd", "days"])
def test_a_part_is_missing(name: str) -> None:
    """Damaged rows are no result with a gap."""
    with pytest.raises(ValueError, match="a part of its expected shortfall is missing"):
        loaded(*rows(**{f"tail_{name}": None}))


def test_estimates_without_a_shortfall() -> None:
    """Nor is value at risk alone one."""
    gone = {name: None for name in RiskResultRow.model_fields if name.startswith("tail_")}
    with pytest.raises(ValueError, match="a part of its expected shortfall is missing"):
        loaded(*rows(**gone))
