"""Columnar requests as grids: each call once, little calldata, and every reply back in its place."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.abi.columns import Column
from aggregator.abi.function import Calls, Function
from aggregator.model.errors import CallReverted, MalformedReply, NoContract, ReadError
from aggregator.model.units import Address
from aggregator.reading.answers import Answers
from aggregator.reading.grids import Job, plan
from aggregator.reading.reader_contract import TAG
from tests.reading.reader_model import Answer, World, calls_in, reply

BALANCE: Function[int] = Function("balanceOf(address)(uint256)")
ALLOWANCE: Function[int] = Function("allowance(address,address)(uint256)")
RESERVES: Function[Any] = Function("reserves(address)(uint256,uint256,uint256)")
PLACES = [Address("0x" + f"{i:02x}" * 20) for i in range(1, 9)]

places = st.sampled_from(PLACES)
lists = st.lists(places, max_size=7)
flat = st.sampled_from((BALANCE, RESERVES))
one_wallet = st.builds(lambda f, to, who: f.each(to, who), flat, lists, places)
one_token = st.builds(lambda f, to, who: f.each(to, who), flat, places, lists)
products = st.builds(
    lambda f, to, who: f.each([t for _ in who for t in to], [w for w in who for _ in to]), flat, lists, lists
)
pairs = st.builds(
    lambda both: ALLOWANCE.each([a for a, _ in both], [b for _, b in both], PLACES[0]),
    st.lists(st.tuples(places, places), max_size=7),
)
requests = st.lists(st.one_of(one_wallet, one_token, products, pairs), max_size=6)
limits = st.tuples(st.integers(1, 40), st.integers(200, 3000))


def calls_of(request: Calls) -> list[tuple[bytes, bytes, int]]:
    """Every call by itself."""
    return [
        (bytes.fromhex(target[2:]), row, request.reply_width)
        for target, row in (request.one(i) for i in range(len(request)))
    ]


def answered(jobs: list[Job], wanted: list[Calls], world: World) -> Answers:
    """The replies of a world to all jobs."""
    answers = Answers(wanted)
    for job in jobs:
        answers.take(job, reply(job.pack(), world))
    return answers


def hashes(target: bytes, row: bytes) -> Answer:
    """A reply that no other call has."""
    digest = hashlib.sha256(target + row).digest()
    return Answer(data=digest if len(row) > 36 or row[:4] == BALANCE.selector else 3 * digest)


@given(requests, limits)
def test_each_call_is_asked_once(wanted: list[Calls], limit: tuple[int, int]) -> None:
    """Whatever the requests look like, and however small a job may be."""
    asked = [call for job in plan(wanted, *limit) for call in calls_in(job.pack())]
    assert sorted(asked) == sorted(call for request in wanted for call in calls_of(request))


@given(requests, limits)
def test_jobs_keep_their_limits(wanted: list[Calls], limit: tuple[int, int]) -> None:
    """Calls, bytes of calldata and bytes of the reply; halves lose nothing."""
    cells, size = limit
    for job in plan(wanted, cells, size):
        assert 0 < job.size <= cells
        assert len(job.pack()) <= size or job.size == 1
        assert job.reply_bytes <= size or job.size == 1
        assert len(reply(job.pack(), hashes)) == job.reply_bytes
        if job.size > 1:
            left, right = job.halves()
            assert left.size > 0
            assert right.size > 0
            assert sorted(calls_in(job.pack())) == sorted([*calls_in(left.pack()), *calls_in(right.pack())])


@given(requests, limits)
def test_every_reply_comes_back_to_its_call(wanted: list[Calls], limit: tuple[int, int]) -> None:
    """Columns hold what each call by itself answers, also where jobs are halved."""
    jobs = plan(wanted, *limit)
    split = [half for job in jobs for half in (job.halves() if job.size > 1 else (job,))]
    for some in (jobs, split):
        answers = answered(some, wanted, hashes)
        for i, request in enumerate(wanted):
            column = answers.column(i)
            assert column.raw == b"".join(hashes(target, row).data for target, row, _ in calls_of(request))
            assert not column.failures
            assert answers.missing(i)[1] is None


@given(requests, limits, st.data())
def test_what_has_no_answer_is_missing_and_is_filled_in(
    wanted: list[Calls], limit: tuple[int, int], data: st.DataObject
) -> None:
    """Failed, of another size, not asked for want of gas, without code: never a zero that looks like one."""
    kinds = ("good", "failed", "long", "short", "empty", "absent")
    fate = data.draw(st.fixed_dictionaries({place: st.sampled_from(kinds) for place in PLACES}))

    def world(target: bytes, row: bytes) -> Answer:
        good = hashes(target, row).data
        return {
            "good": Answer(data=good),
            "failed": Answer(data=good, success=False),
            "long": Answer(data=good * 1000),
            "short": Answer(data=good[:31]),
            "empty": Answer(data=b""),
            "absent": Answer(data=b"", code=False),
        }[fate[Address("0x" + target.hex())]]

    answers, unasked = Answers(wanted), 0
    for job in plan(wanted, *limit):
        asked = data.draw(st.integers(0, job.size))
        left = answers.take(job, reply(job.pack(), world, asked))
        assert left == job.size - asked
        unasked += left
    lacking = 0
    for i, request in enumerate(wanted):
        numbers, again = answers.missing(i)
        lacking += len(numbers)
        kept = answers.column(i)
        for k, outcome in enumerate(kept.outcomes()):
            target, row = request.one(k)
            if k in numbers:
                assert isinstance(outcome, MalformedReply)
            elif fate[target] == "absent":
                assert type(outcome) is NoContract
                assert outcome.origin == f"{request.function.canonical}@{target}"
            else:
                assert fate[target] == "good"
                assert outcome == int.from_bytes(hashes(bytes.fromhex(target[2:]), row).data[:32])
        if again is None:
            continue
        assert calls_of(again) == [calls_of(request)[k] for k in numbers]
        width = again.reply_width
        error = CallReverted("it", "no")
        filling = Column(
            again.origin, again.function.outputs, bytes(width) + b"\1" * width * (len(again) - 1), {0: error}
        )
        answers.fill(i, numbers, filling)
        outcomes = answers.column(i).outcomes()
        assert outcomes[numbers[0]] is error
        assert [outcomes[k] for k in numbers[1:]] == [int.from_bytes(b"\1" * 32)] * (len(numbers) - 1)
        untouched = [k for k in range(len(request)) if k not in numbers]
        assert [repr(outcomes[k]) for k in untouched] == [repr(kept.outcomes()[k]) for k in untouched]
    assert lacking >= unasked


def test_a_request_that_cannot_be_asked_again_fails_whole() -> None:
    """Its missing calls carry the one error."""
    request = BALANCE.each(PLACES[:3], PLACES[0])
    answers = Answers([request])
    numbers, again = answers.missing(0)
    assert again == request
    answers.fill(0, numbers, CallReverted("it", "no"))
    assert [type(outcome) for outcome in answers.column(0).outcomes()] == [CallReverted] * 3


@pytest.mark.parametrize("form", ["a column per wallet", "a column per token", "one column", "by token"])
def test_wallets_times_tokens_is_a_grid(form: str) -> None:
    """20 bytes a token and 36 a wallet, in whichever form and order they are asked."""
    wallets = [Address("0x" + f"aa{i:038x}") for i in range(60)]
    tokens = [Address("0x" + f"bb{i:038x}") for i in range(30)]
    wanted = {
        "a column per wallet": [BALANCE.each(tokens, wallet) for wallet in wallets],
        "a column per token": [BALANCE.each(token, wallets) for token in tokens],
        "one column": [BALANCE.each(tokens * 60, [w for w in wallets for _ in tokens])],
        "by token": [BALANCE.each([t for t in tokens for _ in wallets], wallets * 30)],
    }[form]
    [job] = plan(wanted, 10_000)
    assert len(job.pack()) == 28 + 20 + 20 * 30 + 36 * 60
    tiles = plan(wanted, 100)
    assert len(tiles) <= 1800 / 80
    assert sum(len(tile.pack()) for tile in tiles) < 1800 * 56 / 5


def test_different_lists_are_grids_of_their_own_and_the_rest_pairs() -> None:
    """Two groups of wallets hold different tokens; a few calls have nothing in common."""
    wanted = [
        *(BALANCE.each(PLACES[:5], who) for who in PLACES),
        *(BALANCE.each(PLACES[2:], who) for who in PLACES),
        BALANCE.each(PLACES[:3], PLACES[3:6]),
    ]
    [job] = plan(wanted, 1000)
    shapes = [(len(section.rows), len(section.targets), section.grid) for section in job.sections]
    assert shapes == [(8, 5, True), (8, 6, True), (3, 3, False)]


GOOD = reply(plan([BALANCE.each(PLACES[:2], PLACES[0])], 10)[0].pack(), hashes)


@pytest.mark.parametrize(
    "raw",
    [b"", TAG, GOOD[:-1], GOOD + b"\0", bytes(len(GOOD)), GOOD[:32] + b"\5" + GOOD[33:], GOOD[1:] + GOOD[:1]],
)
def test_a_reply_that_is_not_the_readers_is_refused(raw: bytes) -> None:
    """Also where it has the right size: nothing of it is taken."""
    wanted = [BALANCE.each(PLACES[:2], PLACES[0])]
    [job] = plan(wanted, 10)
    answers = Answers(wanted)
    with pytest.raises(MalformedReply):
        answers.take(job, raw)
    assert len(answers.missing(0)[0]) == 2
    answers.take(job, GOOD)
    assert all(not isinstance(outcome, ReadError) for outcome in answers.column(0).outcomes())


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_or_taken(raw: bytes) -> None:
    """Nothing but MalformedReply escapes."""
    wanted = [BALANCE.each(PLACES[:2], PLACES[0])]
    [job] = plan(wanted, 10)
    answers = Answers(wanted)
    for candidate in (raw, TAG + raw.ljust(66, b"\1")[:66]):
        with contextlib.suppress(MalformedReply):
            answers.take(job, candidate)
    assert len(answers.column(0)) == 2
