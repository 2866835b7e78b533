"""`plan liquidation` and `stress --cascade` on the recorded demo: screens, rows, documents, refusals."""

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

PLAN = ("plan", "liquidation", "--demo", "--quiet")
CRASH = (*PLAN, "--shock", "ETH=-45%", "--shock", "BTC=-40%")
LOANS = (
    "protocol,collateral,collateral_units,debt,debt_units,liquidation_threshold,bonus,close_factor\n"
    "aave_v3:1,ETH,50000,USDC,70000000,0.83,0.05,aave_v3\n"
    "aave_v3:1,ETH,10,USDC,100,0.83,0.05,aave_v3\n"
)


def data(*arguments: str) -> Any:
    """What is printed as a document, which meets its schema."""
    document = crossmargin(*arguments, "--json").json()
    assert errors("plan-liquidation.json", document) == []
    return document["data"]


def test_the_ladder() -> None:
    """The nearest first, as `health` has the prices; what follows is named; in 100 columns."""
    shown = crossmargin(*PLAN)
    assert shown.code == 0
    assert "ETH $2,171   +8.5%  Synthetix sETHPERP" in shown.out
    assert max(map(len, shown.out.splitlines())) <= WIDTH
    found = data(*PLAN)
    assert (found["cascades"], found["market"]) == ([], None)
    distances = [abs(rung["distance"]) for rung in found["ladder"]]
    assert len(distances) == 4
    health = crossmargin("health", "--demo", "--json").json()["data"]
    known = {
        (account["account_id"], price["underlying"]): price["distance"]
        for account in health["accounts"]
        for price in account["liquidation_prices"]
    }
    for rung in found["ladder"]:
        assert rung["distance"] == pytest.approx(known[rung["account_id"], rung["underlying"]], abs=1e-6)
        assert float(rung["liquidated_usd"]) > float(rung["cost_usd"]) > 0


def test_a_crash_step_by_step() -> None:
    """Amounts, prices, who bears the bad debt; what adds up, and the wallet after it."""
    shown = crossmargin(*CRASH)
    assert shown.code == 0
    assert "Aave V3.6 local TOXIC" in shown.out
    assert max(map(len, shown.out.splitlines())) <= WIDTH
    [one] = data(*CRASH)["cascades"]
    assert [step["round"] for step in one["steps"]] == [1, 2]
    last = one["steps"][-1]
    assert sum(float(part["usd"]) for part in last["borne"]) == pytest.approx(float(last["bad_debt_usd"]))
    parts = ("penalties_usd", "fees_usd", "impact_usd", "path_usd", "own_share_usd")
    lost = sum(float(one[name]) for name in parts) - float(one["bad_debt_usd"])
    assert float(one["value_before_usd"]) - float(one["value_after_usd"]) == pytest.approx(lost, abs=1e-6)
    assert float(one["after"]["equity_usd"]) == pytest.approx(float(one["value_after_usd"]), abs=1e-6)


def test_rows() -> None:
    """A row for each step, or each rung."""
    steps = list(csv.DictReader(io.StringIO(crossmargin(*CRASH, "--csv").out)))
    assert [row["round"] for row in steps] == ["1", "2"]
    assert steps[0]["prices_usd"].startswith("BTC=24000")
    rungs = list(csv.DictReader(io.StringIO(crossmargin(*PLAN, "--csv").out)))
    assert len(rungs) == 4
    assert float(rungs[0]["distance"]) > 0


def test_borrowers_sell_into_the_wallets_market(tmp_path: Path) -> None:
    """Their sale moves ether; at risk over draws beside the steps."""
    file = tmp_path / "loans.csv"
    file.write_text(LOANS)
    arguments = (*PLAN, "--shock", "ETH=-20%", "--borrowers", str(file), "--draws", "8")
    shown = crossmargin(*arguments)
    assert shown.code == 0, shown.err
    assert "prices move ETH" in shown.out
    assert "at risk over 8 scenarios" in shown.out
    assert max(map(len, shown.out.splitlines())) <= WIDTH
    found = data(*arguments)
    [one] = found["cascades"]
    assert {step["account_id"] for step in one["steps"]} >= {"borrowers:aave_v3:1"}
    prices = {row["underlying"]: float(row["usd"]) for row in one["final_prices_usd"]}
    assert prices["ETH"] < 1_600
    assert float(found["market"]["liquidated_mean_usd"]) > 0


def test_a_path_of_prices(tmp_path: Path) -> None:
    """Rows in percent from today; a row that is none is refused with its number."""
    file = tmp_path / "crash.csv"
    file.write_text("ETH,BTC\n-10%,\n-45%,-40%\n")
    [one] = data(*PLAN, "--path", str(file), "--lag", "aave_v3=1")["cascades"]
    assert len(one["steps"]) == 2
    assert one["moves"][0] == {"moved": "ETH", "first": -0.1, "last": -0.45}
    assert float(one["path_usd"]) != 0
    file.write_text("ETH,BTC\n-10%,5\n")
    refused = crossmargin(*PLAN, "--path", str(file))
    assert (refused.code, refused.out) == (2, "")
    assert "row 1" in refused.err


def test_rows_do_not_hide_what_stands_beside_them(tmp_path: Path) -> None:
    """Of a table without a bonus nothing is a row: why is on stderr, as on the screen, quiet or not."""
    file = tmp_path / "loans.csv"
    file.write_text(LOANS.replace("0.83,0.05", "0.83,0").replace("70000000", "82900000"))
    arguments = (*PLAN, "--shock", "ETH=-40%", "--borrowers", str(file), "--draws", "4")
    said = "not liquidated: borrowers: 1 of the table fail, and a liquidator would lose by it"
    assert said in crossmargin(*arguments).out
    listed = crossmargin(*arguments, "--csv")
    assert said not in listed.out
    assert f"shock: {said}" in listed.err
    assert "at risk: borrowers: fails and is not liquidated" in listed.err
    assert data(*arguments)["market"]["notes"]


def test_a_lag_of_what_nothing_is(tmp_path: Path) -> None:
    """Another spelling would be no lag at all; what only the table has is known."""
    file = tmp_path / "loans.csv"
    file.write_text(LOANS.replace("aave_v3:1", "other:1"))
    refused = crossmargin(*PLAN, "--lag", "aave_v4=1")
    assert (refused.code, refused.out) == (2, "")
    assert "no protocol is called 'aave_v4': there is aave_v3" in refused.err
    assert crossmargin(*PLAN, "--lag", "other=1").code == 2
    for name in ("other", "other:1", "aave_v3"):
        assert crossmargin(*PLAN, "--borrowers", str(file), "--lag", f"{name}=1").code == 0


def test_the_paths_own_moves_are_in_the_sums(tmp_path: Path) -> None:
    """What a path moves after its first moment is no cost of liquidations, and shown."""
    file = tmp_path / "crash.csv"
    file.write_text("ETH,BTC\n-45%,-40%\n-10%,-10%\n")
    shown = crossmargin(*PLAN, "--path", str(file)).out
    assert "the path's own moves cost $" in shown
    # No sale brought bitcoin from 24,000 to 36,000.
    assert "sales move" not in shown
    assert "own moves" not in crossmargin(*CRASH).out


def test_named_stresses_and_gates() -> None:
    """The state after the cascade is judged; several scenarios are a market's risk, too."""
    two = (*PLAN, "--stress", "2020-03-11", "--stress", "2022-06-11")
    assert data(*two)["market"]["paths"] == 2
    assert crossmargin(*two).code == 0
    assert crossmargin(*CRASH, "--warn-under", "99").code == 30
    assert crossmargin(*CRASH, "--fail-under", "99").code == 31


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--lag", "x"), "give rounds from 0 to 99"),
        (("--stress", "2020"), "no stress is called '2020'"),
        (("--shock", "NOPE=-10%"), "which nothing is"),
        (("--draws", "100000"), "give a number of draws from 1 to 16,384"),
        (("--borrowers", "/no/such/file"), "can't be read"),
        (("--csv", "--json"), "not together with --json"),
    ],
)
def test_wrong_input(arguments: tuple[str, ...], why: str) -> None:
    """Each is answered with what to do, and nothing on stdout."""
    refused = crossmargin(*PLAN, *arguments)
    assert refused.code == 2
    assert why in refused.err


def test_stress_with_what_follows() -> None:
    """Its figures stay those right after the moves; a grid has no cascade."""
    arguments = ("stress", "--demo", "--quiet", "--shock", "ETH=-45%", "--shock", "BTC=-40%")
    shown = crossmargin(*arguments, "--cascade")
    assert "what follows" in shown.out
    assert max(map(len, shown.out.splitlines())) <= WIDTH
    document = crossmargin(*arguments, "--cascade", "--json").json()
    assert errors("stress.json", document) == []
    plain = crossmargin(*arguments, "--json").json()
    assert errors("stress.json", plain) == []
    [one], [other] = document["data"]["scenarios"], plain["data"]["scenarios"]
    assert other["cascade"] is None
    assert one["cascade"]["steps"] == data(*CRASH)["cascades"][0]["steps"]
    refused = crossmargin(*arguments, "--cascade", "--csv")
    assert (refused.code, refused.out) == (2, "")
    assert "plan liquidation --csv" in refused.err
    assert {**one, "cascade": None} == other
    refused = crossmargin("stress", "--demo", "--cascade", "--grid", "ETH=-50%..50%:3")
    assert refused.code == 2


def test_it_is_kept_with_its_snapshot(tmp_path: Path) -> None:
    """The ladder and a crash of the same read, each once; a table of borrowers counts by its content."""
    config, loans, renamed = tmp_path / "c.toml", tmp_path / "loans.csv", tmp_path / "renamed.csv"
    config.write_text(f'database = "{blank(tmp_path / "w.duckdb")}"\n')
    loans.write_text(LOANS)
    renamed.write_text(LOANS)
    kept = ("--save", "--config", str(config))
    ladder = crossmargin(*PLAN, *kept).err.splitlines()
    crash = crossmargin(*CRASH, *kept).err.splitlines()
    market = crossmargin(*CRASH, *kept, "--borrowers", str(loans)).err.splitlines()
    assert [line.split("-")[0] for line in (ladder[-1], crash[-1])] == ["ladder", "cascade"]
    assert crash[0] == f"{ladder[0]} was kept already"
    assert market[-1] != crash[-1]
    again = crossmargin(*CRASH, *kept, "--borrowers", str(renamed)).err.splitlines()
    assert again[-1] == f"{market[-1]} was kept already"

    def rows(name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = crossmargin(
            "query", "run", name, "--json", "--config", str(config)
        ).json()["data"]["rows"]
        return found

    assert {row["source"] for row in rows("liquidation_ladder")} == {"ladder"}
    [told] = data(*CRASH)["cascades"]
    mine = [row for row in rows("cascade_steps") if row["cascade_id"] == crash[-1]]
    assert [row["round"] for row in mine] == [step["round"] for step in told["steps"]]
    assert [float(row["penalty_usd"]) for row in mine] == pytest.approx(
        [float(step["penalty_usd"]) for step in told["steps"]], abs=0.01
    )
    borne = [row for row in rows("bad_debt_by_bearer") if row["cascade_id"] == crash[-1]]
    assert sum(float(row["loss_usd"]) for row in borne) == pytest.approx(
        sum(float(row["bad_debt_usd"]) for row in mine)
    )
    verified = crossmargin("snapshot", "verify", "--all", "--offline", "--config", str(config))
    assert "rows sound" in verified.out
