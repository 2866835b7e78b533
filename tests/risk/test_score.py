"""From multiples to bands and verdicts, and the crossing itself."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.results import AccountRisk, Band, Verdict
from aggregator.risk import score
from aggregator.risk.grid import BLOCKS, STANDARD, first_crossing

LEVELS = np.concatenate(BLOCKS)


def risk(name: str, lam: float, *, liquidatable: bool = False, sets: bool = True) -> AccountRisk:
    return AccountRisk(
        account_id=name,
        equity_usd=1.0,
        power_usd=2.0,
        native_requirement_usd=1.0,
        native_health=2.0,
        reported_health=None,
        check_bps=None,
        liquidatable=liquidatable,
        lam_native=lam,
        binding_ray=None,
        requirement_usd=1.0,
        liquidation_prices=(),
        asset_liquidation_prices=(),
        sets_band=sets,
        oracle_blind=False,
        interest_usd_day=None,
        runway_days=None,
    )


def test_grid() -> None:
    """0, .05, .. 5, 5.25, .. 20, exactly."""
    assert [i / 20 for i in range(101)] + [5 + i / 4 for i in range(1, 61)] == LEVELS.tolist()
    assert STANDARD[-1] == 1.0


@given(st.floats(0.0, 19.9), st.floats(0.01, 1e6))
def test_crossing_of_a_line(root: float, slope: float) -> None:
    """Linear interpolation finds the root of a line, wherever it is."""
    values = slope * (root - LEVELS)[None, :]
    assert first_crossing(LEVELS, values)[0] == pytest.approx(root, rel=1e-9, abs=1e-9)


def test_crossing_edges() -> None:
    """0 where it starts below, inf where it never ends, the first of several, strictly below 1 by 1."""
    rows = np.ones((5, len(LEVELS)))
    rows[1, 0] = -1.0
    rows[2, [10, 20]] = -1.0
    rows[3, 20] = -1e-300
    rows[4, 20], rows[4, 21] = 0.0, -1.0
    got = first_crossing(LEVELS, rows)
    assert got[:2].tolist() == [math.inf, 0.0]
    assert got[2] == pytest.approx(0.475)
    assert got[3] < 1.0
    assert got[3] == pytest.approx(1.0)
    assert got[4] == 1.0


def test_score() -> None:
    """50 at one stress, 100 at none too many, rising in between."""
    assert [score.score(k) for k in (0.0, 1.0, 3.0, math.inf)] == [0.0, 50.0, 75.0, 100.0]


@pytest.mark.parametrize(
    ("kappa", "band"),
    [
        (0.0, Band.INSOLVENT),
        (0.01, Band.UNDER_MARGINED),
        (np.nextafter(1.0, 0.0), Band.UNDER_MARGINED),
        (1.0, Band.CRITICAL),
        (1.2, Band.WATCH),
        (1.5, Band.HEALTHY),
        (3.0, Band.STRONG),
        (math.inf, Band.STRONG),
    ],
)
def test_unified_band(kappa: float, band: Band) -> None:
    """The limits belong to the better band."""
    assert score.unified_band(kappa) is band


def test_account_bands() -> None:
    """Liquidatable, below .25, below 1, anything above."""
    bands = [score.account_band(risk("a", lam)) for lam in (0.0, 0.2499, 0.25, 0.999, 1.0, math.inf)]
    assert bands == [Band.CRITICAL] * 2 + [Band.WATCH] * 2 + [Band.STRONG] * 2
    assert score.account_band(risk("a", 5.0, liquidatable=True)) is Band.NATIVE_LIQUIDATION


def test_weakest() -> None:
    """Liquidatable first, then the smallest multiple, then the id; dust never."""
    broken, near, far = risk("c", 0.0, liquidatable=True), risk("b", 0.1), risk("a", 0.5)
    dust = risk("0", 0.0, liquidatable=True, sets=False)
    assert score.weakest([far, near, broken, dust]) is broken
    assert score.weakest([far, near, dust]) is near
    assert score.weakest([risk("y", 1.0), risk("x", 1.0)]) == risk("x", 1.0)
    assert score.weakest([dust]) is None


def test_worse() -> None:
    """The order of the bands, whichever comes first."""
    order = list(Band)
    for i, better in enumerate(order):
        for worse in order[i:]:
            assert score.worse(better, worse) is score.worse(worse, better) is worse


@pytest.mark.parametrize(
    ("unified", "weakest", "complete", "verdict"),
    [
        (Band.STRONG, Band.STRONG, True, Verdict.OK),
        (Band.HEALTHY, Band.NONE, True, Verdict.OK),
        (Band.NONE, Band.NONE, True, Verdict.OK),
        (Band.STRONG, Band.WATCH, True, Verdict.WARN),
        (Band.INSOLVENT, Band.STRONG, True, Verdict.CRITICAL),
        (Band.INSOLVENT, Band.NATIVE_LIQUIDATION, True, Verdict.LIQUIDATABLE),
        (Band.NONE, Band.NONE, False, Verdict.UNKNOWN),
        (Band.STRONG, Band.WATCH, False, Verdict.UNKNOWN),
        # What is missing may be the collateral: the whole proves nothing, an account alone does.
        (Band.INSOLVENT, Band.STRONG, False, Verdict.UNKNOWN),
        (Band.STRONG, Band.CRITICAL, False, Verdict.CRITICAL),
        (Band.STRONG, Band.NATIVE_LIQUIDATION, False, Verdict.LIQUIDATABLE),
    ],
)
def test_verdict(unified: Band, weakest: Band, complete: bool, verdict: Verdict) -> None:
    """Proven liquidations are never hidden by a missing part, and nothing else is proven by half a read."""
    assert score.verdict(unified, weakest, complete=complete) is verdict


def test_one_that_nobody_can_judge_is_at_best_watched() -> None:
    """Worse than any that holds for a stress, better than any that does not; liquidatable by its own word."""
    told = replace(risk("told", math.inf), native_health=None, reported_health=1.2)
    assert told.is_unjudged
    assert score.account_band(told) is Band.WATCH
    assert score.account_band(replace(told, liquidatable=True)) is Band.NATIVE_LIQUIDATION
    assert not replace(told, reported_health=None).is_unjudged
    assert not replace(told, check_bps=10_000.0).is_unjudged
    strong, weak = risk("strong", 3.0), risk("weak", 0.9)
    for others, first in (
        ([strong], "told"),
        ([strong, weak], "weak"),
        ([risk("now", 0.0, liquidatable=True)], "now"),
    ):
        found = score.weakest([told, *others])
        assert found is not None
        assert found.account_id == first
    assert score.verdict(Band.STRONG, Band.WATCH, complete=True) is Verdict.WARN
