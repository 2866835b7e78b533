"""`replay`: the bytes that a command printed live, from a file alone."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.exits import Exit
from tests.cli.runner import crossmargin
from tests.cli.test_local import break_options
from tests.devnet.world import World
from tests.store.blank import blank

COMMANDS = [
    ("health",),
    ("health", "--json"),
    ("health", "--fail-under", "99.9"),
    ("health", "--save", "--json"),
    ("positions",),
    ("positions", "--json"),
    ("positions", "--csv"),
    ("snapshot", "take"),
    ("snapshot", "take", "--json"),
]


def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a connection from now on is found out."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a replay opened a connection")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.create_connection", refuse)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("wallets", [["hedged"], ["unhedged", "empty", "hedged"]], ids=["one", "three"])
def test_a_replay_prints_what_was_printed_live(
    command: tuple[str, ...],
    wallets: list[str],
    local: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To the byte and with the same exit code, by one wallet or several, without a network."""
    addresses = [local.wallets[name] for name in wallets]
    file = tmp_path / "wallets.cmrec"
    assert crossmargin("record", str(file), *addresses).code == 0
    live = crossmargin(*command, *addresses)
    monkeypatch.setenv("CROSSMARGIN_DATABASE", str(blank(tmp_path / "other.duckdb")))
    no_network(monkeypatch)
    replayed = crossmargin("replay", str(file), *command)
    assert live.out
    assert (replayed.out, replayed.code) == (live.out, live.code)
    told = "replayed from a recording of a local node"
    assert (told in replayed.err) is ("--json" not in command)
    assert told not in replayed.out


@pytest.mark.parametrize("command", [("health",), ("positions", "--json"), ("snapshot", "take")])
def test_what_failed_live_fails_in_the_replay(
    command: tuple[str, ...],
    devnet: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An incomplete answer stays incomplete, in the same words."""
    config = tmp_path / "local.toml"
    config.write_text(devnet.config(), encoding="utf-8")
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(config))
    break_options(devnet)
    blank(tmp_path / "test.duckdb")
    file, wallet = tmp_path / "broken.cmrec", devnet.wallets["hedged"]
    assert crossmargin("record", str(file), wallet).code == Exit.PARTIAL
    live = crossmargin(*command, wallet)
    monkeypatch.setenv("CROSSMARGIN_DATABASE", str(blank(tmp_path / "other.duckdb")))
    replayed = crossmargin("replay", str(file), *command)
    assert (replayed.out, replayed.code) == (live.out, live.code)
    assert live.code == Exit.PARTIAL


def test_the_recording_decides_and_not_the_reader(local: World, tmp_path: Path) -> None:
    """Only some adapters, another user's configuration, a file that is recorded again."""
    file, wallet = tmp_path / "part.cmrec", local.wallets["hedged"]
    assert crossmargin("record", str(file), wallet, "--adapter", "aave_v3").code == 0
    live = crossmargin("health", wallet, "--adapter", "aave_v3", "--json")
    assert crossmargin("replay", str(file), "--json") == live
    (tmp_path / "bare.toml").write_text("", encoding="utf-8")
    bare = ("--config", str(tmp_path / "bare.toml"))
    assert crossmargin("replay", str(file), "health", "--json", *bare) == live
    first = file.read_bytes()
    assert crossmargin("record", str(file), wallet, "--adapter", "aave_v3").code == 0
    assert file.read_bytes() == first
    assert local.node.url.encode() not in gzip.decompress(first)


def test_a_snapshot_of_a_replay_says_so(local: World, tmp_path: Path) -> None:
    """What it was taken from is kept; the snapshot of the live read is the same one."""
    file, wallet = tmp_path / "w.cmrec", local.wallets["edge"]
    assert crossmargin("record", str(file), wallet).code == 0
    replayed = crossmargin("replay", str(file), "snapshot", "take", "--json").json()["data"]
    shown = crossmargin("snapshot", "show", replayed["snapshot_id"])
    assert "taken from a recording" in shown.out
    live = crossmargin("snapshot", "take", wallet, "--json").json()["data"]
    assert live == {**replayed, "created": False}


REFUSED = {
    "another command": ("doctor",),
    "a command that changes things": ("snapshot", "prune", "--before", "90d"),
    "another wallet": ("health", "0x" + "11" * 20),
    "a chain": ("health", "--chain", "local"),
    "an adapter": ("health", "--adapter", "wallet"),
    "a block": ("positions", "--block", "finalized"),
    "an endpoint": ("health", "--rpc", "http://127.0.0.1:1"),
    "the demo": ("health", "--demo"),
    "an option that is none": ("health", "--bogus"),
    "a replay of a replay": ("replay", "file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_recording_cannot_answer_is_refused(case: str, tmp_path: Path) -> None:
    """Exit 2 and a sentence."""
    file = tmp_path / "demo.cmrec"
    file.write_bytes(demo_bytes())
    result = crossmargin("replay", str(file), *REFUSED[case])
    assert result.code == Exit.USAGE
    assert result.out == ""
    assert result.err


def demo_bytes() -> bytes:
    """The recording that ships, which is of version 1."""
    from importlib.resources import files  # noqa: PLC0415

    return (files("aggregator") / "data" / "demo.cmrec").read_bytes()


HOSTILE: dict[str, Callable[[Any], Any]] = {
    "an option as wallet": lambda document: document["request"].update(wallets=["--save"]),
    "no wallet": lambda document: document["request"].update(wallets=[]),
    "a group as wallet": lambda document: document["request"].update(wallets=["@all"]),
    "no wallets at all": lambda document: document["request"].pop("wallets"),
    "wallets that are numbers": lambda document: document["request"].update(wallets=[7]),
    "wallets that are none": lambda document: document["request"].update(wallets=None),
    "a block that is a list": lambda document: document["request"].update(block=[1]),
    "warnings that are none": lambda document: document["request"].update(warnings=7),
}


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("command", [("health",), ("positions", "--json")])
def test_a_recording_cannot_make_the_command_line_do_more(
    case: str, command: tuple[str, ...], tmp_path: Path
) -> None:
    """Its wallets are addresses, or it is refused."""
    document = json.loads(gzip.decompress(demo_bytes()))
    HOSTILE[case](document)
    file = tmp_path / "hostile.cmrec"
    file.write_bytes(gzip.compress(json.dumps(document).encode()))
    result = crossmargin("replay", str(file), *command)
    assert result.code == Exit.USAGE
    assert result.err
    assert not (tmp_path / "test.duckdb").exists()


def test_times_that_are_none_are_told(tmp_path: Path) -> None:
    """A recording of a block beyond all calendars is said to be of an unknown time."""
    document = json.loads(gzip.decompress(demo_bytes()))
    for chain in document["chains"].values():
        for pin in chain["pins"].values():
            pin["timestamp"] = 2**60
    file = tmp_path / "late.cmrec"
    file.write_bytes(gzip.compress(json.dumps(document).encode()))
    assert "at an unknown time" in crossmargin("replay", str(file), "positions").err


def test_a_cache_that_cannot_be_used_is_a_warning(
    local: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On stderr, unless --quiet: what is printed on stdout is the same."""
    wallet = local.wallets["edge"]
    plain = crossmargin("positions", wallet, "--json")
    (tmp_path / "broken.sqlite").write_bytes(b"no cache" * 1_000)
    monkeypatch.setenv("CROSSMARGIN_CACHE", str(tmp_path / "broken.sqlite"))
    for command in (("positions",), ("health",), ("snapshot", "take")):
        assert "warning: the cache" in crossmargin(*command, wallet).err
    quiet = crossmargin("positions", wallet, "--json", "--quiet")
    assert quiet.out == plain.out
    assert "cache" not in quiet.err
    assert (tmp_path / "broken.sqlite").read_bytes() == b"no cache" * 1_000
