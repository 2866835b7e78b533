"""Figures that the real contracts answered in runs outside of this suite (sources in the JSON files).

`liquidation_prices.json` has exact integers, `price_path.json` rounded ones along a falling price.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.synthetix_perps_v2.closing import Closing
from adapters.synthetix_perps_v2.family import PerpsV2Family
from adapters.synthetix_perps_v2.margin import MarketState, PerpsV2Rule
from aggregator.contract import Shocked
from aggregator.model.fixed_point import multiply
from aggregator.model.rules import WAD, Feed, Oracle
from tests.adapters.synthetix_perps_v2.live import flip
from tests.adapters.synthetix_perps_v2.strategies import DAY, ETH, NOW, SUSD, closable

FAMILY = PerpsV2Family()
HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = json.loads((HERE / "liquidation_prices.json").read_text())["cases"]
PATH: dict[str, Any] = json.loads((HERE / "price_path.json").read_text())


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case['name']} {int(case['input']['size']) // WAD}"
)
def test_liquidation_prices_of_the_contract(case: dict[str, Any]) -> None:
    """Funding, profit and margin come out to the wei, and so does what the liquidation price says of Q.

    The contract's price P solves margin - premium - Q = (price - P)*size, all at the present price.
    """
    given = {name: int(value) for name, value in case["input"].items()}
    said = {name: int(value) for name, value in case["output"].items()}
    price, time = given["price"], NOW + given["warpSeconds"]
    rule = _case_rule(case)
    found = rule.health({ETH: price}, time)
    premium = rule.market.liquidation_premium(rule.size, price)
    assert rule.profit_loss(price) == said["profitLoss"]
    assert rule.accrued_funding(price, time) == said["accruedFunding"]
    assert found.power + premium == said["remainingMargin"]
    distance = multiply(price - said["liquidationPrice"], rule.size)
    assert abs(found.power - found.requirement - distance) <= abs(rule.size) // WAD + 1


@pytest.mark.parametrize("state", PATH["states"], ids=lambda state: state["tag"])
def test_falling_price_of_the_contract(state: dict[str, Any]) -> None:
    """A long of 5 ETH a day after it was opened: health, funding and flag at each price, both forms."""
    market = _path_market()
    price, time = _wad(state["assetPrice"]), NOW + _elapsed(market, state["fundingRate"])
    rule = _rule(market, margin=_wad(969.999925), lastPrice=_wad(2000.005), size=5 * WAD)
    found = rule.health({ETH: price}, time)
    assert rule.accrued_funding(price, time) / WAD == pytest.approx(state["accruedFunding"], rel=1e-9)
    assert (found.power / WAD + state["premium"]) == pytest.approx(state["remainingMargin"], rel=1e-12)
    assert found.requirement / WAD == pytest.approx(state["liqMarginMine"], rel=1e-12)
    assert found.liquidatable == state["canLiquidate"]
    expected = (state["assetPrice"] - state["liqPriceOnchain"]) * 5
    assert (found.power - found.requirement) / WAD == pytest.approx(expected, rel=1e-9)
    fast = FAMILY.margin(FAMILY.columns([rule]), Shocked.in_usd(np.array([[state["assetPrice"]]]), time))
    assert fast[0][0, 0] == pytest.approx(found.power / WAD, rel=1e-9)
    assert fast[1][0, 0] == pytest.approx(found.requirement / WAD, rel=1e-12)


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case['name']} {int(case['input']['size']) // WAD}"
)
def test_liquidation_prices_of_the_contract_lead_to_ours(case: dict[str, Any]) -> None:
    """The contract's price has fees, premium and funding of the present price: repeated there, it is ours.

    So its P of our own price is our price again, within rounding.
    """
    given = {name: int(value) for name, value in case["input"].items()}
    price, time = given["price"], NOW + given["warpSeconds"]
    rule = closable(_case_rule(case), CLOSING)
    below, above = rule.liquidation_prices({ETH: price}, time, ETH)
    ours, other = (below, above) if rule.size > 0 else (above, below)
    if rule.health({ETH: price}, time).liquidatable:
        assert ours == other == price
        ours = flip(rule, time)
    else:
        assert other is None
    assert ours is not None
    assert _contract_price(rule, price, time) == pytest.approx(
        int(case["output"]["liquidationPrice"]), abs=WAD * 3 * WAD // abs(rule.size) + 3
    )
    assert _contract_price(rule, ours, time) == pytest.approx(ours, rel=1e-12)


@pytest.mark.parametrize("side", [0, -1])
def test_the_path_flips_at_our_price(side: int) -> None:
    """Seen from every safe state of the path it is one price, above all failing ones and below all others."""
    market, states = _path_market(), PATH["states"]
    rule = closable(_rule(market, margin=_wad(969.999925), lastPrice=_wad(2000.005), size=5 * WAD), CLOSING)
    time = NOW + _elapsed(market, states[side]["fundingRate"])
    safe = [_wad(one["assetPrice"]) for one in states if not one["canLiquidate"]]
    failing = [_wad(one["assetPrice"]) for one in states if one["canLiquidate"]]
    found = {rule.liquidation_prices({ETH: price}, time, ETH) for price in safe}
    assert len(found) == 1
    [(below, above)] = found
    assert above is None
    assert below is not None
    assert max(failing) <= below < min(safe)


def test_the_price_path_crosses_liquidation() -> None:
    """Or the flag of the path would prove nothing."""
    assert {state["canLiquidate"] for state in PATH["states"]} == {False, True}


CLOSING = Closing("sETHPERP", SUSD, WAD, WAD, False, None, 0, 0)  # noqa: FBT003


def _contract_price(rule: PerpsV2Rule, price: int, time: int) -> int:
    """The contract's liquidation price where this is the present one."""
    found = rule.health({ETH: price}, time)
    return price - (found.power - found.requirement) * WAD // rule.size


def _case_rule(case: dict[str, Any]) -> PerpsV2Rule:
    given = {name: int(value) for name, value in case["input"].items()}
    return _rule(
        MarketState(
            skew=sum(int(one["input"]["size"]) for one in CASES if one["name"] == case["name"]),
            skew_scale=given["skewScale"],
            max_funding_velocity=given["maxFundingVelocity"],
            funding_rate=0,
            funding_time=NOW,
            premium_multiplier=WAD,
            buffer_ratio=given["liquidationBufferRatio"],
            fee_ratio=given["liquidationFeeRatio"],
            min_keeper_fee=given["minKeeperFee"],
            max_keeper_fee=1000 * WAD,
            keeper_liquidation_fee=given["keeperLiquidationFee"],
        ),
        **{name: int(value) for name, value in case["position"].items()},
    )


def _path_market() -> MarketState:
    parameters = PATH["params"]
    return MarketState(
        skew=_wad(PATH["states"][0]["skew"]),
        skew_scale=parameters["skewScale"],
        max_funding_velocity=parameters["maxFundingVelocity"],
        funding_rate=0,
        funding_time=NOW,
        premium_multiplier=parameters["liquidationPremiumMultiplier"],
        buffer_ratio=parameters["liquidationBufferRatio"],
        fee_ratio=_wad(0.0035),
        min_keeper_fee=20 * WAD,
        max_keeper_fee=1000 * WAD,
        keeper_liquidation_fee=2 * WAD,
    )


def _elapsed(market: MarketState, funding_rate: float) -> int:
    """Seconds after which the funding rate has come to this."""
    return round(_wad(funding_rate) * DAY / market.funding_velocity())


def _wad(value: float) -> int:
    """The number as it is written, with 18 decimals."""
    return round(Decimal(repr(value)).scaleb(18))


def _rule(market: MarketState, *, margin: int, lastPrice: int, size: int) -> PerpsV2Rule:
    feed = Feed(ETH, Oracle.MARKET, lastPrice, 18, "assetPrice()@0xaa")
    return PerpsV2Rule(feed, market, size, margin, lastPrice, settled_funding=0, flagged=False)
