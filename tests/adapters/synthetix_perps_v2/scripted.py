"""Feeds a read by hand: replies come from a table, as the chain would have given them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from aggregator.contract import Call, Calls, Column, Read
from aggregator.model.errors import CallReverted, ReadError
from aggregator.model.units import Address

R = TypeVar("R")
Key: TypeAlias = tuple[str, str]
"""Name of a function and the address that is asked."""


def play(read: Read[R], replies: Mapping[Key, Any]) -> tuple[R, int]:
    """The result of a read and its rounds; a reply that is an error is delivered as the chain's failure.

    A columnar request takes a tuple of output words per call. Raises KeyError for a call that is not in
    the table.
    """
    rounds = 0
    try:
        batch = next(read)
        while True:
            rounds += 1
            batch = read.send([_reply(request, replies) for request in batch])
    except StopIteration as done:
        return done.value, rounds


def _reply(request: object, replies: Mapping[Key, Any]) -> Any:
    if isinstance(request, Calls):
        return _column(request, replies)
    assert isinstance(request, Call)
    name = request.function.canonical.split("(")[0]
    reply = replies[name, request.target]
    if isinstance(reply, dict):  # by argument
        reply = reply[request.data[4:]]
    if isinstance(reply, ReadError):
        return reply
    return request.decode(_words(reply)) if isinstance(reply, tuple) else reply


def _column(request: Calls, replies: Mapping[Key, Any]) -> Column:
    name = request.function.canonical.split("(")[0]
    raw, failures = [], {}
    for i in range(len(request)):
        target, _ = request.one(i)
        reply = replies[name, target]
        if isinstance(reply, ReadError):
            failures[i] = reply
            raw.append(bytes(request.reply_width))
        else:
            raw.append(_words(reply))
    return Column(request.origin, request.function.outputs, b"".join(raw), failures)


def _words(values: Sequence[int | bytes | str]) -> bytes:
    return b"".join(_word(value) for value in values)


def _word(value: int | bytes | str) -> bytes:
    if isinstance(value, bytes):
        return value
    number = int(value, 16) if isinstance(value, str) else int(value)
    return number.to_bytes(32, "big", signed=number < 0)


def reverted(name: str, target: Address) -> ReadError:
    """A call that the contract refused."""
    return CallReverted(f"{name}@{target}", "paused")
