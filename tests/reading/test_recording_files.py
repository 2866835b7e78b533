"""Files that are no recording, or were tampered with: refused, or missing a reply, never a value."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.abi.columns import Column
from aggregator.model import errors
from aggregator.model.errors import (
    CallReverted,
    MalformedReply,
    NotRecorded,
    ReadError,
    RecordingError,
)
from aggregator.model.readings import Block
from aggregator.reading import recording as recording_module
from aggregator.reading.recording import Recording
from aggregator.reading.source import Asked, ChainSource, Raw, Wanted
from aggregator.reading.tapes import Recorder, Replay
from tests.reading.contracts import HEIGHT, NUMBER
from tests.reading.kit import CHAIN, saved

HERE = Block(CHAIN, 7, "0x" + "ab" * 32, "0x" + "cd" * 32, 1_793_491_200)


def a_recording() -> Recording:
    """A small recording, made by hand."""

    class One:
        """A source of one reply."""

        chain = CHAIN

        async def pin(self, block: str) -> Block:
            """See ChainSource."""
            assert block == "latest"
            return HERE

        def forget(self) -> None:
            """See ChainSource."""

        async def fetch(self, block: Block, requests: Sequence[Asked]) -> list[Raw]:
            """See ChainSource."""
            assert block == HERE
            return [(5).to_bytes(32) for _ in requests]

    async def made() -> Recording:
        recording = Recording("local node", {"wallets": []}, {})
        source: ChainSource = Recorder(One(), recording)
        await source.fetch(await source.pin("latest"), [NUMBER.at(HEIGHT)])
        return recording

    return asyncio.run(made())


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a small recording."""
    return saved(a_recording(), tmp_path_factory.mktemp("packed") / "r.rec")


def document_of(packed: bytes) -> Any:
    """What a file holds."""
    return json.loads(gzip.decompress(packed))


def repacked(document: Any) -> bytes:
    """A file that holds it."""
    return gzip.compress(json.dumps(document).encode())


def test_the_small_recording_is_good(packed: bytes) -> None:
    """What the following tests break."""
    assert Recording.parse(packed, "r").tapes[CHAIN].pins == {"latest": HERE}
    assert Recording.parse(repacked(document_of(packed)), "r").origin == "local node"


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda packed: packed[:-1],
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:],
        lambda packed: packed[:40] + bytes([packed[40] ^ 1]) + packed[41:],
        lambda packed: packed + b"x",
        lambda packed: packed + packed,
        gzip.decompress,
        lambda _: b"not a recording",
        lambda _: gzip.compress(b"not JSON"),
        lambda _: gzip.compress(b"[]"),
        lambda _: gzip.compress(b'{"format": "other"}'),
        lambda _: gzip.compress(b"[" * 100_000),
    ],
)
def test_a_damaged_file_is_refused(damage: Callable[[bytes], bytes], packed: bytes, tmp_path: Path) -> None:
    """With its name."""
    path = tmp_path / "bad.rec"
    path.write_bytes(damage(packed))
    with pytest.raises(RecordingError, match=r"bad\.rec"):
        Recording.load(path)


@given(st.data())
def test_no_flipped_bit_goes_unnoticed(packed: bytes, data: st.DataObject) -> None:
    """The content is what was saved, or the file is refused."""
    at = data.draw(st.integers(0, len(packed) - 1))
    broken = packed[:at] + bytes([packed[at] ^ 1 << data.draw(st.integers(0, 7))]) + packed[at + 1 :]
    try:
        found = Recording.parse(broken, "r")
    except RecordingError:
        return
    assert found == Recording.parse(packed, "r")  # the header's own time and system are no content


def changed(path: Sequence[str], value: Any) -> Callable[[Any], None]:
    """Sets what lies at a path of the document."""

    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


PIN = ("chains", str(CHAIN), "pins", "latest")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (changed(["version"], 6), "has version 6; this release reads 1, 2, 3, 4 and 5"),
        (changed(["version"], "2"), "has version 2; this"),
        (changed(["version"], None), "has version None"),
        (changed(["chains"], []), "lacks a part"),
        (changed(["chains"], {"x": {"pins": {}, "calls": {}, "logs": {}}}), "lacks a part"),
        (changed(["chains", str(CHAIN)], {}), "lacks a part"),
        (changed(["chains", str(CHAIN), "calls"], 5), "lacks a part"),
        (changed(["chains", str(CHAIN), "logs"], 5), "lacks a part"),
        (lambda document: document["chains"][str(CHAIN)].pop("logs"), "lacks a part"),
        (
            lambda d: [changed(path, 3)(d) for path in (["version"], ["chains", str(CHAIN), "graphs"])],
            "lacks",
        ),
        (
            lambda d: [changed(path, 4)(d) for path in (["version"], ["chains", str(CHAIN), "venues"])],
            "lacks",
        ),
        (changed(["chains", str(CHAIN), "pins"], [1]), "lacks a part"),
        (changed(PIN, {}), "lacks a part"),
        (changed([*PIN, "number"], "7"), "lacks a part"),
        (changed([*PIN, "number"], 7.5), "lacks a part"),
        (changed([*PIN, "timestamp"], None), "lacks a part"),
        (changed([*PIN, "hash"], "0x12"), "lacks a part"),
        (changed([*PIN, "hash"], 5), "lacks a part"),
        (changed([*PIN, "chain"], 1), "lacks a part"),
        (changed([*PIN, "extra"], 1), "lacks a part"),
        (changed(PIN, {"error": "RecordingError", "args": ["a", "b"]}), "lacks a part"),
        (changed(PIN, {"error": "ProviderUnavailable", "args": []}), "lacks a part"),
        (changed(["request", "wallets"], None), "lacks a part"),
        (changed(["request", "wallets"], [7]), "lacks a part"),
        (changed(["request", "block"], [1]), "lacks a part"),
        (changed(["request", "warnings"], "text"), "lacks a part"),
        (lambda document: document.pop("origin"), "lacks a part"),
        (lambda document: document.pop("request"), "lacks a part"),
        (lambda document: document.pop("configuration"), "lacks a part"),
    ],
)
def test_a_document_of_another_shape_is_refused(
    change: Callable[[Any], None], words: str, packed: bytes
) -> None:
    """Other versions, missing parts, blocks that are none."""
    document = document_of(packed)
    change(document)
    with pytest.raises(RecordingError, match=words):
        Recording.parse(repacked(document), "r")


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A megabyte that would unpack to more than a recording may hold."""
    monkeypatch.setattr(recording_module, "_MAX_BYTES", 100_000)
    with pytest.raises(RecordingError, match="larger than 100000 bytes"):
        Recording.parse(gzip.compress(bytes(10_000_000)), "r")


def test_files_that_cannot_be_opened_or_written_are_told(packed: bytes, tmp_path: Path) -> None:
    """A missing file, a folder, a missing folder; what was there before is kept."""
    with pytest.raises(RecordingError, match="No such file"):
        Recording.load(tmp_path / "none.rec")
    with pytest.raises(RecordingError, match="directory"):
        Recording.load(tmp_path)
    with pytest.raises(RecordingError, match="can't be written"):
        Recording.parse(packed, "r").save(tmp_path / "none" / "r.rec")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path(), tmp_path / ("x" * 300)):
        with pytest.raises(RecordingError, match="can't be written"):
            Recording.parse(packed, "r").save(path)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
    assert not (tmp_path / "pipe").is_file()


def answer(packed: bytes, noted: Any, request: Wanted) -> Raw:
    """What a recording answers whose one reply was changed to this."""
    document = document_of(packed)
    calls = document["chains"][str(CHAIN)]["calls"]
    [key] = calls
    calls[key] = noted
    source = Replay(CHAIN, Recording.parse(repacked(document), "r").tapes[CHAIN])
    [found] = asyncio.run(source.fetch(HERE, [request]))
    return found


@pytest.mark.parametrize(
    "noted",
    [
        5,
        None,
        "0xzz",
        [],
        {},
        {"error": "CallReverted"},
        {"error": "CallReverted", "args": []},
        {"error": "CallReverted", "args": 5},
        {"error": "KeyboardInterrupt", "args": []},
        {"error": "RecordingError", "args": ["a", "b"]},
        {"error": "annotations", "args": []},
    ],
)
def test_a_reply_that_was_tampered_with_is_none(noted: Any, packed: bytes) -> None:
    """For a single call and for a row of a column."""
    assert isinstance(answer(packed, noted, NUMBER.at(HEIGHT)), NotRecorded)
    column = answer(packed, noted, NUMBER.each([HEIGHT]))
    assert isinstance(column, Column)
    assert isinstance(column.failures[0], NotRecorded)


def test_a_reply_of_another_length_never_shifts_a_column(packed: bytes) -> None:
    """Two words where one is expected would make two rows."""
    noted = "0x" + "00" * 63 + "07"
    column = answer(packed, noted, NUMBER.each([HEIGHT]))
    assert isinstance(column, Column)
    assert len(column) == 1
    assert isinstance(column.failures[0], MalformedReply)
    single = answer(packed, noted, NUMBER.at(HEIGHT))
    assert isinstance(single, bytes)
    with pytest.raises(MalformedReply):
        NUMBER.at(HEIGHT).decode(single)


def test_a_recorded_error_comes_back_whole(packed: bytes) -> None:
    """With its data."""
    found = answer(packed, {"error": "CallReverted", "args": ["here", "paused"]}, NUMBER.at(HEIGHT))
    assert isinstance(found, CallReverted)
    assert (found.origin, found.reason) == ("here", "paused")


def all_read_errors() -> list[type[ReadError]]:
    """Every class of the tree below ReadError."""
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    found = [kind for kind in classes if issubclass(kind, ReadError) and kind is not ReadError]
    return sorted(found, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", all_read_errors())
def test_every_read_error_survives_a_recording(kind: type[ReadError], tmp_path: Path) -> None:
    """Whatever a source answers can be written, read and said again."""
    known: dict[str, tuple[Any, ...]] = {
        "WrongChain": ("here", 1, 2),
        "MissingMulticall": (1, "0x12"),
        "NoSubgraph": (1, "aave"),
        "StaleSource": ("aave", 5, 100, 50),
        "UnusablePrice": ("ETH", "feed", 0),
    }
    parameters = len(inspect.signature(kind).parameters)
    error = kind(*known.get(kind.__name__, ("words",) * parameters))

    class Failing:
        """A source that fails so."""

        chain = CHAIN

        async def pin(self, _: str) -> Block:
            """See ChainSource."""
            return HERE

        def forget(self) -> None:
            """See ChainSource."""

        async def fetch(self, _: Block, requests: Sequence[Asked]) -> list[Raw]:
            """See ChainSource."""
            return [error for _ in requests]

    async def made() -> Raw:
        recording = Recording("local node", {}, {})
        source = Recorder(Failing(), recording)
        await source.fetch(await source.pin("latest"), [NUMBER.at(HEIGHT)])
        recording.save(tmp_path / "r.rec")
        [found] = await Replay(CHAIN, Recording.load(tmp_path / "r.rec").tapes[CHAIN]).fetch(
            HERE, [NUMBER.at(HEIGHT)]
        )
        return found

    found = asyncio.run(made())
    assert type(found) is kind
    assert str(found) == str(error)


HISTORY = {
    "assets": ["ETH"],
    "source": ["Chainlink on ethereum"],
    "last_day": 20_000,
    "values": [[0.1], [None]],
}


def test_a_recording_with_history_is_of_a_later_version(tmp_path: Path) -> None:
    """Releases that would judge without it refuse it; without history it stays one that they read."""
    recording = a_recording()
    plain = document_of(saved(recording, tmp_path / "plain.rec"))
    recording.request["history"] = HISTORY
    packed = saved(recording, tmp_path / "r.rec")
    assert (plain["version"], document_of(packed)["version"]) == (2, 5)
    assert Recording.parse(packed, "r").request["history"] == HISTORY


def test_history_in_a_recording_of_an_earlier_version_is_none(tmp_path: Path) -> None:
    """Whoever wrote it did not judge with it."""
    recording = a_recording()
    recording.request["history"] = HISTORY
    document = document_of(saved(recording, tmp_path / "r.rec")) | {"version": 3}
    assert "history" not in Recording.parse(repacked(document), "r").request


@pytest.mark.parametrize("damaged", [None, [], HISTORY | {"last_day": "x"}, HISTORY | {"values": [[1, 2]]}])
def test_a_damaged_history_is_refused(damaged: Any, tmp_path: Path) -> None:
    """With the name of the file, and what is wrong."""
    recording = a_recording()
    recording.request["history"] = damaged
    packed = saved(recording, tmp_path / "r.rec")
    with pytest.raises(RecordingError, match="history"):
        Recording.parse(packed, "r")
