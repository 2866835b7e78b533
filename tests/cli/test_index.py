"""`index` from the command line; what it does to runs is tested in tests/app."""

from __future__ import annotations

import io
import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import stamina

from aggregator import app
from cli.exits import Exit
from tests.app.index_kit import Desk, desk
from tests.cli.runner import as_process, crossmargin
from tests.cli.test_local import break_options
from tests.devnet.world import World
from tests.docs.test_schema import errors
from tests.forks import Forked
from tests.reading.servers import Refusal, Server, proxy

COUNT = 9


@pytest.fixture(autouse=True)
def _quick_retries() -> Iterator[None]:
    """Retries happen, but nobody waits for them."""
    with stamina.set_testing(True, attempts=2):
        yield


@pytest.fixture
def here(devnet: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A configured list of wallets."""
    with desk(devnet, tmp_path, COUNT) as found:
        monkeypatch.setenv("CROSSMARGIN_CONFIG", str(found.path))
        monkeypatch.setenv("CROSSMARGIN_DATABASE", str(found.config().database))
        yield found


def test_a_list_becomes_snapshots(here: Desk) -> None:
    """The plan before, the answer, and what is there afterwards; again there is nothing new."""
    planned = crossmargin("index", str(here.csv), "--chain", "local", "--dry-run", "--json")
    assert (planned.code, errors("index.json", planned.json())) == (Exit.OK, [])
    assert planned.json()["data"]["wallets"] == COUNT
    assert not here.config().database.exists()
    with here.csv.open("a", encoding="utf-8") as file:
        file.write(f"{here.wallets[0].upper().replace('0X', '0x')}\n")
    result = crossmargin("index", str(here.csv), "--chain", "local", "--json", "--block-size", "4")
    document = result.json()
    assert (result.code, errors("index.json", document)) == (Exit.OK, [])
    data = document["data"]
    assert (data["done"], data["complete"], data["created"], data["duplicates"]) == (COUNT, COUNT, COUNT, 1)
    assert document["blocks"] == planned.json()["blocks"]
    assert "1 named twice left out" in result.err
    assert len(app.list_snapshots(here.config())) == COUNT
    again = crossmargin("index", str(here.csv), "--quiet")
    assert (again.code, again.err) == (Exit.OK, "")
    assert f"{COUNT} complete, 0 partial, 0 failed; 0 snapshots are new" in again.out


def test_wallets_of_a_query(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ships, and one's own from stdin with a parameter."""
    assert crossmargin("index", str(here.csv), "--quiet").code == Exit.OK
    shipped = crossmargin("index", "--query", "wallet_fragility_ranking", "--dry-run")
    assert (shipped.code, shipped.out.split(":")[0]) == (Exit.OK, "would begin a run")
    own_sql = "SELECT DISTINCT wallet FROM snapshot WHERE wallet <> $not"
    monkeypatch.setattr(sys, "stdin", io.StringIO(own_sql))
    own = crossmargin("index", "--query", "-", "-p", f"not={here.wallets[0]}", "--json", "--quiet")
    assert (own.code, own.json()["data"]["wallets"]) == (Exit.OK, COUNT - 1)
    missing = crossmargin("index", "--query", "no_such_query", "--json")
    assert (missing.code, errors("index.json", missing.json())) == (Exit.USAGE, [])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "say where the wallets are"),
        (["LIST", "--query", "hedge_map"], "say where the wallets are"),
        (["LIST", "-p", "a=b"], "parameters belong to --query"),
        (["LIST", "--column", "owner"], "none is named 'owner' among its columns 'wallet'"),
        (["LIST", "--chain", "nowhere"], "is not configured"),
        (["LIST", "--block", "yesterday"], "--block"),
        (["nowhere.csv"], "it can't be read"),
    ],
)
def test_mistakes_are_told_before_anything_is_read(here: Desk, arguments: list[str], told: str) -> None:
    """With code 2, and no database."""
    result = crossmargin("index", *(str(here.csv) if a == "LIST" else a for a in arguments))
    assert result.code == Exit.USAGE
    assert told in result.err
    assert not here.config().database.exists()


def test_rows_without_a_wallet_are_named(here: Desk) -> None:
    """With their lines, and without what a terminal would obey."""
    here.csv.write_text(f"wallet\n{here.wallets[0]}\n0x12\n\x1b]0;title\x07\n", encoding="utf-8")
    result = crossmargin("index", str(here.csv), "--json")
    assert result.code == Exit.USAGE
    assert "2 rows have no wallet address: line 3: '0x12'" in result.err
    assert "line 4" in result.err
    assert "\x1b" not in result.err + result.out
    assert errors("index.json", result.json()) == []


def test_what_is_missing_decides_the_exit_code(here: Desk) -> None:
    """15 for parts, unless that is allowed; the reason once, with how many wallets it concerns."""
    break_options(here.world)
    here.world.node.mine()
    result = crossmargin("index", str(here.csv), "--json")
    document = result.json()
    assert (result.code, errors("index.json", document)) == (Exit.PARTIAL, [])
    [error] = document["errors"]
    assert f"not read for {COUNT} wallets" in error["message"]
    assert f"not read for {COUNT} wallets: lyra_v1" in result.err
    assert crossmargin("index", str(here.csv), "--allow-partial").code == Exit.OK


def test_nobody_answers(here: Desk) -> None:
    """12, and nothing begins."""
    result = crossmargin("index", str(here.csv), "--rpc", "http://127.0.0.1:1", "--json")
    assert (result.code, errors("index.json", result.json())) == (Exit.UNAVAILABLE, [])
    assert not here.config().database.exists()


def test_an_endpoint_that_is_down_leaves_a_run_that_goes_on(here: Desk) -> None:
    """12 in the middle: what is kept, and how to go on, is said."""
    calls = 0

    def change(method: str, _: list[Any]) -> Refusal | None:
        nonlocal calls
        calls += method == "eth_call"
        return Refusal(-32603, "database is closed") if calls > 4 else None

    with Server(proxy(here.world.node.url, change)) as server:
        result = crossmargin("index", str(here.csv), "--block-size", "3", "--rpc", server.url)
    kept = len(app.list_snapshots(here.config()))
    assert 0 < kept < COUNT
    assert result.code != Exit.OK
    assert f"{kept} of {COUNT} wallets are kept: the same command goes on" in result.err
    assert crossmargin("index", str(here.csv), "--quiet").code == Exit.OK
    assert len(app.list_snapshots(here.config())) == COUNT


def test_ctrl_c_says_how_to_go_on(here: Desk) -> None:
    """130 with one envelope; the same command then does the rest."""
    begun = Event()

    def wait(method: str, _: list[Any]) -> None:
        if method == "eth_call" and begun.is_set():
            time.sleep(0.1)  # it can't end before the signal

    with Server(proxy(here.world.node.url, wait)) as server:
        command = ("index", str(here.csv), "--block-size", "1", "--json", "--rpc", server.url)
        with Forked(as_process, *command) as process:
            assert "wallets at local" in process.stderr.readline()
            begun.set()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(60)
            assert process.returncode == Exit.INTERRUPTED
    document = json.loads(out)
    assert errors("index.json", document) == []
    done = document["data"]["done"]
    assert done < COUNT
    assert f"{done} of {COUNT} wallets are kept: the same command goes on with the others" in err
    assert len(app.list_snapshots(here.config())) == done
    rest = crossmargin("index", str(here.csv), "--json").json()["data"]
    assert (rest["resumed_at"], rest["created"], rest["done"]) == (done, COUNT - done, COUNT)
