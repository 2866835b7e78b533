"""What a day of interest comes to, and how long an account lasts at flat prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.positions import Debt, Supply
from aggregator.model.rules import WAD, Health
from aggregator.risk.runway import DAY_S, HORIZON_DAYS, interest_usd_day, runway_days
from tests.risk.builders import TIME, portfolio
from tests.risk.linear import LinearRule, lending, margined

YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class Growing(LinearRule):
    """Debt that grows by `percent` of today's a year."""

    percent: int = 0

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        now = LinearRule(self.weights, self.cash).health(prices, time)
        more = now.requirement * self.percent * (time - TIME) // (100 * YEAR_DAYS * DAY_S)
        requirement = now.requirement + more
        health = now.power * WAD // requirement
        return replace(now, requirement=requirement, health=health, liquidatable=health < WAD)


def growing(account: Account, percent: int) -> Account:
    assert isinstance(account.rule, LinearRule)
    return replace(account, rule=Growing(account.rule.weights, account.rule.cash, percent))


@given(st.integers(2, 40), st.floats(1.001, 1.9))
def test_runway_is_when_the_debt_has_grown_to_the_power(percent: int, health: float) -> None:
    """Days = (HF - 1) / rate * 365, to the hour, never late."""
    owner = growing(lending("a", {"ETH": 10.0, "USD": -33_200.0 / health}), percent)
    found = runway_days(owner, TIME)
    expected = (health - 1) / (percent / 100) * YEAR_DAYS
    assume(abs(expected - HORIZON_DAYS) > 1e-6)  # on the very horizon rounding decides
    if expected > HORIZON_DAYS:
        assert found is None
        return
    assert found is not None
    assert found == pytest.approx(expected, abs=1 / 24 + 1e-3)


def test_runway_ends_now_or_never() -> None:
    """0 where it can be liquidated, None where nothing grows, where no protocol looks, and for perps."""
    assert runway_days(growing(lending("a", {"ETH": 10.0, "USD": -33_300.0}), 5), TIME) == 0.0
    assert runway_days(lending("a", {"ETH": 10.0, "USD": -16_600.0}), TIME) is None
    assert runway_days(replace(lending("a", {"ETH": 10.0}), rule=None), TIME) is None
    assert runway_days(margined("p", "ETH", 1.0, 1_000.0), TIME) is None


def with_rates(account: Account, rates: Mapping[str, float | None]) -> Account:
    positions = tuple(
        replace(p, apr=rates[p.asset.symbol]) if isinstance(p, (Supply, Debt)) else p
        for p in account.positions
    )
    return replace(account, positions=positions)


def test_a_day_of_interest() -> None:
    """2% on $40,000 of ETH less 7.3% on $20,000 of USDC."""
    account = with_rates(lending("a", {"ETH": 10.0, "USDC": -20_000.0}), {"ETH": 0.02, "USDC": 0.073})
    assert interest_usd_day(account, portfolio(account)) == pytest.approx((800.0 - 1_460.0) / 365)


def test_a_rate_that_is_not_known_is_no_zero() -> None:
    """Nor is a perp's margin a loan."""
    account = with_rates(lending("a", {"ETH": 10.0, "USDC": -20_000.0}), {"ETH": 0.02, "USDC": None})
    assert interest_usd_day(account, portfolio(account)) is None
    perp = margined("p", "ETH", 1.0, 1_000.0)
    assert interest_usd_day(perp, portfolio(perp)) is None
