"""What is judged with price history: health, recordings, snapshots, runs over lists of wallets."""

from __future__ import annotations

from pathlib import Path

from aggregator import settings
from aggregator.app import Selection, read
from aggregator.model.units import parse_address
from aggregator.pricing.returns import DAY_S, day_text, ended_day
from aggregator.reading.recording import Recording
from cli.exits import Exit
from tests.cli.price_feeds import PRICES, health, updated
from tests.cli.runner import crossmargin
from tests.devnet.world import World
from tests.docs.test_schema import errors


def test_health_uses_what_is_kept_and_says_so(priced: World) -> None:
    """Before it the defaults; afterwards larger ranges, by the same number of requests."""
    before = health(priced)
    assert before["data"]["framework"]["history"] is None
    assert any(flag.startswith("no price history") for flag in before["data"]["flags"])
    updated()
    after = health(priced)
    used = after["data"]["framework"]["history"]
    assert used["last_day"] == day_text(ended_day(priced.node.timestamp))
    assert set(used["source"].split(":")[0].split(", ")) == set(PRICES)
    assert used["source"].endswith(": Chainlink on local")
    assert after["data"]["framework"]["parameters_hash"] == before["data"]["framework"]["parameters_hash"]
    assert after["data"]["framework"]["scenario_hash"] != before["data"]["framework"]["scenario_hash"]
    assert float(after["data"]["requirement_usd"]) > float(before["data"]["requirement_usd"])
    assert not any(flag.startswith("no price history") for flag in after["data"]["flags"])
    assert errors("health.json", after) == []


def test_a_check_asks_for_no_prices(priced: World, tmp_path: Path) -> None:
    """The same requests and rounds, whether nothing is kept or everything."""
    config = settings.load(tmp_path / "local.toml")
    chosen = Selection((parse_address(priced.wallets["hedged"]),))
    read(chosen, config)  # what else the cache remembers is there afterwards
    before = read(chosen, config)
    updated()
    after = read(chosen, config)
    assert before.history is None
    assert after.history is not None
    assert (after.requests, after.rounds) == (before.requests, before.rounds)


def test_two_runs_and_a_replay_print_the_same_bytes(priced: World, tmp_path: Path) -> None:
    """The history travels with the recording, whatever the cache says later; the snapshot keeps which."""
    updated()
    wallet, file = priced.wallets["hedged"], tmp_path / "wallet.cmrec"
    live = [crossmargin("health", wallet, "--json").out for _ in range(2)]
    assert live[0] == live[1]
    for name in ("one.cmrec", "wallet.cmrec"):
        assert crossmargin("record", str(tmp_path / name), wallet).code == 0
    assert file.read_bytes() == (tmp_path / "one.cmrec").read_bytes()
    taken = crossmargin("snapshot", "take", wallet, "--json").json()["data"]
    (tmp_path / "reading.sqlite").unlink()
    assert crossmargin("replay", str(file), "--json").out == live[0]
    replayed = crossmargin("replay", str(file), "snapshot", "take", "--json").json()["data"]
    assert replayed == taken | {"created": False}
    shown = crossmargin("snapshot", "show", taken["snapshot_id"], "--json").json()
    assert shown["data"]["health"]["framework"]["history"] is not None
    assert errors("snapshot-show.json", shown) == []
    verified = crossmargin("snapshot", "verify", taken["snapshot_id"], "--json")
    assert verified.code == 0, verified.out
    query = "SELECT history_source, history_last_day, length(history_hash) FROM risk_result"
    assert "Chainlink on local" in crossmargin("query", "--sql", query).out
    without = crossmargin("health", wallet, "--json").out
    assert without != live[0]


def test_a_recording_with_a_damaged_history_is_refused(priced: World, tmp_path: Path) -> None:
    """It is no recording; one that says an earlier version has no history."""
    updated()
    file = tmp_path / "wallet.cmrec"
    assert crossmargin("record", str(file), priced.wallets["hedged"]).code == 0
    recording = Recording.load(file)
    recording.request["history"]["values"][3] = [1e9, 0.0]
    recording.save(file)
    result = crossmargin("replay", str(file))
    assert result.code == Exit.USAGE
    assert "price history" in result.err


def test_history_that_is_too_old_is_not_used(priced: World) -> None:
    """Seven days after its last one it still is; on the eighth a warning says why it is no longer."""
    updated()
    with priced.isolated():
        priced.node.warp(7 * DAY_S)
        assert health(priced)["data"]["framework"]["history"] is not None
        priced.node.warp(DAY_S)
        result = crossmargin("health", priced.wallets["hedged"], "--json")
        assert result.json()["data"]["framework"]["history"] is None
        assert "crossmargin history update" in result.err


def test_an_earlier_block_knows_no_later_day(priced: World) -> None:
    """What had not happened yet is not used: a block of a month ago has the history up to then, or none."""
    updated()
    with priced.isolated():
        number = priced.node.block_number
        before = health(priced)["data"]["framework"]["history"]
        priced.node.warp(3 * DAY_S)
        priced.node.mine(100)
        assert updated()["days_asked"] == 2 * 3
        assert (
            health(priced, "--block", str(number), "--chain", "local")["data"]["framework"]["history"]
            == before
        )


def test_a_list_of_wallets_is_judged_with_it(priced: World, tmp_path: Path) -> None:
    """Every snapshot of a run has the same history."""
    updated()
    (tmp_path / "wallets.txt").write_text(f"{priced.wallets['hedged']}\n{priced.wallets['edge']}\n")
    block = str(priced.node.block_number)
    indexed = crossmargin("index", str(tmp_path / "wallets.txt"), "--block", block, "--chain", "local")
    assert indexed.code == 0, indexed.err
    rows = crossmargin(
        "query", "--sql", "SELECT DISTINCT history_source, history_hash FROM risk_result", "--csv"
    )
    assert len(rows.out.splitlines()) == 2
    assert "Chainlink on local" in rows.out
