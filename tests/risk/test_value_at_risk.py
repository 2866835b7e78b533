"""Value at risk against reference figures, derivatives against bumps, and what history must bring."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aggregator.model.accounts import Account
from aggregator.model.portfolio import Portfolio
from aggregator.model.tails import Tails, ValueAtRisk
from aggregator.pricing import black76
from aggregator.pricing.returns import DailyReturns
from aggregator.risk import quantiles, value_at_risk
from aggregator.risk.book import book
from aggregator.risk.draws import draws
from aggregator.risk.paths import Paths
from aggregator.risk.scan import scan
from aggregator.risk.sensitivities import sensitivities
from aggregator.risk.tail import tail
from aggregator.risk.value_at_risk import cornish_fisher, delta_normal
from tests.risk.builders import account, debt, holding, option, perp, portfolio, scenarios, supply, wallet
from tests.risk.linear import FAMILIES

# Made with scipy's distributions and 4 million draws of numpy, by the authors of the specification.
DATA: dict[str, Any] = json.loads((Path(__file__).parent / "var_es.json").read_text())
ETH_ONLY = wallet(holding("ETH", 10.0))


def tails(*accounts: Account, history: DailyReturns | None = None) -> Tails:
    [found] = tails_of([portfolio(*accounts)], history)
    return found


def tails_of(portfolios: list[Portfolio], history: DailyReturns | None) -> list[Tails]:
    """With volatilities and correlations as configured, whatever history is simulated."""
    scanned = scan(book(portfolios, scenarios()), FAMILIES)
    return value_at_risk.tails(scanned, tail(scanned), history)


def losses(found: Tails) -> dict[tuple[str, float, int], float]:
    return {(v.method, v.confidence, v.days): v.loss_usd for v in found.value_at_risk}


def returns(values: dict[str, NDArray[np.float64]]) -> DailyReturns:
    names = tuple(values)
    return DailyReturns(names, np.column_stack([values[n] for n in names]), 20_000, ("made up",) * len(names))


def made_up(days: int, seed: int = 5) -> NDArray[np.float64]:
    return 0.03 * np.random.default_rng(seed).standard_t(4, size=days)


def test_delta_normal_vector() -> None:
    """VaR, its parts apart, and the ES that it implies."""
    case = DATA["delta_normal"]
    D, S = np.array(case["delta_usd"]), np.array(case["cov"])
    value = delta_normal(D, S, 0.99)
    assert value == pytest.approx(case["VaR99"], rel=1e-12)
    z = float(quantiles.normal(np.array([0.01]))[0])
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    assert value / -z == pytest.approx(case["sd"], rel=1e-12)
    assert value / -z * density / 0.01 == pytest.approx(case["ES99"], rel=1e-12)
    apart = sum(delta_normal(D[[i]], S[[i]][:, [i]], 0.99) for i in range(2))
    assert apart == pytest.approx(case["undiversified"], rel=1e-12)


def test_student_t_vector() -> None:
    """What draws of one asset come to, in standard deviations: 0.5% for the quantiles, 2% for the means.

    The cut at six deviations takes 3.0% of the mean beyond 99% and 1.5% of that beyond 97.5%.
    """
    case = DATA["student_t4_unit_variance"]
    x = draws(scenarios(), ("BTC",)).returns[0] / (0.028 * math.sqrt(2))
    lowest = -np.sort(x)
    assert lowest[163] == pytest.approx(case["VaR99_mult"], rel=0.005)
    assert lowest[:164].mean() == pytest.approx(case["ES99_mult"] * 0.97, rel=0.005)
    assert lowest[:410].mean() == pytest.approx(case["ES975_mult"] * 0.985, rel=0.005)


def test_cornish_fisher_vector() -> None:
    """One asset; 1.2% beside the figure of 4 million draws, as the reference is."""
    case = DATA["delta_gamma_cornish_fisher"]
    D, G, S = (np.array(x) for x in ([case["delta"]], [[case["gamma"]]], [[case["sigma"] ** 2]]))
    value = cornish_fisher(D, G, S, 0.99)
    assert value == pytest.approx(case["VaR99"], rel=1e-12)
    assert value == pytest.approx(case["VaR99_mc_4M"], rel=0.013)
    assert delta_normal(D, S, 0.99) == pytest.approx(case["VaR99_delta_normal"], rel=1e-12)


def test_cornish_fisher_of_several_assets() -> None:
    """Moments by simulation of D'x + x'Gx/2; without curvature it is delta-normal."""
    D = np.array([3.0, -1.0, 2.0])
    G = np.array([[-1.0, 0.4, 0.0], [0.4, 0.5, -0.3], [0.0, -0.3, -0.8]])
    A = np.array([[1.0, 0.0, 0.0], [0.6, 0.7, 0.0], [-0.2, 0.3, 0.9]])
    S = A @ A.T
    x = np.random.default_rng(3).normal(size=(400_000, 3)) @ A.T
    P = x @ D + 0.5 * np.einsum("ni,ij,nj->n", x, G, x)
    centred = P - P.mean()
    skewness = (centred**3).mean() / P.std() ** 3
    z = -2.3263478740408408
    expected = -(P.mean() + P.std() * (z + (z * z - 1) / 6 * skewness))
    assert cornish_fisher(D, G, S, 0.99) == pytest.approx(expected, rel=0.01)
    assert cornish_fisher(D, 0 * G, S, 0.95) == pytest.approx(delta_normal(D, S, 0.95))
    assert cornish_fisher(0 * D, 0 * G, S, 0.95) == 0.0


def test_derivatives_by_bumps() -> None:
    """Deltas, gammas across coins and vegas of every kind of leg are those of full revaluation."""
    ours = book(
        [
            portfolio(
                account("a", supply("wstETH", 2.0), debt("USDC", 500.0), holding("LINK", 30.0)),
                account("p", perp("BTC", 0.5, settlement="ETH", pnl=0.25)),
                account(
                    "o",
                    option("ETH", -3.0, "put", 3_800.0, years=0.2, iv=0.7, settlement="ETH"),
                    option("BTC", 2.0, "call", 110_000.0, years=0.3, iv=0.5, settlement="ETH", rate=0.03),
                    option("BTC", 1.0, "call", 90_000.0, years=0.3, iv=0.6, mark=20_000.0),
                ),
            )
        ],
        scenarios(),
    )
    n, step = len(ours.axes.bases), 1e-4
    [got] = sensitivities(ours)

    def worth(*bumps: tuple[int, float], vol: tuple[int, float] = (0, 0.0)) -> float:
        x, iv = np.zeros((2, n, 1))
        for i, size in bumps:
            x[i] += size
        iv[vol[0]] = vol[1]
        return float(Paths.of(ours, x, iv).values(1.0).sum())

    scale = float(np.abs(got.gamma).max())
    for i in range(n):
        slope = (worth((i, step)) - worth((i, -step))) / (2 * step)
        assert got.delta[i] == pytest.approx(slope, rel=1e-6, abs=1e-7 * scale)
        slope = (worth(vol=(i, step)) - worth(vol=(i, -step))) / (2 * step)
        assert got.vega[i] == pytest.approx(slope, rel=1e-6, abs=1e-7 * scale)
        for k in range(n):
            corners = [worth((i, a * step), (k, b * step)) * a * b for a in (1, -1) for b in (1, -1)]
            assert got.gamma[i, k] == pytest.approx(sum(corners) / (4 * step * step), abs=1e-5 * scale)
    assert np.array_equal(got.gamma, got.gamma.T)


def test_four_methods_of_a_coin() -> None:
    """Holding ETH: each method's own quantile by hand, one and two days, 95% and 99%."""
    past = made_up(700)
    got = tails(ETH_ONLY, history=returns({"ETH": past}))
    assert got.historical_absent is None
    found = losses(got)
    assert len(found) == 16
    z, sigma = 1.6448536269514722, 0.037
    assert found["delta_normal", 0.95, 1] == pytest.approx(40_000 * z * sigma)
    assert found["delta_normal", 0.95, 2] == pytest.approx(40_000 * z * sigma * math.sqrt(2))
    # Holding a coin gains by curvature: prices are exp of what is normal, whose quantile is known.
    assert found["cornish_fisher", 0.95, 2] == pytest.approx(
        40_000 * (1 - math.exp(-z * sigma * math.sqrt(2))), rel=0.005
    )
    x = np.sort(draws(scenarios(), ("ETH",)).returns[0])
    assert found["monte_carlo", 0.99, 2] == pytest.approx(40_000 * (1 - math.exp(x[163])))
    assert found["monte_carlo", 0.95, 1] == pytest.approx(40_000 * (1 - math.exp(x[819] / math.sqrt(2))))
    assert found["historical", 0.99, 1] == pytest.approx(40_000 * (1 - math.exp(np.sort(past)[6])))
    two = np.sort(past[1:] + past[:-1])
    assert found["historical", 0.95, 2] == pytest.approx(40_000 * (1 - math.exp(two[34])))
    assert got.expected_shortfall_usd > found["monte_carlo", 0.99, 2]


def test_no_history() -> None:
    """Nothing is simulated from what there is not, and it is said."""
    got = tails(ETH_ONLY)
    assert got.historical_absent == "no price history"
    assert {v.method for v in got.value_at_risk} == {"delta_normal", "cornish_fisher", "monte_carlo"}


@pytest.mark.parametrize(
    ("days", "gaps", "absent"),
    [
        (0, 0, (0, 1)),
        (1, 0, (1, 1)),
        (499, 0, (499, 1)),
        (500, 0, (499, 2)),
        (501, 0, None),
        (600, 101, (499, 1)),
        (600, 50, None),
        (600, 51, (498, 2)),
    ],
)
def test_short_history(days: int, gaps: int, absent: tuple[int, int] | None) -> None:
    """500 returns of what is held, and 500 of two days in a row: a gap takes one and two."""
    past = made_up(days)
    past[: 2 * gaps : 2] = np.nan
    got = tails(ETH_ONLY, history=returns({"ETH": past, "BTC": made_up(days)}))
    if absent is None:
        assert got.historical_absent is None
    else:
        count, over = absent
        said = (
            f"{count} returns over {over} day{'' if over == 1 else 's'} for all that is held; 500 are needed"
        )
        assert got.historical_absent == said
        assert not any(v.method == "historical" for v in got.value_at_risk)


def test_history_of_what_is_held() -> None:
    """What another wallet holds takes no day away; an asset without history is named; dollars need none."""
    eth, btc = made_up(600), made_up(600, seed=6)
    btc[:300] = np.nan
    past = returns({"ETH": eth, "BTC": btc})
    wallets = [
        portfolio(ETH_ONLY),
        portfolio(wallet(holding("BTC", 1.0))),
        portfolio(wallet(holding("LINK", 1.0), holding("ETH", 1.0))),
        portfolio(wallet(holding("USDC", 1_000.0))),
    ]
    found = tails_of(wallets, past)
    assert [one.historical_absent for one in found] == [
        None,
        "300 returns over 1 day for all that is held; 500 are needed",
        "no price history of LINK",
        None,
    ]
    alone = tails(ETH_ONLY, history=past)
    assert losses(found[0]) == pytest.approx(losses(alone))
    assert losses(found[3])["historical", 0.99, 2] == 0.0


def test_volatility_is_part_of_history() -> None:
    """An option is revalued with ln IV moved by -.3 of the return, as the draws move it on average."""
    past = np.zeros(501)
    past[:40] = 0.1
    short = account("o", option("ETH", -1.0, "call", 4_000.0, years=0.2, iv=0.7), kind="option")
    found = losses(tails(short, history=returns({"ETH": past})))
    before, after = (
        float(black76.price(forward=4_000 * m, strike=4_000, years=0.2, iv=0.7 * v, rate=0.0, sign=1.0))
        for m, v in ((1.0, 1.0), (math.exp(0.1), math.exp(-0.03)))
    )
    assert found["historical", 0.95, 1] == pytest.approx(after - before)


def test_plain_data() -> None:
    """No arrays: what is stored and shown are numbers and texts."""
    for value in tails(ETH_ONLY).value_at_risk:
        assert isinstance(value, ValueAtRisk)
        assert type(value.loss_usd) is float
