"""What holds for every cascade: value is conserved, rounds end, healthy accounts are left alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.accounts import Account
from aggregator.model.positions import Supply
from aggregator.planning import impact as impacts
from aggregator.planning.cascade import MOST_ROUNDS, Terms, cascade
from aggregator.planning.ladder import ladder
from aggregator.planning.market_risk import drawn, market_risk, over_draws
from aggregator.planning.state import State
from aggregator.risk.assess import assess
from aggregator.risk.scenarios import CustomScenario
from tests.planning.plain import FAMILIES, borrower
from tests.planning.test_cascade_vectors import linear, rows
from tests.risk.builders import COINS, account, few_draws, portfolio, raw, scenarios

STILL = CustomScenario("still", {})


def fall(change: float) -> CustomScenario:
    return CustomScenario("fall", {"ETH": change})


@st.composite
def accounts(draw: st.DrawFn) -> tuple[Account, ...]:
    """Loans of dollars against ether and bitcoin, up to beyond what they are worth."""
    made = []
    for i in range(draw(st.integers(1, 5))):
        of = draw(st.sampled_from(["ETH", "BTC", "wstETH"]))
        usd = draw(st.floats(100.0, 1e6))
        threshold = draw(st.sampled_from([0.75, 0.83, 0.9]))
        made.append(
            borrower(
                f"account {i}",
                usd / COINS[of].usd,
                usd * draw(st.floats(0.1, 1.05)),
                of=of,
                owes=draw(st.sampled_from(["USDC", "DAI"])),
                threshold=threshold,
                bonus=draw(st.sampled_from([0.01, 0.05, 0.1])),
                halves=draw(st.booleans()),
                supplied=draw(st.sampled_from([None, raw(1e7)])),
            )
        )
    return tuple(made)


SHOCKS = st.builds(
    lambda eth, btc: CustomScenario("drawn", {"ETH": eth, "BTC": btc, "DAI": -0.01}),
    st.floats(-0.8, 0.3),
    st.floats(-0.8, 0.3),
)


@settings(max_examples=60, deadline=None)
@given(accounts(), SHOCKS, st.integers(0, 3), st.floats(0.0, 3e-3))
def test_value_is_conserved_and_rounds_end(
    held: tuple[Account, ...], shock: CustomScenario, lag: int, slope: float
) -> None:
    """Checked by the engine itself in every round, and here of its sums; sizes never grow."""
    ours = portfolio(*held)
    found = cascade(
        ours, [shock], scenarios=scenarios(), terms=Terms(lambda _, p, q: p * (1.0 + slope) ** -q, lag=lag)
    )
    one = found.cascade
    assert one.converged or one.rounds == MOST_ROUNDS
    lost = (
        one.penalties_usd
        + one.fees_usd
        + one.impact_usd
        + one.path_usd
        - one.bad_debt_usd
        + one.own_share_usd
    )
    gross = sum(abs(step.liquidated_usd) for step in one.steps) + abs(one.value_before_usd) + 1e6
    assert one.value_before_usd == pytest.approx(one.value_after_usd + lost, abs=1e-9 * gross)
    before = {a.id: sum(p.raw for p in a.positions if hasattr(p, "raw")) for a in ours.accounts}
    for left in found.final.accounts:
        assert sum(p.raw for p in left.positions if hasattr(p, "raw")) <= before[left.id]
    # Nobody who is left can be liquidated at a gain: what fails is refused, with a reason.
    after = assess(found.final, families=FAMILIES, scenarios=scenarios())
    failing = {risk.account_id for risk in after.accounts if risk.liquidatable}
    assert failing <= {refusal.account_id for refusal in one.refusals} or not one.converged


@settings(max_examples=40, deadline=None)
@given(accounts(), st.floats(-0.6, -0.01), st.floats(0.0, 0.3))
def test_a_deeper_fall_liquidates_no_fewer_accounts_in_the_first_round(
    held: tuple[Account, ...], shock: float, more: float
) -> None:
    """Of loans in dollars; what follows later may be less, since less is left to sell."""
    ours = portfolio(*(a for a in held if a.rule is not None))
    terms = Terms(impacts.none, rounds=1)

    def hit(change: float) -> set[str]:
        moves = {"ETH": change, "BTC": change}
        done = cascade(ours, [CustomScenario("fall", moves)], scenarios=scenarios(), terms=terms).cascade
        return {step.account_id for step in done.steps} | {r.account_id for r in done.refusals}

    assert hit(shock) <= hit(max(shock - more, -0.99))


def test_nothing_happens_to_who_is_healthy() -> None:
    """No step, no refusal; the portfolio after it is the shocked one."""
    found = cascade(portfolio(borrower("safe", 10, 10_000)), [fall(-0.3)], scenarios=scenarios())
    assert (found.cascade.steps, found.cascade.refusals, found.cascade.rounds) == ((), (), 1)
    assert found.final == found.shocked
    assert found.cascade.value_before_usd == found.cascade.value_after_usd


def test_an_oracle_that_lags_sees_the_fall_later() -> None:
    """The sale of one brings down the next a round later for each round of lag."""
    first, second = borrower("first", 100, 300_000), borrower("second", 50, 149_000)
    rounds = [
        [
            step.round
            for step in cascade(
                portfolio(first, second),
                [fall(-0.1)],
                scenarios=scenarios(),
                terms=Terms(linear, lags={"aave_v3": lag}),
            ).cascade.steps
        ]
        for lag in range(3)
    ]
    assert rounds == [[1, 2], [1, 3], [1, 4]]


def test_bad_debt_falls_to_reserves_and_then_to_suppliers_in_proportion() -> None:
    """The wallet lends a tenth of the market, which its own borrower can't pay."""
    owing = borrower(
        "aave_v3:1:pool:me", 10, 38_000, bonus=0.05, threshold=0.9, reserves=raw(1_000), supplied=raw(100_000)
    )
    lender = account(
        "aave_v3:1:pool:other", Supply(COINS["USD"].asset, raw(10_000), is_collateral=False, origin="lent")
    )
    found = cascade(portfolio(owing, lender), [fall(-0.5)], scenarios=scenarios(), terms=Terms(impacts.none))
    [step] = found.cascade.steps
    bad = 38_000 - 20_000 / 1.05
    assert step.bad_debt_usd == pytest.approx(bad)
    own = (bad - 1_000) / 10
    assert dict(step.borne) == pytest.approx(
        {"insurance_fund": 1_000, "suppliers": (bad - 1_000) - own, "socialised_loss": own}
    )
    assert found.cascade.own_share_usd == pytest.approx(own)
    [left] = found.final.accounts
    assert left.positions[0].raw / 1e18 == pytest.approx(10_000 - own)  # type: ignore[union-attr]


def test_what_is_not_known_of_a_market_is_said() -> None:
    """Neither its reserves nor what is supplied: the own share is not counted, and not taken for zero."""
    owing = borrower("aave_v3:1:pool:me", 10, 38_000, threshold=0.9)
    lender = account(
        "aave_v3:1:pool:other", Supply(COINS["USD"].asset, raw(10_000), is_collateral=False, origin="lent")
    )
    found = cascade(portfolio(owing, lender), [fall(-0.5)], scenarios=scenarios()).cascade
    assert any("own share of its bad debt is not known" in sentence for sentence in found.told)
    assert any("fund of its market would pay first is not known" in sentence for sentence in found.told)


def test_a_refusal_is_kept_with_its_reason() -> None:
    """And nobody liquidates at a loss."""
    paused = borrower("paused", 10, 39_000, refusal="ReservePaused")
    found = cascade(portfolio(paused), [fall(-0.1)], scenarios=scenarios()).cascade
    assert [(r.account_id, r.reason) for r in found.refusals] == [("paused", "ReservePaused")]
    assert (found.steps, found.converged) == ((), True)
    free = cascade(portfolio(borrower("free", 10, 39_000, bonus=0.0)), [fall(-0.1)], scenarios=scenarios())
    assert "would lose by it" in free.cascade.refusals[0].reason


def test_value_that_appears_from_nowhere_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check can fail: an engine that forgets what it sold is found out."""
    monkeypatch.setattr(State, "move", lambda _self, _shocked=None: (1.0, 1.0))
    with pytest.raises(ArithmeticError, match="are missing"):
        cascade(portfolio(borrower("one", 10, 32_000)), [fall(-0.1)], scenarios=scenarios())


def test_a_path_goes_on_where_the_last_price_left_the_market() -> None:
    """A rise in between heals nobody who was liquidated; what the path itself moves is told apart."""
    path = [fall(-0.1), CustomScenario("up", {"ETH": 0.1}), fall(-0.3)]
    one = borrower("one", 100, 300_000)
    found = cascade(portfolio(one), path, scenarios=scenarios(), terms=Terms(linear)).cascade
    assert found.steps[0].round == 1
    assert len(found.steps) >= 2
    assert found.path_usd != 0.0
    assert found.final_prices_usd["ETH"] < 0.7 * 4_000


def test_borrowers_and_accounts_bring_each_other_down() -> None:
    """A table's borrower sells enough to liquidate the wallet; alone the wallet is safe."""
    safe = borrower("wallet", 50, 149_000)
    terms, shock = Terms(linear), fall(-0.095)
    assert not cascade(portfolio(safe), [shock], scenarios=scenarios(), terms=terms).cascade.steps
    table = rows([(200.0, 650_000.0)] * 3, 4_000.0)
    found = cascade(portfolio(safe), [shock], scenarios=scenarios(), terms=terms, borrowers=table).cascade
    assert [step.account_id for step in found.steps][:2] == ["borrowers:plain", "wallet"]
    assert found.steps[0].accounts == 3


def test_a_hundred_thousand_borrowers_in_seconds() -> None:
    """Each is liquidated as if it were alone where nothing moves the market."""
    draw = np.random.default_rng(7)
    held = draw.uniform(0.1, 100.0, 100_000)
    owed = held * 4_000.0 * draw.uniform(0.3, 0.82, len(held))
    table = rows(list(zip(held, owed, strict=True)), 4_000.0)
    found = cascade(
        portfolio(), [fall(-0.2)], scenarios=scenarios(), terms=Terms(impacts.none), borrowers=table
    ).cascade
    health = held * 3_200.0 * 0.83 / owed
    assert found.steps[0].accounts == int((health < 1.0).sum()) > 20_000
    assert found.converged


def test_the_ladder_is_where_the_exact_rule_fails_and_counts_what_follows() -> None:
    """At its price the account is liquidated, a little above it is not."""
    first, second = borrower("first", 100, 300_000), borrower("second", 50, 149_600)
    rungs = ladder(portfolio(first, second), families=FAMILIES, scenarios=scenarios(), terms=Terms(linear))
    assert [rung.account_id for rung in rungs] == ["first", "second"]
    assert rungs[0].price_usd == pytest.approx(300_000 / 0.83 / 100)
    assert rungs[0].follows == ("second",)
    assert rungs[0].cost_usd > 0.0
    for rung in rungs:
        hit = cascade(portfolio(first, second), [fall(rung.distance)], scenarios=scenarios()).cascade
        assert rung.account_id in {step.account_id for step in hit.steps}
        [alone] = [one for one in (first, second) if one.id == rung.account_id]
        near = fall((1 + rung.distance) * (1 + 1e-7) - 1)
        assert not cascade(portfolio(alone), [near], scenarios=scenarios()).cascade.steps


def test_market_risk_over_draws() -> None:
    """Mean, quantile and shortfall are of the very cascades of the framework's first draws."""
    ours = portfolio(borrower("one", 10, 31_000))
    paths = drawn(ours, 64, scenarios=few_draws())
    found = over_draws(ours, 64, scenarios=few_draws())
    one_by_one = [cascade(ours, [path], scenarios=few_draws()).cascade for path in paths]
    assert found == market_risk(one_by_one)
    values = sorted(one.liquidated_usd for one in one_by_one)
    assert found.liquidated_mean_usd == pytest.approx(sum(values) / 64)
    assert found.liquidated_95_usd == values[60]
    assert found.liquidated_es_usd == pytest.approx(sum(values[-4:]) / 4)
    assert 0.0 < found.liquidated_mean_usd < found.liquidated_95_usd
