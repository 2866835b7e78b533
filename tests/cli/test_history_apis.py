"""`history update` and `history show` with price APIs beside feeds: stand-ins of two that are documented."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import stamina

from aggregator.pricing.returns import day_text, ended_day
from aggregator.reading.http import Venues
from cli.exits import Exit
from tests.cli.price_feeds import by_name, health, updated
from tests.cli.runner import crossmargin
from tests.devnet.world import World
from tests.docs.test_schema import errors
from tests.reading.price_apis import BINANCE, COINGECKO, StandInPriceApis
from tests.reading.servers import Reply, Server

KEY = "k3y-0123456789abcdef"
DAYS = 120


def walk(seed: int, last: int) -> dict[int, str]:
    """Prices of the days up to one: 5% a day."""
    rng, price, found = random.Random(seed), 100.0, {}
    for day in range(last - DAYS - 10, last + 2):
        price *= math.exp(rng.gauss(0.0, 0.05))
        found[day] = f"{price:.12f}"
    return found


@pytest.fixture
def last(priced: World) -> int:
    """The last day that has ended on the chain."""
    return ended_day(priced.node.timestamp)


@pytest.fixture
def apis(priced: World, last: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[StandInPriceApis, str]]:
    """Both stand-ins and where they are; nobody waits for retries, and clocks are as late as the chain's."""
    clock = partial(Venues, clock=lambda: priced.node.timestamp)
    monkeypatch.setattr("aggregator.reading.http.Venues", clock)
    found = StandInPriceApis(
        {"solana": walk(1, last), "bitcoin": walk(3, last)}, {"ARBUSDT": walk(2, last)}, KEY
    )
    with Server(found) as server, stamina.set_testing(True, attempts=2):
        yield found, server.url


@pytest.fixture
def configured(apis: tuple[StandInPriceApis, str], tmp_path: Path) -> Callable[..., None]:
    """Writes a configuration with the feeds, these APIs, and the venues that they are of."""
    plain, url = (tmp_path / "local.toml").read_text(encoding="utf-8"), apis[1]
    gecko, exchange = f"{url}/v3?x_cg_demo_api_key=${{GECKO_KEY}}", url
    venues = "".join(
        f'[[venues]]\nname = "{name}"\nurl = "{where}"\n'
        for name, where in {"gecko": gecko, "exchange": exchange}.items()
    )

    def write(*entries: dict[str, Any]) -> None:
        text = "".join("[[price_apis]]\n" + "".join(map(_line, one.items())) for one in entries)
        (tmp_path / "local.toml").write_text(f"{plain}\n{venues}\n{text}", encoding="utf-8")

    return write


def _line(setting: tuple[str, Any]) -> str:
    name, value = setting
    if isinstance(value, dict):
        value = "{ " + ", ".join(f"{key} = {json.dumps(it)}" for key, it in value.items()) + " }"
        return f"{name} = {value}\n"
    return f"{name} = {json.dumps(value)}\n"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GECKO_KEY", KEY)


def test_they_tell_what_feeds_do_not(
    priced: World,
    apis: tuple[StandInPriceApis, str],
    configured: Callable[..., None],
    last: int,
    tmp_path: Path,
) -> None:
    """Beside the feeds, once, named in every answer; a day that is missing is said and asked for again."""
    api, _ = apis
    hole, newest = api.coins["solana"].pop(last - 20), api.symbols["ARBUSDT"].pop(last)
    configured(COINGECKO, BINANCE, COINGECKO | {"underlying": "ETH"})
    first = updated()
    assert first["days_asked"] == 4 * 120
    lines = by_name(first)
    assert lines["SOL"]["source"]["name"] == "venue gecko"
    assert lines["ARB"]["source"]["name"] == "venue exchange, in USDT"
    assert lines["ETH"]["source"]["name"] == "Chainlink on local"
    for name in ("SOL", "ARB", "ETH", "BTC"):
        assert lines[name]["used"] is True
    assert (lines["SOL"]["days"], lines["SOL"]["missing_days"]) == (119, [day_text(last - 20)])
    assert (lines["ARB"]["last_day"], lines["ARB"]["missing_days"]) == (day_text(last - 1), [day_text(last)])
    assert 0.035 < lines["SOL"]["volatility"] < 0.07
    assert len(api.asked) == 2
    assert "SOL" in first["correlations"]["of_history"]
    told = crossmargin("history", "update")
    assert told.out.startswith("2 days asked for")
    assert f"SOL (venue gecko) has no price of 1 day: {day_text(last - 20)}" in told.out
    assert max(map(len, told.out.splitlines())) <= 100
    api.coins["solana"][last - 20], api.symbols["ARBUSDT"][last] = hole, newest
    assert updated()["days_asked"] == 2
    again = updated()
    assert again["days_asked"] == 0
    assert by_name(again)["SOL"]["missing_days"] == []
    sources = health(priced)["data"]["framework"]["history"]["source"]
    assert "venue gecko" in sources
    assert crossmargin("record", str(tmp_path / "one.cmrec"), priced.wallets["hedged"]).code == 0
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name != "local.toml")
    assert KEY.encode() not in kept


def test_a_source_that_changes_begins_anew(
    apis: tuple[StandInPriceApis, str], configured: Callable[..., None]
) -> None:
    """What was kept of the other one is not used any more, nor mixed; taken back, it is still there."""
    configured(COINGECKO)
    updated("--chain", "local")
    one = by_name(updated())["SOL"]
    assert one["days"] == 120
    configured(COINGECKO | {"path": "/coins/bitcoin/market_chart/range"})
    shown = crossmargin("history", "show", "--json").json()
    assert errors("history-show.json", shown) == []
    assert by_name(shown["data"])["SOL"]["source"] is None
    other = updated()
    assert other["days_asked"] == 120
    line = by_name(other)["SOL"]
    assert line["source"]["key"] != one["source"]["key"]
    assert line["volatility"] != one["volatility"]
    configured(COINGECKO)
    back = updated()
    assert back["days_asked"] == 0
    assert by_name(back)["SOL"] == one
    assert apis[0].asked[-1]["path"].endswith("/bitcoin/market_chart/range")


def test_one_that_is_preferred_takes_the_place_of_a_feed(
    apis: tuple[StandInPriceApis, str], configured: Callable[..., None]
) -> None:
    """Where the user says so; no further back than the API tells."""
    configured(
        COINGECKO
        | {
            "underlying": "BTC",
            "path": "/coins/bitcoin/market_chart/range",
            "prefer": True,
            "reach_days": 99,
            "days_per_request": 50,
        }
    )
    found = updated()
    assert found["days_asked"] == 100 + 120
    assert by_name(found)["BTC"]["source"]["name"] == "venue gecko"
    assert by_name(found)["BTC"]["days"] == 100
    assert len(apis[0].asked) == 2


FAILURES: dict[str, tuple[Reply, str, str]] = {
    "a limit": (Reply(429, b"", {"retry-after": "60"}), "rate_limited", "too many requests"),
    "a wrong key": (Reply(401, KEY.encode()), "authentication", "check its key"),
    "seconds": (Reply(200, b'{"prices": [[1735689600, 5]]}'), "malformed_reply", "`time_unit`"),
    "nothing": (Reply(200, b'{"prices": []}'), "malformed_reply", "no price of any day"),
    "its key": (Reply(200, f'{{"error": "{KEY}"}}'.encode()), "malformed_reply", "prices is missing"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_one_that_fails_fails_alone(
    apis: tuple[StandInPriceApis, str], configured: Callable[..., None], case: str
) -> None:
    """It is named, the others are kept, and the exit code says that a part is missing."""
    reply, code, why = FAILURES[case]
    apis[0].change = lambda path: reply if "/coins/" in path else None
    configured(COINGECKO, BINANCE)
    result = crossmargin("history", "update", "--json")
    assert result.code == Exit.PARTIAL
    document = result.json()
    assert errors("history-update.json", document) == []
    [error] = document["errors"]
    assert error["code"] == code
    assert error["message"].startswith("SOL, venue gecko: ")
    assert why in error["message"]
    used = [line["underlying"] for line in document["data"]["underlyings"] if line["used"]]
    assert sorted(used) == ["ARB", "BTC", "ETH"]
    assert KEY not in result.out + result.err
    apis[0].change = lambda _: None
    assert updated()["days_asked"] == 120


def test_one_of_a_venue_that_is_not_configured(configured: Callable[..., None]) -> None:
    """Every command says so: a history that is quietly left out would be missed by nobody."""
    configured(COINGECKO | {"venue": "absent"})
    for command in ("update", "show"):
        result = crossmargin("history", command)
        assert result.code == Exit.USAGE
        assert "'absent' is none of the configured `venues`" in result.err
