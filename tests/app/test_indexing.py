"""Runs of `index` on the local chain: each wallet once, at one block, however the run comes to its end."""

from __future__ import annotations

from dataclasses import replace

from aggregator import app
from aggregator.app import indexing, wallet_lists
from aggregator.store.index_runs import IndexRuns
from tests.app.index_kit import COUNT, EVERYWHERE, SIZE, Desk, kept, stopped_after


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


def test_wallets_of_a_query_are_those_of_its_first_answer(here: Desk) -> None:
    """The run goes on with them although the query answers otherwise meanwhile; then they are forgotten."""
    config = here.config()
    app.group_wallets(config, "desk", here.wallets[:12])
    sql = "SELECT address FROM wallet_group JOIN wallet USING (address) ORDER BY added_at"

    def source() -> wallet_lists.Source:
        return wallet_lists.of_query("sql", sql, {}, config)

    first = stopped_after(here, config, SIZE, source=source())[-1].run
    assert first.wallets == 12
    app.ungroup_wallets(config, "desk", here.wallets[:8])
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
