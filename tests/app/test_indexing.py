"""Runs of `index` on the local chain: nothing lost, nothing doubled, one block, honest about what failed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import stamina

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
from aggregator.store.index_runs import IndexRuns
from tests.app.index_kills import compare, kill_often
from tests.app.index_kit import EVERYWHERE, Desk, desk, kept
from tests.cli.test_local import break_options
from tests.devnet.node import CHAIN_ID, HISTORY_BLOCKS
from tests.devnet.world import World
from tests.reading.servers import Refusal, Server, proxy
from tests.store.blank import blank

COUNT, SIZE = 13, 4


@pytest.fixture(autouse=True)
def _quick_retries() -> Iterator[None]:
    """Retries happen, but nobody waits for them."""
    with stamina.set_testing(True, attempts=2):
        yield


@pytest.fixture
def here(devnet: World, tmp_path: Path) -> Iterator[Desk]:
    """A few wallets, and an empty database."""
    with desk(devnet, tmp_path, COUNT) as found:
        blank(found.config().database)
        yield found


@contextmanager
def endpoint(here: Desk, change: Any) -> Iterator[Settings]:
    """The settings with a proxy before the node; `change` as for `proxy`."""
    with Server(proxy(here.world.node.url, change)) as server:
        config = here.config()
        chain = config.chains[CHAIN_ID]
        endpoints = (EndpointSettings(name="proxy", url=server.url),)
        changed = chain.model_copy(update={"endpoints": endpoints})
        yield config.model_copy(update={"chains": {**config.chains, CHAIN_ID: changed}})


class Stop(Exception):
    """Raised by a listener: ends a run as an interruption does."""


def stopped_after(here: Desk, config: Settings, wallets: int, **options: Any) -> list[Indexed]:
    """Run until so many wallets are kept; all that was told."""
    heard: list[Indexed] = []

    def told(state: Indexed) -> None:
        heard.append(state)
        if state.run.done >= wallets:
            raise Stop

    source = options.pop("source", None) or wallet_lists.of_file(here.csv)
    with pytest.raises(Stop):
        indexing.index(source, EVERYWHERE, config, block_size=SIZE, told=told, **options)
    return heard


def test_snapshots_are_those_that_each_wallet_alone_has(here: Desk) -> None:
    """The same ids as `snapshot take` at that block, however the list is divided; again changes nothing."""
    config = here.config()
    found = here.index(config, SIZE)
    assert (found.run.done, found.run.complete, found.created) == (COUNT, COUNT, COUNT)
    assert found.run.ended_at is not None
    [block] = found.run.blocks.values()
    warehouse = app.warehouse(config)
    ids = {line.wallet: line.id for line in warehouse.for_reading().snapshots()}
    for wallet in here.wallets[:SIZE]:
        answer = app.read(replace(EVERYWHERE, wallets=(wallet,), block=block.hash), config)
        [saved] = app.save_all(app.check(answer), answer, config, trigger="snapshot", published=False)
        assert (saved.id, saved.created) == (ids[wallet], False)
    before = kept(config.database)
    again = here.index(config, 9)
    assert (again.run.id, again.created, again.run.complete) == (found.run.id, 0, COUNT)
    assert kept(config.database) == before
    here.world.node.mine()
    later = here.index(config, SIZE)
    assert (later.run.id == found.run.id, later.created) == (False, COUNT)


def test_a_run_that_was_stopped_goes_on_at_its_block(here: Desk) -> None:
    """Also where the chain is further; what was kept is not read again, and readers see it already."""
    config = here.config()
    heard = stopped_after(here, config, 2 * SIZE)
    assert [state.run.done for state in heard] == [0, SIZE, 2 * SIZE]
    assert len(app.list_snapshots(config)) == 2 * SIZE
    here.world.node.mine(3)
    planned = indexing.plan(wallet_lists.of_file(here.csv), EVERYWHERE, config)
    assert planned.run == heard[-1].run
    found = here.index(config, 3)
    assert (found.run.id, found.begun, found.created) == (heard[0].run.id, 2 * SIZE, COUNT - 2 * SIZE)
    assert found.run.blocks == heard[0].run.blocks
    assert len(app.list_snapshots(config)) == COUNT


def test_restart_begins_anew_at_a_new_block(here: Desk) -> None:
    """The former run has ended where it was; other lists and selections are other runs anyway."""
    config = here.config()
    first = stopped_after(here, config, SIZE)[-1].run
    here.world.node.mine()
    other = replace(EVERYWHERE, adapters=("wallet",))
    assert indexing.plan(wallet_lists.of_file(here.csv), other, config).run is None
    here.csv.write_text("\n".join(reversed(here.wallets)), encoding="utf-8")
    assert indexing.plan(wallet_lists.of_file(here.csv), EVERYWHERE, config).run is None
    here.csv.write_text("\n".join(here.wallets), encoding="utf-8")
    assert indexing.plan(wallet_lists.of_file(here.csv), EVERYWHERE, config).run == first
    planned = indexing.plan(wallet_lists.of_file(here.csv), EVERYWHERE, config, restart=True)
    second = here.index(config, SIZE, restart=True)
    assert (planned.run, planned.blocks) == (None, second.run.blocks)
    assert (second.begun, second.created) == (0, COUNT)
    assert second.run.blocks != first.blocks
    assert indexing.plan(wallet_lists.of_file(here.csv), EVERYWHERE, config).run is None


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
                runs.add(len(app.list_snapshots(config)))
                assert {line.status for line in app.list_snapshots(config)} <= {"complete"}
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


def test_wallets_of_a_query_are_those_of_its_first_answer(here: Desk) -> None:
    """The run goes on with them although the query answers otherwise meanwhile; then they are forgotten."""
    config = here.config()
    for wallet in here.wallets[:12]:
        app.add_wallet(config, wallet)
    sql = "SELECT address FROM wallet ORDER BY added_at"

    def source() -> wallet_lists.Source:
        return wallet_lists.of_query("sql", sql, {}, config)

    first = stopped_after(here, config, SIZE, source=source())[-1].run
    assert first.wallets == 12
    for wallet in here.wallets[:8]:
        app.remove_wallet(config, wallet)
    found = indexing.index(source(), EVERYWHERE, config, block_size=SIZE)
    assert (found.run.id, found.begun, found.run.complete) == (first.id, SIZE, 12)
    assert {line.wallet for line in app.list_snapshots(config)} == set(here.wallets[:12])
    assert IndexRuns(config.database).wallets(first.id) == []
    assert indexing.plan(source(), EVERYWHERE, config).wallets == 4


def test_a_query_that_ships_gives_wallets(here: Desk) -> None:
    """With parameters and a named column."""
    config = here.config()
    here.index(config, COUNT)
    name, column = "wallet_fragility_ranking", "wallet"
    found = wallet_lists.of_query(name, None, {}, config, column)
    assert 0 < len(found.wallets) <= COUNT
    assert set(found.wallets.part(0, COUNT)) <= set(here.wallets)
    odd = wallet_lists.of_query("sql", "SELECT $w AS wallet", {"w": here.wallets[0]}, config)
    assert odd.wallets.part(0, 2) == (here.wallets[0],)


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


def test_killed_twice_and_nothing_is_lost_or_doubled(devnet: World, tmp_path: Path) -> None:
    """`python -m tests.app.index_kills` does it to 10,000 wallets."""
    with desk(devnet, tmp_path, 60) as here:
        config = here.config()
        outcome = kill_often(here, config, 2, 8, seed=5)
        assert len(outcome.done) == 2
        assert outcome.mib < 1024
        compare(here, config, 30)
