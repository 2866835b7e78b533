"""Discovery by a subgraph: by hand, and of the real contract with a subgraph that indexes it."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import stamina

from adapters.morpho_blue import calls
from adapters.morpho_blue.discovery import OVERLAP, Discovered, MarketId, discover
from adapters.morpho_blue.subgraph import CONTRACTS, MARKETS, SCHEMA
from aggregator import app, settings
from aggregator.abi.graph import Page, pack
from aggregator.contract import Deployment, Log, Logs, Row, Subgraph
from aggregator.model.errors import (
    BlockUnavailable,
    MalformedReply,
    NoSubgraph,
    ProviderUnavailable,
    ReadError,
    StaleSource,
    SubgraphRefused,
    Unsupported,
)
from aggregator.model.readings import Failure, Reading
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.reading.chain import ChainReader
from aggregator.reading.client import Client
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.recording import Recording
from aggregator.reading.run import Job, Run, drive, run
from aggregator.reading.subgraph import Source, Subgraphs
from aggregator.reading.transport import Rpc
from tests.adapters.morpho_blue.indexer import index, indexed, opened
from tests.adapters.morpho_blue.kit import CHAIN, adapter_of, deployment_of, read_morpho
from tests.devnet.world import World
from tests.reading.graph_server import Graph
from tests.reading.servers import Answer, Reply, Server
from tests.reading_kit import pin

MORPHO, WALLET, OTHER = (Address("0x" + digit * 40) for digit in "1c2")
PINNED = 1_000
STETH, LOOP, IDLE = "wstETH/USDC", "wstETH/WETH", "idle USDC"


@pytest.fixture(autouse=True)
def _quick_retries() -> Iterator[None]:
    """Retries happen, but nobody waits for them."""
    with stamina.set_testing(True, attempts=2):
        yield


def entry(first_block: int | None = None, **options: object) -> Deployment:
    """A deployment whose markets a subgraph names."""
    given = {"discovery": "graphql", **options}
    deployment = Deployment("morpho_blue", ChainId(1), "Morpho", {"morpho": MORPHO}, "a test")
    return replace(deployment, first_block=first_block, options=given)


def reply(request: Any, *rows: dict[str, Any], lag: int = 0, errors: bool = False) -> Any:
    """What a subgraph answers that is so many blocks behind; a reply that can't be read is its error."""
    assert isinstance(request, Subgraph)
    page = Page(PINNED - lag, None, "Qm", has_indexing_errors=errors, rows=tuple(map(Row, rows)))
    try:
        return request.decode(pack(PINNED, [page]))
    except MalformedReply as error:
        return error


def used(market: int, side: str = "SUPPLIER") -> dict[str, Any]:
    """A position in a market."""
    identity = "0x" + f"{market:02x}" * 32
    return {"id": f"{identity}-{side}", "market": {"id": identity}}


def market(number: int) -> MarketId:
    """Its id."""
    return MarketId(bytes([number] * 32))


def supplied(number: int, block: int) -> Log:
    """A log of a supply for the wallet."""
    wallet = bytes.fromhex(WALLET[2:]).rjust(32, b"\0")
    topics = (calls.SUPPLY.topic, market(number), bytes(32), wallet)
    return Log(MORPHO, topics, bytes(64), block, "0x" + "0" * 64, "0x" + "0" * 64, 0)


def ended(read: Any, replies: list[Any]) -> Discovered:
    """What a discovery comes to with its last replies."""
    with pytest.raises(StopIteration) as end:
        read.send(replies)
    assert isinstance(end.value.value, Discovered)
    return end.value.value


ABOUT = {"id": MORPHO}


def test_a_subgraph_that_has_the_block_takes_one_round() -> None:
    """Two requests, of which one is shared by all wallets; each market once, whatever its side."""
    read = discover(entry(), WALLET)
    asked = next(read)
    assert asked == [CONTRACTS.of(SCHEMA), MARKETS.of(SCHEMA, account=WALLET)]
    rows = [used(7, "COLLATERAL"), used(7), used(8)]
    found = ended(read, [reply(asked[0], ABOUT), reply(asked[1], *rows)])
    assert found == Discovered((market(7), market(8)))


def test_one_that_is_named_is_asked_by_its_name() -> None:
    """Two forks of one chain have two subgraphs."""
    asked = next(discover(entry(subgraph="mine"), WALLET))
    assert asked == [CONTRACTS.of("mine"), MARKETS.of("mine", account=WALLET)]


@pytest.mark.parametrize(
    ("lag", "first_block", "since"),
    [(5, None, PINNED - 5 + 1 - OVERLAP), (5, PINNED - 20, PINNED - 20), (PINNED - 3, None, 0)],
)
def test_what_it_does_not_know_yet_is_found_in_logs(lag: int, first_block: int | None, since: int) -> None:
    """Up to the pinned block, from some before its last one on; both are told, and a round more is taken."""
    read = discover(entry(first_block), WALLET)
    asked = next(read)
    [request] = read.send([reply(asked[0], ABOUT, lag=lag), reply(asked[1], used(7), lag=lag)])
    assert isinstance(request, Logs)
    assert (request.addresses, request.from_block, request.to_block) == ((MORPHO,), since, None)
    assert request.topics[0] == (calls.SUPPLY.topic, calls.SUPPLY_COLLATERAL.topic)
    found = ended(read, [(supplied(7, PINNED - 2), supplied(9, PINNED - 1))])
    assert found.markets == (market(7), market(9))
    behind, completed = found.warnings
    assert f"is {lag} blocks behind" in behind
    assert completed == f"Morpho: markets used since block {PINNED - lag} are from logs"


def test_indexing_errors_are_told() -> None:
    """They may be markets that are missing."""
    read = discover(entry(), WALLET)
    asked = next(read)
    found = ended(read, [reply(asked[0], ABOUT), reply(asked[1], errors=True)])
    assert found.markets == ()
    assert "indexing errors" in str(found.warnings)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    "error",
    [
        NoSubgraph(1, SCHEMA),
        StaleSource("morpho", 1, 900, 50),
        SubgraphRefused("morpho", "no"),
        ProviderUnavailable("morpho", "gone"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_subgraph_that_fails_fails_the_read(error: ReadError, place: int) -> None:
    """No logs are asked in its stead: nobody would notice."""
    read = discover(entry(1), WALLET)
    asked = next(read)
    replies = [reply(asked[0], ABOUT), reply(asked[1])]
    replies[place] = error
    with pytest.raises(type(error)):
        read.send(replies)


def test_logs_that_fail_fail_the_read() -> None:
    """What a subgraph does not know is not nothing."""
    read = discover(entry(), WALLET)
    asked = next(read)
    read.send([reply(asked[0], ABOUT), reply(asked[1], lag=1)])
    with pytest.raises(ProviderUnavailable):
        read.send([ProviderUnavailable("endpoint", "no logs")])


@pytest.mark.parametrize("rows", [(), ({"id": OTHER},)])
def test_a_subgraph_of_another_contract_is_refused(rows: tuple[dict[str, Any], ...]) -> None:
    """It would name no position of anybody."""
    read = discover(entry(), WALLET)
    asked = next(read)
    with pytest.raises(Unsupported, match=f"not {MORPHO}"):
        read.send([reply(asked[0], *rows), reply(asked[1])])


@pytest.mark.parametrize("identity", ["0x12", "", "0x" + "g" * 64, "1" * 64, None, 7, "0x" + "1" * 66])
def test_what_is_no_market_is_refused(identity: object) -> None:
    """Never the others alone."""
    read = discover(entry(), WALLET)
    asked = next(read)
    rows = [used(1), {"id": "a", "market": {"id": identity}}]
    rows.sort(key=lambda row: str(row["id"]))
    with pytest.raises(MalformedReply, match=r"market\.id"):
        read.send([reply(asked[0], ABOUT), reply(asked[1], *rows)])


def read_indexed(
    world: World, answer: Answer, *wallets: str, max_lag_blocks: int = 50, **options: object
) -> Run:
    """What the adapter reads of wallets with a subgraph."""
    deployment = replace(deployment_of(world.morpho_blue, discovery="graphql", **options), first_block=None)
    adapter = adapter_of(deployment)
    jobs = [Job(adapter, deployment, parse_address(wallet)) for wallet in wallets]

    async def live(url: str) -> Run:
        async with Client() as client:
            source = Source(Endpoint("morpho", url), SCHEMA, max_lag_blocks)
            rpc = Rpc([Endpoint("local", world.node.url)], CHAIN, client)
            reader = ChainReader(rpc, subgraphs=Subgraphs([source], client))
            return await run(jobs, {CHAIN: reader}, "latest")

    with Server(answer) as server:
        return asyncio.run(live(server.url))


def reading(found: Run) -> Reading:
    """The only reading of a run; raises its error."""
    [outcome] = found.outcomes
    if isinstance(outcome.result, Failure):
        raise outcome.result.error
    return outcome.result


def by_id(found: Reading) -> list[Any]:
    """Accounts in the order of their ids: a subgraph has another one than the chain."""
    return sorted(found.accounts, key=lambda account: account.id)


def live_in(world: World, user: str) -> None:
    """A loan, a supply in an idle market, collateral that another paid for, and a market that was left."""
    morpho, friend = world.morpho_blue, world.spare[1]
    morpho.supply_collateral(user, STETH, 10)
    morpho.borrow(user, STETH, raw=15_000 * 10**6)
    morpho.supply(user, IDLE, 7)
    morpho.supply_collateral(friend, LOOP, 1)
    morpho.withdraw_collateral(friend, LOOP, raw=10**18)
    world.tokens["wstETH"].send("approve", morpho.morpho.address, 10**18, sender=friend)
    morpho.morpho.send("supplyCollateral", morpho.params(LOOP), 10**18, user, b"", sender=friend)
    morpho.supply_collateral(user, "WBTC/USDC", 2)
    morpho.withdraw_collateral(user, "WBTC/USDC", raw=2 * 10**8)


def test_a_subgraph_finds_what_logs_find(devnet: World) -> None:
    """In three rounds, for the wallet, one that left, and one that was never there."""
    user, friend = devnet.spare[:2]
    live_in(devnet, user)
    graph = indexed(devnet)
    found = read_indexed(devnet, graph, user)
    assert len(reading(found).accounts) == 3
    assert by_id(reading(found)) == by_id(read_morpho(devnet, user))
    assert reading(found).warnings == ()
    assert found.rounds == {CHAIN: 3}
    for wallet in (friend, devnet.wallets["empty"]):
        assert reading(read_indexed(devnet, graph, wallet)).accounts == ()


def test_twenty_wallets_ask_for_the_contract_once(devnet: World) -> None:
    """One request each, and one that all share."""
    graph = indexed(devnet)
    found = read_indexed(devnet, graph, *devnet.spare)
    assert all(isinstance(outcome.result, Reading) for outcome in found.outcomes)
    assert len(graph.queries) == len(devnet.spare) + 1


def test_a_subgraph_that_is_behind_misses_nothing(devnet: World) -> None:
    """A market that is first used after its last block is found in logs, in a fourth round."""
    user, morpho = devnet.spare[0], devnet.morpho_blue
    morpho.supply_collateral(user, STETH, 10)
    graph = indexed(devnet)
    behind = devnet.node.block_number
    morpho.supply(user, IDLE, 7)
    found = read_indexed(devnet, graph, user)
    assert by_id(reading(found)) == by_id(read_morpho(devnet, user))
    assert len(reading(found).accounts) == 2
    assert found.rounds == {CHAIN: 4}
    lag = devnet.node.block_number - behind
    assert f"subgraph {SCHEMA} is {lag} blocks behind" in str(reading(found).warnings)
    assert f"markets used since block {behind:,} are from logs" in str(reading(found).warnings)


def test_a_branch_that_is_gone_hides_nothing(devnet: World) -> None:
    """It lacks an event of its last block's number, because it saw another block there."""
    user, morpho = devnet.spare[0], devnet.morpho_blue
    before = opened(devnet, morpho, devnet.node.block_number)
    morpho.supply(user, IDLE, 7)
    graph = indexed(devnet, upto=1)
    index(graph, devnet, devnet.node.block_number, before, block_hash="0x" + "ee" * 32)
    devnet.node.mine(2)
    found = read_indexed(devnet, graph, user)
    assert by_id(reading(found)) == by_id(read_morpho(devnet, user)) != []


def test_one_too_far_behind_is_stale(devnet: World) -> None:
    """A failure by its name, whatever logs would say."""
    graph = indexed(devnet)
    devnet.node.mine(3)
    with pytest.raises(StaleSource, match="morpho"):
        reading(read_indexed(devnet, graph, devnet.spare[0], max_lag_blocks=2))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda _: Reply(503), ProviderUnavailable),
        (lambda _: Reply(200, b'{"errors": [{"message": "no"}]}'), SubgraphRefused),
        (lambda _: Reply(200, b"<html>"), ReadError),
    ],
)
def test_one_that_does_not_answer_is_named(devnet: World, answer: Answer, error: type[ReadError]) -> None:
    """Nothing else is read in its stead."""
    with pytest.raises(error, match="morpho"):
        reading(read_indexed(devnet, answer, devnet.spare[0]))


def test_another_branch_at_the_block_is_refused(devnet: World) -> None:
    """It answers by number, of a block with another hash."""
    graph = indexed(devnet, upto=1)
    index(graph, devnet, devnet.node.block_number, (), block_hash="0x" + "ee" * 32)
    with pytest.raises(BlockUnavailable, match="another branch"):
        reading(read_indexed(devnet, graph, devnet.spare[0]))


def test_a_subgraph_of_a_fork_is_refused(devnet: World) -> None:
    """And a market that is none of the contract's, where it lies about that."""
    user, graph = devnet.spare[0], indexed(devnet, upto=1)
    index(graph, devnet, devnet.node.block_number, (), contract=OTHER)
    with pytest.raises(Unsupported, match=OTHER):
        reading(read_indexed(devnet, graph, user))
    row = {**used(5), "account": {"id": user.lower()}}
    index(graph, devnet, devnet.node.block_number, (row,))
    [failure] = reading(read_indexed(devnet, graph, user)).failures
    assert isinstance(failure.error, Unsupported)
    assert re.search(r"no such market .* the subgraph is wrong", str(failure.error))


def test_none_is_configured(devnet: World) -> None:
    """Told by the schema that is missing, or by the name."""
    with pytest.raises(NoSubgraph, match=SCHEMA):
        read_morpho(devnet, devnet.spare[0], discovery="graphql")
    with pytest.raises(NoSubgraph, match="mine"):
        reading(read_indexed(devnet, indexed(devnet), devnet.spare[0], subgraph="mine"))


def test_probe_says_how_far_it_has_come(devnet: World) -> None:
    """Or that it is another contract's."""
    deployment = deployment_of(devnet.morpho_blue, discovery="graphql")
    block = pin(devnet.node.url)

    async def probe(url: str) -> tuple[str, ...]:
        async with Client() as client:
            rpc = Rpc([Endpoint("local", devnet.node.url)], CHAIN, client)
            source = Source(Endpoint("morpho", url), SCHEMA, 50)
            reader = ChainReader(rpc, subgraphs=Subgraphs([source], client))
            await reader.pin("latest")
            return (await drive(adapter_of(deployment).probe(deployment, block), reader, block))[0]

    with Server(indexed(devnet)) as server:
        said = asyncio.run(probe(server.url))
    named = f"by subgraph {SCHEMA} until block {block.number}, then by logs"
    assert said[0] == f"markets of a wallet are named {named}"
    foreign = Graph(indexed(devnet).schema)
    index(foreign, devnet, block.number, (), contract=OTHER)
    with Server(foreign) as server, pytest.raises(Unsupported, match=OTHER):
        asyncio.run(probe(server.url))


def test_a_recording_answers_alike(devnet: World, tmp_path: Path) -> None:
    """From the configuration to the answer, with a subgraph that is behind; and the replay of it."""
    user = devnet.spare[0]
    devnet.morpho_blue.supply(user, STETH, 100)
    graph = indexed(devnet)
    devnet.morpho_blue.supply(user, IDLE, 7)
    config = tomllib.loads(devnet.config())
    config["deployments"]["morpho_blue"][0]["options"] = {"discovery": "graphql", "subgraph": "mine"}
    path = tmp_path / "a.cmrec"
    with Server(graph) as server:
        config["subgraphs"] = [{"name": "mine", "chain": CHAIN, "url": server.url, "schema": SCHEMA}]
        built = settings.build(config, "a test")
        chosen = app.Selection((user,), adapters=("morpho_blue", "aave_v3"))
        live = app.read(chosen, built, record_to=path)
        # By what earlier reads foresee, too.
        assert {len(app.read(chosen, built).portfolios[0].accounts) for _ in range(3)} == {2}
        assert app.read(chosen, built).portfolios == live.portfolios
    [portfolio] = live.portfolios
    assert portfolio.failures == ()
    assert len([a for a in portfolio.accounts if a.protocol == "morpho_blue"]) == 2
    assert "subgraph mine is" in str(portfolio.warnings)
    assert app.replay(Recording.load(path)).portfolios == live.portfolios
