"""Properties 1 to 6 of RISK.md section 5 (both branches), the identities of section 6, and the nesting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aggregator.model.accounts import Account
from aggregator.model.positions import Perp
from aggregator.model.results import RiskResult
from aggregator.risk.assess import assess, assess_all
from aggregator.risk.book import book
from aggregator.risk.grid import STANDARD
from aggregator.risk.native import headroom
from aggregator.risk.scan import scan
from tests.risk.books import lending_accounts, more_collateral, perp_accounts, silos, times, wallets
from tests.risk.builders import account, few_draws, portfolio
from tests.risk.linear import FAMILIES
from tests.volume import volume

GRID_STEP = 0.05
EXAMPLES = settings(max_examples=volume(30, 200))
"""`python -m tests.risk.many` tries thousands."""
RELATIVE = 1e-9


def result(*accounts: Account) -> RiskResult:
    return assess(portfolio(*accounts), families=FAMILIES, scenarios=few_draws())


def results(*books: Sequence[Account]) -> list[RiskResult]:
    """Of several portfolios, evaluated together."""
    return assess_all([portfolio(*one) for one in books], families=FAMILIES, scenarios=few_draws())


def at_least(larger: float, smaller: float) -> bool:
    """larger >= smaller up to rounding."""
    return larger >= smaller or math.isclose(larger, smaller, rel_tol=RELATIVE, abs_tol=RELATIVE)


@EXAMPLES
@given(st.data())
def test_1_more_collateral_never_lowers_kappa(data: st.DataObject) -> None:
    """Spot collateral added anywhere, to a healthy or a broken silo, is never bad."""
    accounts = data.draw(silos("a"))
    more = data.draw(more_collateral(accounts))
    before, after = results(accounts, more)
    assert after.equity_usd > before.equity_usd
    assert at_least(after.kappa, before.kappa)


@EXAMPLES
@given(silos("a"), st.integers(2, 1_000))
def test_2_scale_invariance(accounts: tuple[Account, ...], scale: int) -> None:
    """The same book, many times as large, has the same kappa and so many times the requirement."""
    larger = [
        account(
            a.id, *(times(p, scale) for p in a.positions), protocol=a.protocol, kind=a.kind, chain=a.chain
        )
        for a in accounts
    ]
    bare = [replace(a, rule=None) for a in accounts]
    small, large = results(bare, larger)
    assert large.kappa == pytest.approx(small.kappa, rel=1e-7)
    assert large.requirement_usd == pytest.approx(small.requirement_usd * scale, rel=1e-7, abs=1e-6 * scale)


@EXAMPLES
@given(silos("a"), silos("b"))
def test_3_and_4_together_is_never_worse(one: tuple[Account, ...], two: tuple[Account, ...]) -> None:
    """M(A+B) <= M(A) + M(B), M <= sum of silo M, kappa(A+B) >= min(kappa(A), kappa(B)).

    Wallets that are evaluated together do not see each other: each gets the figures that it gets alone.
    """
    alone = [result(*one), result(*two)]
    a, b, both = results(one, two, (*one, *two))
    slack = RELATIVE * both.gross_usd
    assert both.requirement_usd <= a.requirement_usd + b.requirement_usd + slack
    for ours in (a, b, both):
        assert ours.requirement_usd <= ours.isolated_requirement_usd + RELATIVE * ours.gross_usd
    assert at_least(both.kappa, min(a.kappa, b.kappa))
    for x, y in zip(alone, (a, b), strict=True):
        assert y.kappa == pytest.approx(x.kappa, rel=RELATIVE)
        assert y.requirement_usd == pytest.approx(x.requirement_usd, rel=RELATIVE, abs=RELATIVE * x.gross_usd)
        assert y.equity_usd == pytest.approx(x.equity_usd, rel=RELATIVE, abs=RELATIVE * x.gross_usd)
        assert [n.lam_native for n in y.accounts] == pytest.approx([n.lam_native for n in x.accounts])
        assert y.scenario_hash == x.scenario_hash


@EXAMPLES
@given(silos("a"))
def test_5_6_and_the_identities(accounts: tuple[Account, ...]) -> None:
    """Of one book: kappa and full coverage, the waterfall and weighted health, and the same bytes again."""
    ours = result(*accounts)
    check_coverage(ours)
    check_identities(ours)
    before = repr(ours)
    result(*accounts[::-1])
    assert repr(result(*accounts)) == before  # no order, hash seed or earlier result shows


def check_coverage(ours: RiskResult) -> None:
    """kappa >= 1 iff the least survival up to one stress is not negative, which is E0 >= M."""
    least = ours.equity_usd - ours.requirement_usd
    assert ours.requirement_usd >= 0.0
    if abs(least) > RELATIVE * ours.gross_usd:
        assert (ours.kappa >= 1.0) == (least >= 0.0)
        assert (ours.margin_coverage_ratio >= 1.0) == (least >= 0.0)


def check_identities(ours: RiskResult) -> None:
    """The waterfall adds up to E0 - M with no negative netting; weighted health is the health of the sums."""
    parts = ours.waterfall
    total = parts.native_headroom_usd + parts.common_haircuts_usd + parts.netting_usd
    slack = RELATIVE * ours.gross_usd
    assert total == pytest.approx(ours.equity_usd - ours.requirement_usd, abs=slack)
    assert parts.netting_usd >= -slack
    owing = [risk for risk in ours.accounts if risk.native_requirement_usd > 0.0]
    if owing:
        Q = sum(risk.native_requirement_usd for risk in owing)
        N = sum(risk.power_usd for risk in owing)
        weighted = sum(risk.native_requirement_usd / Q * (risk.native_health or 0.0) for risk in owing)
        assert weighted == pytest.approx(N / Q, rel=1e-6, abs=1e-6)
    assert ours.isolated_requirement_usd == pytest.approx(sum(risk.requirement_usd for risk in ours.accounts))


@EXAMPLES
@given(
    st.lists(st.one_of(lending_accounts("x"), perp_accounts("x"), wallets("x")), min_size=1, max_size=4),
)
def test_multiples_are_nested(accounts: list[Account]) -> None:
    """lam_nat <= lam_op <= lam_sol to one grid step wherever no account's test is blind."""
    named = [replace(a, id=f"a{i}") for i, a in enumerate(accounts)]
    ours = result(*named)
    # The claim needs G <= E at every multiple, not only up to one where accounts are flagged.
    assume(not any(risk.oracle_blind for risk in ours.accounts))
    assume(all(p.settlement.symbol == "USD" for a in named for p in a.positions if isinstance(p, Perp)))
    step = 0.25 if ours.multiples.operational > 5.0 else GRID_STEP
    assert ours.multiples.native <= ours.multiples.operational + step
    assert ours.multiples.operational <= ours.multiples.solvency + step


@EXAMPLES
@given(silos("a"))
def test_survival_at_zero_and_headroom(accounts: tuple[Account, ...]) -> None:
    """At no stress nothing moves: values are equities, and headroom is N - Q or E."""
    ours = book([portfolio(*accounts)], few_draws())
    scanned = scan(ours, FAMILIES)
    assert STANDARD[0] == 0.0
    today = scanned.standard.values[:, 0, :]
    slack = RELATIVE * ours.gross_usd()[:, None]
    assert np.all(np.abs(today - scanned.equity[:, None]) <= slack)
    G = headroom(scanned.standard.power, scanned.standard.requirement, scanned.equity)
    assert np.all((G < 0.0) == (scanned.native == 0.0))
