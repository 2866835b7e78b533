"""`snapshot show|diff|verify|prune`: what was kept is shown again, compared, verified and thrown away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from aggregator.model.positions import Debt, Supply
from aggregator.store.warehouse import Warehouse
from cli.exits import Exit
from tests.cli.runner import crossmargin
from tests.cli.test_local import configure
from tests.devnet.world import World
from tests.docs.test_schema import errors
from tests.store.blank import blank
from tests.store.samples import BLOCK, LOAN, PORTFOLIO, RESULT, USDC, WALLET, WETH, save
from tests.store.test_lifecycle import OTHER, at

Change = Callable[[World], None]


def taken(world: World, name: str = "hedged") -> str:
    """Take a snapshot of one of the world's wallets; its id."""
    document = crossmargin("snapshot", "take", world.wallets[name], "--json").json()
    return str(document["data"]["snapshot_id"])


def statuses() -> dict[str, str]:
    """The status of every snapshot that readers see."""
    return {s["snapshot_id"]: s["status"] for s in crossmargin("snapshot", "list", "--json").json()["data"]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The database of the command line, for snapshots that need no chain."""
    return blank(tmp_path / "test.duckdb")


@pytest.fixture
def chain(devnet: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The local chain, to be changed."""
    configure(devnet, tmp_path, monkeypatch)
    devnet.node.mine(3)
    return devnet


def reorganise(world: World) -> None:
    """Other blocks in place of the last two, the first of them two seconds after the one before."""
    world.node.rpc("anvil_rollback", 2)
    world.node.warp(2)
    world.node.mine()


def test_show_is_what_health_showed(local: World) -> None:
    """The same screen and the same figures, from the database alone."""
    hedged = local.wallets["hedged"]
    live, screen = crossmargin("health", hedged, "--json").json(), crossmargin("health", hedged).out
    snapshot = taken(local)
    shown = crossmargin("snapshot", "show", snapshot)
    header, said, *rest = shown.out.splitlines()
    assert [header, *rest] == screen.splitlines()
    assert said.startswith(f"snapshot {snapshot}, taken 20")
    assert said.endswith("UTC: not a live position")
    document = crossmargin("snapshot", "show", snapshot, "--json").json()
    assert document["data"]["health"] == live["data"]
    assert document["data"]["snapshot"]["snapshot_id"] == snapshot
    assert {key: document[key] for key in ("ok", "coverage", "blocks")} == {
        key: live[key] for key in ("ok", "coverage", "blocks")
    }
    assert errors("snapshot-show.json", document) == []


def test_a_snapshot_of_a_recording_says_so() -> None:
    """Its figures were never live."""
    assert crossmargin("health", "--demo", "--save").code == 0
    [snapshot] = statuses()
    assert f"snapshot {snapshot}, taken from a recording 20" in crossmargin("snapshot", "show", snapshot).out
    verified = crossmargin("snapshot", "verify", snapshot)
    assert (verified.code, "rows sound  chain unchecked" in verified.out) == (Exit.PARTIAL, True)


LESS = replace(
    LOAN,
    rule=None,
    positions=(
        Supply(WETH, 39 * 10**18, is_collateral=True, origin="o"),
        Debt(USDC, 61_000 * 10**6, "stable", "o"),
    ),
)
BEFORE = replace(PORTFOLIO, accounts=(PORTFOLIO.accounts[0], replace(LOAN, rule=None)))
AFTER = replace(
    PORTFOLIO,
    accounts=(LESS, PORTFOLIO.accounts[2]),
    blocks={**PORTFOLIO.blocks, BLOCK.chain: replace(BLOCK, number=BLOCK.number + 1, hash="0x" + "ee" * 32)},
)


@pytest.mark.parametrize("command", ["show", "verify", "diff"])
def test_a_snapshot_that_is_not_there(path: Path, command: str) -> None:
    """Its id is named, and how to find others."""
    snapshot = save(path, BEFORE).id
    ids = [snapshot, "nope"] if command == "diff" else ["nope"]
    result = crossmargin("snapshot", command, *ids)
    assert result.code == Exit.USAGE
    assert "holds no snapshot nope: list them first" in result.err


def test_diff_tells_what_changed(path: Path) -> None:
    """Positions that are new, gone, or of another amount; accounts of another health; both scores."""
    risk = replace(RESULT.accounts[0], native_health=1.5, equity_usd=-5.25)
    result = replace(RESULT, score=50.5, accounts=(risk, RESULT.accounts[1]))
    before, after = (
        save(path, BEFORE, replace(RESULT, accounts=RESULT.accounts[:1], survival=())).id,
        save(path, AFTER, result).id,
    )
    document = crossmargin("snapshot", "diff", before, after, "--json").json()
    assert errors("snapshot-diff.json", document) == []
    data = document["data"]
    assert (data["before"]["snapshot"]["score"], data["after"]["snapshot"]["score"]) == (RESULT.score, 50.5)
    changes = {(p["kind"], p["name"]): (p["before"], p["after"]) for p in data["positions"]}
    assert changes["supply", "WETH"] == (
        {"amount": "40.000000000000000001", "value_usd": "83644.9382712"},
        {"amount": "39", "value_usd": "81553.81481442"},
    )
    assert changes["supply", "USDC"] == ({"amount": "0.000005", "value_usd": "0.000005"}, None)
    assert changes["holding", "ETH"][1] is None
    assert changes["perp", "sETHPERP"] == (None, {"amount": "-25", "value_usd": "-263.5"})
    assert changes["option", "ETH-28FEB27-1800-P"] == (None, {"amount": "10", "value_usd": None})
    assert ("debt", "USDC") not in changes
    assert len(changes) == 6
    accounts = {a["account_id"]: (a["before"], a["after"]) for a in data["accounts"]}
    assert accounts[LOAN.id][0]["native_health"] == 1.84
    assert accounts[LOAN.id][1] == {
        "equity_usd": "-5.25000000", "native_health": 1.5, "survives_stresses": 0.92, "liquidatable": True
    }  # fmt: skip
    assert accounts[RESULT.accounts[1].account_id][0] is None
    assert document["warnings"] == [f"snapshot {one} is partial" for one in (before, after)]
    shown = crossmargin("snapshot", "diff", before, after).out
    for words in ("PARTIAL", "65.0", "50.5", "40", "39", "sETHPERP", "none", "−$5.25", "1.840", "1.500"):
        assert words in shown
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 110


def test_nothing_differs(path: Path) -> None:
    """The same positions at another block: only what the whole says is shown."""
    moved = replace(BEFORE, blocks=AFTER.blocks)
    shown = crossmargin("snapshot", "diff", save(path, BEFORE).id, save(path, moved).id)
    assert shown.code == 0
    assert "no account and no position differs" in shown.out


def test_diff_of_two_wallets_is_refused(path: Path) -> None:
    """Their positions have nothing to do with each other."""
    first, second = save(path, at(1)).id, save(path, at(1, wallet=OTHER)).id
    result = crossmargin("snapshot", "diff", first, second)
    assert result.code == Exit.USAGE
    assert WALLET in result.err
    assert OTHER in result.err


def test_verify_recomputes_and_asks_the_chain(local: World) -> None:
    """Rules, rows and hashes of a real wallet of three protocols, and its block."""
    first, second = taken(local), taken(local, "edge")
    document = crossmargin("snapshot", "verify", "--all", "--json").json()
    assert errors("snapshot-verify.json", document) == []
    assert document["ok"] is True
    assert {one["snapshot_id"] for one in document["data"]} == {first, second}
    assert {(one["rows"], one["chain"]) for one in document["data"]} == {("sound", "canonical")}
    result = crossmargin("snapshot", "verify", first)
    assert (result.code, result.out.splitlines()[0]) == (0, f"{first}  rows sound  chain canonical")
    offline = crossmargin("snapshot", "verify", first, "--offline")
    assert (offline.code, offline.out.splitlines()[0]) == (0, f"{first}  rows sound  chain unchecked")
    through = crossmargin("snapshot", "verify", first, "--rpc", local.node.url)
    assert (through.code, through.out) == (0, result.out)


def test_verify_finds_what_was_changed(local: World, path: Path) -> None:
    """Exit 2, with the table and the row; a snapshot of the same wallet beside it is sound."""
    snapshot, other = taken(local), taken(local, "edge")
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "UPDATE account SET native_health_raw = '2000000000000000000'"
            " WHERE protocol = 'aave_v3' AND snapshot_id = ?",
            [snapshot],
        )
    result = crossmargin("snapshot", "verify", snapshot)
    assert result.code == Exit.USAGE
    assert "1 FAULT" in result.out or "2 FAULTS" in result.out
    assert "native_health_raw of aave_v3:" in result.out
    document = crossmargin("snapshot", "verify", "--all", "--json").json()
    assert errors("snapshot-verify.json", document) == []
    assert {one["snapshot_id"]: one["rows"] for one in document["data"]} == {
        snapshot: "faulty",
        other: "sound",
    }


def test_a_reorganised_block_orphans_its_snapshots(chain: World) -> None:
    """Out of the latest, exit 15; taken again it is another snapshot, and everything is well."""
    chain.node.mine()
    earlier = taken(chain)
    chain.node.mine(2)
    gone = taken(chain)
    reorganise(chain)
    result = crossmargin("snapshot", "verify", "--all")
    assert result.code == Exit.PARTIAL
    assert f"{gone}  rows sound  chain REORGANISED  ORPHANED" in result.out
    assert f"{earlier}  rows sound  chain canonical" in result.out
    assert statuses() == {earlier: "complete", gone: "orphaned"}
    assert "ORPHANED" in crossmargin("snapshot", "show", gone).out
    chain.node.mine()
    document = crossmargin("snapshot", "verify", gone, "--retake", "--json").json()
    assert errors("snapshot-verify.json", document) == []
    assert document["ok"] is True
    [one] = document["data"]
    retaken = one["retaken"]
    assert retaken not in (earlier, gone)
    assert statuses() == {earlier: "complete", gone: "orphaned", retaken: "complete"}
    assert crossmargin("snapshot", "verify", retaken).code == 0
    again = crossmargin("snapshot", "verify", gone, "--retake")
    assert (again.code, f"taken again as {retaken}" in again.out) == (0, True)


def test_a_reorganisation_that_is_undone(chain: World, path: Path) -> None:
    """Blocks that are on the chain after all: the mark is taken away, and the latest is as before."""
    snapshot = taken(chain)
    Warehouse(path).mark_orphaned([snapshot])
    result = crossmargin("snapshot", "verify", snapshot)
    assert (result.code, "ORPHANED" in result.out) == (0, False)
    assert statuses() == {snapshot: "complete"}


def test_an_endpoint_that_does_not_have_the_block_proves_nothing(chain: World) -> None:
    """A node that lags behind: the snapshot keeps its status, and that it is unknown is told."""
    snapshot = taken(chain)
    chain.node.rpc("anvil_rollback", 1)
    result = crossmargin("snapshot", "verify", snapshot)
    assert result.code == Exit.PARTIAL
    assert "chain unchecked" in result.out
    assert "could not be compared" in result.out
    assert statuses() == {snapshot: "complete"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "give ids, or --all"),
        (["x", "--all"], "no ids with --all"),
        (["--all", "--offline", "--retake"], "--offline: not together"),
        (["--all", "--offline", "--rpc", "http://127.0.0.1:9"], "--offline: not together"),
    ],
)
def test_verify_refuses_what_makes_no_sense(arguments: list[str], told: str) -> None:
    """Before anything is opened."""
    result = crossmargin("snapshot", "verify", *arguments)
    assert (result.code, told in result.err) == (Exit.USAGE, True)


def test_prune_asks_first(path: Path) -> None:
    """Without --yes and without a terminal nothing goes; a dry run tells how many would."""
    for hours in range(5):
        save(path, at(hours))
    keep = ["snapshot", "prune", "--keep-last", "3"]
    assert crossmargin(*keep, "--dry-run").out == "2 snapshots would be deleted\n"
    refused = crossmargin(*keep)
    assert (refused.code, "would delete 2 snapshots: confirm with --yes" in refused.err) == (Exit.USAGE, True)
    assert len(Warehouse(path).snapshots()) == 5
    document = crossmargin(*keep, "--yes", "--json").json()
    assert document["data"] == {"snapshots": 2, "deleted": True}
    assert errors("snapshot-prune.json", document) == []
    assert len(statuses()) == 3
    assert crossmargin(*keep).out == "0 snapshots deleted\n"


@pytest.mark.parametrize(
    ("before", "left"),
    [("2026-11-22", 3), ("2026-11-22T13:30Z", 1), ("2026-11-22T15:30+02:00", 1), ("1d", None), ("99999d", 3)],
)
def test_prune_before_a_time(path: Path, before: str, left: int | None) -> None:
    """A day, a moment in any zone, or an age; snapshots of 12:20, 13:20 and 14:20 UTC."""
    for hours in range(3):
        save(path, at(hours))
    result = crossmargin("snapshot", "prune", "--before", before, "--dry-run", "--json")
    count = result.json()["data"]["snapshots"]
    assert result.code == 0
    assert left is None or count == 3 - left


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "say what to delete"),
        (["--before", "tomorrow"], "'tomorrow' is no date or time"),
        (["--before", "9999-12-31T23:59-14:00"], "is no date or time"),
        (["--before", "999999d"], "is before all dates"),
        (["--before", "9999999d"], "no date or time"),
    ],
)
def test_prune_refuses_what_it_does_not_understand(arguments: list[str], told: str) -> None:
    """Nothing is deleted on a guess."""
    result = crossmargin("snapshot", "prune", *arguments, "--yes")
    assert (result.code, told in result.err) == (Exit.USAGE, True)


def test_list_of_one_wallet(path: Path) -> None:
    """Filtered by address in any spelling, cut to the newest."""
    ids = [save(path, at(hours)).id for hours in range(3)]
    save(path, at(9, wallet=OTHER))

    def listed(*arguments: str) -> list[Any]:
        return [
            s["snapshot_id"] for s in crossmargin("snapshot", "list", *arguments, "--json").json()["data"]
        ]

    assert listed("--wallet", WALLET.upper().replace("X", "x")) == ids[::-1]
    assert listed("--wallet", WALLET, "--limit", "2") == ids[:0:-1]
    assert len(listed()) == 4
    assert crossmargin("snapshot", "list", "--wallet", "0x12").code == Exit.USAGE


def test_readers_need_no_lock(local: World, path: Path) -> None:
    """While a writer has the database open, what was published is listed and shown."""
    snapshot = taken(local, "edge")
    with duckdb.connect(str(path)):
        assert snapshot in crossmargin("snapshot", "list").out
        assert crossmargin("snapshot", "show", snapshot).code == 0
