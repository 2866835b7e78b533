"""Deployments, what `doctor` says of them, and names that come from the chain."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import adapters.synthetix_perps_v2
from adapters.synthetix_perps_v2.adapter import ROLES, build
from adapters.synthetix_perps_v2.names import key_text, name_key, underlying_of
from aggregator.contract import Deployment, Deployments
from aggregator.model.errors import BadConfiguration, Unsupported
from aggregator.model.units import parse_address
from tests.adapters.synthetix_perps_v2.replies import (
    ADAPTER,
    BLOCK,
    CHAIN,
    DEPLOYMENT,
    MANAGER,
    SETTINGS,
    SUSD,
    SYNTH,
    system,
)
from tests.adapters.synthetix_perps_v2.scripted import play


def test_probe_counts_markets() -> None:
    """And tells of those of V1, which are not read."""
    plain, _ = play(ADAPTER.probe(DEPLOYMENT, BLOCK), system())
    legacy, _ = play(ADAPTER.probe(DEPLOYMENT, BLOCK), system() | {("numMarkets", MANAGER): (3,)})
    assert plain == ("2 markets at block 7",)
    assert legacy == (*plain, "3 markets of Futures V1 are not read")


def test_probe_refuses_another_token_as_susd() -> None:
    """Its quote of one dollar would value that token, wherever it is held."""
    with pytest.raises(Unsupported, match=f"{SUSD} as sUSD.*{SETTINGS}"):
        play(ADAPTER.probe(DEPLOYMENT, BLOCK), system() | {("proxy", SYNTH): (SETTINGS,)})


@pytest.mark.parametrize("role", ROLES)
def test_deployment_without_an_address_is_refused(role: str) -> None:
    """The message names what is missing."""
    addresses = {name: at for name, at in DEPLOYMENT.addresses.items() if name != role}
    entry = Deployment("synthetix_perps_v2", CHAIN, "test", addresses, "a test")
    with pytest.raises(BadConfiguration, match=role):
        build(Deployments((entry,), ()))


def test_shipped_deployments_are_complete() -> None:
    """Every entry has a source and well-formed addresses for all roles."""
    file = Path(adapters.synthetix_perps_v2.__file__).with_name("deployments.toml")
    entries = tomllib.loads(file.read_text())["deployment"]
    assert entries
    for entry in entries:
        assert entry["source"]
        assert {role for role in entry["addresses"] if parse_address(entry["addresses"][role])} == set(ROLES)


@pytest.mark.parametrize(
    ("asset", "underlying"),
    [("sETH", "ETH"), ("sBTC", "BTC"), ("SOL", "SOL"), ("STETH", "STETH"), ("ETHBTC", "ETHBTC"), ("s", "s")],
)
def test_underlying_of_an_asset(asset: str, underlying: str) -> None:
    """Only a synth's lower-case s is dropped."""
    assert underlying_of(asset) == underlying


def test_key_that_is_no_text_is_shown_in_hex() -> None:
    """Names come from the chain and are not to be trusted."""
    assert key_text(name_key("sETHPERP")) == "sETHPERP"
    assert key_text(b"\x1b[31m".ljust(32, b"\0")).startswith("0x1b5b")
    assert key_text(b"\xff" * 32) == "0x" + "ff" * 32
