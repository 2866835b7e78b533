"""What Newport's real contracts did, recorded: no package ships them, so that no test can run them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.lyra_v1.closing import ClosableShortRule
from adapters.lyra_v1.family import LyraFamily
from adapters.lyra_v1.pool_value import NewportPool
from aggregator.model.assets import index_id
from aggregator.model.rules import Refused

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("newport.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda one: f"{one['hedger']}-{one['rule']['kind']}")
def test_liquidations_as_the_real_contracts_did_them(case: dict[str, Any]) -> None:
    """To the token's unit: with a hedge on GMX and on Synthetix, pools that can't pay, bad debt, refusals."""
    rule = LyraFamily().load(case["rule"])
    assert isinstance(rule, ClosableShortRule)
    assert isinstance(rule.closing.buy_back.pool, NewportPool)
    for told in case["at"]:
        found = rule.close_out({index_id("ETH"): int(told["price"])}, case["time"])
        if isinstance(found, Refused):
            assert found.reason == told["refused"]
            continue
        fees = {fee.receiver: fee.amount.raw for fee in found.fees}
        assert {
            "returned": sum(one.raw for one in found.returned),
            "liquidator": fees.get("liquidator", 0),
            "security_module": fees.get("insurance_fund", 0),
            "pool": fees.get("pool", 0) + sum(one.raw for one in found.forfeited),
            "insolvent": sum(one.raw for one in found.bad_debt),
        } == {name: int(raw) for name, raw in told.items() if name != "price"}


def test_the_record_shows_what_it_is_for() -> None:
    """Both hedgers, every kind of short, bad debt and none, refusals."""
    outcomes = [told for case in CASES for told in case["at"]]
    assert {case["hedger"] for case in CASES} == {"snx", "gmx"}
    assert {case["rule"]["kind"] for case in CASES} == {
        "SHORT_CALL_BASE",
        "SHORT_CALL_QUOTE",
        "SHORT_PUT_QUOTE",
    }
    assert sum("refused" in told for told in outcomes) >= 10
    assert {told["insolvent"] == "0" for told in outcomes if "insolvent" in told} == {True, False}
