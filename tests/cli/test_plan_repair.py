"""`plan repair` on the recorded demo: real rules, JSON by its schema, the screen, rows, and wrong input."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from cli.text import WIDTH
from tests.cli.runner import crossmargin
from tests.docs.test_schema import errors
from tests.store.blank import blank


def test_a_wallet_at_its_targets_needs_no_plan() -> None:
    """Nothing to do, exit 0."""
    result = crossmargin("plan", "repair", "--demo", "--json")
    assert result.code == 0
    document = result.json()
    assert errors("plan-repair.json", document) == []
    assert document["data"]["status"] == "safe"
    assert document["data"]["steps"] == []
    assert document["data"]["before"] == document["data"]["after"]


def test_a_plan_reaches_what_it_is_asked_for() -> None:
    """The pool's own account by its own rule, after every step, and at the end."""
    result = crossmargin("plan", "repair", "--demo", "--json", "--kappa", "12")
    assert result.code == 0
    document = result.json()
    assert errors("plan-repair.json", document) == []
    data = document["data"]
    assert data["status"] == "feasible"
    assert data["before"]["kappa"] < 12 <= data["after"]["kappa"]
    assert data["steps"]
    for step in data["steps"]:
        for account in step["after"]["accounts"]:
            assert account["native_health"] is None or account["native_health"] >= 1.02
    assert float(data["cost_usd"]) == pytest.approx(sum(float(s["cost"]["usd"]) for s in data["steps"]))


def test_without_estimates_every_step_has_calls() -> None:
    """Nothing is sold where no market was read, and nothing bridged."""
    result = crossmargin("plan", "repair", "--demo", "--json", "--kappa", "12", "--no-estimates")
    assert result.code == 0
    steps = result.json()["data"]["steps"]
    assert steps
    assert all(step["calls"] and step["calls_unknown"] is None for step in steps)


def test_what_can_not_be_reached_is_said() -> None:
    """Exit 16, with what is missing, on a screen of 100 columns."""
    result = crossmargin("plan", "repair", "--demo", "-q", "--target", "19", "--only", "repay")
    assert result.code == 16
    assert "INFEASIBLE" in result.out
    assert "missing: " in result.out
    assert max(map(len, result.out.splitlines())) <= WIDTH


def test_rows() -> None:
    """One for each step."""
    result = crossmargin("plan", "repair", "--demo", "--csv", "--kappa", "12")
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert rows
    assert [row["ordinal"] for row in rows] == [str(i) for i in range(len(rows))]


def test_it_is_kept_with_its_snapshot(tmp_path: Path) -> None:
    """Once: the same again changes nothing, another target makes another plan of the same snapshot."""
    config = tmp_path / "c.toml"
    config.write_text(f'database = "{blank(tmp_path / "w.duckdb")}"\n')
    kept = ("--demo", "-q", "--save", "--config", str(config))
    first = crossmargin("plan", "repair", *kept, "--kappa", "12", "--json")
    assert first.code == 0
    again = crossmargin("plan", "repair", *kept, "--kappa", "12")
    assert again.err == "".join(f"{line} was kept already\n" for line in first.err.splitlines())
    assert crossmargin("plan", "repair", *kept).code == 0
    looked = crossmargin("plan", "calendar", *kept)
    assert looked.err.splitlines()[0] == again.err.splitlines()[0]

    def rows(name: str) -> list[dict[str, Any]]:
        found = crossmargin("query", "run", name, "--json", "--config", str(config))
        assert found.code == 0
        answered: list[dict[str, Any]] = found.json()["data"]["rows"]
        return answered

    assert [row["status"] for row in rows("plan_cost_vs_avoided")] == ["feasible", "safe"]
    told = first.json()["data"]
    [plan] = [row for row in rows("plan_cost_vs_avoided") if row["status"] == "feasible"]
    assert float(plan["cost_usd"]) == pytest.approx(float(told["cost_usd"]), abs=0.01)
    assert plan["kappa_after"] == told["after"]["kappa"]
    assert {row["source"] for row in rows("time_to_liquidation_by_carry")} == {"calendar", "interest"}
    verified = crossmargin("snapshot", "verify", "--all", "--offline", "--config", str(config))
    assert "rows sound" in verified.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--target", "0.9"), "give a number from 1 to 20"),
        (("--target", "nan"), "give a number from 1 to 20"),
        (("--kappa", "20"), "below it"),
        (("--floor", "1.5", "--target", "1.3"), "above the target"),
        (("--max-cost", "-1"), "0 or more"),
        (("--slippage", "half"), "a share of at most 50%"),
        (("--shock", "ETH=-30%", "--stress", "covid"), "either a named stress or --shock"),
        (("--only", "nobody"), "no kind of step and no account is called so"),
        (("--stress", "nothing"), "no stress is called"),
        (("--csv", "--json"), "--csv"),
        (("--csv", "--format", "json"), "--csv: not together with --json"),
        (("--csv", "--format", "safe"), "--csv: not together with --format safe"),
        (("--json", "--format", "safe"), "--json: not together with --format safe"),
        (("--only", ""), "no kind of step and no account is called so"),
        (("--only", "bridge", "--no-bridge"), "not together with --no-bridge"),
        (("--flash-executor", "0x12"), "not 0x followed by 40 hex digits"),
    ],
)
def test_wrong_input_says_what_to_do(arguments: tuple[str, ...], words: str) -> None:
    """Exit 2, and one sentence."""
    result = crossmargin("plan", "repair", "--demo", *arguments)
    assert result.code == 2
    assert words in result.err
