"""What a plan's rows are made of: the whole where it is worst, and variants there."""

from __future__ import annotations

import numpy as np
import pytest

from aggregator.model.accounts import Account
from aggregator.model.portfolio import Portfolio
from aggregator.risk.assess import assess
from aggregator.risk.book import book
from aggregator.risk.draws import draws
from aggregator.risk.paths import Paths
from aggregator.risk.requirement import add_ons, counted
from aggregator.risk.reserves import Reserve, reserves
from aggregator.risk.tail import LEVELS, tail_count
from tests.risk.builders import account, option, portfolio, scenarios, supply
from tests.risk.linear import FAMILIES, lending, margined


def strangle(margin: float) -> Account:
    legs = (
        supply("USDC", margin),
        option("ETH", -10.0, "call", 4_400.0, years=0.1, iv=0.75),
        option("BTC", -0.4, "put", 90_000.0, years=0.1, iv=0.6),
    )
    return account("o", *legs, protocol="lyra_v1", kind="option")


def variant(debt_usd: float, margin: float = 20_000.0) -> Portfolio:
    """A lender, a short perp and a strangle."""
    return portfolio(
        lending("l", {"ETH": 10.0, "USDC": -debt_usd}),
        margined("p", "ETH", -4.0, 8_000.0),
        strangle(margin),
    )


def by_name(found: list[Reserve]) -> dict[str, np.ndarray]:
    names = [one.name for one in found]
    assert len(set(names)) == len(names)
    return {one.name: one.values for one in found}


@pytest.mark.parametrize("debt_usd", [15_000.0, 24_000.0, 30_000.0])
def test_none_is_below_zero_exactly_up_to_kappa(debt_usd: float) -> None:
    """Just below the multiple that the full model says the whole survives, and just above it."""
    ours = variant(debt_usd)
    kappa = assess(ours, families=FAMILIES, scenarios=scenarios()).kappa
    assert 0.1 < kappa < 19.0
    for multiple, survives in ((kappa * (1.0 - 1e-6), True), (kappa * (1.0 + 1e-6), False)):
        found = reserves([ours], scenarios(), multiple)
        assert (min(float(one.values[0]) for one in found) >= 0.0) is survives


def test_the_worst_draws_are_those_of_all() -> None:
    """Where options are priced in a few draws only, as where they are in every one."""
    first, second = variant(24_000.0), variant(20_000.0, 21_000.0)
    found = by_name(reserves([first, second], scenarios(), 3.1))
    together = book([first, second], scenarios())
    moves = draws(scenarios(), together.axes.bases)
    paths = Paths.of(together, moves.returns, moves.log_iv)
    size = scenarios().parameters.draws
    count = tail_count(size.confidence, size.count)
    means = {}
    for level in LEVELS[LEVELS <= 3.25]:
        whole = together.by_wallet(counted(together, paths.values(level)))
        worst = np.argsort(whole[0], kind="stable")[:count]
        means[float(level)] = whole[:, worst].mean(axis=1) - add_ons(together).wallet
    means[3.1] = 0.6 * means[3.0] + 0.4 * means.pop(3.25)
    expected = {f"worst draws at {level!r}": values for level, values in means.items()}
    assert set(expected) == {name for name in found if name.startswith("worst draws")}
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-6)


def test_a_variant_has_what_it_would_have_in_the_places_of_the_first() -> None:
    """So that it never has more than it lacks where it is worst itself; alone and beside others alike."""
    first, second, third = variant(24_000.0), variant(22_000.0), variant(24_000.0, 22_000.0)
    found = by_name(reserves([first, second, third], scenarios(), 2.0))
    alone = by_name(reserves([first], scenarios(), 2.0))
    assert set(found) == set(alone)
    for name, values in found.items():
        assert values[0] == pytest.approx(alone[name][0], abs=1e-6)
        assert values[2] >= values[0]
    least = min(float(one.values[0]) for one in reserves([second], scenarios(), 2.0))
    assert least <= min(values[1] for values in found.values()) + 1e-6


def test_what_is_missed_is_what_lies_near_the_worst() -> None:
    """The same figures, of places where the first has no more than it lacks; of all where that is nothing."""
    first, second = variant(30_000.0), variant(24_000.0)
    for multiple in (4.5, 4.57):
        every = by_name(reserves([first, second], scenarios(), multiple))
        missed = by_name(reserves([first, second], scenarios(), multiple, missed=True))
        most = -min(values[0] for values in every.values())
        assert most > 0.0
        assert set(missed) == {name for name, values in every.items() if values[0] <= most}
        assert 0 < len(missed) < len(every)
        for name, values in missed.items():
            np.testing.assert_allclose(values, every[name], rtol=1e-12, atol=1e-6)
    safe = variant(5_000.0)
    every = by_name(reserves([safe, second], scenarios(), 1.0))
    assert set(every) == set(by_name(reserves([safe, second], scenarios(), 1.0, missed=True)))
