"""A block that is reorganised away while it is read: the read begins anew at one block, or fails whole."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from aggregator.contract import Read, ask
from aggregator.model.errors import Reorganised
from aggregator.model.readings import Block
from aggregator.model.units import Address
from aggregator.reading.chain import ChainReader
from aggregator.reading.recording import Recording
from aggregator.reading.run import RESTARTS, Run, run
from aggregator.reading.source import Asked, Raw
from aggregator.reading.tapes import Recorder, Replay
from aggregator.reading.transport import Client, Endpoint, Rpc
from tests.devnet.node import Node
from tests.reading.contracts import ECHO, HEIGHT, NUMBER, SLOT, VALUE
from tests.reading.kit import CHAIN, SmallAdapter, echoes, jobs, run_on, texts
from tests.reading.servers import Refusal, Server, proxy


class Shaking:
    """A source whose pinned block is reorganised away `times` times, each in the second round."""

    chain = CHAIN

    def __init__(self, times: int) -> None:
        self.times = times
        self.height = 100
        self.pinned: dict[str, Block] = {}
        self.pins: list[str] = []
        self.rounds: list[int] = []

    async def pin(self, block: str) -> Block:
        """See ChainSource: a text means one block until it is forgotten."""
        if block not in self.pinned:
            self.pins.append(block)
            self.pinned[block] = Block(CHAIN, self.height, f"0x{self.height:064x}", "0x" + "0" * 64, 1)
        return self.pinned[block]

    def forget(self) -> None:
        """See ChainSource."""
        self.pinned.clear()

    async def fetch(self, block: Block, requests: Sequence[Asked]) -> list[Raw]:
        """Answers with the height; everything is of one block."""
        self.rounds.append(block.number)
        if self.rounds.count(block.number) == 2 and self.times:
            self.times -= 1
            self.height += 1
            raise Reorganised("test", f"block {block.number} was reorganised")
        return [block.number.to_bytes(32) for _ in requests]


def three_rounds(_: Address, __: Block) -> Read[Any]:
    """What three rounds answer."""
    found: list[int] = []
    for i in range(3):
        found += yield from ask([VALUE.at(ECHO, i)])
    return found


def outcome(source: Shaking, block: str = "latest") -> Run:
    """One job's."""
    return asyncio.run(run(jobs(SmallAdapter("a", three_rounds)), {CHAIN: source}, block))


@pytest.mark.parametrize("times", range(RESTARTS + 1))
def test_the_read_begins_anew_at_what_the_text_then_names(times: int) -> None:
    """All of its rounds are of the last pin; only those are counted."""
    source = Shaking(times)
    found = outcome(source)
    assert texts(found) == [f"a:31337:only {[100 + times] * 3}"]
    assert found.blocks[CHAIN].number == 100 + times
    assert found.rounds == {CHAIN: 3}
    assert source.pins == ["latest"] * (times + 1)


def test_a_chain_that_does_not_settle_fails_as_a_whole() -> None:
    """After three restarts; nothing of any of the blocks is shown."""
    source = Shaking(99)
    found = outcome(source)
    [error] = texts(found)
    assert isinstance(error, Reorganised)
    assert len(source.pins) == RESTARTS + 1
    assert found.blocks == {}


def test_a_hash_is_never_another_block() -> None:
    """It is looked for by its hash again, which another endpoint may have: nothing else is ever read."""
    source, wanted = Shaking(RESTARTS + 1), "0x" + "ab" * 32
    [error] = texts(outcome(source, wanted))
    assert isinstance(error, Reorganised)
    assert source.pins == [wanted] * (RESTARTS + 1)


def test_a_number_is_looked_up_again() -> None:
    """It names a height, whichever block stands there."""
    source = Shaking(1)
    assert texts(outcome(source, "100")) == ["a:31337:only [101, 101, 101]"]


def test_a_recording_holds_the_last_attempt_alone(tmp_path: Path) -> None:
    """Equal bytes to one of a read that was not disturbed; a read that never settled replays as that."""
    work = jobs(SmallAdapter("a", three_rounds))

    def record(source: Shaking) -> tuple[Run, Recording]:
        recording = Recording("local node", {}, {})
        return asyncio.run(run(work, {CHAIN: Recorder(source, recording)}, "latest")), recording

    shaken, calm = Shaking(2), Shaking(0)
    calm.height = 102
    (found, first), (_, second) = record(shaken), record(calm)
    first.save(tmp_path / "first")
    second.save(tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    replayed = asyncio.run(run(work, {CHAIN: Replay(CHAIN, first.tapes[CHAIN])}, "latest"))
    assert texts(replayed) == texts(found)
    found, never = record(Shaking(99))
    replayed = asyncio.run(run(work, {CHAIN: Replay(CHAIN, never.tapes[CHAIN])}, "latest"))
    assert [str(error) for error in texts(replayed)] == [str(error) for error in texts(found)]
    assert isinstance(texts(replayed)[0], Reorganised)


# --- a real node


def slot_and_height(number: int) -> Any:
    """Three rounds: the block's height, a stored number, both again."""

    def read_of(_: Address, __: Block) -> Read[Any]:
        [height] = yield from ask([NUMBER.at(HEIGHT)])
        [stored] = yield from ask([NUMBER.at(SLOT)])
        [echo] = yield from ask([VALUE.at(ECHO, 1_000 * height + stored)])
        return height, stored, echo, number

    return read_of


def set_slot(node: Node, value: int) -> None:
    """What SLOT answers from the next block on."""
    node.rpc("anvil_setStorageAt", SLOT, "0x" + "0" * 64, f"0x{value:064x}")
    node.mine()


def reorganise(node: Node, value: int) -> None:
    """The last two blocks are others now, with another number stored."""
    before = node.block()["hash"]
    node.rpc("anvil_rollback", 2)  # anvil_reorg mines the same blocks again
    set_slot(node, value)
    node.mine(2)
    assert node.block(node.block_number - 1)["hash"] != before


@pytest.mark.parametrize("by_hash", [True, False])
def test_a_node_that_reorganises_mid_read_is_read_again(own_node: Node, by_hash: bool) -> None:
    """Through a proxy that lets it happen before the second round: no figure of the lost block is shown."""
    set_slot(own_node, 5)
    own_node.mine(3)
    calls = 0

    def disturb(method: str, params: list[Any]) -> Any:
        nonlocal calls
        if method != "eth_call":
            return None
        if not by_hash and isinstance(params[1], dict):
            return Refusal(-32602, "invalid argument 1: hex string expected")
        calls += 1
        if calls == 2:
            reorganise(own_node, 9)
        return None

    with Server(proxy(own_node.url, disturb)) as server:
        work = [*jobs(SmallAdapter("a", slot_and_height(1))), *jobs(SmallAdapter("b", echoes(1, 2, 3)))]
        found, _ = run_on(server.url, work)
    now = own_node.block()
    assert found.blocks[CHAIN].hash == now["hash"]
    height = own_node.block_number
    assert texts(found) == [
        f"a:31337:only ({height}, 9, {1_000 * height + 9}, 1)",
        "b:31337:only 01 [1, 2, 3]",
    ]


def test_a_node_that_never_settles_is_told(own_node: Node) -> None:
    """Each attempt is disturbed: a named failure, and no figure."""
    own_node.mine(20)
    calls = 0

    def disturb(method: str, _: list[Any]) -> Any:
        nonlocal calls
        calls += method == "eth_call"
        if method == "eth_call" and calls % 2 == 0:
            reorganise(own_node, calls)
        return None

    with Server(proxy(own_node.url, disturb)) as server:
        found, _ = run_on(server.url, jobs(SmallAdapter("a", slot_and_height(1))))
    [error] = texts(found)
    assert isinstance(error, Reorganised)
    assert calls == 2 * (RESTARTS + 1)


def test_a_restart_costs_a_look_up_and_the_rounds(own_node: Node) -> None:
    """The reader forgets what `latest` meant, and nothing else."""

    async def live() -> tuple[Block, Block]:
        async with Client() as client:
            reader = ChainReader(Rpc([Endpoint.of(own_node.url)], CHAIN, client))
            first = await reader.pin("latest")
            own_node.mine()
            assert await reader.pin("latest") == first
            reader.forget()
            return first, await reader.pin("latest")

    first, second = asyncio.run(live())
    assert second.number == first.number + 1
