"""`schedule once|list|run` from the command line; what they do to slots is tested in tests/schedule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import stamina

from aggregator.schedule import once
from aggregator.schedule.exclusive import exclusive
from cli.exits import Exit
from tests.cli.runner import Result, crossmargin
from tests.cli.test_local import break_options
from tests.devnet.world import World
from tests.docs.test_schema import errors
from tests.schedule.kit import Desk, desk


@pytest.fixture(autouse=True)
def _quick_retries() -> Iterator[None]:
    """Retries happen, but nobody waits for them."""
    with stamina.set_testing(True, attempts=2):
        yield


@pytest.fixture
def here(devnet: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A configured desk; the command's clock is that of the chain, a second after its newest block."""
    found = desk(devnet, tmp_path)
    found.advance(1)
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(found.path))
    monkeypatch.setenv("CROSSMARGIN_DATABASE", str(found.config.database))

    def clock() -> datetime:
        return found.time() + timedelta(seconds=1)

    monkeypatch.setattr(once, "take_due", partial(once.take_due, clock=clock))
    return found


def run_once(*arguments: str) -> Result:
    """`schedule once`, which waits for nothing."""
    return crossmargin("schedule", "once", "--wait", "0", *arguments)


def test_once_takes_what_is_due_and_nothing_more(here: Desk) -> None:
    """The slot with its snapshots; again it finds nothing and is content."""
    result = run_once("--json")
    document = result.json()
    assert result.code == Exit.OK
    assert errors("schedule-once.json", document) == []
    [job] = document["data"]
    [slot] = job["slots"]
    assert (slot["outcome"], slot["reason"], len(slot["snapshots"])) == ("ok", None, 2)
    again = run_once()
    assert (again.code, again.out, again.err) == (Exit.OK, "", "")
    here.advance(1)
    assert run_once("--job", "desk").out.split()[2] == "ok"


def test_once_gates_like_health(here: Desk) -> None:
    """The same wallets under the same threshold end with the same code."""
    wallets = [here.world.wallets[name] for name in ("hedged", "edge")]
    for gate in (["--fail-under", "100"], ["--warn-under", "1"]):
        here.advance(1)
        expected = crossmargin("health", *wallets, *gate, "--quiet").code
        assert expected != Exit.OK
        assert run_once(*gate).code == expected


def test_once_says_what_is_missing(here: Desk) -> None:
    """15 for a part, unless that is allowed; 12 where nobody answers, again and again."""
    break_options(here.world)
    here.advance(1)
    result = run_once("--json")
    assert result.code == Exit.PARTIAL
    document = result.json()
    assert errors("schedule-once.json", document) == []
    assert "lyra_v1" in document["errors"][0]["message"]
    here.advance(1)
    assert run_once("--allow-partial").code == Exit.OK
    here.advance(1)
    for _ in range(2):
        silent = run_once("--rpc", "http://127.0.0.1:1", "--json")
        assert silent.code == Exit.UNAVAILABLE
        assert errors("schedule-once.json", silent.json()) == []
        assert silent.json()["data"][0]["waiting"]


def test_list_shows_jobs_and_what_came_of_them(here: Desk) -> None:
    """Before and after the first slot."""
    before = crossmargin("schedule", "list", "--json").json()
    assert errors("schedule-list.json", before) == []
    assert before["data"][0]["last"] is None
    assert "never taken" in crossmargin("schedule", "list").out
    run_once()
    after = crossmargin("schedule", "list", "--json").json()
    assert errors("schedule-list.json", after) == []
    [job] = after["data"]
    assert (job["job"], job["group"], job["rule"], job["last"]["outcome"]) == (
        "desk",
        "desk",
        "every 1m",
        "ok",
    )
    assert datetime.fromisoformat(job["next_due"]) > datetime.now(UTC) - timedelta(seconds=5)
    assert job["last"]["due_at"] in crossmargin("schedule", "list").out
    del here


@pytest.mark.parametrize("command", ["run", "once"])
def test_one_process_at_a_time(here: Desk, command: str) -> None:
    """The other one ends with 17 and says whom to stop."""
    with exclusive(here.config.database):
        result = crossmargin("schedule", command)
    assert result.code == Exit.LOCKED
    assert "stop that one first" in result.err


@pytest.mark.parametrize("command", ["run", "once", "list"])
def test_without_a_job_there_is_nothing_to_do(command: str) -> None:
    """Which is a mistake, not a success."""
    result = crossmargin("schedule", command)
    assert result.code == Exit.USAGE
    assert "there is no job" in result.err


def test_mistakes_name_the_choices(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that is not there, an address that can't be listened on."""
    result = crossmargin("schedule", "once", "--job", "dusk")
    assert result.code == Exit.USAGE
    assert "jobs are desk" in result.err
    for address in ("9464", "127.0.0.1:port", "127.0.0.1:99999", "203.0.113.1:80"):
        monkeypatch.setenv("CROSSMARGIN_METRICS", address)
        result = crossmargin("schedule", "run")
        assert result.code == Exit.USAGE
        assert address in result.err
    assert here.runs() == []
