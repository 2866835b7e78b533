"""What an option is worth at least and at most holds in every draw, and leaves the worst ones in."""

from __future__ import annotations

import numpy as np
import pytest

from aggregator.risk.book import book
from aggregator.risk.bounds import PRICES, VOLATILITIES, Bounds
from aggregator.risk.draws import draws
from aggregator.risk.extremes import least_values
from aggregator.risk.paths import Paths
from aggregator.risk.tail import Drawn, tail_mean
from tests.risk.builders import account, holding, option, portfolio, scenarios, supply, wallet

TAIL = 164
ACCOUNTS = (
    account(
        "dollars",
        supply("sUSD", 9_000.0),
        option("ETH", -10.0, "call", 4_400.0, years=0.1, iv=0.75),
        option("ETH", 4.0, "put", 3_500.0, years=0.0, iv=None),
        option("BTC", -0.4, "put", 90_000.0, years=0.01, iv=0.6, mark=900.0),
        option("BTC", 0.3, "call", 99_000.0, years=1.0, iv=0.5, rate=0.05, mark=20_000.0),
    ),
    account(
        "coins",
        supply("ETH", 3.0),
        # In the coin that it is on: what is paid is a number of coins, each of which moves as well.
        option("ETH", -0.001, "call", 4_100.0, years=0.2, iv=0.7, settlement="ETH"),
        option("BTC", 0.0001, "put", 100_000.0, years=0.2, iv=0.7, settlement="ETH"),
    ),
    wallet(holding("LINK", 10.0), holding("USDC", 100.0)),
)


def paths() -> Paths:
    ours = book([portfolio(*ACCOUNTS)], scenarios())
    drawn = draws(scenarios(), ours.axes.bases)
    return Paths.of(ours, drawn.returns, drawn.log_iv)


def test_cells() -> None:
    """Every draw lies between the nodes of its cell, the largest one as well."""
    found = paths()
    grid = Bounds.of(found)
    for row, moves in enumerate(found.returns):
        at = grid.cell[row] // (VOLATILITIES - 1)
        assert at.max() == PRICES - 2
        assert np.all((grid.returns[row, at] <= moves) & (moves <= grid.returns[row, at + 1]))
    for row, moves in enumerate(found.log_iv):
        at = grid.cell[row] % (VOLATILITIES - 1)
        assert np.all((grid.log_iv[row, at] <= moves) & (moves <= grid.log_iv[row, at + 1]))


@pytest.mark.parametrize(("level", "share"), [(0.25, 2.0), (1.0, 1.0), (5.0, 1.0)])
def test_values_lie_between(level: float, share: float) -> None:
    """In each of the draws and accounts, near enough to be of use; without options both are the value."""
    found = paths()
    values = found.values(level)
    low, high = Bounds.of(found).between(level)
    slack = 1e-12 * np.abs(values).max()
    assert np.all(low <= values + slack)
    assert np.all(values <= high + slack)
    assert np.array_equal(low[2], high[2])
    assert np.all(np.mean(high - low, axis=1)[:2] < share * np.std(values, axis=1)[:2])


@pytest.mark.parametrize("level", [0.25, 1.0, 5.0])
def test_least_values(level: float) -> None:
    """No draw is worse, for accounts, their differences and the whole; of one leg a draw comes to it."""
    found = paths()
    sums = np.vstack([np.eye(3), -np.eye(3), [1.0, 1.0, 1.0], [1.0, -2.0, 0.5]])
    worst = (sums @ found.values(level)).min(axis=1)
    least = least_values(found, level, sums)
    assert np.all(least <= worst + 1e-9 * np.abs(worst))
    assert np.all(least > -np.inf)
    one = book([portfolio(wallet(holding("ETH", 1.0)))], scenarios())
    drawn = draws(scenarios(), one.axes.bases)
    alone = Paths.of(one, drawn.returns, drawn.log_iv)
    for sign in (1.0, -1.0):
        reached = (sign * alone.values(level)).min()
        assert least_values(alone, level, np.array([[sign]]))[0] == pytest.approx(reached, rel=1e-12)


@pytest.mark.parametrize("level", [0.5, 1.0, 3.0])
def test_the_worst_are_kept(level: float) -> None:
    """Tails of accounts and of the whole are those of all draws, at the price of a few."""
    found = paths()
    drawn = Drawn(found, Bounds.of(found))

    def sums(values: np.typing.NDArray[np.float64]) -> np.typing.NDArray[np.float64]:
        return np.vstack([values, values.sum(axis=0)])

    chosen = drawn.worst(level, TAIL, sums)
    assert TAIL <= chosen.shape[1] < 16_384 / 4
    everything = sums(found.values(level))
    assert tail_mean(sums(chosen), TAIL) == pytest.approx(tail_mean(everything, TAIL), rel=1e-12)


def test_threads_change_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts have a fixed size, whoever works them out."""
    found = paths()
    two = found.values(1.0)
    monkeypatch.setattr("aggregator.risk.paths.THREADS", 1)
    assert np.array_equal(found.values(1.0), two)
