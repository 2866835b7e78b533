"""Recordings: what was read comes out again, equal bytes for equal content, and nothing from a bad file."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.abi.columns import Column
from aggregator.abi.function import Call, Function
from aggregator.contract import Read, ask, attempt
from aggregator.model.errors import (
    MalformedReply,
    NotRecorded,
    ProviderUnavailable,
    RecordingError,
    Reorganised,
)
from aggregator.model.readings import Block
from aggregator.model.units import Address
from aggregator.reading import recording as recording_module
from aggregator.reading import tapes
from aggregator.reading.chain import ChainReader
from aggregator.reading.recording import Recording, Tape
from aggregator.reading.run import Job, Run, drive, run
from aggregator.reading.source import Asked, Raw
from aggregator.reading.tapes import Recorder, Replay
from aggregator.reading.transport import Client, Endpoint, Rpc
from tests.devnet.node import Node
from tests.reading.contracts import ABSENT, ECHO, HEIGHT, LOGGER, MUTE, NUMBER, PAUSED, SHORT, VALUE
from tests.reading.kit import CHAIN, WALLETS, SmallAdapter, jobs, replies, saved, texts
from tests.reading.log_chain import ALL, NOTED, WHO, emit

EVERYWHERE = [HEIGHT, PAUSED, ABSENT, SHORT, MUTE, HEIGHT]


def everything(wallet: Address, _: Block) -> Read[Any]:
    """A read with every kind of reply, in three rounds."""
    singles = yield from attempt([NUMBER.at(target) for target in EVERYWHERE])
    [column] = yield from ask([NUMBER.each(EVERYWHERE)])
    own = yield from ask([VALUE.at(ECHO, int(wallet, 16))])
    return [repr(one) for one in (*singles, *column.outcomes(), *own)]


def record(url: str, work: Sequence[Job]) -> tuple[Run, Recording]:
    """The outcomes of a live run, and its recording."""

    async def live() -> tuple[Run, Recording]:
        recording = Recording("local node", {"wallets": [job.wallet for job in work]}, {"tokens": []})
        async with Client() as client:
            reader = ChainReader(Rpc([Endpoint.of(url)], CHAIN, client))
            return await run(work, {CHAIN: Recorder(reader, recording)}, "latest"), recording

    return asyncio.run(live())


def replay(recording: Recording, work: Sequence[Job], block: str = "latest") -> Run:
    """The outcomes of the same run from a recording."""
    return asyncio.run(run(work, {CHAIN: Replay(CHAIN, recording.tapes[CHAIN])}, block))


def test_a_replay_gives_what_was_read(node: Node, tmp_path: Path) -> None:
    """Values, reverts, missing contracts and malformed replies; blocks and rounds too."""
    work = jobs(SmallAdapter("a", everything), WALLETS[:3])
    live, recording = record(node.url, work)
    recording.save(tmp_path / "one.rec")
    again = replay(Recording.load(tmp_path / "one.rec"), work)
    assert texts(again) == texts(live)
    assert "CallReverted" in str(texts(live)[0])
    assert "MalformedReply" in str(texts(live)[0])
    assert (again.blocks, again.rounds) == (live.blocks, live.rounds)


def test_equal_content_gives_equal_bytes(node: Node, tmp_path: Path) -> None:
    """Recorded twice, recorded from a replay, saved after loading, and in another order of wallets."""
    work = jobs(SmallAdapter("a", everything), WALLETS[:3])
    first = saved(record(node.url, work)[1], tmp_path / "first.rec")
    assert saved(record(node.url, work)[1], tmp_path / "second.rec") == first
    assert saved(Recording.parse(first, "first"), tmp_path / "loaded.rec") == first
    backwards = record(node.url, work[::-1])[1]
    backwards.request["wallets"].reverse()
    assert saved(backwards, tmp_path / "backwards.rec") == first
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{name}.rec" for name in ("first", "second", "loaded", "backwards")
    )


def test_a_replay_does_not_depend_on_how_calls_were_packed(node: Node) -> None:
    """Single calls answer from a column that was recorded, and a column from single calls."""
    targets = [HEIGHT, PAUSED, MUTE]

    def column(_: Address, __: Block) -> Read[Any]:
        [found] = yield from ask([NUMBER.each(targets)])
        return [str(outcome) for outcome in found.outcomes()]

    def singles(_: Address, __: Block) -> Read[Any]:
        found = yield from attempt([NUMBER.at(target) for target in targets])
        return [str(outcome) for outcome in found]

    for recorded, replayed in ((column, singles), (singles, column)):
        live, recording = record(node.url, jobs(SmallAdapter("a", recorded)))
        assert texts(replay(recording, jobs(SmallAdapter("a", replayed)))) == texts(live)


def test_failures_of_the_transport_are_replayed_as_they_were(own_node: Node) -> None:
    """A node that died while it was recorded dies again."""

    def killing(_: Address, __: Block) -> Read[Any]:
        yield from ask([NUMBER.at(HEIGHT)])
        own_node.kill()
        return (yield from ask([NUMBER.at(ECHO)]))

    live, recording = record(own_node.url, jobs(SmallAdapter("a", killing)))

    def calm(_: Address, __: Block) -> Read[Any]:
        yield from ask([NUMBER.at(HEIGHT)])
        return (yield from ask([NUMBER.at(ECHO)]))

    [then], [now] = texts(live), texts(replay(recording, jobs(SmallAdapter("a", calm))))
    assert isinstance(then, ProviderUnavailable)
    assert isinstance(now, ProviderUnavailable)
    assert str(then) == str(now)


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_request_that_failed_once_and_was_answered_once_is_replayed_as_it_was_seen(
    failing: int, *, columns: bool
) -> None:
    """Whoever asks first; the others are handed the same, one by one or as a column."""
    pause = ProviderUnavailable("one", "is down")
    here = Block(CHAIN, 9, "0x" + "ab" * 32, "0x" + "cd" * 32, 1)

    class Once:
        """A source that fails once."""

        chain = CHAIN
        rounds = 0

        async def pin(self, _: str) -> Block:
            """See ChainSource."""
            return here

        def forget(self) -> None:
            """See ChainSource."""

        async def fetch(self, _: Block, requests: Sequence[Asked]) -> list[Raw]:
            """See ChainSource."""
            self.rounds += 1
            failed = self.rounds == failing + 1
            return [pause if failed else honest(request) for request in requests]

    def honest(request: Asked) -> Raw:
        five = (5).to_bytes(32)
        return five if isinstance(request, Call) else Column("number", NUMBER.outputs, five * 2, {})

    def at(rounds: int) -> Callable[[Address, Block], Read[Any]]:
        def read_of(_: Address, __: Block) -> Read[Any]:
            for i in range(rounds):
                yield from replies([VALUE.at(ECHO, i)])
            wanted = NUMBER.each([HEIGHT, ECHO]) if columns and rounds else NUMBER.at(HEIGHT)
            [found] = yield from replies([wanted])
            return [repr(one) for one in found.outcomes()] if isinstance(found, Column) else found

        return read_of

    work = [job for i in range(3) for job in jobs(SmallAdapter(f"a{i}", at(i)))]
    recording = Recording("local node", {}, {})
    live = asyncio.run(run(work, {CHAIN: Recorder(Once(), recording)}, "latest"))
    assert texts(replay(recording, work)) == texts(live)
    assert failing or "is down" in str(texts(live)[0])


def test_what_was_not_recorded_is_told(node: Node) -> None:
    """Another call, another block, another argument: never a value."""

    def of(number: int) -> SmallAdapter:
        def read_of(_: Address, __: Block) -> Read[Any]:
            [column] = yield from ask([VALUE.each(ECHO, [1, number])])
            single = yield from ask([VALUE.at(ECHO, number)])
            return [*column.values(), *single]

        return SmallAdapter("a", read_of)

    _, recording = record(node.url, jobs(of(2)))
    assert texts(replay(recording, jobs(of(2)))) == ["a:31337:only [1, 2, 2]"]
    [other] = texts(replay(recording, jobs(of(3))))
    assert isinstance(other, NotRecorded)
    assert "record again" in str(other)
    [block] = texts(replay(recording, jobs(of(2)), block="finalized"))
    assert isinstance(block, NotRecorded)


def test_no_url_is_kept(node: Node, tmp_path: Path) -> None:
    """Neither of the endpoint that answered nor of one that failed."""
    key = "s3cret-0123456789"
    work = jobs(SmallAdapter("a", everything))
    for url in (f"{node.url}/{key}", f"http://127.0.0.1:1/{key}"):
        document = gzip.decompress(saved(record(url, work)[1], tmp_path / "r.rec")).decode()
        assert key not in document
        assert "http" not in document
        assert str(node.port) not in document.replace(str(CHAIN), "")


def test_functions_with_other_names_of_the_same_call_share_a_reply(node: Node) -> None:
    """A recording knows targets and calldata, not how a signature is spelled."""

    def spelled(signature: str) -> SmallAdapter:
        def read_of(_: Address, __: Block) -> Read[Any]:
            return (yield from ask([Function[int](signature).at(ECHO, 3)]))

        return SmallAdapter("a", read_of)

    _, recording = record(node.url, jobs(spelled("value(uint256)(uint256)")))
    assert texts(replay(recording, jobs(spelled("value(uint256 n)(uint256 same)")))) == ["a:31337:only [3]"]


def test_logs_are_recorded_by_what_was_asked_for(node: Node, tmp_path: Path) -> None:
    """Beside calls, failures too, whatever the ranges they were read in; another filter is not recorded."""
    for i in range(4):
        emit(node, WHO[i % 2], i)
    whole, one = ALL, NOTED.logs(LOGGER, WHO[1], from_block=1)

    def of(*wanted: Any) -> SmallAdapter:
        def read_of(_: Address, __: Block) -> Read[Any]:
            found: list[Any] = yield from attempt([*wanted, NUMBER.at(HEIGHT)])
            return [[NOTED.decode(log).n for log in logs] for logs in found[:-1]], found[-1]

        return SmallAdapter("a", read_of)

    live, recording = record(node.url, jobs(of(whole, one)))
    assert "([[0, 1, 2, 3], [1, 3]]," in str(texts(live)[0])
    file = saved(recording, tmp_path / "logs.cmrec")
    again = Recording.parse(file, "logs")
    assert texts(replay(again, jobs(of(whole, one)))) == texts(live)
    assert saved(again, tmp_path / "again.cmrec") == file
    pinned = recording.tapes[CHAIN].pins["latest"]
    assert isinstance(pinned, Block)
    upto = replace(whole, to_block=pinned.number)  # the same blocks, named otherwise
    assert texts(replay(again, jobs(of(upto, one)))) == texts(live)
    for other in (replace(whole, from_block=1), replace(whole, addresses=()), NOTED.logs(LOGGER, WHO[0])):
        [raw] = asyncio.run(Replay(CHAIN, again.tapes[CHAIN]).fetch(pinned, [other]))
        assert isinstance(raw, NotRecorded)


@given(packed=st.binary(max_size=300))
def test_logs_that_were_tampered_with_are_malformed(packed: bytes) -> None:
    """What a replay answers is checked as what an endpoint answers is."""
    here = Block(CHAIN, 9, "0x" + "ab" * 32, "0x" + "cd" * 32, 1)
    key = tapes._logs_key(here, ALL)
    source = Replay(CHAIN, Tape(logs={key: "0x" + packed.hex()}))

    def logs() -> Read[Any]:
        [found] = yield from attempt([ALL])
        return found

    found, _ = asyncio.run(drive(logs(), source, here))
    assert isinstance(found, MalformedReply) or all(log.address == LOGGER for log in found)


def test_a_file_without_an_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more of it is read than a recording may have."""
    monkeypatch.setattr(recording_module, "_MAX_BYTES", 1000)
    path = tmp_path / "long.cmrec"
    path.write_bytes(bytes(1001))
    with pytest.raises(RecordingError, match="is larger than 1000 bytes"):
        Recording.load(path)
    with pytest.raises(RecordingError, match="is larger than 1000 bytes"):
        Recording.load(Path("/dev/zero"))


@pytest.mark.parametrize("size", [0, 31, 32, 96])
@pytest.mark.parametrize("columns_first", [False, True])
def test_a_column_and_a_single_call_of_the_same_bytes_are_replayed_as_they_were(
    node: Node, size: int, *, columns_first: bool
) -> None:
    """Each judges the bytes for itself, whichever was recorded last."""
    code = bytes.fromhex(f"60{size:02x}6000f3")  # returns so many zeros
    target = Address("0x" + "d7" * 20)
    node.set_code(target, code)
    node.mine()
    number: Function[int] = Function("number()(uint256)")
    words: Function[tuple[int, ...]] = Function("number()(uint256,uint256,uint256)")

    def read_of(_: Address, __: Block) -> Read[Any]:
        wanted: list[Any] = [number.each([target]), number.at(target), words.at(target)]
        found = []
        for request in wanted if columns_first else wanted[::-1]:
            [reply] = yield from replies([request])
            found.append(reply.outcomes() if isinstance(reply, Column) else reply)
        return [repr(one) for one in found]

    live, recording = record(node.url, jobs(SmallAdapter("a", read_of)))
    assert texts(replay(recording, jobs(SmallAdapter("a", read_of)))) == texts(live)


def test_a_reorganisation_in_a_later_read_leaves_the_earlier_one_recorded() -> None:
    """Of another block of the same chain."""

    class Two:
        """A source whose block 5 is replaced once."""

        chain = CHAIN
        replaced = False

        async def pin(self, text: str) -> Block:
            """See ChainSource."""
            number = 9 if text == "latest" else int(text)
            return Block(CHAIN, number, f"0x{number:064x}", "0x" + "cd" * 32, 1)

        def forget(self) -> None:
            """See ChainSource."""

        async def fetch(self, block: Block, requests: Sequence[Asked]) -> list[Raw]:
            """See ChainSource."""
            if block.number == 5 and not self.replaced:
                self.replaced = True
                raise Reorganised("one", "has another block 5")
            return [block.number.to_bytes(32) for _ in requests]

    work = jobs(SmallAdapter("a", lambda _, __: ask([NUMBER.at(HEIGHT)])))

    async def twice(source: Any) -> list[Any]:
        return [texts(await run(work, {CHAIN: source}, block)) for block in ("latest", "5")]

    recording = Recording("local node", {}, {})
    live = asyncio.run(twice(Recorder(Two(), recording)))
    assert live == [["a:31337:only [9]"], ["a:31337:only [5]"]]
    assert asyncio.run(twice(Replay(CHAIN, recording.tapes[CHAIN]))) == live
