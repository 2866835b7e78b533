"""The daemon as a real process on the local chain: what it answers, how it stops, what a kill leaves."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import duckdb
import pytest

from aggregator import app
from aggregator.model.errors import StoreLocked
from aggregator.schedule.daemon import line
from tests.devnet.world import World
from tests.schedule.kills import acknowledged, check, daemon, kill_often
from tests.schedule.kit import Desk, desk


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_it_takes_slots_answers_and_drains(devnet: World, tmp_path: Path) -> None:
    """Metrics and health while it works; a signal lets the slot end; nobody else works on the database."""
    port = free_port()
    here = desk(devnet, tmp_path, metrics=f"127.0.0.1:{port}")
    here.advance(1)
    with daemon(here) as process:
        said = acknowledged(process, 1)
        with pytest.raises(StoreLocked, match="schedule run"):
            here.once()
        here.advance(4)
        said += acknowledged(process, 1)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            metrics = answer.read().decode()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
            health = json.load(answer)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10)
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(60)
        assert process.returncode == 0, errors
        said += rest.splitlines()
    assert len(check(here, said)) == len(said)
    assert here.runs() == app.warehouse(here.config).runs("desk"), "what was taken last is published too"
    assert health["ok"] is True
    assert health["jobs"]["desk"]["last"]["outcome"] == "ok"
    wallet = devnet.wallets["hedged"].lower()
    assert 'crossmargin_schedule_runs_total{job="desk",outcome="ok"}' in metrics
    assert f'crossmargin_wallet_score{{wallet="{wallet}"}}' in metrics
    assert 'crossmargin_schedule_failed_reads_total{job="desk"} 0.0' in metrics
    assert "crossmargin_schedule_lag_seconds" in metrics
    with sqlite3.connect(tmp_path / "desk.schedule.sqlite") as store:
        assert store.execute("SELECT id FROM apscheduler_jobs").fetchall() == [("desk",)]


def test_a_failed_slot_is_unhealthy(devnet: World, tmp_path: Path) -> None:
    """While the node is silent /health answers 503 and says why; nothing is given up."""
    port = free_port()
    here = desk(devnet, tmp_path, metrics=f"127.0.0.1:{port}")
    here.advance(1)
    text = here.path.read_text(encoding="utf-8")
    here.path.write_text(text.replace(devnet.node.url, "http://127.0.0.1:1"), encoding="utf-8")
    with daemon(here) as process:
        assert acknowledged(process, 1)[0].split()[2] == "failed:"
        with pytest.raises(urllib.error.HTTPError) as answer:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10)
        job = json.load(answer.value)["jobs"]["desk"]
    assert answer.value.code == 503
    assert job["ok"] is False
    assert job["last"]["outcome"] == "failed"
    assert "connection failed" in job["last"]["reason"]


def test_kills_lose_nothing(devnet: World, tmp_path: Path) -> None:
    """Twice at random moments; 20 as `python -m tests.schedule.kills`."""
    here: Desk = desk(devnet, tmp_path, catch_up=40)
    here.advance(1)
    taken, missed, _ = kill_often(here, 2, seed=7)
    assert taken > 3
    assert missed == 0


def test_what_a_kill_could_spoil_would_be_seen(devnet: World, tmp_path: Path) -> None:
    """The tests of kills can fail: where a row of a slot that was acknowledged is gone, of any table."""
    here = desk(devnet, tmp_path)
    here.advance(1)
    said = [line(run) for run, _ in here.once().done]
    assert len(check(here, said)) == 1
    whole = here.config.database.read_bytes()
    for table in ("position", "risk_result", "snapshot", "schedule_run"):
        here.config.database.write_bytes(whole)
        with duckdb.connect(str(here.config.database)) as connection:
            connection.execute(f"DELETE FROM {table} WHERE rowid = 0")  # noqa: S608  # names of our own
        with pytest.raises((AssertionError, KeyError)):
            check(here, said)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_it_at_once(devnet: World, tmp_path: Path, number: signal.Signals) -> None:
    """Though a slot is being taken, from a node that does not answer."""
    here = desk(devnet, tmp_path)
    here.advance(1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        text = here.path.read_text(encoding="utf-8")
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        here.path.write_text(text.replace(devnet.node.url, url), encoding="utf-8")
        with daemon(here) as process:
            asked, _ = silent.accept()
            with asked:
                process.send_signal(number)
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(1.5)
                process.send_signal(number)
                assert process.wait(5) == -number


def test_a_copy_that_can_not_be_published_is_unhealthy_until_it_is(devnet: World, tmp_path: Path) -> None:
    """Slots are kept meanwhile, and readers see them once it can."""
    port = free_port()
    here = desk(devnet, tmp_path, metrics=f"127.0.0.1:{port}")
    here.advance(1)
    in_the_way = tmp_path / ".desk.published.duckdb.part"
    in_the_way.mkdir()
    (in_the_way / "file").touch()
    with daemon(here) as process:
        said = acknowledged(process, 1)
        with pytest.raises(urllib.error.HTTPError) as answer:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10)
        assert "readers' copy" in json.load(answer.value)["unpublished"]
        assert here.runs() == []
        (in_the_way / "file").unlink()
        in_the_way.rmdir()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert here.runs() == check(here, said)
    assert len(said) == 1


def test_a_store_that_is_none_ends_the_command(devnet: World, tmp_path: Path) -> None:
    """With what to do about it."""
    here = desk(devnet, tmp_path)
    (tmp_path / "desk.schedule.sqlite").write_bytes(b"no database " * 500)
    with daemon(here) as process:
        _, errors = process.communicate(60)
    assert process.returncode == 1
    assert "StoreError" in errors
    assert "delete it, nothing is lost with it" in errors
