"""`history`, and what health makes of it, on the local chain: a proxy of two feeds with months of rounds."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aggregator import settings
from aggregator.app import Selection, read
from aggregator.model.units import parse_address
from aggregator.pricing.returns import DAY_S, day_text, ended_day
from aggregator.reading.recording import Recording
from cli.exits import Exit
from tests.cli.runner import crossmargin
from tests.devnet.artifacts import compiled
from tests.devnet.chain import Contract
from tests.devnet.world import World
from tests.docs.test_schema import errors

DAYS = 120
PRICES = {"ETH": 2_000.0, "BTC": 40_000.0}


@pytest.fixture(scope="module")
def feeds(world: World) -> Iterator[dict[str, Contract]]:
    """A proxy for each underlying: an old feed up to a month ago, then a new one, two rounds a day each."""
    with world.isolated():
        rng, chain, artifacts = random.Random(1), world.chain, compiled("feed_proxy")
        begin = (world.node.timestamp // DAY_S - DAYS - 1) * DAY_S
        common = [rng.gauss(0.0, 0.05) for _ in range(2 * DAYS + 4)]
        found = {}
        for name, begun in PRICES.items():
            prices, times, price = [], [], begun
            for i, step in enumerate(common):
                price *= math.exp(step + rng.gauss(0.0, 0.01))
                prices.append(round(price * 10**8))
                times.append(min(begin + i * DAY_S // 2 + 3_600, world.node.timestamp))
            found[name] = chain.deploy(artifacts["StandInFeedProxy"])
            for part in (slice(0, -60), slice(-60, None)):
                pair = f"{name} / USD"
                feed = chain.deploy(artifacts["StandInPastFeed"], pair, prices[part], times[part])
                found[name].send("follow", feed.address)
        world.node.mine(100)
        yield found


@pytest.fixture
def local(world: World, feeds: dict[str, Contract], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The chain with its feeds configured, and a cache of its own."""
    configure(world, feeds, tmp_path / "local.toml")
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(tmp_path / "local.toml"))
    monkeypatch.setenv("CROSSMARGIN_CACHE", str(tmp_path / "reading.sqlite"))
    return world


def configure(world: World, feeds: dict[str, Contract], path: Path, **pairs: str) -> None:
    """Write a configuration with these feeds, which call themselves by other `pairs`."""
    entries = [
        f'[[price_feeds]]\nunderlying = "{name}"\nchain = 31337\nfeed = "{feed.address}"\n'
        + (f'pair = "{pairs[name]}"\n' if name in pairs else "")
        for name, feed in feeds.items()
    ]
    path.write_text("history_days = 119\n" + world.config() + "\n" + "\n".join(entries), encoding="utf-8")


def updated(*arguments: str) -> dict[str, Any]:
    """The data of an update that succeeds."""
    result = crossmargin("history", "update", "--json", *arguments)
    assert result.code == 0, result.err
    document = result.json()
    assert errors("history-update.json", document) == []
    data: dict[str, Any] = document["data"]
    return data


def by_name(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The lines of a report."""
    return {line["underlying"]: line for line in data["underlyings"]}


def health(world: World, *arguments: str) -> Any:
    """What health says of a wallet with positions."""
    result = crossmargin("health", world.wallets["hedged"], "--json", *arguments)
    assert result.code == 0, result.err
    return result.json()


def test_a_second_update_asks_for_nothing(local: World) -> None:
    """Days are fetched once; what they give stands in both commands, and meets the schema."""
    first = updated()
    assert first["days_asked"] == 2 * 120
    day = day_text(ended_day(local.node.timestamp))
    assert first["day"] == day
    lines = by_name(first)
    for name in PRICES:
        assert lines[name]["used"] is True
        assert lines[name]["last_day"] == day
        assert lines[name]["days"] >= 118
        assert lines[name]["source"]["name"] == "Chainlink on local"
        # Two steps of .05 and .01 a day: .072, within sampling error.
        assert 0.05 < lines[name]["volatility"] < 0.1
        assert lines[name]["scan_range"] == pytest.approx(
            4 * lines[name]["volatility"] * math.sqrt(2) if lines[name]["volatility"] < 0.1 else 0.6
        )
    assert lines["SOL"]["used"] is False
    assert lines["SOL"]["source"] is None
    named = first["correlations"]["assets"]
    assert first["correlations"]["of_history"] == ["BTC", "ETH"]
    assert first["correlations"]["matrix"][named.index("BTC")][named.index("ETH")] > 0.9
    again = updated()
    assert again["days_asked"] == 0
    assert again | {"days_asked": 240} == first


def test_health_uses_what_is_kept_and_says_so(local: World) -> None:
    """Before it the defaults; afterwards larger ranges, by the same number of requests."""
    before = health(local)
    assert before["data"]["framework"]["history"] is None
    assert any(flag.startswith("no price history") for flag in before["data"]["flags"])
    updated()
    after = health(local)
    used = after["data"]["framework"]["history"]
    assert used["last_day"] == day_text(ended_day(local.node.timestamp))
    assert set(used["source"].split(":")[0].split(", ")) == set(PRICES)
    assert used["source"].endswith(": Chainlink on local")
    assert after["data"]["framework"]["parameters_hash"] == before["data"]["framework"]["parameters_hash"]
    assert after["data"]["framework"]["scenario_hash"] != before["data"]["framework"]["scenario_hash"]
    assert float(after["data"]["requirement_usd"]) > float(before["data"]["requirement_usd"])
    assert not any(flag.startswith("no price history") for flag in after["data"]["flags"])
    assert errors("health.json", after) == []


def test_a_check_asks_for_no_prices(local: World, tmp_path: Path) -> None:
    """The same requests and rounds, whether nothing is kept or everything."""
    config = settings.load(tmp_path / "local.toml")
    chosen = Selection((parse_address(local.wallets["hedged"]),))
    read(chosen, config)  # what else the cache remembers is there afterwards
    before = read(chosen, config)
    updated()
    after = read(chosen, config)
    assert before.history is None
    assert after.history is not None
    assert (after.requests, after.rounds) == (before.requests, before.rounds)


def test_two_runs_and_a_replay_print_the_same_bytes(local: World, tmp_path: Path) -> None:
    """The history travels with the recording, whatever the cache says later; the snapshot keeps which."""
    updated()
    wallet, file = local.wallets["hedged"], tmp_path / "wallet.cmrec"
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


def test_a_recording_with_a_damaged_history_is_refused(local: World, tmp_path: Path) -> None:
    """It is no recording; one that says an earlier version has no history."""
    updated()
    file = tmp_path / "wallet.cmrec"
    assert crossmargin("record", str(file), local.wallets["hedged"]).code == 0
    recording = Recording.load(file)
    recording.request["history"]["values"][3] = [1e9, 0.0]
    recording.save(file)
    result = crossmargin("replay", str(file))
    assert result.code == Exit.USAGE
    assert "price history" in result.err


def test_history_that_is_too_old_is_not_used(local: World) -> None:
    """Seven days after its last one it still is; on the eighth a warning says why it is no longer."""
    updated()
    with local.isolated():
        local.node.warp(7 * DAY_S)
        assert health(local)["data"]["framework"]["history"] is not None
        local.node.warp(DAY_S)
        result = crossmargin("health", local.wallets["hedged"], "--json")
        assert result.json()["data"]["framework"]["history"] is None
        assert "crossmargin history update" in result.err


def test_an_earlier_block_knows_no_later_day(local: World) -> None:
    """What had not happened yet is not used: a block of a month ago has the history up to then, or none."""
    updated()
    with local.isolated():
        number = local.node.block_number
        before = health(local)["data"]["framework"]["history"]
        local.node.warp(3 * DAY_S)
        local.node.mine(100)
        assert updated()["days_asked"] == 2 * 3
        assert (
            health(local, "--block", str(number), "--chain", "local")["data"]["framework"]["history"]
            == before
        )


def test_a_chain_that_began_anew_has_none_of_the_other_ones_days(local: World) -> None:
    """Its block is another one now: everything is asked for again."""
    with local.isolated():
        local.node.warp(DAY_S)
        local.node.mine(100)
        assert updated()["days_asked"] == 2 * 120
    local.node.warp(DAY_S + 5)
    local.node.mine(100)
    assert updated()["days_asked"] == 2 * 120


@pytest.mark.usefixtures("local")
def test_a_feed_that_fails_fails_alone(
    world: World, feeds: dict[str, Contract], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named, the others are kept, and the exit code says that a part is missing."""
    configure(world, feeds, tmp_path / "local.toml", BTC="DOGE / USD")
    result = crossmargin("history", "update", "--json")
    assert result.code == Exit.PARTIAL
    document = result.json()
    assert document["ok"] is False
    assert errors("history-update.json", document) == []
    [error] = document["errors"]
    assert error["message"].startswith("BTC, Chainlink on local: ")
    assert "not DOGE / USD" in error["message"]
    assert [line["underlying"] for line in document["data"]["underlyings"] if line["used"]] == ["ETH"]
    monkeypatch.setenv("CROSSMARGIN_CACHE", str(tmp_path / "another.sqlite"))
    configure(world, feeds, tmp_path / "local.toml", BTC="DOGE / USD", ETH="DOGE / USD")
    assert crossmargin("history", "update").code == Exit.PARTIAL


@pytest.mark.usefixtures("local")
def test_the_screen() -> None:
    """For people: as wide as a terminal, nothing kept before, a line for each underlying afterwards."""
    empty = crossmargin("history", "show")
    assert empty.code == 0
    assert empty.out.startswith("no price history")
    told = crossmargin("history", "update")
    assert told.out.startswith("240 days asked for")
    assert max(map(len, told.out.splitlines())) <= 100
    shown = crossmargin("history", "show", "--json").json()
    assert errors("history-show.json", shown) == []
    [line] = [line for line in told.out.splitlines() if line.startswith("ETH ")][:1]
    assert "Chainlink on local" in line
    assert line.rstrip().endswith("history")


def test_a_list_of_wallets_is_judged_with_it(local: World, tmp_path: Path) -> None:
    """Every snapshot of a run has the same history."""
    updated()
    (tmp_path / "wallets.txt").write_text(f"{local.wallets['hedged']}\n{local.wallets['edge']}\n")
    block = str(local.node.block_number)
    indexed = crossmargin("index", str(tmp_path / "wallets.txt"), "--block", block, "--chain", "local")
    assert indexed.code == 0, indexed.err
    rows = crossmargin(
        "query", "--sql", "SELECT DISTINCT history_source, history_hash FROM risk_result", "--csv"
    )
    assert len(rows.out.splitlines()) == 2
    assert "Chainlink on local" in rows.out


@pytest.mark.usefixtures("local")
def test_a_chain_that_does_not_answer_fails_alone(tmp_path: Path) -> None:
    """Its feeds are named; where no chain answers that is the failure of the command."""
    path = tmp_path / "local.toml"
    dead = '[chains.9]\nname = "dead"\nendpoints = [{ name = "dead", url = "http://127.0.0.1:9" }]\n'
    feed = '[[price_feeds]]\nunderlying = "SOL"\nchain = 9\nfeed = "0x' + "9" * 40 + '"\n'
    path.write_text(path.read_text(encoding="utf-8") + dead + feed, encoding="utf-8")
    result = crossmargin("history", "update", "--json")
    assert result.code == Exit.PARTIAL
    [error] = result.json()["errors"]
    assert error["message"].startswith("SOL, Chainlink on dead: ")
    assert [line["underlying"] for line in result.json()["data"]["underlyings"] if line["used"]] == [
        "BTC",
        "ETH",
    ]
    assert crossmargin("history", "update", "--chain", "dead").code == Exit.UNAVAILABLE


def test_without_a_place_to_keep_it(local: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache is off: both commands say what to set; health has the defaults."""
    monkeypatch.setenv("CROSSMARGIN_CACHE", "off")
    for command in ("update", "show"):
        result = crossmargin("history", command)
        assert result.code == Exit.USAGE
        assert "cache" in result.err
    assert health(local)["data"]["framework"]["history"] is None


def test_chains_without_feeds(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing to fetch is an error that names the setting."""
    text = "\n".join(line for line in world.config().splitlines() if not line.startswith("feed = "))
    (tmp_path / "bare.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(tmp_path / "bare.toml"))
    monkeypatch.setenv("CROSSMARGIN_CACHE", str(tmp_path / "reading.sqlite"))
    for arguments in ((), ("--rpc", world.node.url)):
        result = crossmargin("history", "update", *arguments)
        assert result.code == Exit.USAGE
        assert "price_feeds" in result.err
