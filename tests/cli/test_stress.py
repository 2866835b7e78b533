"""`stress` on the recorded demo: what is shown, gates, rows, and what wrong input is answered with."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from aggregator.app import demo
from cli import shocks
from cli.text import WIDTH
from tests.cli.runner import crossmargin
from tests.docs.test_schema import errors


def test_named_stresses_are_listed() -> None:
    """Each with its period and what moves, and as a document."""
    shown = crossmargin("stress", "--list")
    assert shown.code == 0
    assert "2022-06-11   2022-06-11 close to 06-18 low" in shown.out
    assert "stETH −8.0%" in shown.out
    listed = crossmargin("stress", "--list", "--json").json()
    assert errors("stress.json", listed) == []
    assert len(listed["data"]["named"]) == 9


def test_every_named_stress_of_the_demo() -> None:
    """A line for each, the accounts of the worst; in 100 columns."""
    shown = crossmargin("stress", "--demo", "--quiet")
    assert shown.code == 0
    assert "replayed from a recording" in shown.out
    assert shown.out.count("\n  20") == 10  # nine, and the heading of the worst
    assert "2020-03-11  −$7,932  $15,485     87  STRONG  Aave V3.6 local" in shown.out
    assert "NATIVE-LIQUIDATION" in shown.out
    assert max(map(len, shown.out.splitlines())) <= WIDTH


def test_a_scenario_of_ones_own() -> None:
    """Loss and every account before and after, as figures; the whole is worth what its accounts are."""
    data = _data("--shock", "ETH=-30%", "--shock", "USDC=-2%", "--vol", "+20")
    [scenario] = data["scenarios"]
    assert scenario["moves"] == [{"moved": "ETH", "change": -0.3}, {"moved": "USDC", "change": -0.02}]
    assert scenario["volatility"] == "+20 points"
    [aave] = [a for a in scenario["accounts"] if a["protocol"] == "aave_v3"]
    assert float(aave["before"]["equity_usd"]) - float(aave["after"]["equity_usd"]) == pytest.approx(
        0.3 * 20_000 - 0.02 * 24_000, abs=0.01
    )
    lost = sum(
        float(a["before"]["equity_usd"]) - float(a["after"]["equity_usd"]) for a in scenario["accounts"]
    )
    assert lost == pytest.approx(float(scenario["loss_usd"]), abs=1e-6)


def test_a_move_of_nothing_changes_nothing() -> None:
    """The demo's own figures, to the last digit."""
    [scenario] = _data("--shock", "ETH=0%")["scenarios"]
    assert scenario["loss_usd"] == "0.00000000"
    assert all(account["before"] == account["after"] for account in scenario["accounts"])
    today = crossmargin("health", "--demo", "--json").json()["data"]
    assert scenario["after"] == {key: today[key] for key in scenario["after"]}


def test_gates_judge_what_is_left() -> None:
    """32 where a scenario makes an account liquidatable, 0 without a gate, 30 under the score."""
    assert crossmargin("stress", "--demo", "--name", "2020-03-11", "-q").code == 0
    assert crossmargin("stress", "--demo", "--name", "2020-03-11", "-q", "--fail-under", "10").code == 32
    assert crossmargin("stress", "--demo", "--shock", "BTC=-5%", "-q", "--warn-under", "95").code == 30
    grid = ("stress", "--demo", "-q", "--grid", "ETH=-50%..50%:3")
    assert crossmargin(*grid).code == 0
    assert crossmargin(*grid, "--fail-under", "10").code == 32


def test_a_file_of_scenarios(tmp_path: Path) -> None:
    """Moves, a title, volatility, and what is not named; a line that is none is refused."""
    file = tmp_path / "mine.toml"
    file.write_text(
        '[scenario.gone]\ntitle = "all of it"\nmoves = { USDC = "-100%" }\n'
        '[scenario.fall]\nmoves = { ETH = "-20%", stable = "-1%" }\nelsewhere = "-30%"\nvol = "up"\n'
    )
    gone, fall = _data("--file", str(file))["scenarios"]
    assert (gone["title"], gone["moves"]) == ("all of it", [{"moved": "USDC", "change": -1.0}])
    assert (fall["elsewhere"], fall["volatility"]) == (-0.3, "standard shock up")
    file.write_text('[scenario.typo]\nmoves = { ETH = "-20%" }\nvols = "up"\n')
    refused = crossmargin("stress", "--demo", "--file", str(file))
    assert (refused.code, refused.out) == (2, "")
    assert "vols is not a parameter; is it misspelt?" in refused.err


def test_grids() -> None:
    """A line, a plane with its marks, and rows; today's worth stands in the middle."""
    line = crossmargin("stress", "--demo", "--grid", "ETH=-50%..50%:5", "-q")
    assert "+0.0%   $0.00  $23,417  yes" in line.out
    plane = crossmargin("stress", "--demo", "--grid", "ETH=-50%..50%:3,BTC=-20%..20%:3", "-q").out
    assert "ETH \\ BTC" in plane
    assert "$23,417 " in plane
    assert "$21,025!" in plane
    rows = _rows("--grid", "ETH=-50%..50%:3", "--shock", "BTC=-10%")
    assert [row["moves"] for row in rows] == ["BTC=-0.1 ETH=-0.5", "BTC=-0.1 ETH=0", "BTC=-0.1 ETH=0.5"]
    assert float(rows[1]["loss_usd"]) == pytest.approx(0.5 * 40_000 * 0.1, abs=0.01)
    assert [row["survives"] for row in rows] == ["true"] * 3


def test_rows_of_scenarios() -> None:
    """One of the whole and one of each account; figures are those of the document."""
    rows = _rows("--name", "2022-11-07")
    assert len(rows) == 6
    assert rows[0]["account_id"] == ""
    data = _data("--name", "2022-11-07")
    assert rows[0]["equity_after_usd"] == data["scenarios"][0]["after"]["equity_usd"]
    assert [row["account_id"] for row in rows[1:]] == [
        account["account_id"] for account in data["scenarios"][0]["accounts"]
    ]


def test_a_replay_is_stressed(tmp_path: Path) -> None:
    """Any recording answers as the demo does."""
    file = tmp_path / "it.cmrec"
    demo().save(file)
    shown = crossmargin("replay", str(file), "stress", "--shock", "ETH=-10%", "--json")
    live = crossmargin("stress", "--demo", "--shock", "ETH=-10%", "--json")
    assert shown.out == live.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--shock", "ETHH=-30%"), "moves 'ETHH', which nothing is: did you mean ETH"),
        (("--shock", "ETH=-0.3"), "give a change in percent, such as ETH=-30%"),
        (("--shock", "ETH"), "name what moves"),
        (("--shock", "ETH=-130%"), "from -100% to +1000%"),
        (("--shock", "ETH=-3%", "--shock", "ETH=-4%"), "'ETH' is given twice"),
        (("--vol", "much"), "give vol points such as +20"),
        (("--name", "2022-06"), "no stress is called '2022-06': there is 2022-06-11"),
        (("--grid", "ETH=-50..50"), "give a range in percent and a count"),
        (("--grid", "ETH=50%..-50%"), "the lower end first"),
        (("--grid", "ETH=-50%..50%:2501"), "2,501 points"),
        (("--grid", "ETH=-50%..50%:9999999"), "give a range in percent and a count"),
        (("--grid", "ETH=-5%..5%", "--shock", "ETH=1%"), "moved by --shock already"),
        (("--grid", "ETH=-5%..5%", "--name", "2022-11-07", "--csv"), "is one table"),
        (("--csv", "--json"), "not together"),
        (("--list",), "give no wallet"),
        (("--file", "none.toml"), "can't be read"),
    ],
)
def test_wrong_input(arguments: tuple[str, ...], words: str) -> None:
    """Usage, with what to do next; nothing on stdout."""
    refused = crossmargin("stress", "--demo", *arguments)
    assert refused.code == 2
    assert words in refused.err
    assert refused.out == "" or "--json" in arguments


def test_moves_as_people_write_them() -> None:
    """Typographic minus signs, spaces, decimals; the ends of a grid are exact."""
    assert shocks.moves(["ETH = −12.5%"]) == {"ETH": -0.125}
    assert shocks.grid_axes("ETH=-30%..30%:3") == {"ETH": [-0.3, 0.0, 0.3]}
    assert len(shocks.grid_axes("ETH=-30%..30%")["ETH"]) == 11
    assert shocks.vol_move("+20%").times == 1.2
    assert shocks.vol_move("-5").points == -0.05


def _data(*arguments: str) -> dict[str, Any]:
    document = crossmargin("stress", "--demo", "--json", *arguments).json()
    assert errors("stress.json", document) == []
    found: dict[str, Any] = document["data"]
    return found


def _rows(*arguments: str) -> list[dict[str, str]]:
    shown = crossmargin("stress", "--demo", "--csv", "--quiet", *arguments)
    assert shown.code == 0
    return list(csv.DictReader(io.StringIO(shown.out)))
