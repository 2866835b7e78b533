"""Figures of others: liquidations of a market that another script deployed, and Aave's JavaScript maths.

`liquidations_v3_0.json` and `liquidations_v3_6.json` were recorded on a local node from the contracts of npm
@aave/core-v3 1.19.3 and @aave-dao/aave-v3-origin 3.6.0; `math_utils.json` is what npm @aave/math-utils 1.38.0
makes of the same accounts. That package computes with another precision: it is up to 4.2e-5 beside the
contracts, and no reason to change anything here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.aave_v3.interest import RAY, Accrual, compound, linear
from adapters.aave_v3.liquidation import LiquidatableAaveRule
from adapters.aave_v3.margin import AaveRule, Leg
from adapters.aave_v3.terms import ReserveTerms
from adapters.aave_v3.versions import RELEASES, Maths
from aggregator.model.assets import AssetId
from aggregator.model.rules import Amount, Feed, Liquidated, Oracle, Refused, Repayment, prices_of

HERE = Path(__file__).parent
# As that script configured its reserves; WETH and wstETH make an eMode category with threshold 93%.
THRESHOLDS = {"WETH": 8_250, "WBTC": 7_800, "USDC": 8_000, "DAI": 8_000, "wstETH": 8_100}
EMODE_BONUS, EMODE_THRESHOLD = 10_100, 9_300
FEE_BPS = 1_000
REFUSALS = {"HF_OK": "HealthFactorNotBelowThreshold", "NOT_COLLATERAL": "CollateralCannotBeLiquidated"}


def _load(name: str) -> Any:
    return json.loads((HERE / name).read_text())


def _cases() -> list[Any]:
    return [
        pytest.param(release, case, id=f"v{release} {case['case']}")
        for release in ("3.0", "3.6")
        for case in _load(f"liquidations_v{release.replace('.', '_')}.json")["cases"]
    ]


def _rule(release: str, case: Any) -> LiquidatableAaveRule:
    """The account of a case with balances at their index: the file does not say the indices."""
    legs, terms, time = [], [], case["timestamp"]
    for symbol, part in case["position"].items():
        emode = case["case"] == "emode bonus" and symbol in ("WETH", "wstETH")
        legs.append(
            Leg(
                feed=Feed(AssetId(symbol), Oracle.MARKET, int(part["price"]), 8, case["case"]),
                decimals=len(part["unit"]) - 1,
                supplied_scaled=int(part["bal"]) if part["coll"] else 0,
                threshold_bps=EMODE_THRESHOLD if emode else THRESHOLDS[symbol],
                owed_scaled=int(part["debt"]),
                accrual=Accrual(RAY, 0, RAY, 0, time),
            )
        )
        bonus = EMODE_BONUS if emode else int(part["bonus"])
        terms.append(ReserveTerms(bonus, FEE_BPS, active=True, paused=False, grace_until=0))
    return LiquidatableAaveRule(
        RELEASES[release].maths, 8, tuple(legs), release, sentinel_closed=False, terms=tuple(terms)
    )


@pytest.mark.parametrize(("release", "case"), _cases())
def test_recorded_liquidations(release: str, case: Any) -> None:
    """Health, amounts, deficit; the fee may lose the unit that the scaled balance rounds away at the end."""
    rule, time = _rule(release, case), case["timestamp"]
    prices = prices_of(rule)
    health = rule.health(prices, time)
    totals = rule.totals(prices, time)
    assert health.health == int(case["hf_before"])
    assert (totals.collateral, totals.debt) == (int(case["collBase"]), int(case["debtBase"]))
    units = 2**256 - 1 if case["debtToCover"] == "max" else int(case["debtToCover"])
    offer = Repayment(Amount(AssetId(case["debt"]), units), AssetId(case["collateral"]))
    ours, said = rule.liquidate(prices, time, offer), case["contract"]
    if isinstance(said, str):
        assert said.startswith("REVERT")
        named = REFUSALS[case["predicted"]]
        assert isinstance(ours, Refused)
        assert ours.reason.partition(" ")[0].replace("_", "").lower() == named.lower()
        return
    assert isinstance(ours, Liquidated)
    assert [amount.raw for amount in ours.repaid] == [int(said["repaid"])]
    assert [amount.raw for amount in ours.seized] == [int(said["seized"])]
    assert sum(amount.raw for amount in ours.bad_debt) == int(said["deficit"])
    [fee] = ours.fees
    whole = case["fee_diff"] != 0
    assert fee.raw - int(said["fee_amount"]) in ((0, 1) if whole else (0,))
    after = ours.successor.health(prices, time)
    assert after.requirement // 10_000 == pytest.approx(int(said["after"][1]), abs=101)
    if after.health is not None:
        assert after.health == pytest.approx(int(said["after"][5]), rel=1e-8)


def _account(release: str) -> tuple[AaveRule, int, list[int]]:
    """The account of a recorded market from its reserves' data, the time, and what the pool said then."""
    data = _load(f"liquidations_v{release.replace('.', '_')}.json")["account"]
    legs = []
    for reserve, own in zip(data["reserves"], data["ui_user"], strict=True):
        price = int(reserve["priceInMarketReferenceCurrency"])
        legs.append(
            Leg(
                feed=Feed(AssetId(reserve["symbol"]), Oracle.MARKET, price, 8, "recorded"),
                decimals=int(reserve["decimals"]),
                supplied_scaled=int(own["scaledATokenBalance"]),
                threshold_bps=int(reserve["reserveLiquidationThreshold"]),
                owed_scaled=int(own["scaledVariableDebt"]),
                accrual=Accrual(
                    liquidity_index=int(reserve["liquidityIndex"]),
                    liquidity_rate=int(reserve["liquidityRate"]),
                    borrow_index=int(reserve["variableBorrowIndex"]),
                    borrow_rate=int(reserve["variableBorrowRate"]),
                    updated_at=int(reserve["lastUpdateTimestamp"]),
                ),
            )
        )
    rule = AaveRule(RELEASES[release].maths, 8, tuple(legs))
    return rule, data["timestamp"], [int(figure) for figure in data["contract"]]


@pytest.mark.parametrize("summary", _load("math_utils.json")["summaries"], ids=lambda s: f"v{s['version']}")
def test_account_of_the_contracts_and_of_math_utils(summary: Any) -> None:
    """The contract's to the wei; the JavaScript package's as near as it comes."""
    rule, time, said = _account(summary["version"])
    assert [int(figure) for figure in summary["contract_getUserAccountData"]] == said
    totals = rule.totals(prices_of(rule), time)
    health = rule.health(prices_of(rule), time).health
    assert [totals.collateral, totals.debt, health] == [said[0], said[1], said[5]]
    told = summary["mathutils"]
    assert totals.collateral / 1e8 == pytest.approx(float(told["totalCollateralMRC"]), rel=1e-9)
    assert health is not None
    assert health / 1e18 == pytest.approx(float(told["healthFactor"]), rel=4.2e-5)


@pytest.mark.parametrize(("maths", "most"), [(Maths.V3_0, 4.2e-5), (Maths.V3_4, 1.3e-5)])
def test_interest_beside_math_utils(maths: Maths, most: float) -> None:
    """Supply within the unit that it rounds and the contracts cut; debt as near as it comes."""
    cases = _load("math_utils.json")["interest"]
    assert len(cases) == 50
    furthest = 0.0
    for case in cases:
        rate, seconds = int(case["rate"]), case["dt"]
        assert int(case["linear"]) - linear(rate, seconds) in (0, 1)
        furthest = max(furthest, abs(compound(maths, rate, seconds) / int(case["compound"]) - 1))
    assert most / 10 < furthest < most
