"""Kappa, M and the score follow from stored rows: a process without this project finds them again."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from aggregator.model.accounts import Account
from aggregator.model.portfolio import Coverage
from aggregator.model.results import RiskResult
from aggregator.risk.assess import assess
from aggregator.store.requirement_rows import to_survival
from aggregator.store.requirement_tables import SurvivalPointRow
from aggregator.store.warehouse import Warehouse
from tests.risk.builders import account, few_draws, holding, option, portfolio, supply, wallet
from tests.risk.linear import FAMILIES, lending, margined
from tests.store import recomputed, samples
from tests.store.samples import PORTFOLIO, RESULT, save


def options(*legs: tuple[float, Any, float]) -> Account:
    held = (option("ETH", size, right, strike, years=0.1, iv=0.7) for size, right, strike in legs)
    return account("options", supply("sUSD", 40_000.0), *held, protocol="lyra_v1", kind="option")


HEDGED = (lending("loan", {"ETH": 25.0, "USDC": -40_000.0}), margined("perp", "ETH", -25.0, 8_000.0))
STRANGLE = options((-10.0, "call", 5_200), (-10.0, "put", 3_000))
BOOKS: Mapping[str, tuple[Account, ...]] = {
    "loan": (lending("loan", {"ETH": 25.0, "USDC": -80_000.0}),),
    "three accounts": (*HEDGED, wallet(holding("LINK", 50.0))),
    "options": (STRANGLE, wallet(holding("ETH", 3.0))),
    "draws bind": (margined("perp", "ETH", -10.0, 5_000.0),),
    "nothing breaks it": (wallet(holding("USDC", 1e4)),),
    "nothing breaks options": (STRANGLE, wallet(holding("USDC", 1e7))),
    "broken already": (lending("loan", {"ETH": 1.0, "USDC": -5_000.0}),),
}


@dataclass(frozen=True)
class Kept:
    """A file with a snapshot of each book, the results by book, and the ids."""

    path: Path
    results: Mapping[str, RiskResult]
    ids: Mapping[str, str]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Rules are left out of what was read: those of these tests are never written."""
    path = tmp_path_factory.mktemp("recomputed") / "w.duckdb"
    results, ids = {}, {}
    for name, accounts in BOOKS.items():
        mine = portfolio(*accounts)
        results[name] = assess(mine, families=FAMILIES, scenarios=few_draws())
        read = tuple(replace(one, rule=None) for one in accounts)
        plain = replace(mine, accounts=read, coverage=Coverage(0, 0, 0))
        ids[name] = save(path, plain, results[name], expected=()).id
    return Kept(path, results, ids)


@pytest.fixture(scope="module")
def found(kept: Kept) -> Mapping[str, Any]:
    """What a process finds that imports nothing of ours."""
    command = [sys.executable, "-I", str(Path(recomputed.__file__)), str(kept.path)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert "duckdb" in told["modules"]
    assert not {"aggregator", "adapters", "cli", "tests"} & set(told["modules"])
    found: Mapping[str, Any] = told["found"]
    return found


@pytest.mark.parametrize("name", BOOKS)
def test_score_and_requirement_follow_from_the_rows(kept: Kept, found: Mapping[str, Any], name: str) -> None:
    """To 1e-9, of both branches; and the accounts add up to the whole at every level."""
    ours, theirs = kept.results[name], found[kept.ids[name]]
    near = pytest.approx
    assert (math.inf if theirs["kappa"] is None else theirs["kappa"]) == near(ours.kappa, rel=1e-9, abs=1e-12)
    assert theirs["score"] == near(ours.score, rel=1e-9, abs=1e-12)
    slack = 1e-9 * ours.gross_usd
    assert ours.tails is not None
    assert theirs["scan_usd"] == near(ours.scan_requirement_usd, abs=slack)
    assert theirs["draws_usd"] == near(ours.tails.requirement_usd, abs=slack)
    assert theirs["requirement_usd"] == near(ours.requirement_usd, abs=slack)
    assert theirs["apart_usd"] <= slack


def test_the_documented_statement(kept: Kept) -> None:
    """The requirement by the SQL in docs/database.md."""
    page = (Path(__file__).parents[2] / "docs/database.md").read_text(encoding="utf-8")
    [statement] = [sql for sql in re.findall(r"```sql\n(.*?)```", page, re.DOTALL) if "survival_point" in sql]
    with duckdb.connect(str(kept.path), read_only=True) as connection:
        asked: dict[str, float] = dict(connection.execute(statement).fetchall())
    assert {kept.ids[name]: pytest.approx(one.requirement_usd) for name, one in kept.results.items()} == asked


def test_the_books_differ_in_what_decides(kept: Kept) -> None:
    """Or the test above would say little."""
    kappa = {name: result.kappa for name, result in kept.results.items()}
    assert kappa["broken already"] == 0.0
    assert math.isinf(kappa["nothing breaks it"])
    assert math.isinf(kappa["nothing breaks options"])
    assert kappa["draws bind"] < 1.0 < kappa["loan"] < 2.0 < kappa["options"] < kappa["three accounts"]
    bound = kept.results["draws bind"]
    assert bound.tails is not None
    assert bound.tails.requirement_usd > bound.scan_requirement_usd
    longest = {name: max(p.level for p in result.survival) for name, result in kept.results.items()}
    assert (longest["broken already"], longest["nothing breaks it"]) == (1.0, 20.0)
    assert longest["loan"] == pytest.approx(1.25)  # the draws' cell; the scan ends at 1.15


def test_a_changed_row_changes_what_follows(kept: Kept, tmp_path: Path) -> None:
    """The requirement comes from the points: one that counts 100 USD less asks 100 USD more."""
    path = tmp_path / "changed.duckdb"
    path.write_bytes(kept.path.read_bytes())
    mine = kept.ids["loan"]
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "UPDATE survival_point SET whole_usd = whole_usd - 100"
            " WHERE snapshot_id = ? AND branch = 'scan' AND level = 1",
            [mine],
        )
        changed = recomputed.recomputed(connection, mine)
    was = kept.results["loan"].requirement_usd
    assert changed["requirement_usd"] == pytest.approx(was + 100.0)
    assert changed["apart_usd"] == pytest.approx(100.0)


def test_points_come_back(kept: Kept) -> None:
    """Bit for bit and in order."""
    for name, snapshot_id in kept.ids.items():
        stored = Warehouse(kept.path).load(snapshot_id, {}).result
        assert stored.survival == kept.results[name].survival
        assert len(stored.survival) >= 26


def test_of_an_earlier_release(tmp_path: Path) -> None:
    """A snapshot without points or comparison is loaded without."""
    path = tmp_path / "w.duckdb"
    saved = save(path, PORTFOLIO, replace(RESULT, survival=()), comparison=())
    stored = Warehouse(path).load(saved.id, samples.FAMILIES)
    assert (stored.result.survival, stored.comparison) == ((), ())


@pytest.mark.parametrize("counted", [[1.0], [1.0, 2.0, 3.0], [1.0, "2.0"], {"a": 1.0, "b": 2.0}, [1.0, True]])
def test_other_accounts_than_the_snapshot_has(counted: Any) -> None:
    """A damaged row is refused."""
    row = SurvivalPointRow(
        snapshot_id="s", branch="draws", level=0.25, ray=None, whole_usd=3.0, counted_usd=counted
    )
    with pytest.raises(ValueError, match=r"survival point draws 0\.25 has other accounts"):
        to_survival([row], 2)
