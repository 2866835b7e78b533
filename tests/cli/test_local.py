"""The main job from the command line, on the real contracts of the local chain."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import stamina

from cli.exits import Exit
from tests.adapters.morpho_blue.hostile import broken_code, hostile_market
from tests.cli.runner import crossmargin
from tests.devnet.world import World
from tests.store.blank import blank


@pytest.fixture(autouse=True)
def _quick_retries() -> Iterator[None]:
    """Retries happen, but nobody waits for them."""
    stamina.set_testing(True, attempts=2)
    yield
    stamina.set_testing(False)


def break_options(world: World) -> None:
    """Make the option token revert, so that one of five reads fails."""
    [token] = [
        entry.addresses["option_token"]
        for entry in (d.deployment_entry() for d in world.deployments)
        if entry.adapter == "lyra_v1"
    ]
    world.node.set_code(token, bytes.fromhex("60006000fd"))


def test_health_shows_all_three_kinds_and_one_score(local: World) -> None:
    """The three-protocol wallet: every account's own health agrees with its protocol, beside one score."""
    result = crossmargin("health", local.wallets["hedged"], "--json")
    document = result.json()
    data = document["data"]
    assert result.code == 0
    assert document["ok"] is True
    reads = len(local.deployments) + 1  # and the wallet itself
    assert document["coverage"] == {"expected": reads, "ok": reads, "failed": 0, "unverified": []}
    kinds = {p["kind"] for account in data["accounts"] for p in account["positions"]}
    assert kinds == {"holding", "supply", "debt", "perp", "option"}
    assert 0 < data["score"] < 100
    assert data["kappa_infinite"] is False
    checked = [a for a in data["accounts"] if a["native_health"] is not None]
    assert {a["protocol"] for a in checked} == {"aave_v3", "synthetix_perps_v2", "lyra_v1"}
    assert all(a["check_bps"] <= (0 if a["protocol"] == "aave_v3" else 1) for a in checked)
    assert data["weakest_account"] in {a["account_id"] for a in checked}
    [block] = document["blocks"]
    assert block["chain_id"] == 31337
    assert block["number"] == local.node.block_number


def test_the_screen_fits_and_holds_no_control_characters(local: World) -> None:
    """A hundred columns, no colour in a pipe, and what must be seen at a glance."""
    for name in local.wallets:
        result = crossmargin("health", local.wallets[name])
        assert result.code == 0
        assert max(map(len, result.out.splitlines())) <= 100
        assert not any(ord(c) < 32 and c != "\n" for c in result.out)
    result = crossmargin("health", local.wallets["hedged"])
    for word in ("WHOLE", "WEAKEST", "score", "equity", "requirement", "Greeks", "Worst"):
        assert word in result.out
    reads = len(local.deployments) + 1
    assert f"{reads} of {reads}" in result.out


def test_an_empty_wallet_has_no_score(local: World) -> None:
    """Nothing found is said, with a score of null and exit 0."""
    result = crossmargin("health", local.wallets["empty"], "--json", "--fail-under", "50")
    assert result.code == 0
    assert result.json()["data"]["score"] is None
    assert result.json()["data"]["band"] == "NONE"
    assert "no position found" in crossmargin("health", local.wallets["empty"]).out


def test_thresholds_decide_the_exit_code(local: World) -> None:
    """Without a threshold a check succeeds; with one the verdict and the score decide."""
    edge = local.wallets["edge"]
    assert crossmargin("health", edge).code == Exit.OK
    assert crossmargin("health", edge, "--fail-under", "1").code == Exit.CRITICAL
    unhedged = local.wallets["unhedged"]
    score = crossmargin("health", unhedged, "--json").json()["data"]["score"]
    assert crossmargin("health", unhedged, "--fail-under", str(score + 1)).code == Exit.CRITICAL
    assert crossmargin("health", unhedged, "--warn-under", str(score + 1)).code == Exit.WARN


def test_a_proven_liquidation_wins_over_a_missing_part(
    devnet: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """32 although one reader failed; 15 for the same wallet while it is healthy; 0 with --allow-partial."""
    configure(devnet, tmp_path, monkeypatch)
    edge = devnet.wallets["edge"]
    break_options(devnet)
    assert crossmargin("health", edge).code == Exit.PARTIAL
    assert crossmargin("health", edge, "--allow-partial").code == Exit.OK
    for name, verdict in (("unhedged", "UNKNOWN"), ("edge", "CRITICAL")):
        shown = crossmargin("health", devnet.wallets[name]).out
        assert "INCOMPLETE" in shown
        [line] = [line for line in shown.splitlines() if "VERDICT" in line]
        assert verdict in line
    document = crossmargin("health", edge, "--json").json()
    assert document["ok"] is False
    assert document["coverage"]["failed"] == 1
    assert document["errors"][0]["adapter"] == "lyra_v1"
    devnet.prices.set(ETH=1900)
    assert crossmargin("health", edge, "--fail-under", "1").code == Exit.LIQUIDATABLE
    assert crossmargin("positions", edge).code == Exit.PARTIAL


def configure(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str | None = None) -> None:
    """Make the command line read a world, optionally through another URL, into an empty database."""
    path = tmp_path / "devnet.toml"
    path.write_text(world.config().replace(world.node.url, url or world.node.url), encoding="utf-8")
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(path))
    blank(tmp_path / "test.duckdb")


def test_a_chain_that_was_not_reached_is_missing_in_the_replay_too(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording of nothing is no empty wallet, neither as it was made nor without its chains."""
    configure(world, tmp_path, monkeypatch, url="http://127.0.0.1:9")
    file = tmp_path / "dead.cmrec"
    assert crossmargin("record", str(file), world.wallets["hedged"]).code == Exit.UNAVAILABLE
    assert crossmargin("replay", str(file), "--json") == crossmargin(
        "health", world.wallets["hedged"], "--json"
    )
    assert crossmargin("replay", str(file)).code == Exit.UNAVAILABLE
    document = json.loads(gzip.decompress(file.read_bytes()))
    document["chains"] = {}
    file.write_bytes(gzip.compress(json.dumps(document).encode()))
    replayed = crossmargin("replay", str(file))
    assert replayed.code == Exit.PARTIAL
    assert "INCOMPLETE" in replayed.out
    document["configuration"]["deployments"] = {}
    file.write_bytes(gzip.compress(json.dumps(document).encode()))
    assert crossmargin("replay", str(file)).code == Exit.USAGE


def test_a_wallet_that_is_named_twice_counts_once(local: World, tmp_path: Path) -> None:
    """Whatever its spelling: the same figures, snapshot and recording as named once."""
    wallet = local.wallets["hedged"]
    twice = (wallet, wallet.lower())
    assert crossmargin("health", *twice, "--json") == crossmargin("health", wallet, "--json")
    assert crossmargin("snapshot", "take", *twice, "--json").json()["data"]["created"]
    files = [tmp_path / "once.cmrec", tmp_path / "twice.cmrec"]
    assert crossmargin("record", str(files[0]), wallet).code == 0
    assert crossmargin("record", str(files[1]), *twice).code == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_damaged_recording_is_refused(local: World, tmp_path: Path) -> None:
    """Exit 2 and a sentence, never a number."""
    file = tmp_path / "broken.cmrec"
    assert crossmargin("record", str(file), local.wallets["edge"]).code == 0
    file.write_bytes(file.read_bytes()[:-20])
    result = crossmargin("replay", str(file))
    assert result.code == Exit.USAGE
    assert "broken.cmrec" in result.err
    assert result.out == ""


def test_doctor_finds_everything_in_order(local: World) -> None:
    """Every deployment of the local chain passes, and a wrong address is named."""
    result = crossmargin("doctor", "--json")
    assert result.code == 0
    [report] = result.json()["data"]
    assert report["chain_id"] == 31337
    assert all(check["ok"] for check in report["checks"])
    subjects = " ".join(check["subject"] for check in report["checks"])
    expected = ("endpoint", "Multicall3", "state overrides", "history", "aave_v3", "lyra_v1", "wallet")
    for subject in (*expected, "uniswap_v3"):
        assert subject in subjects
    assert local.wallets["edge"] not in result.out


def test_doctor_names_what_is_wrong(devnet: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing contract, then a missing Multicall3: each with its exit code."""
    configure(devnet, tmp_path, monkeypatch)
    devnet.node.set_code(devnet.aave_v36.addresses["pool"], b"")
    result = crossmargin("doctor", "--adapter", "aave_v3")
    assert result.code == Exit.PARTIAL
    assert "FAIL aave_v3" in result.out
    devnet.node.set_code(devnet.multicall.address, b"")
    result = crossmargin("doctor", "--adapter", "wallet")
    assert result.code == Exit.UNSUPPORTED
    assert "Multicall3" in result.out


def test_nothing_to_liquidate_is_said_in_words(
    devnet: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dust without any debt: no stress breaks it, and no figure stands for that."""
    configure(devnet, tmp_path, monkeypatch)
    wallet = "0x" + "c0de" * 10
    devnet.node.set_balance(wallet, 1)
    shown = crossmargin("health", wallet, "--fail-under", "100")
    assert shown.code == Exit.OK
    assert "nothing fails within 20 standard stresses" in shown.out
    assert "after over" not in shown.out


def test_a_dead_node_is_unavailable(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing could be read: the common cause is the exit code, and the screen shows no total."""
    configure(world, tmp_path, monkeypatch, url="http://127.0.0.1:9")
    result = crossmargin("health", world.wallets["hedged"])
    assert result.code == Exit.UNAVAILABLE
    assert "INCOMPLETE" in result.out
    assert "score" not in result.out
    assert crossmargin("doctor").code == Exit.UNAVAILABLE


@pytest.mark.parametrize(
    "arguments",
    [
        ["health"],
        ["health", "--fail-under", "40"],
        ["health", "--json"],
        ["positions"],
        ["positions", "--csv"],
        ["snapshot", "take"],
        ["plan", "repair"],
        ["plan", "repair", "--json"],
        ["plan", "liquidation"],
        ["plan", "calendar"],
    ],
)
def test_nothing_read_is_no_part_that_may_be_allowed(
    arguments: list[str], world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--allow-partial` accepts a part, not nothing; and standard output alone tells of it."""
    configure(world, tmp_path, monkeypatch, url="http://127.0.0.1:9")
    result = crossmargin(*arguments, world.wallets["hedged"], "--allow-partial")
    assert result.code == Exit.UNAVAILABLE
    assert any(word in result.out for word in ("INCOMPLETE", "not_read", '"ok":false'))


def test_a_missing_part_is_in_every_shape(
    devnet: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of five reads fails: the screen, the table, the snapshot and the exit code say so."""
    configure(devnet, tmp_path, monkeypatch)
    break_options(devnet)
    hedged = devnet.wallets["hedged"]
    for arguments in (["positions"], ["snapshot", "take"]):
        assert "INCOMPLETE" in crossmargin(*arguments, hedged).out
    shown = crossmargin("positions", hedged, "--csv", "--allow-partial")
    assert shown.code == Exit.OK
    header, *rows = csv.reader(shown.out.splitlines())
    [unread] = [dict(zip(header, row, strict=True)) for row in rows if "not_read" in row]
    assert unread["protocol"] == "lyra_v1"
    assert "Lyra V1 ETH local" in unread["error"]


@pytest.mark.parametrize("how", ["reverting", "missing"])
def test_a_hostile_market_is_told_and_hides_no_debt(
    devnet: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A stranger gives the wallet a token that can't be read: exit 15, and the loan beside it stands."""
    victim, stranger, morpho = devnet.spare[0], devnet.spare[1], devnet.morpho_blue
    morpho.supply_collateral(victim, "wstETH/USDC", 10)
    morpho.borrow(victim, "wstETH/USDC", raw=15_000 * 10**6)
    token, market = hostile_market(devnet, stranger, victim)
    devnet.node.set_code(token.address, broken_code(devnet, how))
    configure(devnet, tmp_path, monkeypatch)
    label = f"Morpho Blue local market 0x{market.hex()}"
    chosen = ["--adapter", "morpho_blue", "--adapter", "wallet", "--adapter", "aave_v3"]
    for arguments in (["health"], ["positions"], ["snapshot", "take"], ["health", *chosen]):
        result = crossmargin(*arguments, victim, "--json")
        assert result.code == Exit.PARTIAL
        document = result.json()
        assert document["coverage"]["failed"] == 1
        assert [error["deployment"] for error in document["errors"]] == [label]
    accounts = crossmargin("health", victim, "--json").json()["data"]["accounts"]
    assert [a["label"] for a in accounts if a["protocol"] == "morpho_blue"] == [
        "Morpho Blue local wstETH/USDC 86%"
    ]
    assert crossmargin("health", victim).out.count("INCOMPLETE") == 1
    taken = crossmargin("snapshot", "take", victim, "--json").json()["data"]
    shown = crossmargin("snapshot", "show", taken["snapshot_id"], "--json").json()
    assert [error["deployment"] for error in shown["errors"]] == [label]
    # A part may be allowed, also where the other account of the same deployment is all there is.
    alone = ["--adapter", "morpho_blue", "--adapter", "wallet"]
    assert crossmargin("positions", victim, "--allow-partial", *alone).code == Exit.OK


@pytest.mark.parametrize(
    ("status", "code"), [(401, Exit.AUTHENTICATION), (429, Exit.RATE_LIMITED), (503, Exit.UNAVAILABLE)]
)
def test_refusals_of_a_provider(
    status: int, code: Exit, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP 401, 429 and 503 have their own exit codes, and the key in the URL is never shown."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        configure(
            world, tmp_path, monkeypatch, url=f"http://127.0.0.1:{server.server_address[1]}/v2/TOPSECRET"
        )
        result = crossmargin("health", world.wallets["hedged"], "--json")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert result.code == code
    assert "TOPSECRET" not in result.out + result.err


def test_snapshots_are_kept_once(local: World) -> None:
    """The same block twice is one snapshot; `health --save` keeps what `health` showed."""
    first = crossmargin("snapshot", "take", local.wallets["hedged"], "--json").json()["data"]
    second = crossmargin("snapshot", "take", local.wallets["hedged"], "--json").json()["data"]
    assert first["created"] is True
    assert second == {**first, "created": False}
    assert crossmargin("health", local.wallets["edge"], "--save").code == 0
    rows = crossmargin("snapshot", "list", "--json").json()["data"]
    assert {row["wallet"] for row in rows} == {local.wallets[n].lower() for n in ("hedged", "edge")}
    assert first["snapshot_id"] in crossmargin("snapshot", "list").out


def test_a_locked_database_has_its_own_exit_code(
    local: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another process holds the file: exit 17, and the file is whole afterwards."""
    path = tmp_path / "test.duckdb"
    assert crossmargin("snapshot", "take", local.wallets["edge"]).code == 0
    monkeypatch.setenv("CROSSMARGIN_LOCK_TIMEOUT_S", "0.2")
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        result = crossmargin("snapshot", "take", local.wallets["hedged"])
        holder.communicate()
    assert result.code == Exit.LOCKED
    assert "test.duckdb" in result.err
    assert len(json.loads(crossmargin("snapshot", "list", "--json").out)["data"]) == 1


@pytest.mark.parametrize("symbol", ["=1+1", "-1+1", "+1", "@SUM(1)", "＝1"])
def test_a_symbol_is_no_formula(
    symbol: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a spreadsheet would run is quoted; numbers and empty cells are left alone."""
    path = tmp_path / "hostile.toml"
    path.write_text(world.config().replace('symbol = "USDC"', f'symbol = "{symbol}"'), encoding="utf-8")
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(path))
    header, *rows = csv.reader(crossmargin("positions", world.wallets["hedged"], "--csv").out.splitlines())
    cells = [dict(zip(header, row, strict=True)) for row in rows]
    assert f"'{symbol}" in {row["asset"] for row in cells}
    assert symbol not in {row["asset"] for row in cells}
    assert any(row["amount"].startswith("-") for row in cells)
    assert {row["error"] for row in cells} == {""}


@pytest.mark.parametrize("arguments", [["--fail-under", "60"], ["--fail-under", "60", "--json"]])
def test_a_reader_that_goes_away_does_not_change_the_exit_code(arguments: list[str], local: World) -> None:
    """`crossmargin … | head -1` in a job that looks at the command's own code."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "cli.main", "health", local.wallets["edge"], *arguments]
    with os.fdopen(write, "wb") as out:
        ended = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == Exit.CRITICAL
    assert ended.stderr == ""


def test_csv_is_a_table(local: World) -> None:
    """One header, one row per position, every row as wide."""
    rows = crossmargin("positions", local.wallets["hedged"], "--csv").out.splitlines()
    assert rows[0].startswith("wallet,chain_id,protocol")
    assert len(rows) > 8
    assert {row.count(",") for row in rows} == {rows[0].count(",")}
    [call] = [row for row in rows if "2200 call" in row]
    assert "2200 call,-4,109.43" in call  # by the market's own formula at its own volatility


def test_a_safe_file_is_of_one_wallet(local: World) -> None:
    """Two would be two documents, which no builder takes."""
    wallets = (local.wallets["hedged"], local.wallets["edge"])
    result = crossmargin("plan", "repair", *wallets, "--format", "safe")
    assert (result.code, result.out) == (2, "")
    assert "a file is of one wallet: name one" in result.err
