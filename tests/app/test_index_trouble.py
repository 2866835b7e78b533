"""Runs of `index` that meet trouble: honest about what failed, and nothing lost that was kept."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from aggregator import app
from aggregator.app import index_blocks, indexing, wallet_lists
from aggregator.app.indexing import Indexed
from aggregator.model.errors import (
    BlockUnavailable,
    MalformedReply,
    MissingMulticall,
    StoreLocked,
    TransportError,
)
from aggregator.settings import EndpointSettings, Settings
from tests.app.index_kills import compare
from tests.app.index_kit import COUNT, EVERYWHERE, SIZE, Desk, stopped_after
from tests.cli.test_local import break_options
from tests.devnet.node import CHAIN_ID, HISTORY_BLOCKS
from tests.reading.servers import Refusal, Server, proxy


@contextmanager
def endpoint(here: Desk, change: Any) -> Iterator[Settings]:
    """The settings with a proxy before the node; `change` as for `proxy`."""
    with Server(proxy(here.world.node.url, change)) as server:
        config = here.config()
        chain = config.chains[CHAIN_ID]
        endpoints = (EndpointSettings(name="proxy", url=server.url),)
        changed = chain.model_copy(update={"endpoints": endpoints})
        yield config.model_copy(update={"chains": {**config.chains, CHAIN_ID: changed}})


def test_an_endpoint_that_goes_away_ends_the_run_without_a_failed_snapshot(here: Desk) -> None:
    """In the middle of a block of wallets too; later the run goes on and ends as if nothing had been."""
    calls, last = 0, 2

    def change(method: str, _: list[Any]) -> Refusal | None:
        nonlocal calls
        calls += method == "eth_call"
        return Refusal(-32005, "rate limit") if calls > last and method == "eth_call" else None

    with endpoint(here, change) as config:
        runs = set()
        while True:
            try:
                found = here.index(config, SIZE)
                break
            except TransportError:
                lines = app.list_snapshots(config)
                runs.add(len(lines))
                assert {line.status for line in lines} <= {"complete"}
                calls, last = 0, last + 2
    assert len(runs) > 1
    assert all(done % SIZE == 0 for done in runs)
    assert (found.run.complete, found.run.partial, found.run.failed) == (COUNT, 0, 0)
    compare(here, config, 9)


def test_a_node_that_lost_the_block_is_told_with_the_way_out(here: Desk) -> None:
    """Whichever block of wallets it happens at; `restart` reads everything anew."""
    config = here.config()
    stopped_after(here, config, SIZE)
    here.world.node.mine(HISTORY_BLOCKS + 8)
    with pytest.raises(BlockUnavailable, match="begin it anew with --restart"):
        here.index(config, SIZE)
    assert len(app.list_snapshots(config)) == SIZE
    found = here.index(config, SIZE, restart=True)
    assert (found.begun, found.created, found.run.complete) == (0, COUNT, COUNT)


def test_what_can_not_be_read_is_a_partial_snapshot_and_counted(here: Desk) -> None:
    """By reason; the run ends."""
    break_options(here.world)
    here.world.node.mine()
    config = here.config()
    found = here.index(config, SIZE)
    assert (found.run.complete, found.run.partial, found.run.failed) == (0, COUNT, 0)
    [reason] = found.missing
    assert (reason.first.adapter, reason.count) == ("lyra_v1", COUNT)
    assert {line.status for line in app.list_snapshots(config)} == {"partial"}


def test_a_wallet_that_can_not_be_judged_holds_up_nobody(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a failed snapshot that says why; the others are what they are without it."""
    odd = here.wallets[SIZE + 1]

    def check(answer: app.Answer) -> tuple[app.Checked, ...]:
        for portfolio in answer.portfolios:
            if portfolio.wallet == odd and portfolio.coverage.ok:
                raise MalformedReply("rule", "N is beyond a float")
        return app.check(answer)

    monkeypatch.setattr(index_blocks, "check", check)
    config = here.config()
    found = here.index(config, SIZE)
    assert (found.run.complete, found.run.failed, found.created) == (COUNT - 1, 1, COUNT)
    lines = {line.wallet: line for line in app.list_snapshots(config)}
    stored = app.stored(lines[odd].id, config)
    assert lines[odd].status == "failed"
    assert {str(failure.error) for failure in stored.portfolio.failures} == {
        str(MalformedReply("rule", "N is beyond a float"))
    }
    monkeypatch.undo()
    again = here.index(config, SIZE)
    assert (again.created, again.run.complete) == (1, COUNT)


def test_a_chain_without_multicall_ends_the_run(here: Desk) -> None:
    """Nothing could be read of any wallet: no snapshots of that."""
    here.world.node.set_code(here.world.multicall.address, b"")
    here.world.node.mine()
    config = here.config()
    with pytest.raises(MissingMulticall):
        here.index(config, SIZE)
    assert app.list_snapshots(config) == ()


def test_two_processes_do_not_share_a_run(here: Desk) -> None:
    """Whoever comes second ends, and what the other one keeps is kept once."""
    config = here.config()
    heard: list[Indexed] = []

    def told(state: Indexed) -> None:
        if not heard:
            with ThreadPoolExecutor() as other:
                heard.append(other.submit(here.index, config, SIZE).result())
        heard.append(state)

    with pytest.raises(StoreLocked, match="another process goes on with this run"):
        indexing.index(wallet_lists.of_file(here.csv), EVERYWHERE, config, block_size=SIZE, told=told)
    assert heard[0].run.complete == COUNT
    assert len(app.list_snapshots(config)) == COUNT
