"""Runway and calendar: exact times where interest is linear, expiries, and what can't be followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from aggregator.model.assets import AssetId
from aggregator.model.rules import WAD, Health
from aggregator.planning.calendar import PRECISION_S, calendar
from aggregator.risk.runway import DAY_S
from tests.risk.builders import TIME, account, holding, option, portfolio, supply, wallet
from tests.risk.linear import LinearRule


@dataclass(frozen=True, slots=True)
class Growing(LinearRule):
    """A debt of `owed` dollars that grows by `a_day`, against `cash` dollars."""

    owed: int = 0
    a_day: float = 0.0

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:  # noqa: ARG002
        owed = self.owed + round(self.a_day * WAD * (time - TIME) / DAY_S)
        return Health(self.cash, owed, 18, self.cash * WAD // owed, liquidatable=self.cash < owed)


def growing(a_day: float, owed: int = 1_000) -> Growing:
    return Growing((), 1_400 * WAD, owed * WAD, a_day)


def test_thresholds_are_lost_in_order_and_to_the_hour() -> None:
    """1,400 against 1,000 and 2 a day: 1.25 is lost at 1,120, after 60 days; liquidated after 200."""
    found = calendar(portfolio(account("debt", supply("USDC", 1_400), rule=growing(2.0))), 365)
    kinds = {(event.kind, event.threshold) for event in found.events}
    assert kinds == {("health", 1.25), ("health", 1.1), ("liquidation", None)}
    for event in found.events:
        least = event.threshold or 1.0
        assert event.days == pytest.approx((1_400 / least - 1_000) / 2, abs=PRECISION_S / DAY_S)
    assert [event.time for event in found.events] == sorted(event.time for event in found.events)


def test_nothing_is_told_beyond_the_horizon() -> None:
    """Nor of an account that only gets better."""
    one = portfolio(account("debt", supply("USDC", 1_400), rule=growing(2.0)))
    assert calendar(one, 59).events == ()
    assert calendar(portfolio(account("debt", supply("USDC", 1_400), rule=growing(-2.0))), 365).events == ()


def test_what_fails_today_is_told_at_once() -> None:
    """At day 0."""
    found = calendar(portfolio(account("debt", supply("USDC", 1_400), rule=growing(2.0, 1_500))), 365)
    assert [(event.kind, event.days) for event in found.events] == [("liquidation", 0.0)]


def test_expiries_are_events_and_end_what_can_be_followed() -> None:
    """The account is asked no later than its first option lives."""
    soon = replace(option("ETH", -1.0, "call", 5_000.0, years=0.1, iv=0.5), expiry=TIME + 30 * DAY_S)
    found = calendar(portfolio(account("short", supply("USDC", 1_400), soon, rule=growing(2.0))), 365)
    assert [(event.kind, event.days) for event in found.events] == [("expiry", 30.0)]
    assert found.events[0].size == -1.0
    assert calendar(portfolio(wallet(holding("USDC", 1.0))), 365).accounts == ()
