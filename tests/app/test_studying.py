"""What was asked for as JSON: equal for equal requests, different for different ones, never rounded."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from aggregator import app
from aggregator.app.borrower_tables import read_borrowers
from aggregator.app.liquidating import LiquidationRequest
from aggregator.app.planning import PlanRequest
from aggregator.app.studying import plain
from aggregator.model.errors import StoreError
from aggregator.model.plans import Targets
from aggregator.model.units import Address
from aggregator.risk.rays import Vol
from aggregator.risk.scenarios import CustomScenario

SHOCK = CustomScenario("shock", MappingProxyType({"ETH": -0.3}), Vol.UP)
CHANGES: dict[str, Any] = {
    "targets": Targets(1.02, 1.25, 1.3),
    "only": ("repay",),
    "bridge": False,
    "hedge": True,
    "most_cost_usd": 0.1 + 0.2,
    "stress": "2020-03-11",
    "shock": SHOCK,
    "slippage": Decimal("0.0010"),
    "gas_usd": 2.0,
    "executor": Address("0x" + "01" * 20),
    "estimates": False,
}


def test_every_part_of_a_request_counts() -> None:
    """No field of a plan's request is left out, and what it holds is JSON."""
    assert {field.name for field in fields(PlanRequest)} == set(CHANGES)
    requests = [PlanRequest(), *(replace(PlanRequest(), **{name: v}) for name, v in CHANGES.items())]
    requests.append(PlanRequest(shock=replace(SHOCK, moves={"ETH": -0.4})))
    texts = {json.dumps(plain(request), allow_nan=False) for request in requests}
    assert len(texts) == len(requests)
    assert plain(PlanRequest(shock=SHOCK))["shock"]["moves"] == {"ETH": -0.3}


def test_integers_are_not_rounded() -> None:
    """Beyond what JSON's readers keep they are texts."""
    assert plain([2**53 - 1, 2**53, -(2**255), True, None]) == [
        2**53 - 1, str(2**53), str(-(2**255)), True, None
    ]  # fmt: skip
    assert plain({1, 3, 2}) == [1, 2, 3]


def test_a_table_is_its_content(tmp_path: Path) -> None:
    """Whatever it is called, and as it was when it was read: a pipe has nothing a second time."""
    tables = []
    for name, cell in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / name).write_text(f"protocol\n{cell}\n")
        tables.append(read_borrowers(tmp_path / name))
        (tmp_path / name).write_text("")
    a, b, c = (plain(LiquidationRequest(borrowers=one)) for one in tables)
    assert a == b != c


def test_what_is_no_data_is_an_error() -> None:
    """Nothing is guessed."""
    with pytest.raises(TypeError, match="no part of a request"):
        plain(object())


def test_what_can_not_be_stored_is_told(tmp_path: Path) -> None:
    """As a failure of the database, which stays as it was, for every kind of study."""
    answer = app.replay_with_markets(app.demo())
    config = answer.settings.model_copy(update={"database": tmp_path / "w.duckdb"})
    [plan] = app.repair(answer, PlanRequest())
    plan = replace(plan, avoided_usd=math.inf)
    with pytest.raises(StoreError, match="nothing was saved: inf is no number of dollars"):
        app.save_plans(answer, [plan], PlanRequest(), config)
    [calendar] = app.calendars(answer, 30)
    spoilt = replace(calendar, accounts=(replace(calendar.accounts[0], carry_usd_day=1e31),))
    with pytest.raises(StoreError, match="more than a column holds"):
        app.save_calendars(answer, [spoilt], config)
    request = LiquidationRequest()
    [report] = app.liquidations(answer, request)
    rungs = (replace(report.ladder[0], cost_usd=math.nan),)
    with pytest.raises(StoreError, match="no number of dollars"):
        app.save_liquidations(answer, [replace(report, ladder=rungs)], request, config)
    assert app.list_snapshots(config) == ()
