"""Wallets, labels and groups from the command line, and what `@group` stands for."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.model.units import Address
from aggregator.store.warehouse import Warehouse
from cli.exits import Exit
from tests.cli.runner import crossmargin
from tests.devnet.world import World
from tests.docs.test_schema import errors

ONE, TWO, THREE = (f"0x{digit * 40}" for digit in "123")


def groups() -> dict[str, list[str]]:
    """The groups of each wallet that is followed."""
    return {row["address"]: row["groups"] for row in crossmargin("wallet", "list", "--json").json()["data"]}


def test_wallets_come_and_go() -> None:
    """In the order in which they were added; a second time adds groups and changes the label."""
    assert groups() == {}
    first = crossmargin(
        "wallet", "add", TWO.upper().replace("X", "x"), "--label", "treasury", "--json"
    ).json()
    assert errors("wallet-add.json", first) == []
    assert (first["data"]["address"], first["data"]["label"], first["data"]["new"]) == (TWO, "treasury", True)
    crossmargin("wallet", "add", ONE, "--group", "desk", "--group", "@all")
    again = crossmargin("wallet", "add", TWO, "--group", "desk", "--json").json()
    assert (again["data"]["label"], again["data"]["groups"], again["data"]["new"]) == (
        "treasury",
        ["desk"],
        False,
    )
    assert list(groups().items()) == [(TWO, ["desk"]), (ONE, ["all", "desk"])]
    listed = crossmargin("wallet", "list", "--json").json()
    assert errors("wallet-list.json", listed) == []
    assert crossmargin("wallet", "list").out.splitlines()[1].split() == [TWO, "treasury", "@desk"]
    gone = crossmargin("wallet", "remove", TWO, "--json").json()
    assert errors("wallet-remove.json", gone) == []
    assert list(groups()) == [ONE]


def test_groups_take_and_leave() -> None:
    """Grouping follows a wallet; leaving a group does not forget it."""
    made = crossmargin("wallet", "group", "desk", ONE, TWO, "--json").json()
    assert errors("wallet-group.json", made) == []
    assert made["data"] == {"group": "desk", "wallets": [ONE, TWO]}
    left = crossmargin("wallet", "group", "@desk", ONE, "--remove", "--json").json()
    assert left["data"] == {"group": "desk", "wallets": [TWO]}
    assert groups() == {ONE: [], TWO: ["desk"]}
    listed = crossmargin("wallet", "list", "--group", "desk", "--json").json()["data"]
    assert [row["address"] for row in listed] == [TWO]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["wallet", "remove", ONE], "is not followed"),
        (["wallet", "add", "0x12"], "is not a wallet address"),
        (["wallet", "add", ONE, "--group", "a b"], "no name of a group"),
        (["wallet", "add", ONE, "--group", ""], "no name of a group"),
        (["wallet", "add", ONE, "--label", "x" * 65], "up to 64 printable"),
        (["wallet", "add", ONE, "--label", "a\x1b[31m"], "up to 64 printable"),
        (["wallet", "group", "desk", THREE, "--remove"], "none of these wallets is in it"),
        (["health", "@desk"], "@desk: no wallet is in it; there is no group yet"),
        (["positions", "@"], "no name of a group"),
        (["snapshot", "take", "@desk"], "no wallet is in it"),
    ],
)
def test_mistakes(arguments: list[str], why: str) -> None:
    """Are usage errors that say what is wrong; nothing is kept of them."""
    result = crossmargin(*arguments)
    assert (result.code, result.out) == (Exit.USAGE, "")
    assert why in result.err
    assert groups() == {}


def test_an_unknown_group_names_the_groups_there_are() -> None:
    """Rather than an empty answer."""
    crossmargin("wallet", "group", "desk", ONE)
    result = crossmargin("health", "@dusk")
    assert result.code == Exit.USAGE
    assert "groups are @desk" in result.err


def test_a_group_is_read_as_its_wallets(local: World) -> None:
    """Beside addresses, each wallet once; the same for health, positions and snapshots."""
    hedged, edge, empty = (local.wallets[name].lower() for name in ("hedged", "edge", "empty"))
    crossmargin("wallet", "group", "desk", hedged, edge)
    for command in (["health"], ["positions"], ["snapshot", "take"]):
        result = crossmargin(*command, "@desk", empty, hedged, "--json")
        assert result.code == Exit.OK
        lines = [line.split('"wallet":"')[1][:42] for line in result.out.splitlines()]
        assert lines == [hedged, edge, empty]


def test_a_time_names_a_block(local: World) -> None:
    """The last block that is not newer, on the command line too."""
    block = local.node.block()
    time = int(str(block["timestamp"]), 16)
    text = f"{datetime.fromtimestamp(time + 30, UTC):%Y-%m-%dT%H:%M:%SZ}"
    [answered] = crossmargin("positions", local.wallets["edge"], "--block", text, "--json").json()["blocks"]
    assert answered["hash"] == block["hash"]


def test_a_label_of_strangers_is_harmless() -> None:
    """An import may bring one that `wallet add` would refuse."""
    Warehouse(Path(os.environ["CROSSMARGIN_DATABASE"])).add_wallet(Address(ONE), "a\x1b[31m\u202eb")
    for shape in ((), ("--json",)):
        printed = crossmargin("wallet", "list", *shape).out
        assert "a[31mb" in printed
