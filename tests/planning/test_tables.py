"""Tables of other people's loans: every form of file, whose prices they take, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aggregator.app.borrower_tables import read_borrowers
from aggregator.model.errors import BadConfiguration
from aggregator.planning.borrowers import close_factor
from aggregator.planning.cascade import cascade
from aggregator.planning.tables import COLUMNS, borrowers_of
from aggregator.risk.scenarios import CustomScenario
from tests.risk.builders import portfolio, scenarios

ROWS = [
    ("aave_v3:1", "ETH", 10.0, "USDC", 30_000.0, 0.83, 0.05, "aave_v3"),
    ("morpho:1", "wstETH", 2.5, "ETH", 2.7, 0.945, 0.02, "full"),
    ("aave_v3:1", "WBTC", 1.0, "USD", 60_000.0, 0.78, 0.06, "50%"),
]


def table(path: Path, *, of: str) -> Path:
    """The same rows in a form."""
    file = path / f"loans.{of}"
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]
    if of == "csv":
        lines = [",".join(COLUMNS), *(",".join(map(str, row)) for row in ROWS)]
        file.write_text("\n".join(lines) + "\n")
    elif of == "jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), file)
    return file


@pytest.mark.parametrize("of", ["csv", "jsonl", "parquet"])
def test_every_form_gives_the_same_loans(tmp_path: Path, of: str) -> None:
    """At the wallet's prices; a token keeps its peg, so that a depeg of it alone liquidates."""
    ours = portfolio()
    found = borrowers_of(read_borrowers(table(tmp_path, of=of)).columns, ours, scenarios(), "loans")
    assert found.labels == ("aave_v3:1", "morpho:1")
    assert dict(zip(found.assets, found.price_usd, strict=True)) == {
        "ETH": 4_000.0,
        "wstETH": 4_800.0,
        "WBTC": 99_900.0,
        "USDC": 1.0,
        "USD": 1.0,
    }
    assert list(found.part) == [0.5, 1.0, 0.5]
    assert list(found.part_from) == [0.95, 0.0, 0.0]
    depeg = cascade(
        ours, [CustomScenario("depeg", {"wstETH": -0.1})], scenarios=scenarios(), borrowers=found
    ).cascade
    assert [step.account_id for step in depeg.steps] == ["borrowers:morpho:1"]
    # 0.9 * 4,800 * 2.5 / 1.02 repays all but what is left of it as bad debt: none here.
    assert depeg.steps[0].liquidated_usd == pytest.approx(min(10_800.0, 2.7 * 4_000 * 1.02))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"collateral": "DOGE"}, "nothing here has a price of 'DOGE'"),
        ({"bonus": "x"}, "row 2: bonus is no number"),
        ({"bonus": "1.5"}, "row 2: bonus must be from 0 to 1"),
        ({"debt_units": "-1"}, "row 2: debt_units must be finite and at least 0"),
        ({"debt_units": "nan"}, "row 2: debt_units must be"),
        ({"close_factor": "some"}, "close_factor 'some' is none"),
        ({"protocol": " "}, "row 2 has no protocol"),
    ],
)
def test_what_can_not_be_used_is_refused_with_its_row(change: dict[str, str], why: str) -> None:
    """And nothing is left out in silence."""
    columns = {name: [str(row[i]) for row in ROWS] for i, name in enumerate(COLUMNS)}
    for name, value in change.items():
        columns[name][1] = value
    with pytest.raises(BadConfiguration, match=why):
        borrowers_of(columns, portfolio(), scenarios(), "loans")


def test_prices_of_the_table_itself() -> None:
    """Where the wallet has none; two prices of one asset are refused."""
    columns: dict[str, list[str]] = {name: [str(row[i]) for row in ROWS] for i, name in enumerate(COLUMNS)}
    columns["collateral"][0] = "DOGE"
    columns["collateral_price_usd"] = ["0.25", "", ""]
    found = borrowers_of(columns, portfolio(), scenarios(), "loans")
    assert found.price_usd[found.assets.index("DOGE")] == 0.25
    columns["collateral"][2] = "DOGE"
    columns["collateral_price_usd"][2] = "0.3"
    with pytest.raises(BadConfiguration, match="DOGE has two prices"):
        borrowers_of(columns, portfolio(), scenarios(), "loans")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "is empty"),
        (b"protocol,collateral\n", "has 0 rows"),
        (b"a,a\n1,2\n", "names a column twice"),
        (b"protocol,collateral\nx\n", "row 1 has 1 cells"),
        (b'{"protocol": 1}\n{"debt": 1}\n', "line 2 has not the fields of the first one"),
        (b'{"protocol": \n', "line 1 is no JSON"),
        (b"\xff\xfe\x00", "neither Parquet nor text"),
        (b"PAR1 and no more", "no whole Parquet file"),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: bytes, why: str) -> None:
    """Each with what is wrong."""
    file = tmp_path / "loans"
    file.write_bytes(text)
    with pytest.raises(BadConfiguration, match=why):
        read_borrowers(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """And columns that are missing or mean nothing."""
    with pytest.raises(BadConfiguration, match="can't be read"):
        read_borrowers(tmp_path / "none")
    with pytest.raises(BadConfiguration, match="has no column collateral"):
        borrowers_of({"protocol": ["x"]}, portfolio(), scenarios(), "loans")
    columns = {name: [str(row[i]) for row in ROWS] for i, name in enumerate(COLUMNS)}
    with pytest.raises(BadConfiguration, match="column 'size' means nothing"):
        borrowers_of({**columns, "size": ["1"] * 3}, portfolio(), scenarios(), "loans")


def test_close_factors() -> None:
    """Shares in two spellings; nothing beyond all of it."""
    assert close_factor("0.4") == close_factor("40%") == (0.4, 0.0)
    assert close_factor("0") is None
    assert close_factor("120%") is None
