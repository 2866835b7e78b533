"""A small world whose reads foresight can learn, and a cache in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aggregator.contract import Call, Function, Read, ask
from aggregator.model.errors import CallReverted, ProviderUnavailable
from aggregator.model.readings import Block
from aggregator.model.units import Address, ChainId
from aggregator.reading.run import Run, run
from aggregator.reading.source import Asked, Raw
from tests.reading.contracts import ECHO, HEIGHT, VALUE
from tests.reading.kit import CHAIN, WALLETS, SmallAdapter, jobs

LIST: Function[tuple[Address, ...]] = Function("list()(address[])")
OF: Function[int] = Function("of(address)(uint256)")
PARTS: Function[tuple[Address, ...]] = Function("parts(address)(address[])")
HERE = Block(CHAIN, 7, "0x" + "ab" * 32, "0x" + "cd" * 32, 1_793_491_200)


class Memory:
    """A PredictionCache in memory; with `garbage` it answers that instead of what it holds."""

    def __init__(self, garbage: Sequence[bytes] = ()) -> None:
        self.rows: dict[tuple[ChainId, bytes], bytes] = {}
        self.garbage = list(garbage)

    def prediction(self, chain: ChainId, request: bytes) -> bytes | None:
        """See PredictionCache."""
        if self.garbage:
            self.garbage.append(self.garbage.pop(0))
            return self.garbage[-1]
        return self.rows.get((chain, request))

    def predict(self, block: Block, replies: Mapping[bytes, bytes]) -> None:
        """See PredictionCache."""
        self.rows.update({(block.chain, request): reply for request, reply in replies.items()})


class World:
    """A source: LIST names members, each has parts, and each part a number of each wallet."""

    chain = CHAIN

    def __init__(self, members: int = 3, parts: int = 2) -> None:
        self.members, self.parts = members, parts
        self.rounds: list[list[Asked]] = []
        self.failing: set[Asked] = set()

    async def pin(self, _: str) -> Block:
        """See ChainSource."""
        return HERE

    def forget(self) -> None:
        """See ChainSource."""

    async def fetch(self, _: Block, requests: Sequence[Asked]) -> list[Raw]:
        """Like contracts would answer."""
        self.rounds.append(list(requests))
        return [self._answer(request) for request in requests]

    def _answer(self, request: Asked) -> Raw:
        if not isinstance(request, Call):
            raise TypeError("not of this world")
        if request in self.failing:
            return ProviderUnavailable("test", "restarting")
        match request.function.canonical:
            case "list()":
                return addresses(self.members)
            case "parts(address)":
                return addresses(self.parts, int.from_bytes(request.data[4:]) * 100)
            case "of(address)":
                return (int(request.target, 16) * 1_000 + int.from_bytes(request.data[4:])).to_bytes(32)
            case "value(uint256)":
                return request.data[4:]
            case _:
                return CallReverted(request.origin, "no such function")


def addresses(count: int, offset: int = 0) -> bytes:
    """A list of addresses as a contract returns it."""
    members = b"".join((0xA0000 + offset + i).to_bytes(32) for i in range(count))
    return (32).to_bytes(32) + count.to_bytes(32) + members


def stages(wallet: Address, _: Block) -> Read[Any]:
    """Four rounds where nothing is known: members, their parts, the wallet's numbers, one that follows."""
    [members] = yield from ask([LIST.at(HEIGHT)])
    parts = yield from ask([PARTS.at(HEIGHT, member) for member in members])
    numbers = yield from ask([OF.at(part, wallet) for group in parts for part in group])
    [last] = yield from ask([VALUE.at(ECHO, sum(numbers))])
    return last, numbers


def outcome(world: World, cache: Memory | None, read: Any = stages, wallets: int = 1) -> Run:
    """The jobs' outcomes."""
    return asyncio.run(run(jobs(SmallAdapter("a", read), WALLETS[:wallets]), {CHAIN: world}, "latest", cache))
