"""The expected-shortfall branch by hand, against the whole grid, and how it enters requirement and score."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from aggregator.model.accounts import Account
from aggregator.model.results import RiskResult
from aggregator.model.tails import Tails
from aggregator.pricing import black76
from aggregator.risk.assess import assess
from aggregator.risk.book import book
from aggregator.risk.draws import draws
from aggregator.risk.grid import first_crossing
from aggregator.risk.paths import PART, Paths
from aggregator.risk.requirement import counted
from aggregator.risk.scan import Scan, scan
from aggregator.risk.tail import LEVELS, Drawn, tail, tail_count, tail_mean
from tests.risk.builders import account, debt, holding, option, perp, portfolio, scenarios, supply, wallet
from tests.risk.linear import FAMILIES, lending, margined

TAIL = 164


def scanned(*accounts: Account) -> Scan:
    return scan(book([portfolio(*accounts)], scenarios()), FAMILIES)


def result(*accounts: Account) -> RiskResult:
    return assess(portfolio(*accounts), families=FAMILIES, scenarios=scenarios())


def of(result: RiskResult) -> Tails:
    assert result.tails is not None
    return result.tails


def needed(result: RiskResult) -> float:
    return of(result).requirement_usd


def paths(*accounts: Account) -> Paths:
    ours = book([portfolio(*accounts)], scenarios())
    drawn = draws(scenarios(), ours.axes.bases)
    return Paths.of(ours, drawn.returns, drawn.log_iv)


def strangle() -> Account:
    legs = (
        supply("USDC", 9_000.0),
        option("ETH", -10.0, "call", 4_400.0, years=0.1, iv=0.75),
        option("BTC", -0.4, "put", 90_000.0, years=0.1, iv=0.6),
    )
    return account("o", *legs, protocol="lyra_v1", kind="option")


def test_tail_mean() -> None:
    """The mean of the lowest ceil(0.01 N), row by row, in any order."""
    assert [tail_count(c, 16_384) for c in (0.99, 0.95)] == [164, 820]
    assert tail_count(0.99, 1_000) == 10
    values = np.random.default_rng(1).normal(size=(3, 1_000))
    expected = np.sort(values, axis=1)[:, :10].mean(axis=1)
    assert np.array_equal(tail_mean(values, 10), expected)
    assert np.array_equal(tail_mean(values[:, ::-1], 10), expected)


def test_full_revaluation() -> None:
    """Every leg in three draws by hand: spot, a perp paid in coins, an option, and pegs that hold."""
    ours = paths(
        account("a", supply("wstETH", 2.0), debt("USDC", 500.0), supply("USD", 7.0)),
        account("p", perp("BTC", 0.5, settlement="ETH", pnl=0.25)),
        account("o", option("ETH", -3.0, "put", 3_800.0, years=0.2, iv=0.7), kind="option"),
    )
    level = 1.5
    values = ours.values(level)
    assert values.shape == (3, 16_384)
    rows = {base: i for i, base in enumerate(ours.book.axes.bases)}
    for j in (0, PART - 1, PART, 16_383):
        eth, btc = (math.exp(level * ours.returns[rows[base], j]) for base in ("ETH", "BTC"))
        iv = 0.7 * math.exp(level * ours.log_iv[rows["ETH"], j])
        put = black76.price(forward=4_000 * eth, strike=3_800, years=0.2, iv=iv, rate=0.0, sign=-1.0)
        notional = 0.5 * 100_000.0
        # 0.25 ETH of profit and the notional on either side: in BTC, less what it was worth in ETH.
        notional_usd = notional * 4_000.0
        expected = [
            2.0 * 4_800 * eth - 493.0,
            0.25 * 4_000 * eth + notional_usd * btc - notional_usd * eth,
            -3.0 * float(put),
        ]
        assert values[:, j] == pytest.approx(expected, rel=1e-9)


def test_coins_in_a_wallet() -> None:
    """M_ES is what the mean of the worst 1% loses; without a haircut that is ES itself."""
    ours = result(wallet(holding("ETH", 10.0)))
    x = np.sort(draws(scenarios(), ("ETH",)).returns[0])
    lost = 40_000 * (1.0 - np.exp(x[:TAIL]).mean())
    assert needed(ours) == pytest.approx(lost, rel=1e-12)
    assert of(ours).expected_shortfall_usd == pytest.approx(lost, rel=1e-12)
    assert ours.scan_requirement_usd == pytest.approx(7_200)
    assert ours.requirement_usd == pytest.approx(max(lost, 7_200))
    assert of(ours).draws == 16_384


def test_a_short_is_bound_by_the_draws() -> None:
    """Prices rise further than they fall in two days: the tail of the draws asks for more than +18%."""
    ours = result(margined("perp", "ETH", -10.0, 4_000.0))
    x = np.sort(draws(scenarios(), ("ETH",)).returns[0])
    lost = 40_000 * (np.exp(x[-TAIL:]).mean() - 1.0)
    assert lost > 7_200
    assert needed(ours) == pytest.approx(lost + 0.02 * 0.0, rel=1e-9)
    assert ours.requirement_usd == pytest.approx(lost + ours.add_on_usd)
    [risk] = ours.accounts
    assert risk.requirement_usd == pytest.approx(ours.requirement_usd)
    assert ours.binding is not None
    assert ours.binding.name == "worst 1% of draws over 2 days"
    assert ours.binding.level == 1.0
    assert ours.binding.loss_usd == pytest.approx(lost)
    assert dict(ours.binding.by_account) == pytest.approx({"perp": lost})
    # The draws leave nothing between half and three quarters of a stress; the scan lasts a little longer.
    assert 0.45 < ours.kappa < 0.5


def test_the_mean_of_the_tail_by_account() -> None:
    """Which draws are the worst is the whole's affair; each account's part is its mean loss in these."""
    accounts = (margined("short", "ETH", -10.0, 9_000.0), wallet(holding("BTC", 0.2)))
    ours, found = result(*accounts), paths(*accounts)
    values = found.values(1.0)
    worst = np.argsort(values.sum(axis=0))[:TAIL]
    means = values[:, worst].mean(axis=1)
    assert ours.binding is not None
    assert ours.binding.name.startswith("worst 1%")
    expected = {"short": 9_000.0 - means[0], "wallet": 20_000.0 - means[1]}
    assert dict(ours.binding.by_account) == pytest.approx(expected)
    assert expected["wallet"] < 0.0
    assert ours.binding.loss_usd == pytest.approx(sum(expected.values()))


BOOKS = {
    "borrower": (lending("a", {"ETH": 25.0, "USDC": -79_000.0}),),
    "against a coin": (lending("a", {"USDC": 60_000.0, "ETH": -10.0}),),
    "strangle": (strangle(),),
    "spread": (margined("l", "ETH", 20.0, 4_000.0), margined("s", "BTC", -0.8, 9_000.0)),
    "short": (margined("s", "ETH", -10.0, 4_000.0),),
    "insolvent": (lending("a", {"ETH": 1.0, "USDC": -9_000.0}),),
    "safe": (wallet(holding("ETH", 1.0)),),
}


@pytest.mark.parametrize("name", BOOKS)
def test_kappa_against_the_whole_grid(name: str) -> None:
    """Each branch on its own grid, the smaller one taken: where the search stops changes nothing."""
    accounts = BOOKS[name]
    ours = scanned(*accounts)
    found = tail(ours).drawn.paths
    means = np.array([[tail_mean(counted(ours.book, found.values(L)).sum(axis=0), TAIL) for L in LEVELS]])
    [everywhere] = first_crossing(LEVELS, means - ours.add_ons.wallet)
    expected = min(everywhere, float(ours.kappa[0]))
    got = result(*accounts).kappa
    assert got == expected or got == pytest.approx(expected, rel=1e-12)
    lowest = float(means[0, :5].min())
    assert needed(result(*accounts)) == pytest.approx(ours.equity.sum() - lowest, abs=1e-6)


def test_some_of_these_are_bound_by_the_draws() -> None:
    """Otherwise the last test would prove nothing."""
    by_draws = {
        name
        for name, accounts in BOOKS.items()
        if result(*accounts).kappa < float(scanned(*accounts).kappa[0])
    }
    assert by_draws == {"against a coin", "short"}


def test_what_is_no_number_is_refused() -> None:
    """A value that is not a number stands below no limit."""
    found = paths(wallet(holding("ETH", 1.0)))
    with pytest.raises(ArithmeticError, match="not a number"):
        Drawn(replace(found, cash=np.array([math.nan])), None).worst(1.0, TAIL, lambda values: values)
