"""A rule that has no answer costs its own account its health, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.aave_v3.margin import AaveRule
from cli.exits import Exit
from tests.cli.runner import crossmargin
from tests.docs.test_schema import errors


def test_the_rest_is_judged_and_the_answer_is_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    """Positions of the account count; its own health is what its protocol told, and a failure says why."""

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("division by zero")

    whole = crossmargin("health", "--demo", "--json").json()["data"]
    monkeypatch.setattr(AaveRule, "health", broken)
    shown = crossmargin("health", "--demo", "--json")
    assert shown.code == Exit.PARTIAL
    document = shown.json()
    assert errors("health.json", document) == []
    assert document["data"]["equity_usd"] == whole["equity_usd"]
    [error] = document["errors"]
    assert error["code"] == "native_unknown"
    assert "ZeroDivisionError: division by zero" in error["message"]
    [aave] = [a for a in document["data"]["accounts"] if a["protocol"] == "aave_v3"]
    assert aave["native_health"] is None
    assert aave["reported_health"] is not None
    others = [a for a in document["data"]["accounts"] if a["protocol"] != "aave_v3"]
    assert others == [a for a in whole["accounts"] if a["protocol"] != "aave_v3"]
