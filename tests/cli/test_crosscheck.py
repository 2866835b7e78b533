"""A wallet from the real contracts beside the same wallet from subgraphs that index them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import stamina

from cli.exits import Exit
from tests.adapters.messari.indexers import derivatives, option, perp
from tests.cli.crosscheck_desk import (
    EXPLAINED,
    KEY,
    Desk,
    changed,
    desks,
    invented,
    less,
    live,
    missing,
    more,
    positions,
    wrong_schema,
)
from tests.cli.runner import crossmargin
from tests.devnet.world import PROTOCOLS, World
from tests.reading.servers import Reply

READS = f"{len(PROTOCOLS) + 1} of {len(PROTOCOLS) + 1} reads"  # with the wallet itself


@pytest.fixture(autouse=True)
def _quick_retries() -> Iterator[None]:
    """Retries happen, but nobody waits for them."""
    with stamina.set_testing(True, attempts=2):
        yield


@pytest.fixture(scope="module")
def lived() -> Iterator[tuple[World, int]]:
    """A node of its own, since the past of a node that was reverted can't be read; nobody changes it."""
    with World.start() as world:
        yield world, live(world)


@pytest.fixture
def desk(lived: tuple[World, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The wallet with its history."""
    yield from desks(*lived, tmp_path, monkeypatch)


@pytest.fixture
def changing_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The same for one test that goes on with it."""
    with World.start() as world:
        yield from desks(world, live(world), tmp_path, monkeypatch)


@pytest.mark.parametrize("version", [2, 3])
def test_only_what_a_subgraph_cannot_know_differs(desk: Desk, version: int) -> None:
    """The difference is the interest since each position's last event, to the unit, and reported so."""
    schema = "messari-lending" if version == 2 else "messari-lending-3"
    desk.configure((desk.indexed(version=version), {"schema": schema}))
    result = desk.check("--json")
    assert result.code == Exit.OK, result.err
    assert wrong_schema(result.json()) == []
    found = positions(result)
    assert set(found) == {("supply", "WETH"), ("supply", "USDC"), ("debt", "DAI"), ("debt", "USDC")}
    assert {one["verdict"] for one in found.values()} <= EXPLAINED
    market, node = desk.world.aave_v36, desk.world.node
    for (kind, symbol), one in found.items():
        token = market.a_token(symbol) if kind == "supply" else market.debt_token(symbol)
        unit = Decimal(10) ** int(str(token.call("decimals")))
        then = next(
            token.call("balanceOf", desk.wallet, block=number)
            for number in range(node.block_number, desk.since, -1)
            if int(str(node.block(number)["timestamp"]), 16) == one["since"]
        )
        now = token.call("balanceOf", desk.wallet)
        assert Decimal(one["subgraph"]) * unit == then
        assert abs(Decimal(one["contracts"]) * unit - now) <= 1
        assert abs(Decimal(one["difference"]) * unit - (now - then)) <= 1
    assert found["debt", "DAI"]["verdict"] == "interest"
    assert 0 < found["debt", "DAI"]["interest_per_year"] < 1
    assert "interest" in found["debt", "DAI"]["reason"]
    assert result.json()["data"]["counts"]["different"] == 0
    labels = {one["label"] for one in result.json()["data"]["uncovered"]}
    assert labels == {"Wallet"}


@pytest.mark.parametrize("count", [1, 2])
def test_endpoints_of_the_command_line_find_the_subgraphs(desk: Desk, count: int) -> None:
    """By the chain that they turn out to serve."""
    desk.configure((desk.indexed(), {}))
    result = desk.check("--json", *["--rpc", desk.world.node.url] * count)
    assert result.code == Exit.OK, result.err
    assert len(positions(result)) == 4


def test_the_screen_tells_both_and_fits(desk: Desk) -> None:
    """A hundred columns; what is not compared is named."""
    desk.configure((desk.indexed(), {}))
    result = desk.check()
    assert result.code == Exit.OK
    assert max(map(len, result.out.splitlines())) <= 100
    for words in ("beside subgraph sub0 (messari-lending)", "interest (+", "Not compared", READS):
        assert words in result.out


def test_the_past_is_compared_at_its_own_block(desk: Desk) -> None:
    """Before the second events both sources say what was so then."""
    desk.configure((desk.indexed(), {}))
    number = next(
        one
        for one in range(desk.since, desk.world.node.block_number)
        if desk.world.aave_v36.debt_token("USDC").call("balanceOf", desk.wallet, block=one)
    )
    result = desk.check("--json", "--block", str(number), "--chain", "local")
    assert result.code == Exit.OK, result.err
    found = positions(result)
    assert round(Decimal(found["supply", "USDC"]["subgraph"])) == 3_000
    assert {one["verdict"] for one in found.values()} <= EXPLAINED
    assert result.json()["data"]["subgraphs"][0]["block"] == number


def test_history_proves_that_only_interest_differs(desk: Desk, tmp_path: Path) -> None:
    """At each last event the contracts said what the subgraph says; recorded and replayed alike."""
    desk.configure((desk.indexed(), {}))
    result = desk.check("--json", "--history")
    assert result.code == Exit.OK, result.err
    assert wrong_schema(result.json()) == []
    for one in positions(result).values():
        assert (one["proven_at_block"] is not None) == (one["verdict"] == "interest")
    assert (
        positions(result)["debt", "USDC"]["proven_at_block"]
        < positions(result)["debt", "DAI"]["proven_at_block"]
    )
    screen = desk.check("--history").out
    assert " a year), proven" in screen
    assert max(map(len, screen.splitlines())) <= 100
    file = str(tmp_path / "history.cmrec")
    assert crossmargin("record", file, desk.wallet, "--crosscheck", "--history").code == Exit.OK
    assert crossmargin("replay", file, "crosscheck", "--json", "--history").out == result.out
    assert crossmargin("record", file, desk.wallet, "--history").code == Exit.USAGE


def test_history_finds_what_looks_like_interest(desk: Desk) -> None:
    """A balance that is a little too small is believed, unless the past is looked at."""

    def little(entities: list[dict[str, Any]]) -> None:
        [one] = [
            e for e in entities if e["side"] == "BORROWER" and e["market"]["inputToken"]["symbol"] == "DAI"
        ]
        one["balance"] = str(int(one["balance"]) * 999 // 1000)

    desk.configure((changed(desk.indexed(), little), {}))
    assert positions(desk.check("--json"))["debt", "DAI"]["verdict"] == "interest"
    found = desk.check("--json", "--history")
    assert found.code == Exit.UNAVAILABLE
    assert positions(found)["debt", "DAI"]["verdict"] == "different"
    assert "the contracts said 250" in positions(found)["debt", "DAI"]["reason"]


def test_a_past_that_is_not_there_is_said(desk: Desk) -> None:
    """An endpoint without an archive: interest is believed, not proven. So is a block that never was."""

    def old(entities: list[dict[str, Any]]) -> None:
        for one in entities:
            one["snapshots"] = [{**event, "blockNumber": "1"} for event in one["snapshots"]]

    desk.configure((changed(desk.indexed(), old), {}))
    result = desk.check("--json", "--history")
    assert result.code == Exit.OK
    assert positions(result)["debt", "DAI"]["verdict"] == "interest"
    assert positions(result)["debt", "DAI"]["proven_at_block"] is None
    assert "what was so at block 1 is not known" in str(result.json()["warnings"])


@pytest.mark.parametrize("twice", [False, True])
def test_figures_that_no_one_can_compare_are_a_failure(desk: Desk, twice: bool) -> None:
    """More decimals than numbers have digits here, beside another row of it too: named, nothing breaks."""

    def fine(entities: list[dict[str, Any]]) -> None:
        one = entities[0]
        token = {**one["market"]["inputToken"], "decimals": 255}
        odd = {**one, "id": one["id"] + "z", "market": {"id": "0x", "inputToken": token}, "balance": "1"}
        if not twice:
            entities.pop(0)
        entities.append(odd)

    desk.configure((changed(desk.indexed(), fine), {}))
    for options in (("--json",), ("--json", "--history")):
        result = desk.check(*options)
        assert result.code == Exit.PARTIAL
        assert wrong_schema(result.json()) == []
        assert "too many digits" in result.err


def test_wallets_are_compared_one_by_one(desk: Desk) -> None:
    """An envelope each; one that holds nothing is equal in both."""
    desk.configure((desk.indexed(), {}))
    empty = desk.world.wallets["empty"]
    lines = crossmargin("crosscheck", desk.wallet, empty, "--json").out.splitlines()
    assert [len(json.loads(line)["data"]["subgraphs"][0]["positions"]) for line in lines] == [4, 0]
    assert "no position in either" in crossmargin("crosscheck", empty).out


@pytest.mark.parametrize("change", [more, less, missing, invented])
def test_any_other_difference_is_told(desk: Desk, change: Any) -> None:
    """Exit 12, an error that names the position, and both amounts."""
    desk.configure((changed(desk.indexed(), change), {}))
    result = desk.check("--json")
    assert result.code == Exit.UNAVAILABLE
    document = result.json()
    assert wrong_schema(document) == []
    assert document["ok"] is False
    [error] = document["errors"]
    assert error["code"] == "disagreement"
    assert desk.wallet.lower() in error["message"]
    assert [one["verdict"] for one in positions(result).values()].count("different") == 1
    screen = desk.check()
    assert screen.code == Exit.UNAVAILABLE
    assert "different" in screen.out


def test_a_subgraph_that_lags_excuses_what_happened_since(changing_desk: Desk) -> None:
    """Its own head is compared, and said; too far behind is stale, exit 14."""
    desk = changing_desk
    graph = desk.indexed()
    desk.world.aave_v36.supply(desk.wallet, "WETH", 5)
    desk.world.node.mine(3)
    desk.configure((graph, {}))
    result = desk.check("--json")
    assert result.code == Exit.OK
    data = result.json()["data"]["subgraphs"][0]
    assert data["lag_blocks"] == desk.world.node.block_number - graph.head.number
    assert positions(result)["supply", "WETH"]["verdict"] == "behind"
    assert f"is {data['lag_blocks']} blocks behind" in str(result.json()["warnings"])
    desk.configure((graph, {"max_lag_blocks": 2}))
    stale = desk.check("--json")
    assert stale.code == Exit.STALE
    assert wrong_schema(stale.json()) == []
    assert stale.json()["errors"][0]["code"] == "stale_source"
    assert "before block" in stale.err


def test_perps_and_options_are_compared_as_far_as_their_schemas_go(
    devnet: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sizes alike; margin and written options are not in them; another size is a difference."""
    hedged = devnet.wallets["hedged"]
    path = tmp_path / "desk.toml"
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(path))
    listed = crossmargin("positions", hedged, "--json", "--config", str(_plain(devnet, tmp_path))).json()
    [held] = [
        p
        for a in listed["data"]["accounts"]
        for p in a["positions"]
        if p["kind"] == "option" and p["size"] > "0"
    ]
    names = {d.deployment_entry().adapter: d.deployment_entry().name for d in devnet.deployments}
    put = option(devnet, hedged, "PUT", f"{held['strike']}.000", held["expiry"], int(held["size_raw"]))
    for size, code in ((8 * 10**18, Exit.OK), (7 * 10**18, Exit.UNAVAILABLE)):
        perps = derivatives(devnet, "perpetuals", [perp(devnet, hedged, "SHORT", size)])
        options = derivatives(devnet, "options", [put])
        with ExitStack() as servers:
            desk = Desk(devnet, hedged, 0, path, servers, [])
            of = {"adapter": "synthetix_perps_v2", "deployment": names["synthetix_perps_v2"]}
            lyra = {"adapter": "lyra_v1", "deployment": names["lyra_v1"]}
            desk.configure(
                (perps, {"schema": "messari-perpetuals", **of}),
                (options, {"schema": "messari-options", **lyra}),
            )
            result = desk.check("--json")
        assert result.code == code, result.err
        assert wrong_schema(result.json()) == []
        compared = {kind: one["verdict"] for (kind, _), one in positions(result).items()}
        assert compared == {"supply": "unseen", "perp": "equal" if code == Exit.OK else "different"}
        taken = {one["contracts"]: one["verdict"] for one in positions(result, 1).values()}
        assert taken == {"5": "equal", "-4": "unseen", "3600": "unseen"}
        assert {one["reason"] for one in positions(result, 1).values()} >= {
            "its schema does not know who wrote an option"
        }


def _plain(world: World, folder: Path) -> Path:
    path = folder / "plain.toml"
    path.write_text(world.config(), encoding="utf-8")
    return path


def test_a_recording_answers_the_same_bytes(desk: Desk, tmp_path: Path) -> None:
    """As a table and as JSON, with a failing subgraph too; health from the same file; no key is in it."""
    desk.configure((desk.indexed(), {}), (lambda _: Reply(404, KEY.encode()), {}))
    file = str(tmp_path / "one.cmrec")
    recorded = crossmargin("record", file, desk.wallet, "--crosscheck")
    assert recorded.code == Exit.PARTIAL
    for options in ((), ("--json",)):
        live = desk.check(*options)
        assert live.code == Exit.PARTIAL
        replayed = crossmargin("replay", file, "crosscheck", *options)
        assert (replayed.code, replayed.out) == (live.code, live.out)
    assert (
        crossmargin("replay", file, "health", "--json").out
        == crossmargin("health", desk.wallet, "--json").out
    )
    second = str(tmp_path / "two.cmrec")
    crossmargin("record", second, desk.wallet, "--crosscheck")
    packed = Path(file).read_bytes()
    assert Path(second).read_bytes() == packed
    assert KEY not in gzip.decompress(packed).decode()
    assert KEY not in recorded.out + recorded.err
    plain = str(tmp_path / "plain.cmrec")
    assert crossmargin("record", plain, desk.wallet).code == Exit.OK
    missing = crossmargin("replay", plain, "crosscheck", "--json")
    assert missing.json()["errors"][0]["code"] == "not_recorded"


def test_health_asks_no_subgraph(desk: Desk) -> None:
    """Nothing of it is counted, so nothing of it is read."""
    desk.configure((desk.indexed(), {}))
    assert crossmargin("health", desk.wallet).code == Exit.OK
    assert desk.asked[0].requests == []


def test_doctor_tells_how_far_a_subgraph_is(desk: Desk) -> None:
    """In order, behind but near enough, stale, and one that does not answer."""
    past = desk.indexed()
    past.blocks.pop()
    behind = desk.world.node.block_number - past.head.number
    assert behind > 0
    desk.configure(
        (desk.indexed(), {}),
        (past, {}),
        (past, {"max_lag_blocks": behind - 1}),
        (lambda _: Reply(401), {}),
    )
    result = crossmargin("doctor", "--json")
    assert result.code == Exit.PARTIAL
    [chain] = result.json()["data"]
    found = {c["subject"]: c for c in chain["checks"] if c["subject"].startswith("subgraph")}
    assert [c["ok"] for c in found.values()] == [True, True, False, False]
    assert found["subgraph sub0"]["finding"] == f"has indexed block {chain['block']}"
    assert f"{behind} before block {chain['block']}" in found["subgraph sub1"]["finding"]
    assert "max_lag_blocks" in found["subgraph sub2"]["error"]
    assert "check its key" in found["subgraph sub3"]["error"]
    assert KEY not in result.out


def test_a_side_that_could_not_be_read_is_no_difference(changing_desk: Desk) -> None:
    """Where the contracts do not answer, the subgraph's positions are not called invented."""
    desk = changing_desk
    desk.configure((desk.indexed(), {}))
    desk.world.node.set_code(desk.world.aave_v36.addresses["pool"], bytes.fromhex("60006000fd"))
    result = desk.check("--json")
    assert result.code == Exit.PARTIAL
    assert result.json()["data"]["subgraphs"] == []
    assert {error["adapter"] for error in result.json()["errors"]} == {"aave_v3"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"deployment": "elsewhere"}, "'elsewhere'"),
        ({"deployment": None}, "`deployment` must be one of"),
        ({"adapter": None}, "none belongs to a deployment"),
        ({"schema": "uniswap"}, "none belongs to a deployment"),
        ({"url": ""}, "has no `url`"),
        ({"url": "http://host/${NO_SUCH_KEY}"}, "NO_SUCH_KEY is not set"),
        ({"name": "a b"}, "pattern"),
        ({"frobnicate": 1}, "frobnicate"),
    ],
)
def test_what_is_configured_wrongly_is_told(desk: Desk, options: Mapping[str, Any], told: str) -> None:
    """By the subgraph's name or the setting's, with exit 2."""
    desk.configure((desk.indexed(), options))
    result = desk.check()
    assert result.code == Exit.USAGE
    assert told in result.err


def test_two_of_one_name_are_refused(desk: Desk) -> None:
    """They could not be told apart in a recording."""
    desk.configure((desk.indexed(), {"name": "same"}), (desk.indexed(), {"name": "same"}))
    assert "has two of the name 'same'" in desk.check().err


def test_none_is_configured(desk: Desk) -> None:
    """Exit 2, and what to do."""
    desk.configure()
    result = desk.check()
    assert result.code == Exit.USAGE
    assert "give one its `adapter`" in result.err


def test_text_of_a_subgraph_is_made_harmless(desk: Desk) -> None:
    """A symbol that would take over a terminal."""

    def evil(entities: list[dict[str, Any]]) -> None:
        token = {"id": "0x" + "ee" * 20, "symbol": "\x1b[2J\u202eEVIL", "decimals": 18}
        entities.append(
            {**entities[0], "id": entities[0]["id"] + "z", "market": {"id": "0x", "inputToken": token}}
        )

    desk.configure((changed(desk.indexed(), evil), {}))
    for result in (desk.check(), desk.check("--json")):
        assert "EVIL" in result.out + result.err
        assert not any(c in result.out + result.err for c in ("\x1b", "\u202e"))
