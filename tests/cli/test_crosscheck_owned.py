"""Positions behind proxies and smart wallets beside subgraphs: each holder for itself, and what is left out.

The Safe is the real contract; DSProxy is a stand-in (see tests/devnet/owners.py).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aggregator import app, settings
from cli.exits import Exit
from tests.adapters.messari.indexers import lending
from tests.cli.crosscheck_desk import DAY_S, EXPLAINED, KEY, Desk, changed, missing, wrong_schema
from tests.cli.runner import Result, crossmargin
from tests.devnet.owners import OwnerContracts
from tests.devnet.world import World
from tests.reading.graph_server import Graph
from tests.reading.servers import Reply


@dataclass(frozen=True)
class Estate:
    """A wallet with a loan, a DSProxy with another, a Safe of the proxy alone and one that is shared.

    `since` is the block before all of it.
    """

    owners: OwnerContracts
    wallet: str
    proxy: str
    safe: str
    shared: str
    since: int

    @property
    def holders(self) -> list[str]:
        """Everybody who has a loan."""
        return [self.wallet, self.proxy, self.safe, self.shared]

    def graph(self) -> Graph:
        """A subgraph of all of them."""
        world = self.owners.world
        return lending(world, world.aave_v36, self.holders, self.since)


@pytest.fixture(scope="module")
def estate() -> Iterator[Estate]:
    """On a node of its own, since the past of a node that was reverted can't be read; nobody changes it."""
    with World.start() as world:
        owners, me = OwnerContracts(world), world.spare[0]
        proxy = owners.proxy(me).address
        safe, shared = owners.safe([proxy], 1).address, owners.safe([me, *world.spare[1:3]], 2).address
        addresses = me.lower(), proxy.lower(), safe.lower(), shared.lower()
        found = Estate(owners, *addresses, since=world.node.block_number)
        for number, holder in enumerate(found.holders):
            world.aave_v36.supply(holder, "WETH", 10 + number)
            world.aave_v36.borrow(holder, "DAI", 4_000 + number)
        world.aave_v36.supply(proxy, "USDC", 300)
        world.node.warp(9 * DAY_S)
        world.prices.refresh()
        yield found


@pytest.fixture
def desk(estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The command line that knows the owner contracts and both Safes."""
    path, world = tmp_path / "desk.toml", estate.owners.world
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(path))
    links = ((estate.proxy, estate.safe), (estate.wallet, estate.shared))
    more = "".join(f'\n[[owners]]\nwallet = "{a}"\naddress = "{b}"\n' for a, b in links)
    with ExitStack() as servers:
        base = estate.owners.config(more)
        yield Desk(world, estate.wallet, estate.since, path, servers, [], base)


def by_holder(result: Result) -> dict[tuple[str, ...], dict[tuple[str, str], str]]:
    """The verdict of each kind and name, by the path that leads to the holder."""
    found: dict[tuple[str, ...], dict[tuple[str, str], str]] = {}
    for one in result.json()["data"]["subgraphs"]:
        path = tuple(one["owner_path"])
        assert path not in found
        found[path] = {(p["kind"], p["name"]): p["verdict"] for p in one["positions"]}
        assert {p["owner"] for p in one["positions"]} <= {path[-1]}
    return found


def test_each_counted_holder_is_compared_for_itself(desk: Desk, estate: Estate) -> None:
    """The wallet, its proxy, and the proxy's Safe, with their paths; the shared Safe is named, not read."""
    desk.configure((estate.graph(), {}))
    result = desk.check("--json")
    assert result.code == Exit.OK, result.err
    assert wrong_schema(result.json()) == []
    me, proxy, safe = estate.wallet, estate.proxy, estate.safe
    loan = {("supply", "WETH"), ("debt", "DAI")}
    found = by_holder(result)
    assert {path: set(verdicts) for path, verdicts in found.items()} == {
        (me,): loan,
        (me, proxy): {*loan, ("supply", "USDC")},
        (me, proxy, safe): loan,
    }
    assert {verdict for verdicts in found.values() for verdict in verdicts.values()} <= EXPLAINED
    data = result.json()["data"]
    assert data["counts"]["different"] == 0
    owned = {one["address"]: (one["counted"], one["via"]) for one in data["owned"]}
    assert owned == {
        proxy: (True, ["DSProxy"]),
        safe: (True, ["DSProxy", "Safe 1 of 1"]),
        estate.shared: (False, ["Safe 2 of 3"]),
    }
    # What no subgraph is about is named with its path, too.
    assert {tuple(one["owner_path"]) for one in data["uncovered"]} == {(me,), (me, proxy), (me, proxy, safe)}
    assert {one["label"] for one in data["uncovered"]} == {"Wallet"}


def test_a_person_sees_whose_positions_are_compared(desk: Desk, estate: Estate) -> None:
    """Paths and how they came about, within a hundred columns; what is left out, under its own heading."""
    desk.configure((estate.graph(), {}))
    result = desk.check()
    assert result.code == Exit.OK
    assert max(map(len, result.out.splitlines())) <= 100
    told = " ".join(result.out.split())
    short = {name: f"{a[:6]}…{a[-4:]}".lower() for name, a in vars(estate).items() if isinstance(a, str)}
    lower = told.lower()
    assert f"of {short['wallet']} → {short['proxy']} (dsproxy) beside subgraph sub0" in lower
    path = f"{short['wallet']} → {short['proxy']} → {short['safe']}"
    assert f"of {path} (safe 1 of 1 by dsproxy) beside subgraph sub0" in lower
    assert f"not compared, not counted for this wallet: {short['shared']} (safe 2 of 3)" in lower
    assert f"wallet in {short['proxy']}" in lower
    assert "NOT COUNTED: others decide over it, too" in told


def test_a_difference_of_a_holder_names_it_and_how_it_is_the_wallets(desk: Desk, estate: Estate) -> None:
    """A position of the proxy that the subgraph lacks: exit 12."""

    def of_the_proxy(entities: list[dict[str, Any]]) -> None:
        entities[:] = sorted(entities, key=lambda one: one["account"]["id"] != estate.proxy)
        missing(entities)

    desk.configure((changed(estate.graph(), of_the_proxy), {}))
    result = desk.check("--json")
    assert result.code == Exit.UNAVAILABLE
    assert wrong_schema(result.json()) == []
    [error] = result.json()["errors"]
    assert error["code"] == "disagreement"
    assert f"of {estate.proxy} (DSProxy of {estate.wallet}) is nothing there" in error["message"]
    verdicts = by_holder(result)
    assert sorted(verdicts[estate.wallet, estate.proxy].values()).count("different") == 1
    assert "different" not in verdicts[estate.wallet,].values()


def test_the_past_of_a_holder_is_its_own(desk: Desk, estate: Estate) -> None:
    """With --history the contracts are read again for the holder, not for the wallet."""
    desk.configure((estate.graph(), {}))
    result = desk.check("--json", "--history")
    assert result.code == Exit.OK, result.err
    proven = {
        tuple(one["owner_path"]): p["proven_at_block"]
        for one in result.json()["data"]["subgraphs"]
        for p in one["positions"]
        if p["kind"] == "debt"
    }
    assert len(proven) == len(set(proven.values())) == 3
    assert all(number > estate.since for number in proven.values())


def test_an_address_is_compared_once_in_one_answer(desk: Desk, estate: Estate) -> None:
    """One that is asked for itself is compared there, and named as not counted with its owner."""
    desk.configure((estate.graph(), {}))
    result = crossmargin("crosscheck", desk.wallet, estate.proxy, "--json")
    mine, its = map(json.loads, result.out.splitlines())
    assert [one["owner_path"] for one in mine["data"]["subgraphs"]] == [[estate.wallet]]
    assert {one["address"]: one["why_not"] for one in mine["data"]["owned"]}[estate.proxy] == (
        "it is asked for itself"
    )
    assert [one["owner_path"] for one in its["data"]["subgraphs"]] == [
        [estate.proxy],
        [estate.proxy, estate.safe],
    ]


def test_owned_addresses_are_searched_as_for_health(desk: Desk, estate: Estate) -> None:
    """With `find_owned = false` links alone are left; without `Selection.owned` the wallet alone is."""
    desk.configure((estate.graph(), {}))
    config = settings.build(tomllib.loads(desk.path.read_text(encoding="utf-8")), "desk")

    def compared(found: app.CrossChecked) -> set[tuple[str, ...]]:
        [check] = found.checks
        return {comparison.path for comparison in check.comparisons}

    me, proxy, safe = estate.wallet, estate.proxy, estate.safe
    assert compared(app.crosscheck(app.Selection((me,)), config)) == {(me,), (me, proxy), (me, proxy, safe)}
    alone = app.crosscheck(app.Selection((me,), owned=False), config)
    assert compared(alone) == {(me,)}
    assert alone.checks[0].uncounted == ()
    blind = app.crosscheck(app.Selection((me,)), config.model_copy(update={"find_owned": False}))
    assert compared(blind) == {(me,)}
    assert [holder.address for holder in blind.checks[0].uncounted] == [estate.shared]


def test_a_finder_that_fails_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy must not look like no position of a proxy: the answer is partial, and names the finder."""
    path = tmp_path / "desk.toml"
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(path))
    with World.start() as world, ExitStack() as servers:
        owners, me, since = OwnerContracts(world), world.spare[0].lower(), world.node.block_number
        own = owners.proxy(me).address.lower()
        world.aave_v36.supply(own, "WETH", 10)
        desk = Desk(world, me, since, path, servers, [], owners.config())
        desk.configure((lending(world, world.aave_v36, [me, own], since), {}))
        assert (me, own) in by_holder(desk.check("--json"))
        world.node.set_code(owners.registry.address, bytes.fromhex("60006000fd"))
        desk.configure((lending(world, world.aave_v36, [me, own], since), {}))
        result = desk.check("--json")
        assert result.code == Exit.PARTIAL
        assert wrong_schema(result.json()) == []
        assert [(e["adapter"], e["deployment"]) for e in result.json()["errors"]] == [
            ("dsproxy", "DSProxy local")
        ]
        assert set(by_holder(result)) == {(me,)}
        assert "INCOMPLETE" in desk.check().out
        assert "not read: " in result.err


def test_a_subgraph_that_fails_is_named_for_each_address(desk: Desk, estate: Estate) -> None:
    """By the address that it was asked of."""
    desk.configure((lambda _: Reply(404, b""), {}))
    result = desk.check("--json")
    assert result.code == Exit.UNAVAILABLE
    assert wrong_schema(result.json()) == []
    assert [error["deployment"] for error in result.json()["errors"]] == [
        "sub0",
        f"sub0 for {estate.proxy}",
        f"sub0 for {estate.safe}",
    ]
    assert KEY not in result.out + result.err


def test_a_recording_answers_the_same_bytes(desk: Desk, estate: Estate, tmp_path: Path) -> None:
    """Holders and what subgraphs say of them are in it."""
    desk.configure((estate.graph(), {}))
    file = str(tmp_path / "one.cmrec")
    assert crossmargin("record", file, desk.wallet, "--crosscheck").code == Exit.OK
    for options in ((), ("--json",)):
        live, replayed = desk.check(*options), crossmargin("replay", file, "crosscheck", *options)
        assert (replayed.code, replayed.out) == (live.code, live.out)
