"""Two chains at once, each at its own block: what happens to one is no matter of the other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aggregator.contract import Read, ask
from aggregator.model.errors import (
    BlockUnavailable,
    MissingMulticall,
    ProviderUnavailable,
    WrongChain,
)
from aggregator.model.readings import Block
from aggregator.model.units import Address, ChainId
from aggregator.reading.chain import ChainReader
from aggregator.reading.run import Job, Run, run
from aggregator.reading.transport import Client, Endpoint, Rpc
from tests.devnet.node import Node
from tests.reading.conftest import install
from tests.reading.contracts import ECHO, HEIGHT, NUMBER, VALUE
from tests.reading.kit import (
    CHAIN,
    SECOND,
    WALLETS,
    SmallAdapter,
    echoes,
    jobs,
    run_on,
    texts,
)


def run_two(
    first: str, second: str, work: list[Job], chains: tuple[ChainId, ChainId] = (CHAIN, SECOND)
) -> Run:
    """The outcomes of jobs of two chains, each with its own endpoint."""

    async def live() -> Run:
        async with Client() as client:
            readers = {
                chain: ChainReader(Rpc([Endpoint.of(url)], chain, client))
                for chain, url in zip(chains, (first, second), strict=True)
            }
            return await run(work, readers, {CHAIN: "latest", SECOND: "0"})

    return asyncio.run(live())


@pytest.fixture
def second_node() -> Any:
    """A node of another chain."""
    with Node(chain_id=SECOND) as node:
        install(node)
        yield node


def test_two_chains_are_read_each_at_its_own_block(node: Node, second_node: Node) -> None:
    """Outcomes come in the order of the jobs, not of the chains; block 0 had no Multicall3 yet."""
    first, second = (SmallAdapter(n, echoes(1), chain) for n, chain in (("x", CHAIN), ("y", SECOND)))
    found = run_two(node.url, second_node.url, [*jobs(second), *jobs(first), *jobs(second)])
    one, two, three = texts(found)
    assert two == "x:31337:only 01 [1]"
    assert type(one) is type(three) is MissingMulticall
    assert {chain: block.number for chain, block in found.blocks.items()} == {
        CHAIN: node.block_number,
        SECOND: 0,
    }


def test_a_node_that_is_killed_mid_read_fails_its_own_jobs_only(own_node: Node, second_node: Node) -> None:
    """What was read before is not shown as a whole; the other chain is."""

    def killing(_: Address, __: Block) -> Read[Any]:
        found = yield from ask([NUMBER.at(HEIGHT)])
        own_node.kill()
        return found + (yield from ask([VALUE.at(ECHO, 9)]))

    def finished(_: Address, __: Block) -> Read[Any]:
        return (yield from ask([NUMBER.at(HEIGHT)]))

    work = [
        *jobs(SmallAdapter("killed", killing)),
        *jobs(SmallAdapter("later", echoes(1, 2, 3)), WALLETS[:2]),
        *jobs(SmallAdapter("done", finished)),
        *jobs(SmallAdapter("other", echoes(1, 2, 3), SECOND)),
    ]

    async def live() -> Run:
        async with Client() as client:
            readers = {
                chain: ChainReader(Rpc([Endpoint.of(node.url)], chain, client))
                for chain, node in ((CHAIN, own_node), (SECOND, second_node))
            }
            return await run(work, readers, "latest")

    killed, *later, done, other = texts(asyncio.run(live()))
    assert all(type(error) is ProviderUnavailable for error in (killed, *later))
    assert "connection failed" in str(killed)
    assert str(done).startswith("done:31337:only")
    assert other == "other:31338:only 01 [1, 2, 3]"


def test_a_frozen_node_fails_its_jobs_in_time(own_node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """It accepts connections and answers nothing."""
    monkeypatch.setattr("aggregator.reading.client.TIMEOUT_S", 0.2)

    def freezing(_: Address, __: Block) -> Read[Any]:
        found = yield from ask([NUMBER.at(HEIGHT)])
        own_node.freeze()
        return found + (yield from ask([VALUE.at(ECHO, 1)]))

    try:
        [error] = texts(run_on(own_node.url, jobs(SmallAdapter("frozen", freezing)))[0])
    finally:
        own_node.thaw()
    assert isinstance(error, ProviderUnavailable)
    assert "did not answer in time" in str(error)


def test_a_chain_that_cannot_be_reached_fails_every_job_of_it(node: Node) -> None:
    """Without a block, and without a round."""
    work = [*jobs(SmallAdapter("x", echoes(1))), *jobs(SmallAdapter("y", echoes(1), SECOND), WALLETS[:2])]
    found = run_two(node.url, "http://127.0.0.1:1", work)
    good, *bad = texts(found)
    assert good == "x:31337:only 01 [1]"
    assert [type(error) for error in bad] == [ProviderUnavailable] * 2
    assert list(found.blocks) == [CHAIN]
    assert found.rounds == {CHAIN: 1, SECOND: 0}


def test_an_endpoint_of_another_chain_fails_every_job(node: Node) -> None:
    """Its answers are of no use, however good they look."""
    work = [*jobs(SmallAdapter("x", echoes(1))), *jobs(SmallAdapter("y", echoes(1), SECOND))]
    good, bad = texts(run_two(node.url, node.url, work))
    assert good == "x:31337:only 01 [1]"
    assert isinstance(bad, WrongChain)
    assert (bad.expected, bad.answered) == (SECOND, CHAIN)


def test_a_block_that_is_not_there_fails_every_job(node: Node) -> None:
    """A number to come."""
    [error] = texts(run_on(node.url, jobs(SmallAdapter("x", echoes(1))), block="123456")[0])
    assert isinstance(error, BlockUnavailable)
