"""The reader contract on a real node: rebuilt from its source, and cell by cell equal to aggregate3."""

from __future__ import annotations

import json
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from aggregator.abi.columns import Column
from aggregator.abi.function import Calls, Function
from aggregator.model.errors import CallReverted, MalformedReply, NoContract, ReadError
from aggregator.model.units import Address, keccak
from aggregator.reading.answers import Answers
from aggregator.reading.chain import ChainReader
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.grids import Job, plan
from aggregator.reading.multicall import MULTICALL3
from aggregator.reading.reader_contract import (
    ANSWERED,
    FAILED,
    MISSIZED,
    NO_CODE,
    NOT_ASKED,
    TAG,
    bytecode,
    override,
)
from aggregator.reading.source import Raw
from tests.devnet.cache import KIT
from tests.devnet.errors import NodeError
from tests.devnet.node import Node
from tests.devnet.packages import executable, tools
from tests.devnet.rpc import Json
from tests.reading.contracts import ABSENT, ECHO, GREEDY, HEAVY, HEIGHT, MUTE, PAUSED, SHORT
from tests.reading.kit import with_reader

VALUE: Function[int] = Function("value(uint256)(uint256)")
TRIPLE: Function[Any] = Function("triple(uint256)(uint256,uint256,uint256)")
SHA256 = Address("0x" + "2".zfill(40))
IDENTITY = Address("0x" + "4".zfill(40))

BOMB = Address("0x" + "b0" * 20)
SENDER = Address("0x" + "b1" * 20)
WRITER = Address("0x" + "b2" * 20)
NOTHING = Address("0x" + "b3" * 20)
ENDLESS = Address("0x" + "b4" * 20)
WITHIN = Address("0x" + "b5" * 20)
CODE = {
    # Half a megabyte of zeros: returned where the argument is 0, else reverted with.
    BOMB: bytes.fromhex("600435600d57" + "620800006000f3" + "5b620800006000fd"),
    # CALLER returned.
    SENDER: bytes.fromhex("3360005260206000f3"),
    # SSTORE(0, 1), then 1 returned.
    WRITER: bytes.fromhex("6001600055600160005260206000f3"),
    # STOP: success without a reply.
    NOTHING: bytes.fromhex("00"),
    # A loop without an end.
    ENDLESS: bytes.fromhex("5b600056"),
    # Whether a call of Multicall3's address with the marker of the reader succeeds.
    WITHIN: bytes.fromhex(
        "63" + TAG[:4].hex() + "60e01b600052" + "6000600060046000600073" + MULTICALL3[2:] + "5af1"
        "60005260206000f3"
    ),
}  # fmt: skip


PLACED: Json = {address: {**fields} for address, fields in override(MULTICALL3).items()}


@pytest.fixture
def odd(node: Node) -> Node:
    """The node with contracts that do what they should not."""
    for address, code in CODE.items():
        node.set_code(address, code)
    node.mine()
    return node


def call(data: bytes) -> Json:
    """The transaction of an eth_call."""
    return {"to": MULTICALL3, "data": "0x" + data.hex()}


def ask(node: Node, job: Job, **pack: int) -> bytes:
    """What the reader returns on the node."""
    found = node.rpc("eth_call", call(job.pack(**pack)), "latest", PLACED)
    assert isinstance(found, str)
    return bytes.fromhex(found[2:])


def statuses(node: Node, request: Calls, **pack: int) -> list[int]:
    """The status bytes of one request in one job."""
    [job] = plan([request], 10_000)
    raw = ask(node, job, **pack)
    assert len(raw) == job.reply_bytes
    return list(raw[32 : 32 + job.size])


def test_the_bytecode_is_what_the_source_compiles_to() -> None:
    """With the very compiler and settings that are written beside it."""
    folder = files("aggregator.reading").joinpath("contract")
    document = json.loads(folder.joinpath("reader.json").read_bytes())
    source = folder.joinpath(document["source"])
    script = KIT.parent / "reading" / "compile_yul.mjs"
    command: list[str | Path] = [
        executable("node"),
        script,
        tools(),
        str(source),
        json.dumps(document["settings"]),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rebuilt = json.loads(done.stdout)
    assert rebuilt["compiler"].startswith(document["compiler"])
    assert "0x" + rebuilt["bytecode"] == document["bytecode"] == bytecode()
    assert keccak(b"crossmargin.reader.1") == TAG
    assert TAG.hex() in source.read_text(encoding="utf-8")


TARGETS = [
    *(ECHO, SHORT, ABSENT, HEIGHT, PAUSED, MUTE, GREEDY, HEAVY, SHA256, IDENTITY, MULTICALL3, ECHO),
    *(BOMB, SENDER, WRITER, NOTHING, WITHIN, ECHO),
]


@pytest.mark.parametrize("function", [VALUE, TRIPLE])
@pytest.mark.parametrize("cells", [1000, 7, 1])
def test_both_ways_give_identical_columns(function: Function[Any], cells: int, odd: Node) -> None:
    """Values, errors, their texts and their order, whatever the contracts do to their neighbours."""
    wanted = [
        *(function.each(TARGETS, number) for number in (0, 1, 2**256 - 1)),
        function.each(ECHO, list(range(20))),
        function.each([*TARGETS, *TARGETS], list(range(2 * len(TARGETS)))),
    ]
    answers = Answers(wanted)
    for job in plan(wanted, cells):
        answers.take(job, ask(odd, job))
    for i, column in enumerate(aggregate3(odd, wanted)):
        numbers, again = answers.missing(i)
        if again is not None:
            [filling] = aggregate3(odd, [again])
            answers.fill(i, numbers, filling)
        found = answers.column(i)
        assert found.raw == column.raw
        assert told(found) == told(column)
        assert (found.origin, found.outputs) == (column.origin, column.outputs)


def aggregate3(node: Node, requests: list[Calls]) -> list[Column]:
    """What the same requests answer without the reader."""

    async def use(reader: ChainReader) -> list[Raw]:
        return await reader.fetch(await reader.pin("latest"), requests)

    columns: list[Column] = []
    for raw in with_reader([Endpoint("plain", node.url, state_overrides=False)], use):
        assert isinstance(raw, Column)
        columns.append(raw)
    return columns


def told(column: Column) -> list[tuple[int, type[ReadError], str]]:
    """Every failure of a column, its kind and its text."""
    return [(k, type(error), str(error)) for k, error in sorted(column.failures.items())]


def test_each_outcome_has_its_own_status(odd: Node) -> None:
    """No code is told apart from an empty reply, a wrong size and a failure."""
    expected = {
        ECHO: ANSWERED, PAUSED: FAILED, MUTE: FAILED, GREEDY: FAILED, SHORT: MISSIZED, ABSENT: NO_CODE,
        NOTHING: MISSIZED, BOMB: FAILED, SHA256: ANSWERED, IDENTITY: MISSIZED, SENDER: ANSWERED,
        WRITER: FAILED, MULTICALL3: FAILED, ENDLESS: FAILED,
    }  # fmt: skip
    assert statuses(odd, VALUE.each(list(expected), 5)) == list(expected.values())
    assert statuses(odd, VALUE.each([BOMB, ECHO], 0)) == [MISSIZED, ANSWERED]


def test_a_contract_that_takes_all_gas_costs_its_neighbours_nothing(odd: Node) -> None:
    """Each cell gets the same gas; those for which it does not suffice any more are not begun."""
    targets = [ECHO, ENDLESS, ECHO, GREEDY, ECHO]
    assert statuses(odd, VALUE.each(targets, 1)) == [ANSWERED, FAILED, ANSWERED, FAILED, ANSWERED]
    found = statuses(odd, VALUE.each([*[GREEDY] * 60, *[ECHO] * 5], 1))
    begun = found.index(NOT_ASKED)
    assert begun > 30
    assert found == [FAILED] * begun + [NOT_ASKED] * (65 - begun)
    # With less for each of them all are asked.
    assert statuses(odd, VALUE.each([*[GREEDY] * 60, *[ECHO] * 5], 1), cell_gas=200_000)[-1] == ANSWERED


def test_what_is_returned_beyond_the_promise_is_not_copied(odd: Node) -> None:
    """Half a megabyte from each of forty calls would cost more gas than there is, were it kept."""
    targets = [*[BOMB] * 40, ECHO]
    assert statuses(odd, VALUE.each(targets, 0)) == [MISSIZED] * 40 + [ANSWERED]
    assert statuses(odd, VALUE.each(targets, 1)) == [FAILED] * 40 + [ANSWERED]


def test_contracts_see_the_sender_that_they_see_behind_multicall3(odd: Node) -> None:
    """Some feeds answer only senders that they know."""
    [job] = plan([VALUE.each([SENDER], 0)], 10)
    assert ask(odd, job)[-20:].hex() == MULTICALL3[2:]


def test_what_cells_call_finds_no_reader(odd: Node) -> None:
    """The reader answers the one who asks, not the contracts that it asks in turn."""
    [job] = plan([VALUE.each([WITHIN], 0)], 10)
    raw = ask(odd, job)
    assert raw[32] == ANSWERED
    assert int.from_bytes(raw[33:]) == 0


def test_without_override_nothing_is_taken_for_an_answer(odd: Node) -> None:
    """A node that ignores the override runs Multicall3 itself, which does not know the call."""
    [job] = plan([VALUE.each([ECHO], 0)], 10)
    with pytest.raises(NodeError, match="revert"):
        odd.rpc("eth_call", call(job.pack()), "latest")
    answers = Answers([VALUE.each([ECHO], 0)])
    with pytest.raises(MalformedReply):
        answers.take(job, b"")


def test_thousands_of_cells_in_one_call(odd: Node) -> None:
    """Gas of memory grows with its square: 20,000 cells are far from where that tells."""
    request = VALUE.each(ECHO, list(range(20_000)))
    answers = Answers([request])
    for job in plan([request], 20_000, 2_000_000):
        assert answers.take(job, ask(odd, job)) == 0
    assert answers.column(0).values() == list(range(20_000))


def test_errors_without_asking_again(odd: Node) -> None:
    """Only an address without code is told by the reader itself; a revert has its reason from aggregate3."""
    request = VALUE.each([ABSENT, PAUSED], 0)
    [job] = plan([request], 10)
    answers = Answers([request])
    answers.take(job, ask(odd, job))
    numbers, again = answers.missing(0)
    assert numbers.tolist() == [1]
    assert again is not None
    [reply] = aggregate3(odd, [again])
    answers.fill(0, numbers, reply)
    absent, paused = answers.column(0).outcomes()
    assert isinstance(absent, NoContract)
    assert isinstance(paused, CallReverted)
    assert "paused" in str(paused)
