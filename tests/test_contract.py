"""Reads fed by hand: who is asked what, in which order, and what becomes of failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from aggregator.contract import Column, Function, Read, Request, ask, attempt, both, join, symbol_of
from aggregator.model.errors import (
    AdapterFault,
    CallReverted,
    GarbledReply,
    MalformedReply,
    NoContract,
    NotRecorded,
    ProviderUnavailable,
    ReadError,
)
from aggregator.model.units import Address

R = TypeVar("R")


@dataclass(frozen=True)
class Question:
    """A request that is answered by hand."""

    name: str

    def decode(self, raw: bytes) -> str:
        """The reply's text."""
        return raw.decode()


def q(*names: str) -> list[Question]:
    """Questions of these names."""
    return [Question(name) for name in names]


REFUSED = CallReverted("somewhere", "no")


def feed(read: Read[R], answer: Callable[[str], Any] = str.upper) -> tuple[R, list[list[str]]]:
    """A read's result, and the names that each round asked for."""
    rounds: list[list[str]] = []
    replies: list[Any] | None = None
    while True:
        try:
            asked: Sequence[Any] = next(read) if replies is None else read.send(replies)
        except StopIteration as done:
            return done.value, rounds
        rounds.append([question.name for question in asked])
        replies = [answer(question.name) for question in asked]


def refusing(*names: str) -> Callable[[str], Any]:
    """Answers that are errors for these names."""
    return lambda name: REFUSED if name in names else name.upper()


def chain_of(*names: str) -> Read[str]:
    """A read of one question a round; the answers, joined."""
    answers: list[str] = []
    for name in names:
        answers += yield from ask(q(name))
    return "".join(answers)


def test_ask_answers_in_order() -> None:
    """One batch, replies as they were asked for."""
    assert feed(ask(q("a", "b", "a"))) == (["A", "B", "A"], [["a", "b", "a"]])


def test_ask_raises_the_first_failure() -> None:
    """Not the last, whatever the others say."""
    errors = {"b": NoContract("first"), "c": CallReverted("second", "")}
    with pytest.raises(NoContract, match="first"):
        feed(ask(q("a", "b", "c")), lambda name: errors.get(name, name))


def test_attempt_answers_failures_as_values() -> None:
    """In their places."""
    assert feed(attempt(q("a", "b", "c")), refusing("b"))[0] == ["A", REFUSED, "C"]


UNANSWERED = [
    ProviderUnavailable("one", "is down"),
    NotRecorded("somewhere"),
    GarbledReply("aggregate3", "nothing"),
]
_NUMBER = Function[int]("number()(uint256)").each([Address("0x" + "11" * 20)] * 3)


@pytest.mark.parametrize("error", UNANSWERED)
@pytest.mark.parametrize("of_a_column", [False, True])
def test_what_nobody_answered_is_no_failure_of_a_contract(error: ReadError, *, of_a_column: bool) -> None:
    """A read that goes on after a revert must not after this."""
    column = Column("number", _NUMBER.function.outputs, bytes(96), {0: REFUSED, 2: error})
    for read in (attempt, ask):
        with pytest.raises(type(error)):
            feed(read(q("a", "b")), lambda name: (column if of_a_column else error) if name == "b" else name)


@pytest.mark.parametrize("read", [lambda: ask([]), lambda: attempt([]), lambda: join([])])
def test_nothing_asked_takes_no_round(read: Callable[[], Read[list[Any]]]) -> None:
    """An empty batch is never sent."""
    assert feed(read()) == ([], [])


def test_both_shares_rounds_and_keeps_the_sides_apart() -> None:
    """The shorter read ends early, the longer one goes on alone."""
    result, rounds = feed(both(chain_of("a", "b", "c"), ask(q("x", "y"))))
    assert result == ("ABC", ["X", "Y"])
    assert rounds == [["a", "x", "y"], ["b"], ["c"]]


@pytest.mark.parametrize("refused", [("a",), ("y",)])
def test_both_raises_what_either_side_raised_after_both_ended(refused: tuple[str, ...]) -> None:
    """The other side still runs to its end, so that rounds stay common."""
    rounds: list[str] = []

    def noting(name: str) -> Any:
        rounds.append(name)
        return refusing(*refused)(name)

    with pytest.raises(CallReverted):
        feed(both(chain_of("a"), chain_of("x", "y", "z")), noting)
    assert ("z" in rounds) == (refused == ("a",))


def test_both_of_two_failures_raises_the_first() -> None:
    """In the order of the arguments."""
    errors = {"a": NoContract("left"), "x": NoContract("right")}
    with pytest.raises(NoContract, match="left"):
        feed(both(chain_of("a"), chain_of("x")), errors.__getitem__)


def test_join_runs_reads_of_different_lengths_in_common_rounds() -> None:
    """Results in the order given, a read without a question included."""
    reads = [chain_of("a", "b"), chain_of(), chain_of("c"), chain_of("d", "e", "f")]
    assert feed(join(reads)) == (["AB", "", "C", "DEF"], [["a", "c", "d"], ["b", "e"], ["f"]])


def test_a_nested_join_shares_the_rounds_of_its_parent() -> None:
    """However deep, a stage is one round."""
    reads = [join([chain_of("a", "b"), chain_of("c")]), join([join([chain_of("d", "e")])])]
    assert feed(join(reads)) == ([["AB", "C"], [["DE"]]], [["a", "c", "d"], ["b", "e"]])


def test_join_raises_at_once_without_isolation() -> None:
    """The other reads are not asked again."""
    asked: list[str] = []

    def noting(name: str) -> Any:
        asked.append(name)
        return refusing("b")(name)

    with pytest.raises(CallReverted):
        feed(join([chain_of("a", "never"), chain_of("b")]), noting)
    assert asked == ["a", "b"]


def test_isolation_keeps_a_failure_as_that_reads_result() -> None:
    """Others end as if it were not there."""
    result, _ = feed(join([chain_of("a", "b"), chain_of("c"), chain_of("d")], isolate=True), refusing("c"))
    assert result == ["AB", REFUSED, "D"]


def broken(name: str) -> Read[str]:
    """A read with a defect behind its first question, or before it where it has no name."""
    if name:
        yield from ask(q(name))
    raise ZeroDivisionError("a defect")
    yield []


def endless(name: str) -> Read[str]:
    """A read that recurses until Python stops it."""
    yield from ask(q(name))
    return (yield from endless_step(name))


def endless_step(name: str) -> Read[str]:
    """Recursion without a question."""
    return (yield from endless_step(name))


def not_a_batch() -> Read[str]:
    """A read that yields something that is no batch."""
    yield 5  # type: ignore[misc]  # the defect under test
    return "never"


@pytest.mark.parametrize("read", [lambda: broken(""), lambda: broken("x"), lambda: endless("x"), not_a_batch])
def test_a_defect_becomes_a_fault_with_its_cause(read: Callable[[], Read[str]]) -> None:
    """Whatever an adapter raises costs that adapter alone, and can be found."""
    [fault, other], _ = feed(join([read(), chain_of("a", "b")], isolate=True))
    assert isinstance(fault, AdapterFault)
    assert isinstance(fault.__cause__, (ZeroDivisionError, RecursionError, TypeError))
    assert type(fault.__cause__).__name__ in str(fault)
    assert other == "AB"


def test_a_defect_is_raised_as_it_is_without_isolation() -> None:
    """Tests of adapters see the original."""
    with pytest.raises(ZeroDivisionError):
        feed(join([broken("x")]))


def test_an_interrupt_is_never_swallowed() -> None:
    """Ctrl-C ends the whole run."""

    def interrupted() -> Read[str]:
        yield from ask(q("a"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        feed(join([interrupted()], isolate=True))


def test_ten_thousand_reads_join_flat() -> None:
    """The stack does not deepen, and the rounds stay as many as the longest read has."""
    reads = [chain_of(f"{i}", f"{i + 1}") for i in range(10_000)]
    result, rounds = feed(join(reads, isolate=True))
    assert result == [f"{i}{i + 1}" for i in range(10_000)]
    assert [len(asked) for asked in rounds] == [10_000, 10_000]


def test_an_error_that_many_reads_share_does_not_grow() -> None:
    """Each read that raises it starts a new traceback: a shared one would hold every read's frames."""
    result, _ = feed(join([chain_of("a") for _ in range(50)], isolate=True), refusing("a"))
    assert result == [REFUSED] * 50
    depth, frame = 0, REFUSED.__traceback__
    while frame is not None:
        depth, frame = depth + 1, frame.tb_next
    assert depth < 10


def test_a_read_that_handles_its_failure_goes_on() -> None:
    """A fallback is one more round of that read."""

    def with_fallback() -> Read[str]:
        [first] = yield from attempt(q("a"))
        if isinstance(first, ReadError):
            [first] = yield from ask(q("b"))
        return str(first)

    assert feed(join([with_fallback(), chain_of("c")]), refusing("a")) == (["B", "C"], [["a", "c"], ["b"]])


def typed(requests: Sequence[Request[str]]) -> Read[list[str]]:
    """The type of a reply follows from its request."""
    return ask(requests)


def test_requests_are_any_objects_that_decode() -> None:
    """The contract names a protocol, not a class."""
    assert feed(typed(q("a")))[0] == ["A"]


def test_a_token_that_tells_no_symbol_is_called_by_its_address() -> None:
    """None, an empty one, one that is no text; what nobody answered is no symbol."""
    token = Address("0x" + "ab" * 20)
    assert symbol_of(token, "DAI") == "DAI"
    for answer in (
        "",
        CallReverted("symbol()", "no"),
        MalformedReply("symbol()", "bytes32"),
        NoContract(token),
    ):
        assert symbol_of(token, answer) == token
    with pytest.raises(ProviderUnavailable):
        symbol_of(token, ProviderUnavailable("node", "gone"))
