"""Owned addresses and names from the command line: what a person sees, and what a program gets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cli.exits import Exit
from tests.cli.runner import crossmargin
from tests.devnet.ens import Names
from tests.devnet.owners import OwnerContracts
from tests.devnet.world import World

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"


@pytest.fixture
def owners(devnet: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnerContracts:
    """The local chain with owner contracts on it, configured."""
    deployed = OwnerContracts(devnet)
    path = tmp_path / "local.toml"
    path.write_text(deployed.config(), encoding="utf-8")
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(path))
    return deployed


def valid(line: str) -> dict[str, Any]:
    """The data of an envelope that its schema allows."""
    document = json.loads(line)
    name = document["schema"].split("/")[1].replace(" ", "-")
    jsonschema.validate(document, json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8")))
    data: dict[str, Any] = document["data"]
    return data


def borrow(world: World, holder: str) -> None:
    """A loan of one address."""
    world.aave_v36.supply(holder, "WETH", 10)
    world.aave_v36.borrow(holder, "USDC", 5_000)


def test_a_person_sees_whose_account_it_is(owners: OwnerContracts) -> None:
    """On the screens of health and positions, live and of a snapshot, and what is not counted."""
    me = owners.world.spare[0]
    own, safe = owners.proxy(me), owners.safe([me, *owners.world.spare[1:3]], 2)
    borrow(owners.world, own.address)
    borrow(owners.world, safe.address)
    linked = crossmargin("wallet", "link", me, safe.address, "--label", "treasury")
    assert linked.out == f"{safe.address.lower()}  linked to {me.lower()}\n"
    short = f"{own.address[:6]}…{own.address[-4:]}"
    for command in ("health", "positions"):
        shown = crossmargin(command, me)
        assert shown.code == 0, shown.err
        assert f" in {short}" in shown.out
        assert f"{short}  DSProxy · local" in shown.out
        assert "Safe 2 of 3 (treasury) · local · NOT COUNTED: others decide over it, too" in shown.out
        assert f"crossmargin wallet link {me.lower()} {safe.address.lower()} --count" in shown.err
    taken = crossmargin("snapshot", "take", me)
    kept = crossmargin("snapshot", "show", taken.out.split()[0])
    assert f"{short}  DSProxy · local" in kept.out
    counted = crossmargin("wallet", "link", me, safe.address, "--count")
    assert "linked already" in counted.out
    assert "NOT COUNTED" not in crossmargin("health", me).out
    crossmargin("wallet", "unlink", me, safe.address)
    assert "Safe" not in crossmargin("health", me).out


def test_a_program_gets_the_chain_of_ownership(owners: OwnerContracts) -> None:
    """By schemas: accounts with their path, addresses with their proof, links with their wallet."""
    me = owners.world.spare[0].lower()
    own, friend = owners.proxy(me).address.lower(), owners.world.spare[5].lower()
    borrow(owners.world, own)
    link = valid(crossmargin("wallet", "link", me, friend, "--no-count", "--chain", "local", "--json").out)
    assert link == {
        "wallet": me,
        "address": friend,
        "chain_id": 31337,
        "label": None,
        "count": False,
        "new": True,
    }
    crossmargin("wallet", "add", me)
    [row] = json.loads(crossmargin("wallet", "list", "--json").out)["data"]
    assert [one["address"] for one in row["linked"]] == [friend]
    assert friend in crossmargin("wallet", "list").out
    for command in ("health", "positions"):
        data = valid(crossmargin(command, me, "--json").out)
        paths = {(a["kind"], *a["owner_path"]) for a in data["accounts"]}
        assert paths == {("wallet", me), ("lending", me, own), ("wallet", me, own)}
        proxy, other = data["owned"]
        assert proxy == {
            "address": own,
            "chain_id": 31337,
            "owner_path": [me, own],
            "via": ["DSProxy"],
            "proven": True,
            "counted": True,
            "why_not": None,
        }
        assert (other["address"], other["counted"], other["why_not"]) == (friend, False, "you said so")
    assert valid(crossmargin("wallet", "unlink", me, friend, "--json").out) == {
        "wallet": me,
        "address": friend,
    }


def test_links_that_can_not_be_are_refused(owners: OwnerContracts) -> None:
    """Of itself, on no chain, taken back where there is none."""
    me, friend = owners.world.spare[:2]
    for arguments in ((me, me), (me, friend, "--chain", "atlantis"), (me, "0x12")):
        assert crossmargin("wallet", "link", *arguments).code == Exit.USAGE
    assert crossmargin("wallet", "unlink", me, friend).code == Exit.USAGE


def test_a_recording_shows_what_was_shown(owners: OwnerContracts, tmp_path: Path) -> None:
    """Byte for byte, links that are forgotten since included."""
    me = owners.world.spare[0]
    own, safe = owners.proxy(me), owners.safe([me, owners.world.spare[1]], 1)
    borrow(owners.world, own.address)
    borrow(owners.world, safe.address)
    crossmargin("wallet", "link", me, safe.address)
    path = str(tmp_path / "a.cmrec")
    assert crossmargin("record", path, me).code == 0
    live = {command: crossmargin(command, me, "--json").out for command in ("health", "positions")}
    crossmargin("wallet", "unlink", me, safe.address)
    for command, out in live.items():
        assert crossmargin("replay", path, command, "--json").out == out
        assert safe.address.lower() in out


def test_doctor_examines_finders(owners: OwnerContracts) -> None:
    """A registry that is not there is found out."""
    fine = crossmargin("doctor")
    assert "ok   dsproxy · DSProxy local: the registry answers" in fine.out
    owners.world.node.set_code(owners.registry.address, b"")
    broken = crossmargin("doctor")
    assert "FAIL dsproxy · DSProxy local" in broken.out


def test_names_stand_for_wallets(devnet: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a wallet is named; the header and JSON show them, and what has no address is refused."""
    names = Names(devnet)
    text = devnet.config().replace('name = "local"\n', f'name = "local"\n{names.setting}\n', 1)
    (tmp_path / "named.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(tmp_path / "named.toml"))
    wallet = devnet.wallets["hedged"]
    names.register("treasury.eth", wallet)
    shown = crossmargin("health", "treasury.eth")
    assert shown.code == 0, shown.err
    assert shown.out.startswith(f"{wallet[:6]}…{wallet[-4:]} (treasury.eth)   local ")
    assert valid(crossmargin("positions", "treasury.eth", "--json").out)["name"] == "treasury.eth"
    path = str(tmp_path / "a.cmrec")
    assert crossmargin("record", path, "treasury.eth").code == 0
    live = crossmargin("health", "treasury.eth", "--json").out
    assert crossmargin("replay", path, "--json").out == live
    assert wallet.lower() in crossmargin("snapshot", "take", "treasury.eth").out
    added = crossmargin("wallet", "add", "Treasury.eth", "--group", "ours")
    assert added.out == f"{wallet.lower()}  treasury.eth  followed\n"
    assert crossmargin("health", "@ours").code == 0
    assert "(treasury.eth)" not in crossmargin("health", wallet).out  # it does not call itself so
    names.call_oneself(wallet, "treasury.eth")
    assert "(treasury.eth)" in crossmargin("health", wallet).out
    for command in (("health",), ("positions",), ("snapshot", "take"), ("wallet", "add")):
        refused = crossmargin(*command, "nobody.eth")
        assert refused.code == Exit.USAGE
        assert "'nobody.eth' can't be resolved: it is not registered" in refused.err
    envelope = crossmargin("health", "nobody.eth", "--json").json()
    assert [error["code"] for error in envelope["errors"]] == ["unresolved_name"]


def test_health_of_an_address_imports_no_names(owners: OwnerContracts) -> None:
    """With finders, links and a proxy: neither web3, nor ens, nor a database."""
    me = owners.world.spare[0]
    owners.proxy(me)
    crossmargin("wallet", "link", me, owners.world.spare[1])
    code = (
        "import json, sys\n"
        "from tests.cli.runner import crossmargin\n"
        f"result = crossmargin('health', '{me}', '--json')\n"
        "print(json.dumps([result.code, sorted({'web3', 'ens', 'duckdb', 'sqlmodel'} & set(sys.modules))]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == [0, []]
