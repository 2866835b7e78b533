"""Feeds a read by hand: replies are given per call, as the values that a contract would return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from eth_abi.abi import encode

from aggregator.abi.columns import Column
from aggregator.contract import Call, Calls, Function, Read
from aggregator.model.errors import ReadError
from aggregator.model.units import Address

R = TypeVar("R")

# The outputs of a call, or how it fails.
Reply: TypeAlias = "tuple[Any, ...] | ReadError"
Replies: TypeAlias = Mapping[Call[Any], Reply]


@dataclass(frozen=True)
class Driven(Generic[R]):
    """What a read returned, and the calls that it asked for in each round."""

    result: R
    rounds: tuple[frozenset[tuple[Address, bytes]], ...]


def drive_by_hand(read: Read[R], replies: Replies) -> Driven[R]:
    """Run a read on given replies; raises what it raises, AssertionError where it asks for another call."""
    said = {(call.target, call.data): (call.function, reply) for call, reply in replies.items()}
    rounds: list[frozenset[tuple[Address, bytes]]] = []
    answers: Sequence[Any] | None = None
    while True:
        try:
            requests = next(read) if answers is None else read.send(answers)
        except StopIteration as done:
            return Driven(done.value, tuple(rounds))
        asked = [request for request in requests if isinstance(request, (Call, Calls))]
        assert len(asked) == len(requests), "only contract calls can be answered here"
        rounds.append(frozenset(key for request in asked for key in _keys(request)))
        answers = [_answer(request, said) for request in asked]


def _keys(request: Call[Any] | Calls) -> list[tuple[Address, bytes]]:
    if isinstance(request, Call):
        return [(request.target, request.data)]
    return [request.one(i) for i in range(len(request))]


def _answer(
    request: Call[Any] | Calls, said: Mapping[tuple[Address, bytes], tuple[Function[Any], Reply]]
) -> Any:
    raws: list[bytes | ReadError] = []
    for target, data in _keys(request):
        assert (target, data) in said, f"no reply for {request.function.canonical} of {target}: {data.hex()}"
        function, reply = said[target, data]
        raws.append(reply if isinstance(reply, ReadError) else _encode(function, reply))
    if isinstance(request, Call):
        [raw] = raws
        if isinstance(raw, ReadError):
            return raw
        try:
            return request.decode(raw)
        except ReadError as error:
            return error
    failures = {i: raw for i, raw in enumerate(raws) if isinstance(raw, ReadError)}
    nothing = bytes(request.reply_width)
    joined = b"".join(nothing if isinstance(raw, ReadError) else raw for raw in raws)
    return Column(request.origin, request.function.outputs, joined, failures)


def _encode(function: Function[Any], values: tuple[Any, ...]) -> bytes:
    return encode([kind.canonical for _, kind in function.outputs.components], values)
