"""`plan repair --format safe`: what Safe's transaction builder takes, and what is no file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aggregator.model.actions import Trade
from aggregator.model.errors import BadConfiguration
from aggregator.model.plans import Plan
from aggregator.model.units import checksum, parse_address
from cli.safe_file import builders_checksum, notes, safe_file
from tests.cli.runner import crossmargin
from tests.store.blank import blank
from tests.store.samples import MAINNET, PORTFOLIO, WALLET
from tests.store.studied import PLAN, POOL

# Of the builder's own tests: apps/tx-builder/src/lib/checksum.test.js of safe-global/safe-react-apps.
OWNER = "0x49d4450977E2c95362C13D3a31a09311E0Ea26A6"
KNOWN = "0x4ecbfd364aa6759983915644e73f8bd411e85a2dc306f252a387c2728c4db64c"


def argument(name: str, kind: str) -> dict[str, Any]:
    """A call of that test, of a method with one input."""
    return {
        "inputs": [{"internalType": kind, "name": name, "type": kind}],
        "name": f"test{kind.title()}",
        "payable": False,
    }


BATCH: dict[str, Any] = {
    "version": "1.0",
    "chainId": "4",
    "createdAt": 1646321521061,
    "meta": {
        "name": "test batch file",
        "txBuilderVersion": "1.4.0",
        "checksum": "",
        "createdFromSafeAddress": "0xDF8a1Ce35c9a6ACE153B4e0767942f1E2291a1Aa",
        "createdFromOwnerAddress": OWNER,
    },
    "transactions": [
        {
            "to": OWNER,
            "value": "0",
            "contractMethod": argument("paramAddress", "address"),
            "contractInputsValues": {"paramAddress": OWNER},
        },
        {
            "to": OWNER,
            "value": "0",
            "contractMethod": argument("paramBool", "bool"),
            "contractInputsValues": {"paramAddress": "", "paramBool": "false"},
        },
        {
            "to": OWNER,
            "value": "2000000000000000000",
            "data": "0x42f4579000000000000000000000000049d4450977e2c95362c13d3a31a09311e0ea26a6",
        },
    ],
}


# The sample's trade is on another chain than the rest.
KEPT = replace(PLAN, steps=tuple(step for step in PLAN.steps if not isinstance(step.move, Trade)))
READY = replace(
    KEPT,
    steps=tuple(
        replace(step, calls=tuple(replace(call, later=None) for call in step.calls)) for step in KEPT.steps
    ),
)
"""Nobody else need act in it."""


def test_the_checksum_is_the_builders() -> None:
    """By a figure of its own, whatever the order of keys; the name takes no part, the order of calls does."""
    assert builders_checksum(BATCH) == KNOWN
    assert builders_checksum(dict(reversed(BATCH.items()))) == KNOWN
    assert builders_checksum({**BATCH, "meta": {**BATCH["meta"], "name": "x"}}) == KNOWN
    assert builders_checksum({**BATCH, "transactions": BATCH["transactions"][::-1]}) != KNOWN


def test_every_call_in_order() -> None:
    """Values as texts, addresses in mixed case, and the checksum of all that; a bundle sends its own."""
    found = safe_file(READY, PORTFOLIO)
    calls = [call for step in READY.steps for call in step.calls]
    assert [(one["to"], one["value"], one["data"]) for one in found["transactions"]] == [
        (checksum(POOL), str(call.value), "0x" + call.data.hex()) for call in calls
    ]
    assert found["chainId"] == "1"
    assert found["meta"]["createdFromSafeAddress"] == checksum(WALLET)
    assert f"block {PLAN.blocks[MAINNET]}" in found["meta"]["description"]
    told = found["meta"].pop("checksum")
    assert told == builders_checksum(found)
    assert safe_file(READY, PORTFOLIO)["meta"]["checksum"] == told


def test_who_signs_is_told_what_the_file_can_not_say() -> None:
    """Which Safe it is for, and until when its swaps go through; without a swap there is no hurry."""
    owner, deadline = notes(READY, PORTFOLIO)
    assert f"must come from {checksum(WALLET)} on chain 1" in owner
    assert " UTC" in deadline
    assert len(list(notes(replace(READY, steps=READY.steps[:1]), PORTFOLIO))) == 1


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (replace(PLAN, steps=(), status="safe"), "no steps to sign"),
        (KEPT, "the keeper must act between two steps"),
        (
            replace(READY, steps=(replace(READY.steps[0], untold="nobody knows"),)),
            "are not known: nobody knows",
        ),
        (
            replace(READY, steps=(*READY.steps, replace(READY.steps[0], sender=POOL))),
            "one chain and one sender",
        ),
        (PLAN, "on chain 10"),
    ],
    ids=["nothing", "a keeper", "unknown", "two senders", "two chains"],
)
def test_what_is_no_file(plan: Plan, words: str) -> None:
    """It is refused, and why."""
    with pytest.raises(BadConfiguration, match=words):
        safe_file(plan, PORTFOLIO)


def test_a_plan_of_the_demo() -> None:
    """On stdout nothing but the file, on stderr whom it is for; `-q` says nothing."""
    asked = ("plan", "repair", "--demo", "--kappa", "12", "--format", "safe")
    result = crossmargin(*asked)
    assert result.code == 0
    found = json.loads(result.out)
    assert len(found["transactions"]) == 5
    for one in found["transactions"]:
        assert checksum(parse_address(one["to"])) == one["to"]
    assert "import the file in the Safe of that address" in result.err
    assert crossmargin(*asked, "-q").err == ""


def test_no_step_comes_nearer() -> None:
    """No file, and the code of plans that reach not all."""
    asked = ("plan", "repair", "--demo", "--kappa", "12", "--max-cost", "0", "--format", "safe", "-q")
    result = crossmargin(*asked)
    assert (result.code, result.out) == (16, "")
    assert "there is no step to sign" in result.err


def test_what_is_no_file_is_kept_all_the_same(tmp_path: Path) -> None:
    """The failure stands."""
    config = tmp_path / "c.toml"
    config.write_text(f'database = "{blank(tmp_path / "w.duckdb")}"\n')
    result = crossmargin(
        "plan", "repair", "--demo", "-q", "--format", "safe", "--save", "--config", str(config)
    )
    assert result.code == 2
    assert "it has no steps to sign" in result.err
    kept = crossmargin("query", "run", "plan_cost_vs_avoided", "--json", "--config", str(config))
    assert [row["status"] for row in kept.json()["data"]["rows"]] == ["safe"]
