"""`history update` and `history show` on the local chain: proxies of two feeds with months of rounds."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from aggregator.pricing.returns import DAY_S, day_text, ended_day
from cli.exits import Exit
from tests.cli.price_feeds import PRICES, by_name, configure, health, updated
from tests.cli.runner import crossmargin
from tests.devnet.chain import Contract
from tests.devnet.world import World
from tests.docs.test_schema import errors


def test_a_second_update_asks_for_nothing(priced: World) -> None:
    """Days are fetched once; what they give stands in both commands, and meets the schema."""
    first = updated()
    assert first["days_asked"] == 2 * 120
    day = day_text(ended_day(priced.node.timestamp))
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


def test_a_chain_that_began_anew_has_none_of_the_other_ones_days(priced: World) -> None:
    """Its block is another one now: everything is asked for again."""
    with priced.isolated():
        priced.node.warp(DAY_S)
        priced.node.mine(100)
        assert updated()["days_asked"] == 2 * 120
    priced.node.warp(DAY_S + 5)
    priced.node.mine(100)
    assert updated()["days_asked"] == 2 * 120


@pytest.mark.usefixtures("priced")
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


@pytest.mark.usefixtures("priced")
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


@pytest.mark.usefixtures("priced")
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


def test_without_a_place_to_keep_it(priced: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache is off: both commands say what to set; health has the defaults."""
    monkeypatch.setenv("CROSSMARGIN_CACHE", "off")
    for command in ("update", "show"):
        result = crossmargin("history", command)
        assert result.code == Exit.USAGE
        assert "cache" in result.err
    assert health(priced)["data"]["framework"]["history"] is None


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
