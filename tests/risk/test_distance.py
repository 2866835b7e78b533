"""Critical prices really are roots; the joint reverse stress is the nearest one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from numpy.typing import NDArray

from aggregator.model.accounts import Account
from aggregator.model.distance import CriticalPrice, Distance
from aggregator.risk.book import Book, book
from aggregator.risk.covariance import betas, correlation, covariance
from aggregator.risk.distance import distance
from aggregator.risk.native import headroom, margins, native_groups
from aggregator.risk.rays import Ray, Rays
from aggregator.risk.requirement import add_ons
from aggregator.risk.revaluation import Revaluation
from aggregator.risk.reverse_stress import linear, nearest_ruin
from tests.risk.books import silos
from tests.risk.builders import account, holding, option, portfolio, scenarios, supply, wallet
from tests.risk.linear import FAMILIES, lending, margined

Floats = NDArray[np.float64]

# The reference of RISK.md section 10 for a linear book of BTC and ETH, made with numpy and scipy.
E0 = 50_000.0
COVARIANCE = np.array([[0.0007728399999999999, 0.0008663592], [0.0008663592, 0.00137641]])
DELTA = np.array([100_000.0, -60_000.0])
WORST_DIRECTION = [-0.016730685510781836, -0.0026788459687197364]
TO_RUIN = 33.06139688693727


def measured(*accounts: Account) -> tuple[Book, Distance]:
    one = book([portfolio(*accounts)], scenarios())
    return one, distance(one, native_groups(one, FAMILIES))


def left_at(one: Book, found: CriticalPrice) -> float:
    """E - A, or G of an account, at a critical price, by the way that scenarios are revalued."""
    moves, pegs = {}, {}
    if found.kind == "peg":
        pegs = {peg: found.distance for peg in one.axes.pegs if peg.name == found.factor}
    elif found.others == "still":
        moves = {found.factor: found.distance}
    else:
        at = one.axes.bases.index(found.factor)
        beta = betas(covariance(scenarios(), one.axes.bases))[at]
        moves = {
            u: float((1.0 + found.distance) ** b - 1.0) for u, b in zip(one.axes.bases, beta, strict=True)
        }
    revaluation = Revaluation.of(one, Rays.of([Ray("root", moves, pegs)], one.axes))
    whole_step = np.ones(1)
    factors = revaluation.factors(whole_step)
    E = revaluation.values(whole_step)[:, 0, 0]
    if found.account_id is None:
        return float(E.sum() - add_ons(one).wallet[0])
    N, Q = margins(native_groups(one, FAMILIES), len(one.accounts), factors[:, 0])
    names = [a.id for a in one.accounts]
    return float(headroom(N[:, 0], Q[:, 0], E)[names.index(found.account_id)])


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.generate]
)
@given(silos("a"))
def test_critical_prices_are_roots(accounts: tuple[Account, ...]) -> None:
    """Revalued in full at each price nothing is left, to 1e-9 of gross value (the search along one underlying
    for accounts stops at 3e-10 of a price, a hundredfold of which may be 3e-8 of gross value today)."""
    one, found = measured(*accounts)
    gross = float(one.gross_usd().sum())
    for price in found.prices:
        slack = 1e-9 * gross * max(1.0, 1.0 + price.distance)
        if price.account_id is not None and price.others == "still" and price.kind == "underlying":
            slack *= 100.0
        assert abs(left_at(one, price)) <= slack
        assert (price.distance < 0.0) is (price.direction == "down")


def test_the_nearest_root_of_a_borrower() -> None:
    """25 ETH at 4,000 and 79,000 USDC: equity ends at 79,000/25, its own test at 79,000/25/.83."""
    _, found = measured(lending("loan", {"ETH": 25.0, "USDC": -79_000.0}))
    by = {(p.account_id, p.factor, p.others): p for p in found.prices}
    assert by[None, "ETH", "still"].price_usd == pytest.approx(79_000 / 25, rel=1e-12)
    assert by["loan", "ETH", "still"].price_usd == pytest.approx(79_000 / 25 / 0.83, rel=1e-9)
    # Debt that rises above its peg: 25 * 4,000 / 79,000.
    assert by[None, "USDC", "still"].price_usd == pytest.approx(100_000 / 79_000, rel=1e-12)
    assert {price.others for price in found.prices} == {"still"}


def test_others_move_as_they_do_on_average() -> None:
    """Long ETH and short BTC: a fall of ETH that takes BTC along by 84% of its sigmas must go farther."""
    _, found = measured(margined("long", "ETH", 10.0, 8_000.0), margined("short", "BTC", -0.3, 1_000.0))
    whole = {p.others: p for p in found.prices if (p.account_id, p.factor) == (None, "ETH")}
    assert whole["correlated"].distance < whole["still"].distance < 0.0
    [beta] = [betas(covariance(scenarios(), ("BTC", "ETH")))[1, 0]]
    assert beta == pytest.approx(0.84 * 0.028 / 0.037)


def test_what_has_failed_has_no_critical_price() -> None:
    """An account below its requirement, and a whole that owes more than it has."""
    _, found = measured(lending("loan", {"ETH": 1.0, "USDC": -5_000.0}))
    assert found.prices == ()
    assert found.joint is not None
    assert found.joint.mahalanobis == 0.0


def test_nothing_ruins_a_wallet_of_coins() -> None:
    """Prices never reach zero."""
    _, found = measured(wallet(holding("ETH", 3.0), holding("USDC", 10.0)))
    assert found.prices == ()
    assert found.joint is None


def test_nothing_is_not_used_up() -> None:
    """Balances of zero: there is no equity that a move could take."""
    _, found = measured(wallet(holding("ETH", 0.0)))
    assert found.joint is None


def test_an_unknown_token_moves_with_bitcoin_and_on_its_own() -> None:
    """0.6 of BTC's return: .6 with BTC, .6 * .84 with ETH, .36 with another one."""
    R = correlation(scenarios(), ("BTC", "ETH", "LINK", "token"))
    assert R[2].tolist() == pytest.approx([0.6, 0.6 * 0.84, 1.0, 0.36])
    assert np.linalg.eigvalsh(R).min() > 0.0


def test_linear_reverse_stress() -> None:
    """The reference: direction and distance."""
    move, apart = linear(E0, DELTA, COVARIANCE)
    assert apart == pytest.approx(TO_RUIN, rel=1e-12)
    assert (move / apart).tolist() == pytest.approx(WORST_DIRECTION, rel=1e-9)
    assert linear(E0, np.zeros(2), COVARIANCE)[1] == np.inf
    spent, none = linear(-E0, DELTA, COVARIANCE)
    assert (spent.tolist(), none) == ([0.0, 0.0], 0.0)


def test_the_search_finds_the_linear_solution() -> None:
    """From the coordinate axes alone, for the reference's book."""

    def gap(moves: Floats) -> Floats:
        left: Floats = E0 + moves @ DELTA
        return left

    found = nearest_ruin(gap, COVARIANCE, np.eye(2))
    assert found is not None
    assert found[1] == pytest.approx(TO_RUIN, rel=1e-7)
    assert found[0].tolist() == pytest.approx(linear(E0, DELTA, COVARIANCE)[0].tolist(), rel=1e-4)
    assert gap(found[0][None])[0] == pytest.approx(0.0, abs=1e-9 * E0)


def test_no_direction_leads_to_ruin_sooner() -> None:
    """Options, coins and debt of two underlyings against 360 directions, each followed to its first root."""
    legs = [option("ETH", -20.0, kind, 4_000.0, years=0.2, iv=0.75) for kind in ("call", "put")]
    one, found = measured(
        account("options", supply("USD", 30_000.0), *legs, protocol="lyra_v1", kind="option"),
        margined("perp", "BTC", 0.8, 9_000.0),
    )
    assert found.joint is not None
    root = np.linalg.cholesky(covariance(scenarios(), one.axes.bases))
    angles = np.linspace(0.0, 2.0 * np.pi, 360, endpoint=False)
    ways = np.column_stack([np.cos(angles), np.sin(angles)]) @ root.T
    radii = found.joint.mahalanobis * np.linspace(0.0, 1.05, 106)
    moves = np.expm1(ways[:, None, :] * radii[:, None]).reshape(-1, 2)
    rays = Rays.of(
        [Ray("", dict(zip(one.axes.bases, map(float, move), strict=True))) for move in moves], one.axes
    )
    E = Revaluation.of(one, rays).values(np.ones(1))[:, 0].sum(axis=0) - add_ons(one).wallet[0]
    broken = (E <= 0.0).reshape(len(ways), len(radii))
    nearest = radii[broken.any(axis=0).argmax()]
    assert broken.any()
    assert nearest == pytest.approx(found.joint.mahalanobis, rel=0.01)
    assert dict(found.joint.moves).keys() == {"BTC", "ETH"}
