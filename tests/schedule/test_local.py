"""Slots on the real contracts of the local chain: at their own blocks, once, again when those are gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import stamina

from aggregator import app
from aggregator.model.errors import UnusablePrice
from aggregator.model.units import ChainId
from aggregator.schedule.definitions import jobs
from aggregator.schedule.passes import Heads
from aggregator.schedule.taking import LiveChains, WarehouseLedger
from aggregator.store.saved import Summary
from tests.cli.test_local import break_options
from tests.devnet.node import HISTORY_BLOCKS
from tests.devnet.world import World
from tests.schedule.kit import SLOT_S, Desk, desk


@pytest.fixture(autouse=True)
def _quick_retries() -> Iterator[None]:
    """Retries happen, but nobody waits for them."""
    with stamina.set_testing(True, attempts=2):
        yield


@pytest.fixture
def here(devnet: World, tmp_path: Path) -> Desk:
    """A desk on a chain that is undone afterwards, at the start of a slot."""
    found = desk(devnet, tmp_path)
    found.advance(1)
    return found


def snapshots(found: Desk) -> dict[str, Summary]:
    """Every snapshot that readers see, by its id."""
    return {one.id: one for one in app.list_snapshots(found.config)}


def ledger_snapshots(found: Desk, ids: Sequence[str]) -> list[Summary]:
    """These snapshots as they are committed, published or not."""
    return [one for one in app.warehouse(found.config).snapshots() if one.id in ids]


def test_a_slot_is_taken_once_at_its_block(here: Desk) -> None:
    """The last block that is not newer than the slot; a second pass finds nothing to do."""
    done = here.once()
    [(run, taken)] = done.done
    assert (run.outcome, run.reason, done.waiting) == ("ok", None, ())
    assert run.due_at.timestamp() % SLOT_S == 0
    assert [one.risk.score is not None for one in taken.checked] == [True, True]
    kept = snapshots(here)
    assert sorted(kept) == sorted(run.snapshots)
    for one in kept.values():
        assert (one.trigger, one.status) == ("schedule", "complete")
        [block] = app.warehouse(here.config).blocks([one.id])[one.id]
        assert block.timestamp <= run.due_at.timestamp() < here.world.node.timestamp
        assert block.number == here.world.node.block_number - 1
    assert here.once().done == ()
    assert here.runs() == [run]


def test_what_was_missed_is_caught_up_at_its_own_blocks(here: Desk) -> None:
    """Three slots later each has the state of its own moment: the price that was then."""
    here.once()
    prices = [2_100, 1_900, 2_000]
    for price in prices:
        here.world.prices.set(ETH=price)
        here.advance(1)
    done = here.once().done
    assert [run.outcome for run, _ in done] == ["ok"] * 3
    slots = [int(run.due_at.timestamp()) for run in here.runs()]
    assert slots == list(range(slots[0], slots[0] + 4 * SLOT_S, SLOT_S))
    seen = [taken.checked[0].portfolio.spots["ETH"] for _, taken in done]
    # The price of a slot is the one that was set before the block that comes before it.
    assert seen == pytest.approx(prices, rel=1e-3)


def test_a_state_that_the_node_no_longer_has_is_missed(here: Desk) -> None:
    """With the reason, and the newer slots are taken nevertheless."""
    here.once()
    here.advance(2)
    here.world.node.mine(HISTORY_BLOCKS + 6)
    here.advance(1)
    runs = [run for run, _ in here.once().done]
    assert [run.outcome for run in runs[:2]] == ["missed", "missed"]
    assert all("pruned" in (run.reason or "") for run in runs[:2])
    assert runs[-1].outcome == "ok"


def test_slots_beyond_the_bound_are_recorded_as_missed(devnet: World, tmp_path: Path) -> None:
    """Of five slots the newest two are taken; the others say why not."""
    here = desk(devnet, tmp_path, catch_up=2)
    here.advance(1)
    here.once()
    here.advance(5)
    runs = [run for run, _ in here.once().done]
    assert [run.outcome for run in runs] == ["missed"] * 3 + ["ok"] * 2
    assert {run.reason for run in runs[:3]} == {
        "5 slots waited to be caught up, of which only the newest 2 are taken"
    }
    assert all(run.started_at is None and run.snapshots == () for run in runs[:3])


def test_a_reorganised_slot_is_taken_again(here: Desk) -> None:
    """Its snapshots are orphaned, and new ones are of the blocks that the chain has now."""
    node = here.world.node
    here.advance(2)
    [(before, _)] = here.once().done
    node.rpc("anvil_rollback", 2)
    node.mine()
    here.advance(3)
    done = here.once().done
    again = {run.due_at: run for run, _ in done}[before.due_at]
    assert again.outcome == "ok"
    assert not set(again.snapshots) & set(before.snapshots)
    status = {id_: one.status for id_, one in snapshots(here).items()}
    assert {status[one] for one in before.snapshots} == {"orphaned"}
    assert {status[one] for one in again.snapshots} == {"complete"}
    assert [run.outcome for run in here.runs()] == ["ok"] * len(here.runs())


def test_an_outage_of_the_node_is_no_loss(here: Desk) -> None:
    """While nobody answers slots fail; once somebody does they are taken."""
    here.once()
    here.advance(2)
    silent = here.once("http://127.0.0.1:1")
    assert silent.silent
    assert [run.outcome for run, _ in silent.done] == ["failed", "failed"]
    assert [run.outcome for run, _ in here.once().done] == ["ok", "ok"]
    assert [run.outcome for run in here.runs()] == ["ok"] * 3


def test_what_is_missing_makes_a_slot_partial(here: Desk) -> None:
    """A deployment that can't be read, or a chain that has no block after the slot: the reason names it."""
    [job], ledger = jobs(here.config), WarehouseLedger(here.config)
    chains, slot = LiveChains(here.config, ledger), here.time().replace(second=0)
    chain, moment = ChainId(here.world.node.chain_id), int(slot.timestamp())
    taken = chains.take(job, slot, Heads({chain: moment}), late=False)
    assert taken.outcome == "partial"
    assert f"local had no block after the slot: its newest is of {slot:%H:%M:%S}" in taken.reason
    break_options(here.world)
    here.advance(1)
    later = here.time().replace(second=0)
    taken = chains.take(job, later, Heads({chain: moment + 3_600}), late=False)
    assert taken.outcome == "partial"
    assert taken.reason.startswith("lyra_v1 · ")
    assert {one.status for one in ledger_snapshots(here, taken.snapshots)} == {"partial"}


def test_a_group_without_a_wallet_is_missed(here: Desk) -> None:
    """Not an empty success."""
    members = [entry.address for entry in app.list_wallets(here.config, "desk")]
    app.ungroup_wallets(here.config, "desk", members)
    [(run, _)] = here.once().done
    assert run.outcome == "missed"
    assert "has no wallet" in (run.reason or "")


def test_an_endpoint_that_lags_behind_takes_no_slot(here: Desk) -> None:
    """Its newest block is older than the slot, though another one told that the chain has moved on."""
    [job], ledger = jobs(here.config), WarehouseLedger(here.config)
    chains, slot = LiveChains(here.config, ledger), here.time().replace(second=0) + timedelta(minutes=1)
    heads = Heads({ChainId(here.world.node.chain_id): int(slot.timestamp()) + 12})
    taken = chains.take(job, slot, heads, late=False)
    assert (taken.outcome, taken.unreachable, taken.snapshots) == ("failed", True, ())
    assert "the endpoint of local: lags" in taken.reason
    assert app.warehouse(here.config).snapshots() == []
    here.advance(1)
    assert chains.take(job, slot, heads, late=False).outcome == "ok"


def test_a_wallet_that_can_not_be_judged_is_a_failed_slot(
    here: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is tried again and given up like others, and holds up none."""

    def refuse(_: object) -> None:
        raise UnusablePrice("ETH", "a feed", 0)

    monkeypatch.setattr(app, "check", refuse)
    [(run, _)] = here.once().done
    assert run.outcome == "failed"
    assert "the price of ETH" in (run.reason or "")
    monkeypatch.undo()
    assert [run.outcome for run, _ in here.once().done] == ["ok"]
