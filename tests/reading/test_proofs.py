"""A linked Safe whose proof could not be read: never counted for want of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from adapters.safe.owners import IS_OWNER, OWNERS, THRESHOLD, build
from aggregator.contract import Call, Deployment, Deployments, Read
from aggregator.model.errors import CallReverted, GarbledReply, NotRecorded, ProviderUnavailable, ReadError
from aggregator.model.readings import Block
from aggregator.model.units import Address
from aggregator.reading.owners import Finder, Found, Link, Search
from aggregator.reading.run import run
from aggregator.reading.source import Asked, Raw
from tests.reading.contracts import HEIGHT, NUMBER
from tests.reading.kit import CHAIN, WALLETS, SmallAdapter, jobs, replies

SAFE = Address("0x" + "5a" * 20)


class Source:
    """A chain with a Safe of three owners, two of whom must sign, unless its calls end in an error."""

    chain = CHAIN

    def __init__(self, error: ReadError | None) -> None:
        owners = b"".join(bytes.fromhex(wallet[2:]).rjust(32, b"\0") for wallet in WALLETS[:3])
        self.answers: dict[bytes, bytes] = {
            IS_OWNER.selector: (1).to_bytes(32),
            THRESHOLD.selector: (2).to_bytes(32),
            OWNERS.selector: (32).to_bytes(32) + (3).to_bytes(32) + owners,
        }
        self.error = error

    async def pin(self, _: str) -> Block:
        """See ChainSource."""
        return Block(CHAIN, 9, "0x" + "ab" * 32, "0x" + "cd" * 32, 1)

    def forget(self) -> None:
        """See ChainSource."""

    async def fetch(self, _: Block, requests: Sequence[Asked]) -> list[Raw]:
        """See ChainSource."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Asked) -> Raw:
        if not isinstance(request, Call) or request.target != SAFE:
            return (7).to_bytes(32)
        return self.error or self.answers[request.data[:4]]


def found(error: ReadError | None) -> Found:
    """What comes of the wallet's search for what it linked."""
    safes = build(Deployments((Deployment("safe", CHAIN, "Safe", {}, "these tests"),), ()))
    search = Search(finders=(Finder(safes, *safes.deployments),), links=(Link(WALLETS[0], SAFE),))

    def read_of(_: Address, __: Block) -> Read[Any]:
        return (yield from replies([NUMBER.at(HEIGHT)]))

    work = jobs(SmallAdapter("a", read_of), WALLETS[:1])
    [one] = asyncio.run(run(work, {CHAIN: Source(error)}, "latest", search=search)).found
    return one


def test_a_safe_that_others_sign_for_does_not_count() -> None:
    """Its contract says so."""
    [held] = found(None).held
    assert (held.holder.proven, held.holder.counted) == (True, False)


def test_what_is_no_safe_counts_because_it_is_linked() -> None:
    """A contract that refuses is of another kind: nothing but the user's word."""
    [held] = found(CallReverted("getOwners()", "")).held
    assert (held.holder.proven, held.holder.counted) == (False, True)


@pytest.mark.parametrize(
    "error",
    [GarbledReply("aggregate3", "cut"), ProviderUnavailable("one", "down"), NotRecorded("getOwners()")],
)
def test_a_proof_that_nobody_answered_is_a_failure(error: ReadError) -> None:
    """Not a contract of another kind."""
    one = found(error)
    assert one.held == ()
    assert [part.result for part in one.parts if isinstance(part.result, ReadError)] == [error]
