"""`export` and `import` as a user runs them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aggregator.store.publishing import published_path
from aggregator.store.warehouse import Warehouse
from tests.cli.runner import crossmargin
from tests.docs.test_schema import errors
from tests.store.exports import OTHER, fill
from tests.store.samples import WALLET


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with three snapshots, published."""
    path = tmp_path_factory.mktemp("three") / "test.duckdb"
    fill(path).publish()
    return path


@pytest.fixture
def filled(three: Path, tmp_path: Path) -> Path:
    """The configured database, a copy of that."""
    shutil.copy(published_path(three), published_path(tmp_path / three.name))
    return Path(shutil.copy(three, tmp_path))


def test_out_and_in_again(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers of the other database see everything at once."""
    out = crossmargin("export", str(tmp_path / "backup"))
    assert (out.code, out.err) == (0, "")
    assert out.out.startswith("backup: 3 snapshot(s), ")
    assert out.out.endswith("parquet files\n")
    monkeypatch.setenv("CROSSMARGIN_DATABASE", str(tmp_path / "other.duckdb"))
    into = crossmargin("import", str(tmp_path / "backup"))
    assert (into.code, into.out) == (0, "backup: 3 snapshot(s) added, 0 there already\n")
    assert crossmargin("snapshot", "list", "--json").json()["data"]
    there, here = Warehouse(tmp_path / "other.duckdb"), Warehouse(filled)
    assert there.for_reading().snapshots() == here.snapshots()
    again = crossmargin("import", str(tmp_path / "backup"))
    assert (again.code, again.out) == (0, "backup: 0 snapshot(s) added, 3 there already\n")


def test_json(filled: Path, tmp_path: Path) -> None:
    """Both envelopes meet their schemas and count what was done."""
    assert filled.exists()
    out = crossmargin("export", str(tmp_path / "backup"), "--format", "csv", "--json").json()
    assert errors("export.json", out) == []
    assert (out["data"]["snapshots"], out["data"]["format"]) == (3, "csv")
    into = crossmargin("import", str(tmp_path / "backup"), "--json").json()
    assert errors("import.json", into) == []
    assert into["data"] == {"folder": "backup", "added": 0, "skipped": 3}


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (["--wallet", WALLET], 2),
        (["--wallet", WALLET, "--wallet", OTHER], 3),
        (["--since", "2026-11-22T13:20:00Z"], 1),
        (["--since", "2026-11-22T14:20:00+01:00"], 1),
        (["--since", "2026-11-22"], 3),
        (["--since", "2026-11-23"], 0),
    ],
)
def test_choices(filled: Path, tmp_path: Path, chosen: list[str], count: int) -> None:
    """Of wallets and time; a time without a zone is UTC."""
    assert filled.exists()
    out = crossmargin("export", str(tmp_path / "some"), *chosen, "--json").json()
    assert out["data"]["snapshots"] == count


def test_beside_a_process_that_has_the_database(filled: Path, tmp_path: Path) -> None:
    """An export reads the published copy: it needs not even the database itself."""
    filled.unlink()
    assert crossmargin("export", str(tmp_path / "backup")).code == 0


def test_what_can_not_be_done(filled: Path, tmp_path: Path) -> None:
    """Every refusal is a sentence and exit code 2."""
    folder = tmp_path / "backup"
    assert crossmargin("export", str(folder)).code == 0
    taken = crossmargin("export", str(folder))
    assert (taken.code, taken.out) == (2, "")
    assert "replace it with --yes" in taken.err
    assert crossmargin("export", str(folder), "--yes").code == 0
    moment = crossmargin("export", str(tmp_path / "new"), "--since", "yesterday")
    assert (moment.code, "--since: 'yesterday' is no date or time" in moment.err) == (2, True)
    beyond = crossmargin("export", str(tmp_path / "new"), "--since", "0001-01-01T00:00+05:00")
    assert (beyond.code, "is no date or time" in beyond.err) == (2, True)
    assert crossmargin("export", str(tmp_path / "new"), "--wallet", "0x12").code == 2
    (folder / "price.parquet").write_bytes(b"")
    spoilt = crossmargin("import", str(folder), "--json")
    assert spoilt.code == 2
    assert errors("import.json", spoilt.json()) == []
    assert spoilt.json()["errors"][0]["code"] == "exchange"
    assert not (tmp_path / "new").exists()
    assert len(Warehouse(filled).snapshots()) == 3


def test_nothing_to_export(tmp_path: Path) -> None:
    """Before the first snapshot."""
    empty = crossmargin("export", str(tmp_path / "backup"))
    assert (empty.code, "take a snapshot first" in empty.err) == (2, True)
    assert not (tmp_path / "backup").exists()
