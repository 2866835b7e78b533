"""The exact rule against figures of the real contracts: requirements, auction prices, settlements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.opyn_gamma.closing import Auction, ClosableNakedVaultRule
from adapters.opyn_gamma.fixed_point import from_scaled, to_scaled
from adapters.opyn_gamma.margin import Bound
from adapters.opyn_gamma.requirement import NO_LEG, Leg, Prices, settled, spread
from aggregator.model.assets import AssetId
from aggregator.model.rules import Feed, Oracle, prices_of

FIGURES: dict[str, Any] = json.loads((Path(__file__).parent / "real_contracts.json").read_text())
NOW = 1_800_000_000


def exact(value: Any) -> Any:
    """Integers above 53 bits are text in the file."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    if isinstance(value, list):
        return [exact(one) for one in value]
    return {key: exact(one) for key, one in value.items()} if isinstance(value, dict) else value


def rule_of(row: dict[str, Any]) -> ClosableNakedVaultRule:
    """A naked vault of one row."""

    def feed(name: str, price: int) -> Feed:
        return Feed(AssetId(name), Oracle.MARKET, price, 8, "a test")

    return ClosableNakedVaultRule(
        is_put=row["is_put"],
        leg=Leg(row["size"], row["strike"]),
        expiry=NOW + row["seconds_left"],
        collateral=row["collateral"],
        collateral_decimals=row["decimals"],
        shock=row["shock"],
        bounds=tuple(Bound(*pair) for pair in row["bounds"]),
        underlying_feed=feed("underlying", row["underlying"]),
        strike_feed=feed("strike", 10**8),
        collateral_feed=feed("collateral", 3 * 10**8),
        auction=Auction("option", NOW - row["elapsed"], 0, row["deviation"], None),
    )


@pytest.mark.parametrize("row", exact(FIGURES["naked"]))
def test_a_naked_vault_is_judged_as_the_calculator_does(row: dict[str, Any]) -> None:
    """`getNakedMarginRequired`, and flag and price of `isLiquidatable`, to the unit."""
    rule = rule_of(row)
    prices = prices_of(rule)
    at = rule.prices_at(prices)
    assert rule.required(at, NOW) == row["required"]
    assert rule.health(prices, NOW).liquidatable == (row["debt_price"] is not None)
    if row["debt_price"] is not None:
        assert rule.debt_price(at, row["elapsed"]) == row["debt_price"]


@pytest.mark.parametrize(("kind", "formula"), [("spread", spread), ("expired", settled)])
def test_a_vaults_excess_is_the_calculators(kind: str, formula: Any) -> None:
    """`getExcessCollateral` before and after expiry, of converted collateral too, to the unit."""
    rows = exact(FIGURES[kind])
    assert len(rows) == 50
    for row in rows:
        required = formula(
            Leg(*row["short"]),
            Leg(*row["long"]),
            is_put=row["is_put"],
            assets=tuple(row["assets"]),
            prices=Prices(*row["prices"]),
        )
        excess = from_scaled(row["collateral"], row["decimals"]) - required
        assert to_scaled(excess, row["decimals"], up=excess < 0) == row["excess"]
        assert (excess >= 0) == row["is_excess"]


def test_a_payout_is_the_calculators() -> None:
    """`getExpiredPayoutRate`, at strike assets that are not worth a dollar too."""
    rows = exact(FIGURES["payout"])
    assert {row["rate"] > 0 for row in rows} == {True, False}
    for row in rows:
        one = settled(
            Leg(10**8, row["strike"]),
            NO_LEG,
            is_put=row["is_put"],
            assets=tuple(row["assets"]),
            prices=Prices(*row["prices"]),
        )
        assert to_scaled(one, row["decimals"]) == row["rate"]


def test_the_published_example() -> None:
    """5 puts at 1,800 with ETH at 2,000, U .3326, s .75: 3,994.5 USDC."""
    row = {
        "is_put": True,
        "size": 5 * 10**8,
        "strike": 1_800 * 10**8,
        "seconds_left": 60,
        "bounds": [[60, 3326 * 10**23]],
        "shock": 75 * 10**25,
        "underlying": 2_000 * 10**8,
        "decimals": 6,
        "collateral": 1,
        "elapsed": 0,
        "deviation": 0,
    }
    rule = rule_of(row)
    assert rule.required(rule.prices_at(prices_of(rule)), NOW) == 3_994_500_000
