"""Foresight: fewer rounds, the same results, whatever the cache holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from aggregator.abi.graph import Page, pack
from aggregator.abi.http import pack as pack_reply
from aggregator.contract import (
    Call,
    Calls,
    Function,
    Http,
    Query,
    Read,
    Row,
    Subgraph,
    ask,
    attempt,
    both,
    join,
)
from aggregator.model.errors import CallReverted, ReadError
from aggregator.model.readings import Block
from aggregator.model.units import Address
from aggregator.reading import foresight, predictions
from aggregator.reading.source import Asked, Raw
from tests.abi.strategies import types
from tests.reading.contracts import ABSENT, ECHO, HEIGHT, NUMBER, VALUE
from tests.reading.foreseen import HERE, LIST, OF, PARTS, Memory, World, addresses, outcome, stages
from tests.reading.kit import CHAIN, texts


def test_discovery_costs_no_round_once_it_is_known() -> None:
    """What every wallet is asked comes with the first round; what depends on it, with the next one."""
    plain, cache = outcome(World(), None), Memory()
    assert plain.rounds == {CHAIN: 4}
    cold, warm = World(), World()
    first, second = outcome(cold, cache), outcome(warm, cache)
    assert texts(first) == texts(second) == texts(plain)
    assert (first.rounds, second.rounds) == ({CHAIN: 4}, {CHAIN: 2})
    assert sum(map(len, warm.rounds)) <= sum(map(len, cold.rounds)) + 1


def test_a_cold_read_guesses_only_from_what_it_knows() -> None:
    """Without a prediction nothing is asked for early but what an empty wallet leads to."""
    plain, cold = World(), World()
    outcome(plain, None)
    outcome(cold, Memory())
    assert cold.rounds[:2] == plain.rounds[:2]
    assert cold.rounds[2] == [*plain.rounds[2], VALUE.at(ECHO, 0)]
    assert cold.rounds[3] == plain.rounds[3]


def test_a_prediction_that_no_longer_holds_costs_a_round_and_no_figure() -> None:
    """A member more than when it was learned, and one fewer."""
    for members in (2, 4, 0):
        cache = Memory()
        outcome(World(3), cache)
        now = World(members)
        found = outcome(now, cache)
        assert texts(found) == texts(outcome(World(members), None))
        assert found.rounds[CHAIN] <= 4
        again = outcome(World(members), cache)
        assert texts(again) == texts(found)
        assert again.rounds[CHAIN] <= 2


def test_nothing_of_a_wallet_is_kept() -> None:
    """Neither requests that name it nor their replies: whose wallets are read is nobody's business."""
    cache = Memory()
    seen: list[Any] = []

    class Spied(World):
        async def fetch(self, block: Block, requests: Sequence[Asked]) -> list[Raw]:
            seen.extend(requests)
            return await super().fetch(block, requests)

    outcome(Spied(), cache, wallets=3)
    kept = [request for request in seen if (CHAIN, predictions.key(request)) in cache.rows]
    assert {request.function.canonical for request in kept} == {"list()", "parts(address)", "value(uint256)"}
    assert kept[-1] == VALUE.at(ECHO, 0)  # what an empty wallet leads to
    assert len(cache.rows) == len(kept) == 5


def test_wallets_share_what_is_foreseen() -> None:
    """A hundred wallets take the rounds of one, and few requests more than without foresight."""
    cache, plain, warm = Memory(), World(), World()
    outcome(World(), cache)
    expected = outcome(plain, None, wallets=100)
    found = outcome(warm, cache, wallets=100)
    assert texts(found) == texts(expected)
    assert found.rounds[CHAIN] <= 3
    assert sum(map(len, warm.rounds)) <= sum(map(len, plain.rounds)) * 1.05


def test_a_foreseen_request_that_fails_is_asked_again() -> None:
    """A fault of the transport in what was asked early is none of the read's."""
    cache = Memory()
    expected = outcome(World(), cache)
    world = World()
    world.failing = {PARTS.at(HEIGHT, Address(f"0x{0xA0000:040x}"))}

    class Recovering(World):
        async def fetch(self, block: Block, requests: Sequence[Asked]) -> list[Raw]:
            replies = await super().fetch(block, requests)
            self.failing = set()
            return replies

    recovering = Recovering()
    recovering.failing = world.failing
    assert texts(outcome(recovering, cache)) == texts(expected)


def test_subgraphs_are_asked_early_and_never_kept() -> None:
    """A wallet's rows are guessed as none; what names no wallet is not guessed at all."""
    query = Query("things", "part", schema="none", where="owner: $owner", into=lambda r: r.address("part"),
                  owner="String!")  # fmt: skip

    class Indexed(World):
        def _answer(self, request: Asked) -> Raw:
            if not isinstance(request, Subgraph):
                return super()._answer(request)
            rows = tuple(Row({"id": f"{i}", "part": f"0x{i:040x}"}) for i in (1, 2))
            return pack(
                HERE.number, [Page(HERE.number, HERE.hash, "Qm", has_indexing_errors=False, rows=rows)]
            )

    def reader(own: bool) -> Any:
        def discovering(wallet: Address, _: Block) -> Read[Any]:
            [found] = yield from ask([query.of("graph", owner=wallet if own else "0x")])
            numbers = yield from ask([OF.at(part, wallet) for part in found.rows])
            [last] = yield from ask([VALUE.at(ECHO, 7)])
            return last, numbers, found.warnings

        return discovering

    for own in (True, False):
        cache = Memory()
        plain, cold = Indexed(), Indexed()
        expected = outcome(plain, None, reader(own), wallets=2)
        assert texts(outcome(cold, cache, reader(own), wallets=2)) == texts(expected)
        asked = [request for requests in cold.rounds for request in requests]
        assert sum(isinstance(request, Subgraph) for request in asked) == (2 if own else 1)
        assert len(asked) == len(set(asked))
        # The round of the rows brings along what an empty wallet leads to.
        assert (VALUE.at(ECHO, 7) in cold.rounds[0]) == own
        assert len(cache.rows) == own  # the call that came along


def test_a_venue_is_not_foreseen_and_stops_no_twin() -> None:
    """To a twin it is one that is not configured: what is asked of the chain comes early all the same."""

    def part_at(row: Row) -> Address:
        return row.address("at")

    class Answering(World):
        def _answer(self, request: Asked) -> Raw:
            if not isinstance(request, Http):
                return super()._answer(request)
            return pack_reply(5, request.venue, {"at": f"0x{7:040x}"})

    def reader(wallet: Address, _: Block) -> Read[Any]:
        wanted = Http.post("desk", "/at", part_at, wallet=wallet)
        [said], [parts] = yield from both(join([ask([wanted])], isolate=True), ask([LIST.at(HEIGHT)]))
        numbers = yield from ask([OF.at(part, wallet) for part in parts])
        more = [] if isinstance(said, ReadError) else [(yield from ask([OF.at(said[0].value, wallet)]))]
        return numbers, more, isinstance(said, ReadError)

    cache = Memory()
    expected = outcome(Answering(), None, reader, wallets=2)
    outcome(Answering(), cache, reader, wallets=2)
    warm = Answering()
    found = outcome(warm, cache, reader, wallets=2)
    assert texts(found) == texts(expected)
    assert "False" in str(texts(found))
    assert (expected.rounds, found.rounds) == ({CHAIN: 3}, {CHAIN: 2})
    asked = [request for requests in warm.rounds for request in requests]
    assert sum(isinstance(request, Http) for request in asked) == 2
    assert len(asked) == len(set(asked))
    assert not any(b"desk" in row for row in cache.rows.values())


def test_reverts_and_columns_are_foreseen_too() -> None:
    """A member that reverts, as the read expects, does not end the twin."""

    class Columns(World):
        def _answer(self, request: Asked) -> Raw:
            if not isinstance(request, Calls):
                return super()._answer(request)
            found = [super(Columns, self)._answer(call) for call in singles(request)]
            rows = [reply if isinstance(reply, bytes) else bytes(32) for reply in found]
            failures = {i: reply for i, reply in enumerate(found) if isinstance(reply, CallReverted)}
            from aggregator.abi.columns import Column  # noqa: PLC0415

            return Column(request.origin, request.function.outputs, b"".join(rows), failures)

    def singles(request: Calls) -> list[Any]:

        return [Call(request.function, *request.one(i)) for i in range(len(request))]

    def read(wallet: Address, _: Block) -> Read[Any]:
        [members] = yield from ask([LIST.at(HEIGHT)])
        [refused], [column] = yield from both(
            attempt([NUMBER.at(ABSENT)]), ask([NUMBER.each([HEIGHT, *members])])
        )
        assert isinstance(refused, CallReverted)
        outcomes = column.outcomes()
        [own] = yield from ask([OF.each(members, wallet)])
        return len(outcomes), own.values()

    cache = Memory()
    cold, warm = outcome(Columns(), cache, read), outcome(Columns(), cache, read)
    assert texts(cold) == texts(warm) == texts(outcome(Columns(), None, read))
    assert (cold.rounds, warm.rounds) == ({CHAIN: 3}, {CHAIN: 1})


def test_a_broken_twin_is_nobodys_failure() -> None:
    """An adapter that fails on what it is predicted, and not on what it is answered."""

    def touchy(wallet: Address, block: Block) -> Read[Any]:
        [members] = yield from ask([LIST.at(HEIGHT)])
        if len(members) != 3:
            raise KeyError("members")
        return (yield from stages(wallet, block))

    cache = Memory()
    outcome(World(2), cache)
    assert texts(outcome(World(3), cache, touchy)) == texts(outcome(World(3), None, touchy))


def test_a_twin_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """As is one that asks for more than is worth asking."""

    def endless(_: Address, __: Block) -> Read[Any]:
        [members] = yield from ask([LIST.at(HEIGHT)])
        while len(members) != 3:
            [members] = yield from ask([LIST.at(HEIGHT)])
        return len(members)

    cache = Memory()
    outcome(World(2), cache)
    assert texts(outcome(World(3), cache, endless)) == ["a:31337:only 3"]
    monkeypatch.setattr(foresight, "MAX_CALLS", 2)
    cache = Memory()
    outcome(World(), cache)
    warm = World()
    outcome(warm, cache)
    assert len(warm.rounds[0]) <= 3


@hypothesis_settings(max_examples=150)
@given(
    st.lists(
        st.binary(max_size=100)
        | st.builds(lambda n, m: b"\0" + addresses(n, m), st.integers(0, 40), st.integers(0, 2**20))
        | st.builds(lambda n: b"\0" + (32).to_bytes(32) + n.to_bytes(32), st.integers(0, 2**255)),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 4),
)
def test_garbage_in_the_cache_changes_no_result(garbage: list[bytes], members: int) -> None:
    """Whatever is predicted of whatever request: the same results, in no more rounds than without."""
    expected = outcome(World(members), None)
    found = outcome(World(members), Memory(garbage))
    assert texts(found) == texts(expected)
    assert found.rounds[CHAIN] <= expected.rounds[CHAIN]


@given(types())
def test_a_blank_reply_is_one(kind: Any) -> None:
    """Of any type: it decodes, to zeros and empty lists."""
    function: Function[Any] = Function(f"f()({kind.canonical})")
    assert function.decode(predictions.blank_value(function.outputs), "blank") is not None
