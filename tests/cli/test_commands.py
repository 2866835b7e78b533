"""Commands that need no chain, and what wrong input is answered with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import adapters
from aggregator import settings
from aggregator.model.errors import (
    AuthenticationFailed,
    NotRecorded,
    ProviderUnavailable,
    RateLimited,
    ReadError,
    StaleSource,
    Unsupported,
)
from aggregator.model.readings import Failure
from aggregator.model.units import Address, ChainId
from cli.exits import Exit, of_failures
from cli.health import worst
from tests.cli.runner import crossmargin
from tests.docs.test_schema import errors

WALLET = "0x" + "12" * 20


def test_help_names_every_command_and_exit_code() -> None:
    """The first thing a stranger reads is complete."""
    result = crossmargin("--help")
    assert result.code == 0
    for name in (
        "health",
        "positions",
        "stress",
        "whatif",
        "crosscheck",
        "doctor",
        "record",
        "replay",
        "snapshot",
        "adapters",
        "chains",
        "version",
    ):
        assert f"\n  {name}" in result.out
    for code in Exit:
        if code is not Exit.INTERRUPTED:
            assert f"{code.value} " in " ".join(result.out.split())


def test_version() -> None:
    """Version in both shapes."""
    assert crossmargin("version").out.startswith("crossmargin ")
    assert set(crossmargin("version", "--json").json()["data"]) == {"crossmargin", "python"}


def test_chains_lists_several_public_endpoints() -> None:
    """Without configuration every chain that ships has more than one endpoint."""
    rows = crossmargin("chains", "--json").json()["data"]
    assert {row["name"] for row in rows} >= {"ethereum", "optimism", "arbitrum", "base"}
    assert all(len(row["endpoints"]) > 1 and row["read_by_default"] for row in rows)
    assert "optimism" in crossmargin("chains").out


def test_adapters_list_and_show() -> None:
    """The adapters and exchanges of this release, one a folder, with the source of every address."""
    rows = crossmargin("adapters", "list", "--json").json()["data"]
    modules = ("*/adapter.py", "*/exchange.py")
    folders = sorted(path.parent.name for one in modules for path in Path(adapters.__path__[0]).glob(one))
    assert [row["name"] for row in rows] == folders
    assert {row["name"] for row in rows if row["kind"] == "exchange"} == {"uniswap_v3"}
    assert "aave_v3" in crossmargin("adapters", "list").out
    shown = crossmargin("adapters", "show", "aave_v3", "--json").json()["data"]
    assert all(d["source"] and d["addresses"] and not d["verified"] for d in shown["deployments"])
    assert "never seen working" in crossmargin("adapters", "show", "aave_v3").out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["health", "vitalik"], "'vitalik' is not a wallet address"),
        (["health", "0x1234"], "is not a wallet address"),
        (["health", "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed"], "checksum"),
        (["health"], "give one or more addresses, or --demo"),
        (["health", "--demo", WALLET], "not with --demo"),
        (["health", WALLET, "--block", "yesterday"], "'yesterday' is no block"),
        (["health", WALLET, "--block", "17"], "belongs to one chain"),
        (["health", WALLET, "--chain", "atlantis"], "'atlantis'"),
        (["health", WALLET, "--adapter", "atlantis"], "is not installed"),
        (["health", WALLET, "--rpc", "no url"], "http"),
        (["health", WALLET, "--rpc", "host:8545/v2/SECRET"], "http"),
        (["adapters", "show", "atlantis"], "is not installed"),
        (["replay", "absent.cmrec"], "absent.cmrec"),
        (["health", WALLET, "--config", "absent.toml"], "absent.toml"),
    ],
)
def test_wrong_input_says_what_to_do(arguments: list[str], told: str) -> None:
    """A usage error ends with its code and one sentence, never with a traceback."""
    result = crossmargin(*arguments)
    assert result.code == Exit.USAGE
    assert told in result.err
    assert "SECRET" not in result.err
    assert result.out == ""
    assert "Traceback" not in result.err


def test_csv_and_json_exclude_each_other() -> None:
    """Two shapes at once are a usage error, told in the shape that machines read."""
    result = crossmargin("positions", WALLET, "--csv", "--json")
    assert result.code == Exit.USAGE
    assert "not together" in result.json()["errors"][0]["message"]


def test_wrong_option_is_a_usage_error() -> None:
    """An unknown option or command exits 2, as Typer does."""
    assert crossmargin("health", WALLET, "--frobnicate").code == Exit.USAGE
    assert crossmargin("frobnicate").code == Exit.USAGE


def test_an_error_is_an_envelope_too() -> None:
    """With --json even a command that can't answer prints the envelope."""
    result = crossmargin("health", "nobody", "--json")
    document = result.json()
    assert result.code == Exit.USAGE
    assert document["ok"] is False
    assert document["data"] is None
    assert document["errors"][0]["code"] == "usage"
    assert "nobody" in document["errors"][0]["message"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("chains = 3", "chains"),
        ("[chains.1]\nname = 'x'\nendpoint = 'y'", "endpoint"),
        ("[chains.one]\nname = 'x'", "chains"),
        ("[[deployments.aave_v3]]\nchain = 1", "name"),
        ("[[deployments.atlantis]]\nchain = 1\nname = 'x'", "atlantis"),
        (
            "[[deployments.aave_v3]]\nchain = 1\nname = 'x'\n[deployments.aave_v3.addresses]\npool = '0x1'",
            "0x1",
        ),
        ("colour = 'red'", "colour"),
        ("= broken", "TOML"),
        ("[chains.1]\nname='x'\nendpoints=[{url='https://host/${NO_SUCH_VARIABLE}'}]", "NO_SUCH_VARIABLE"),
    ],
)
def test_broken_configuration_names_the_place(text: str, told: str, tmp_path: Path) -> None:
    """Exit 2, and the setting that is wrong."""
    path = tmp_path / "broken.toml"
    path.write_text(text, encoding="utf-8")
    result = crossmargin("chains", "--config", str(path))
    assert result.code == Exit.USAGE
    assert told in result.err


def test_broken_environment_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that can't be parsed is a usage error, not a traceback."""
    monkeypatch.setenv("CROSSMARGIN_DEFAULT_CHAINS", "abc")
    result = crossmargin("chains")
    assert result.code == Exit.USAGE
    assert "default_chains" in result.err


def test_the_environment_does_not_change_a_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay uses the settings it was recorded with."""
    before = crossmargin("health", "--demo", "--json").out
    monkeypatch.setenv("CROSSMARGIN_TOKENS", "[]")
    assert crossmargin("health", "--demo", "--json").out == before


def market(name: str, chain: int, pool: str = "0x" + "11" * 20) -> str:
    """A configured deployment of Aave V3."""
    addresses = f'addresses_provider = "0x{"22" * 20}"\npool = "{pool}"'
    entry = f'[[deployments.aave_v3]]\nchain = {chain}\nname = "{name}"'
    return f"{entry}\n[deployments.aave_v3.addresses]\n{addresses}\n"


def test_a_market_that_is_listed_twice_is_one(tmp_path: Path) -> None:
    """The later entry of the same addresses counts; two markets of one name are refused."""
    path = tmp_path / "own.toml"
    first = "shipped_deployments = false\n" + market("first", 1)
    path.write_text(first + market("second", 1) + market("third", 10), encoding="utf-8")
    shown = crossmargin("adapters", "show", "aave_v3", "--json", "--config", str(path)).json()
    assert [entry["name"] for entry in shown["data"]["deployments"]] == ["second", "third"]
    path.write_text(first + market("first", 1, "0x" + "33" * 20), encoding="utf-8")
    refused = crossmargin("adapters", "show", "aave_v3", "--config", str(path))
    assert refused.code == Exit.USAGE
    assert "has this name" in refused.err


def test_an_unknown_default_chain_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain that was meant to be read is never left out in silence."""
    monkeypatch.setenv("CROSSMARGIN_DEFAULT_CHAINS", "[1, 99]")
    result = crossmargin("health", WALLET)
    assert result.code == Exit.USAGE
    assert "chain 99 is not configured" in result.err


def test_a_full_disk_is_one_sentence() -> None:
    """An output that can't be written is told, without a traceback, and is no success."""
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-u", "-m", "cli.main", "health", "--demo"]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == Exit.USAGE
    assert "No space left" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_the_system_refuses_is_an_envelope_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --json every failure is told on stdout as well, also one that is no error of ours."""
    monkeypatch.setenv("CROSSMARGIN_DATABASE", str(tmp_path / ("x" * 300)))
    result = crossmargin("snapshot", "list", "--json")
    assert result.code == Exit.USAGE
    assert "name too long" in result.err
    assert errors("snapshot-list.json", result.json()) == []
    assert result.json()["errors"][0]["code"] == "usage"


def test_the_database_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set to nothing is told, and is no defect."""
    monkeypatch.setenv("CROSSMARGIN_DATABASE", "")
    result = crossmargin("snapshot", "list")
    assert (result.code, "CROSSMARGIN_DATABASE: database: " in result.err) == (Exit.USAGE, True)


@pytest.mark.parametrize(
    "error",
    [
        StaleSource("s", 40, 100, 50),
        RateLimited("e", "429"),
        AuthenticationFailed("e", "401"),
        Unsupported("version 9", "upgrade"),
        ProviderUnavailable("e", "silent"),
        NotRecorded("r"),
    ],
)
def test_nothing_read_for_one_cause_ends_with_its_code(error: ReadError) -> None:
    """Every such code has a place among those of several wallets."""
    code = of_failures([Failure("a", "d", ChainId(1), Address(WALLET), error)], nothing_read=True)
    assert worst([0, code, 30]) == code
    assert worst([32, code]) == 32


def test_the_database_may_be_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is the user's folder, as in a shell; nobody's is refused."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CROSSMARGIN_DATABASE", "~/own.duckdb")
    assert settings.load(None).database == tmp_path / "own.duckdb"
    monkeypatch.setenv("CROSSMARGIN_DATABASE", "~no-such-user/own.duckdb")
    assert crossmargin("chains").code == Exit.USAGE


def test_shipped_deployments_can_be_left_out(tmp_path: Path) -> None:
    """`shipped_deployments = false` in the file leaves only the user's own."""
    path = tmp_path / "own.toml"
    path.write_text("shipped_deployments = false\n", encoding="utf-8")
    shown = crossmargin("adapters", "show", "aave_v3", "--json", "--config", str(path)).json()
    assert shown["data"]["deployments"] == []


def test_a_group_command_names_itself_in_its_error() -> None:
    """The envelope of a failed subcommand carries both words."""
    result = crossmargin("adapters", "show", "atlantis", "--json")
    assert result.json()["schema"] == "crossmargin/adapters show/1"


def test_health_of_a_recording_stays_light() -> None:
    """A check without --save imports no database, no web3, no solver."""
    code = (
        "import json, sys\n"
        "from tests.cli.runner import crossmargin\n"
        "result = crossmargin('health', '--demo', '--json')\n"
        "heavy = {'numba', 'sqlmodel', 'duckdb', 'web3', 'gql', 'scipy.optimize', 'httpx', 'aiohttp'}\n"
        "heavy.add('highspy')\n"
        "print(json.dumps([result.code, sorted(heavy & set(sys.modules))]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=dict(os.environ)
    )
    assert json.loads(done.stdout) == [0, []]
