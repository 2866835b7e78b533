"""The command that starts the local chain for people."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.devnet import __main__ as command
from tests.devnet.errors import NodeError
from tests.devnet.rpc import Rpc

if TYPE_CHECKING:
    from pathlib import Path

    from tests.devnet.world import World


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_run_writes_a_configuration_and_ends_in_order(tmp_path: Path, ending: signal.Signals) -> None:
    config = tmp_path / "local.toml"
    arguments = ["run", "--port", "0", "--chain-id", "1234", "--config", str(config)]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.devnet", *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = ""
        while "Ctrl-C stops it." not in said:
            line = process.stdout.readline()
            assert line, f"ended early after: {said}"
            said += line
        url = tomllib.loads(config.read_text())["chains"]["1234"]["endpoints"][0]["url"]
        host, _, port = url.removeprefix("http://").partition(":")
        client = Rpc(host, int(port))
        assert client.request("eth_chainId") == hex(1234)
        client.close()
        os.kill(process.pid, ending)
        assert process.stdout.read() == "stopped\n"
    assert process.returncode == 0
    assert str(config) in said
    assert "hedged" in said
    with pytest.raises(NodeError, match="no answer"):
        client.request("eth_chainId")


def test_a_port_in_use_is_one_plain_failure(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", "--port", str(world.node.port), "--config", str(tmp_path / "local.toml")]
    assert command.main(arguments) == 1
    assert "in use" in capsys.readouterr().err
    assert not (tmp_path / "local.toml").exists()


PLAN = '{"schema": "crossmargin/plan repair/1", "data": {"steps": []}, "blocks": [%s]}'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "can't be read as a plan"),
        ('{"schema": "crossmargin/health/1", "data": {}}', "holds no plan"),
        (PLAN % '{"chain_id": 1, "number": 5, "hash": "0x"}', "the plan is of block 5 of chain 1"),
        (PLAN % '{"chain_id": 31337, "number": 5, "hash": "0x"}', "make the plan on this chain"),
    ],
)
def test_a_plan_of_another_state_is_not_sent(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(text)
    assert command.main(["execute", str(plan), "--port", str(world.node.port)]) == 1
    assert words in capsys.readouterr().err
