"""Exact liquidation prices of rules whose failing prices are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.assets import AssetId
from aggregator.model.flips import FURTHEST, flips
from aggregator.model.rules import Feed, Health, JsonValue

ETH, BTC = AssetId("index:ETH"), AssetId("index:BTC")


@dataclass(frozen=True)
class Failing:
    """A rule that fails where `fails` says so of the price of ETH."""

    fails: Callable[[int], bool]
    family: ClassVar[str] = "failing"
    feeds: tuple[Feed, ...] = ()

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:  # noqa: ARG002
        """See Rule."""
        assert prices[ETH] > 0
        assert prices[BTC] == 7
        return Health(0, 0, 0, None, liquidatable=self.fails(prices[ETH]))

    def to_json(self) -> dict[str, JsonValue]:
        """See Rule."""
        return {}


def of(fails: Callable[[int], bool], present: int) -> tuple[int | None, int | None]:
    """The prices at which it begins to fail."""
    return flips(Failing(fails), {ETH: present, BTC: 7}, 0, ETH)


@given(
    present=st.integers(1, 10**30),
    below=st.fractions(0, 1, max_denominator=10**9),
    above=st.integers(1, FURTHEST),
)
def test_the_nearest_failing_price_on_either_side(present: int, below: float, above: int) -> None:
    """Exact to one unit, however large the numbers are."""
    low, high = int(present * below), present * above + 1
    found = of(lambda price: price <= low or price >= high, present)
    if low == present:
        assert found == (present, present)
    else:
        assert found == (low if low > 0 else None, high if high <= present * FURTHEST else None)


def test_what_fails_already_fails_at_the_present_price() -> None:
    """In both directions."""
    assert of(lambda price: price < 100, 50) == (50, 50)


@pytest.mark.parametrize("present", [1, 2, 3, 1000])
def test_what_never_fails_has_none(present: int) -> None:
    """At the smallest prices too."""
    assert of(lambda _: False, present) == (None, None)


def test_the_nearest_of_several_ranges_counts() -> None:
    """Beyond it the account may pass again, as with a test that is not monotonic."""
    assert of(lambda price: 800 <= price <= 900 or price < 10, 1000) == (900, None)


def test_only_suspected_prices_are_tried() -> None:
    """What a screen rules out is not asked, however many prices there are; what it lets pass is bisected."""
    asked: list[int] = []

    def fails(price: int) -> bool:
        asked.append(price)
        return price >= 3_000

    def suspects(prices: Sequence[int]) -> Sequence[bool]:
        return [price >= 2_900 for price in prices]

    assert flips(Failing(fails), {ETH: 1_000, BTC: 7}, 0, ETH, suspects) == (None, 3_000)
    assert len(asked) < 20
