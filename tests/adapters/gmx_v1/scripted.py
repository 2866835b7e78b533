"""Reads of the local chain in which some replies are others."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

from aggregator.contract import Call, Calls, Column, Function
from aggregator.model.errors import ReadError
from aggregator.model.readings import Reading
from aggregator.model.units import parse_address
from tests.adapters.gmx_v1.live import Site
from tests.reading_kit import pin, run_read

Answer = Callable[[Call[Any] | Calls, Any], Any]


def altered(read: Generator[Any, Any, Any], answer: Answer, rounds: list[int]) -> Generator[Any, Any, Any]:
    """The read itself, its rounds counted, each reply passed through `answer`."""
    answers = None
    while True:
        try:
            asked = read.send(answers)
        except StopIteration as done:
            return done.value
        rounds.append(len(asked))
        got = yield asked
        answers = [answer(request, reply) for request, reply in zip(asked, got, strict=True)]


def read_with(site: Site, answer: Answer, user: str | None = None) -> tuple[Reading, int]:
    """A reading of the hedged wallet, or of another, with some replies changed; and its rounds."""
    node, rounds = site.world.node, list[int]()
    wallet = parse_address(user or site.world.wallets["hedged"])
    read = site.adapter.read(site.deployment, wallet, pin(node.url, node.chain_id))
    return run_read(node.url, node.chain_id, altered(read, answer, rounds)), len(rounds)


def instead(function: Function[Any], said: Any) -> Answer:
    """Every reply of one function is another; of a column, every word of every row."""

    def answer(request: Call[Any] | Calls, reply: Any) -> Any:
        if request.function != function:
            return reply
        if not isinstance(reply, Column) or isinstance(said, ReadError):
            return said
        return replace(reply, raw=said.to_bytes(32, "big") * (len(reply.raw) // 32), failures={})

    return answer


def unchanged(request: Call[Any] | Calls, reply: Any) -> Any:  # noqa: ARG001
    return reply
