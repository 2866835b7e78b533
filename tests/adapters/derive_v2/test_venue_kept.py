"""Accounts of which a venue told, from a recording to the database and back, without a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aggregator.reading.recording import Recording
from aggregator.reading.run import Job, run
from aggregator.reading.source import ChainSource
from aggregator.reading.tapes import Recorder
from tests.adapters.derive_v2 import real
from tests.adapters.derive_v2.stand_in import USER, VENUE, StandInDerive, beside, told
from tests.adapters.derive_v2.test_venue import STALE, STANDARD
from tests.cli.runner import crossmargin
from tests.docs.test_schema import errors

BLOCK = real.said()["states"]["stale"]["block"]


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A read at stale feeds, with the venue beside it; one account is short of margin."""
    monkeypatch.setenv("CROSSMARGIN_DATABASE", str(tmp_path / "own.duckdb"))
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(tmp_path / "none.toml"))
    (tmp_path / "none.toml").write_text("")
    documents = told("first")
    documents[STANDARD]["maintenance_margin"] = "-5"
    at = real.deployment(venue=VENUE)
    entry = {"chain": at.chain, "name": at.name, "addresses": dict(at.addresses), "options": dict(at.options)}
    usdc = {"chain": at.chain, "address": real.said()["tokens"]["USDC"], "symbol": "USDC", "decimals": 6}
    configuration = {
        "chains": {str(at.chain): {"name": "local", "origin": "local node"}},
        "deployments": {"derive_v2": [entry]},
        "tokens": [{**usdc, "underlying": "USD", "class": "stable"}],
    }
    request = {"wallets": [USER], "block": BLOCK, "adapters": ["derive_v2"]}
    kept = Recording("local node", request, configuration)

    async def record(source: ChainSource) -> Any:
        return await run([Job(real.adapter(at), at, USER)], {at.chain: Recorder(source, kept)}, BLOCK)

    with beside(StandInDerive(documents), "stale") as use:
        use(record)
    kept.save(tmp_path / "one.cmrec")
    return tmp_path / "one.cmrec"


def test_all_commands_say_who_answered(recording: Path) -> None:
    """The table, the JSON, the database and its verification; nobody is asked again."""
    shown = crossmargin("replay", str(recording), "health")
    assert shown.code in (0, 30, 31, 32), shown.err
    assert shown.out.count(" at derive ") >= len(STALE)
    assert shown.err.count("venue derive answers, whose API is not verified") == len(STALE)
    assert "where it would be liquidated is not known" in " ".join(shown.out.split())
    printed = json.loads(crossmargin("replay", str(recording), "health", "--save", "--json").out)
    assert errors("health.json", printed) == []
    accounts = {int(one["account_id"].rsplit(":", 1)[1]): one for one in printed["data"]["accounts"]}
    assert {number for number, one in accounts.items() if one["observed"]} == STALE
    one = accounts[STANDARD]
    assert (one["observed"]["endpoint"], one["observed"]["time"]) == (VENUE, real.block_of("stale").timestamp)
    assert (one["state"], one["native_health"], one["reported_by"]) == (
        "liquidatable",
        None,
        "/public/margin_watch@venue derive",
    )
    assert {accounts[number]["state"] for number in STALE - {STANDARD}} == {"unjudged"}
    assert printed["data"]["weakest_account"] == one["account_id"]
    positions = json.loads(crossmargin("replay", str(recording), "positions", "--json").out)
    assert errors("positions.json", positions) == []

    [line] = json.loads(crossmargin("snapshot", "list", "--json").out)["data"]
    kept = json.loads(crossmargin("snapshot", "show", line["snapshot_id"], "--json").out)
    assert errors("snapshot-show.json", kept) == []
    again = {one["account_id"]: one["observed"] for one in kept["data"]["health"]["accounts"]}
    assert again == {one["account_id"]: one["observed"] for one in accounts.values()}
    verified = crossmargin("snapshot", "verify", line["snapshot_id"], "--offline", "--json")
    document = json.loads(verified.out)
    assert errors("snapshot-verify.json", document) == []
    assert verified.code == 0, document
    [data] = document["data"]
    assert data["rows"] == "sound"
    assert len(data["observed"]) == len(STALE)
    assert all("no block has it to read it again" in told for told in data["observed"])
    text = crossmargin("snapshot", "verify", line["snapshot_id"], "--offline").out
    assert text.count("is what venue derive said at 20") == len(STALE)
