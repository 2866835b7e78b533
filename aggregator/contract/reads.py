"""Requests, and reads that yield them: an adapter is sent replies, and performs no I/O.

A read of several stages is several `yield from`; the engine merges the stages of all reads of all wallets
into common rounds.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from aggregator.abi.columns import Column
from aggregator.model.errors import (
    UNANSWERED,
    AdapterFault,
    CallReverted,
    MalformedReply,
    NoContract,
    NotRecorded,
    ReadError,
)
from aggregator.model.units import Address

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Request(Protocol[T_co]):
    """Something to fetch: hashable, so that what several reads share is fetched once."""

    def decode(self, raw: bytes) -> T_co:
        """The typed reply; raises MalformedReply where the bytes are not what was asked for."""
        ...


# A read yields batches of requests and is sent their replies, failures included as values.
Read: TypeAlias = Generator[Sequence[Request[Any]], Sequence[Any], R]


def attempt(requests: Sequence[Request[T]]) -> Read[list[T | ReadError]]:
    """Send one batch; a request that the contract failed answers with its error as a value.

    Raises the error of a request, or of a call of a columnar one, that nobody answered: nothing follows from
    that, while a revert is an answer.
    """
    replies = list((yield requests)) if requests else []
    for reply in replies:
        _check_answered(reply)
    return replies


def ask(requests: Sequence[Request[T]]) -> Read[list[T]]:
    """Send one batch; raises the first failure among the replies.

    A columnar request whose calls the contracts failed one by one answers with a Column that holds their
    errors.
    """
    replies: list[T] = []
    for reply in (yield from attempt(requests)):
        if isinstance(reply, ReadError):
            # The same error answers every read that shares the request: each starts a traceback of its own.
            raise reply.with_traceback(None)
        replies.append(reply)
    return replies


def _check_answered(reply: object) -> None:
    error = reply.unanswered if isinstance(reply, Column) else reply
    if isinstance(error, UNANSWERED):
        raise error.with_traceback(None)


def both(first: Read[R], second: Read[S]) -> Read[tuple[R, S]]:
    """Run two reads in the same rounds; a failure of either is raised once both have ended."""
    a, b = yield from join([first, second], isolate=True)
    for outcome in (a, b):
        if isinstance(outcome, ReadError):
            raise outcome.with_traceback(None)
    return a, b


def join(reads: Iterable[Read[Any]], *, isolate: bool = False) -> Read[list[Any]]:
    """Run any number of reads in common rounds; results in the order given.

    Flat, so that 100,000 reads do not deepen the stack. With `isolate` a read that fails answers with its
    error as a value; anything that is not a ReadError becomes an AdapterFault with its cause chained.
    Without it the first failure is raised at once.
    """
    results: dict[int, Any] = {}
    live: list[tuple[int, Read[Any], Any]] = [(i, read, None) for i, read in enumerate(reads)]
    count = len(live)
    while live:
        waiting: list[tuple[int, Read[Any], Sequence[Request[Any]]]] = []
        for i, read, replies in live:
            try:
                waiting.append((i, read, list(read.send(replies))))
            except StopIteration as done:
                results[i] = done.value
            except ReadError as error:
                if not isolate:
                    raise
                results[i] = error
            except Exception as error:  # one broken adapter must not take the others along
                if not isolate:
                    raise
                fault = AdapterFault(f"{type(error).__name__}: {error}")
                fault.__cause__ = error
                results[i] = fault
        if not waiting:
            break
        merged = yield [request for _, _, requests in waiting for request in requests]
        live, start = [], 0
        for i, read, requests in waiting:
            live.append((i, read, merged[start : start + len(requests)]))
            start += len(requests)
    return [results[i] for i in range(count)]


def optional(read: Read[R]) -> Read[R | None]:
    """A read whose outcome may be missing: None where a contract, or a recording of before, lacks it.

    For what only adds to a reading. Raises what else kept it from an answer, as a transport's failure.
    """
    [outcome] = yield from join([read], isolate=True)
    if isinstance(outcome, (CallReverted, MalformedReply, NoContract, NotRecorded)):
        return None
    if isinstance(outcome, ReadError):
        raise outcome.with_traceback(None)
    return cast("R", outcome)


def symbol_of(token: Address, answer: str | ReadError) -> str:
    """A token's own name for itself; its address where it has none, or none that is text (bytes32).

    Raises what else kept it from answering.
    """
    if isinstance(answer, (CallReverted, MalformedReply, NoContract)):
        return token
    if isinstance(answer, ReadError):
        raise answer.with_traceback(None)
    return answer or token
