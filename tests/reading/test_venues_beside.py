"""Venues beside a chain: in its rounds, in its recordings, and as the configuration names them."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from aggregator import settings
from aggregator.app.readers import Selection, live_readers
from aggregator.contract import Http, Read, Request, Row
from aggregator.model.errors import AdapterFault, NoVenue, ProviderUnavailable
from aggregator.model.readings import Block
from aggregator.reading.chain import ChainReader
from aggregator.reading.client import Client
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.http import Venues
from aggregator.reading.recording import Recording, Tape
from aggregator.reading.run import drive, run
from aggregator.reading.source import ChainSource
from aggregator.reading.tapes import Recorder, Replay
from aggregator.reading.transport import Rpc
from tests.devnet.node import Node
from tests.reading.contracts import HEIGHT, NUMBER
from tests.reading.kit import CHAIN, SmallAdapter, jobs, replies, texts
from tests.reading.servers import Reply, Server, as_json
from tests.reading.test_venues import HERE, KEY, NOW, REQUEST, VenueOnly, worth


def test_a_recording_answers_as_it_was_answered(tmp_path: Path) -> None:
    """Replies and failures with their time, by the canonical request; version 4 of the format."""

    def read_of(_: Any, __: Block) -> Read[Any]:
        wanted: list[Request[Any]] = [
            REQUEST,
            Http.post("absent", "/a", worth),
            Http.post("desk", "/b", worth),
        ]
        return [repr(one) for one in (yield from replies(wanted))]

    def answer(body: Any) -> Reply:
        return as_json({"worth": 5, "by": KEY}) if body else as_json({"error": f"none {KEY}"})

    work = jobs(SmallAdapter("a", read_of))
    recording = Recording("local node", {}, {})

    async def record(url: str) -> Any:
        async with Client() as client:
            venues = Venues([Endpoint("desk", url)], client, lambda: NOW)
            return await run(work, {CHAIN: Recorder(VenueOnly(venues), recording)}, "latest")

    with Server(answer) as server:
        live = asyncio.run(record(f"{server.url}/{KEY}"))
    recording.save(tmp_path / "one.cmrec")
    again = Recording.load(tmp_path / "one.cmrec")
    replayed = asyncio.run(run(work, {CHAIN: Replay(CHAIN, again.tapes[CHAIN])}, "latest"))
    assert texts(replayed) == texts(live)
    assert f"time={NOW}" in str(texts(live)[0])
    assert all(name in str(texts(live)[0]) for name in ("NoVenue", "VenueRefused"))
    assert again.tapes[CHAIN].version == 4
    again.save(tmp_path / "two.cmrec")
    assert (tmp_path / "two.cmrec").read_bytes() == (tmp_path / "one.cmrec").read_bytes()
    assert KEY not in json.dumps(recording.tapes[CHAIN].venues)
    assert server.url not in json.dumps(recording.tapes[CHAIN].venues)

    async def other() -> Any:
        [found] = await Replay(CHAIN, again.tapes[CHAIN]).fetch(
            HERE, [Http.post("desk", "/public/worth", worth, wallet="0x12")]
        )
        return found

    assert asyncio.run(other()).code == "not_recorded"


def test_what_a_block_that_is_gone_was_read_beside_goes_too() -> None:
    """A read that begins anew asks anew."""
    tape = Tape(venues={f"{HERE.hash}:desk:00": "0x", "0x00:desk:00": "0x"})
    tape.drop(HERE)
    assert list(tape.venues) == ["0x00:desk:00"]


def test_calls_and_venues_share_a_round(node: Node) -> None:
    """In the order in which they were asked for; a silent venue ends, and calls stand in the next round."""

    async def live(url: str, **options: Any) -> list[Any]:
        async with Client() as client:
            rpc = Rpc([Endpoint.of(node.url)], CHAIN, client)
            venues = Venues([Endpoint("desk", url)], client, lambda: NOW)
            source: ChainSource = ChainReader(rpc, venues=venues, **options)
            block = await source.pin("latest")
            first = await source.fetch(block, [REQUEST, NUMBER.at(HEIGHT), REQUEST])
            return first + await source.fetch(block, [NUMBER.at(HEIGHT)])

    with Server(lambda _: as_json({"worth": 9})) as server:
        first, height, again, later = asyncio.run(live(server.url))
        assert len(server.requests) == 2
    assert (REQUEST.decode(first).value, first) == (9, again)
    assert NUMBER.at(HEIGHT).decode(height) == NUMBER.at(HEIGHT).decode(later) == node.block_number
    with Server(lambda _: Reply(silent=True)) as server:
        error, height, _, later = asyncio.run(live(server.url, deadline_s=2.0))
    assert isinstance(error, ProviderUnavailable)
    assert error.endpoint == "desk"
    assert "half of what the read had left" in str(error)
    assert NUMBER.at(HEIGHT).decode(height) == NUMBER.at(HEIGHT).decode(later) == node.block_number


def test_a_reader_without_venues_has_none(node: Node) -> None:
    """As if it were not configured."""

    async def live() -> list[Any]:
        async with Client() as client:
            reader = ChainReader(Rpc([Endpoint.of(node.url)], CHAIN, client))
            return await reader.fetch(await reader.pin("latest"), [REQUEST])

    [error] = asyncio.run(live())
    assert isinstance(error, NoVenue)


def test_all_chains_share_a_configured_venue() -> None:
    """And its limits."""
    chains = {str(n): {"name": f"c{n}", "endpoints": [{"url": "http://127.0.0.1:1"}]} for n in (1, 10)}

    async def live(url: str) -> list[Any]:
        config = settings.build({"chains": chains, "venues": [{"name": "desk", "url": url}]}, "file")
        async with live_readers(Selection((), chains=("1", "10")), config, []) as readers:
            first, second = (reader.venues for reader in readers.values())
            assert first is second
            assert first is not None
            return await VenueOnly(first).fetch(HERE, [REQUEST])

    with Server(lambda _: as_json({"worth": 3})) as server:
        [raw] = asyncio.run(live(server.url))
    assert REQUEST.decode(raw).value == 3
    assert abs(REQUEST.decode(raw).observation.time - time.time()) < 60


def test_a_broken_adapter_is_nobody_elses_failure() -> None:
    """What it raises over a reply is its own fault; the others have theirs."""

    def broken(row: Row) -> int:
        return int(row.text("worth").nonsense)  # type: ignore[attr-defined]  # what a defect looks like

    async def live(url: str) -> list[Any]:
        async with Client() as client:
            source = VenueOnly(Venues([Endpoint("desk", url)], client, lambda: NOW))
            wanted: list[Request[Any]] = [Http.post("desk", "/a", broken), REQUEST]
            return (await drive(replies(wanted), source, HERE))[0]

    with Server(lambda _: as_json({"worth": "5"})) as server:
        fault, found = asyncio.run(live(server.url))
    assert isinstance(fault, AdapterFault)
    assert found.value == 5
