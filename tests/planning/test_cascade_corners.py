"""Corners of cascades: long paths, tables whose oracles lag, sales that nothing quotes, and what is said."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from aggregator.model.accounts import Account, Reported
from aggregator.model.assets import AssetId
from aggregator.model.errors import BadConfiguration, UnusablePrice
from aggregator.model.positions import Supply
from aggregator.model.rules import WAD, Health
from aggregator.planning import impact as impacts
from aggregator.planning.borrowers import Borrowers
from aggregator.planning.cascade import MOST_ROUNDS, Terms, cascade
from aggregator.planning.ladder import ladder, unknown_rungs
from aggregator.planning.market_risk import market_risk, over_draws
from aggregator.planning.tables import COLUMNS, borrowers_of
from aggregator.risk.scenarios import CustomScenario
from tests.planning.plain import FAMILIES, PlainRule, borrower
from tests.planning.test_cascade_vectors import linear, rows
from tests.risk.builders import (
    COINS,
    account,
    few_draws,
    option,
    perp,
    portfolio,
    raw,
    scenarios,
    supply,
    wallet,
)

STILL = CustomScenario("still", {})


@dataclass(frozen=True, slots=True)
class Blind(PlainRule):
    """Its oracle has no answer."""

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:  # noqa: ARG002
        raise UnusablePrice(self.held.asset, "feed", 0)


def fall(change: float) -> CustomScenario:
    return CustomScenario("fall", {"ETH": change})


def table(*loans: tuple[object, ...], **more: list[object]) -> Borrowers:
    """Loans of a table at the tests' prices."""
    columns: dict[str, list[object]] = {name: [loan[i] for loan in loans] for i, name in enumerate(COLUMNS)}
    return borrowers_of(columns | more, portfolio(), scenarios(), "loans")


def test_a_path_of_more_moments_than_rounds_is_followed_to_its_end() -> None:
    """The cap is on what follows from one moment: the crash at the end of a long path counts."""
    path = [fall(-0.0001 * i) for i in range(MOST_ROUNDS + 20)]
    found = cascade(portfolio(borrower("one", 100, 300_000)), [*path, fall(-0.3)], scenarios=scenarios())
    assert found.cascade.converged
    assert [step.round for step in found.cascade.steps] == [len(path) + 1]
    assert not [sentence for sentence in found.cascade.told if "rounds" in sentence]


def test_a_path_that_is_cut_off_says_where() -> None:
    """What is liquidated a little at a time never ends: what would come after that moment is not shown."""
    slow = replace(rows([(100.0, 310_000.0)], 4_000.0), part=np.array([1e-4]), part_from=np.array([0.0]))
    found = cascade(
        portfolio(),
        [fall(-0.1), fall(-0.2), fall(-0.3)],
        scenarios=scenarios(),
        terms=Terms(impacts.none, rounds=5),
        borrowers=slow,
    ).cascade
    assert (found.converged, found.rounds) == (False, 5)
    assert "after 5 rounds something could still be liquidated" in found.told
    assert "the path is not followed beyond moment 1 of 3" in found.told


@pytest.mark.parametrize(
    ("lags", "second"), [({}, 2), ({"aave_v3": 2}, 4), ({"aave_v3:1": 1}, 3), ({"morpho_blue": 2}, 2)]
)
def test_a_tables_oracle_lags_as_its_protocols_does(lags: dict[str, int], second: int) -> None:
    """By its whole label or by the protocol that it begins with; another protocol's lag is not its own."""
    loans = table(
        ("aave_v3:1", "ETH", 100.0, "USD", 300_000.0, 0.83, 0.05, "aave_v3"),
        ("aave_v3:1", "ETH", 50.0, "USD", 149_000.0, 0.83, 0.05, "aave_v3"),
    )
    found = cascade(
        portfolio(), [fall(-0.1)], scenarios=scenarios(), terms=Terms(linear, lags=lags), borrowers=loans
    ).cascade
    assert [step.round for step in found.steps] == [1, second]


def test_what_nothing_quotes_is_sold_at_the_price_of_what_is_pegged_to_it() -> None:
    """A table's wrapped bitcoin moves bitcoin, where the wallet has none of either; that is said."""
    ours = portfolio()
    ours = replace(ours, spots={name: price for name, price in ours.spots.items() if name != "BTC"})
    loan = ("x", "WBTC", 1_000, "USD", 9e7, 0.83, 0.05, "full")
    loans = borrowers_of(
        {name: [value] for name, value in zip(COLUMNS, loan, strict=True)}, ours, scenarios(), "loans"
    )
    found = cascade(ours, [STILL], scenarios=scenarios(), borrowers=loans).cascade
    sold = found.steps[0].sold_usd["BTC"]
    depth = scenarios().asset_parameters("BTC").depth_usd
    assert found.start_prices_usd["BTC"] == COINS["WBTC"].usd
    assert found.final_prices_usd["BTC"] == pytest.approx(COINS["WBTC"].usd * math.exp(-0.02 * sold / depth))
    assert "nothing quotes BTC itself: WBTC stands for its price" in found.told


@pytest.mark.parametrize(
    "one",
    [
        replace(borrower("mine", 10, 38_000), rule=None),
        account("mine", supply("USD", 1_000), perp("ETH", 10), kind="perp"),
        account("mine", option("ETH", -1, "call", 5_000, years=0.1, iv=0.6, mark=10.0), kind="option"),
        account("mine", supply("USD", 1), kind="perp", reported=Reported(WAD, False, None, "venue")),  # noqa: FBT003
    ],
)
def test_an_account_without_a_rule_is_named(one: Account) -> None:
    """That nothing is liquidated would be more than anybody knows."""
    found = cascade(portfolio(one), [fall(-0.5)], scenarios=scenarios()).cascade
    assert not found.steps
    assert "mine: whether it is liquidated is not known, for its rule is not" in found.told


def test_what_can_not_be_liquidated_needs_no_rule() -> None:
    """A wallet's coins, what is lent without a debt, a bought option: nothing is said of them."""
    bought = option("ETH", 1, "call", 5_000, years=0.1, iv=0.6, mark=10.0)
    ours = portfolio(wallet(), account("lent", supply("USD", 5)), account("bought", bought, kind="option"))
    assert cascade(ours, [fall(-0.5)], scenarios=scenarios()).cascade.told == ()


def test_nobody_gains_by_the_rounding_of_floats() -> None:
    """Without a bonus no loan of a table is liquidated, whatever its last bits are."""
    draw = np.random.default_rng(3)
    held = draw.uniform(0.1, 50.0, 2_000)
    loans = rows(list(zip(held, held * draw.uniform(3_400.0, 3_900.0, len(held)), strict=True)), 4_000.0)
    loans = replace(loans, bonus=np.zeros(len(held)), price_usd=np.array([4_000.0 / 3.0 * 3.0001, 1.0 / 1.1]))
    found = cascade(portfolio(), [fall(-0.0123)], scenarios=scenarios(), borrowers=loans).cascade
    assert found.steps == ()
    assert "of the table fail, and" in found.refusals[0].reason


def test_who_pays_a_tables_bad_debt_is_said_to_be_unknown() -> None:
    """It is booked on suppliers; that reserves might pay, and the wallet be one of them, is said."""
    loans = table(("pool", "ETH", 1, "USD", 3_900, 0.83, 0.05, "full"))
    found = cascade(portfolio(), [fall(-0.5)], scenarios=scenarios(), borrowers=loans).cascade
    assert found.bad_debt_usd > 0.0
    assert any(told.startswith("pool: what reserves would pay") for told in found.told)
    whole = table(("pool", "ETH", 1, "USD", 3_000, 0.83, 0.05, "full"))
    paid = cascade(portfolio(), [fall(-0.1)], scenarios=scenarios(), borrowers=whole).cascade
    assert (paid.bad_debt_usd, paid.told, len(paid.steps)) == (0.0, (), 1)


def test_a_price_of_the_table_beside_one_that_was_read_is_told() -> None:
    """And of USD there is no other price."""
    loan = ("x", "ETH", 1, "USDC", 1_000, 0.83, 0.05, "full")
    loans = table(loan, collateral_price_usd=[3_900.0], debt_price_usd=[1.0])
    assert loans.told == ("the table's own price of ETH, 3,900 USD, is taken for its loans: 4,000 was read",)
    found = cascade(portfolio(), [STILL], scenarios=scenarios(), borrowers=loans).cascade
    assert loans.told[0] in found.told
    with pytest.raises(BadConfiguration, match="USD is 1 USD"):
        table(("x", "ETH", 1, "USD", 1_000, 0.83, 0.05, "full"), debt_price_usd=[0.9])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"protocol": None}, "row 1 has no protocol"),
        ({"collateral_units": True}, "row 1: collateral_units is no number"),
        ({"collateral_units": 10**18}, "row 1: collateral_units are worth more than"),
        ({"debt_units": 1e308}, "row 1: debt_units are worth more than"),
    ],
)
def test_cells_that_are_none(change: dict[str, object], why: str) -> None:
    """A null is no label, a truth no number, and the smallest units no whole ones."""
    loan = dict(zip(COLUMNS, ("x", "ETH", 1, "USDC", 1_000, 0.83, 0.05, "full"), strict=True))
    columns = {name: [value] for name, value in (loan | change).items()}
    with pytest.raises(BadConfiguration, match=why):
        borrowers_of(columns, portfolio(), scenarios(), "loans")


def test_a_sum_that_is_no_number_is_an_error() -> None:
    """What overflows must not pass for conserved."""
    huge = rows([(1e308, 1e308)], 4_000.0)
    with pytest.raises(ArithmeticError), np.errstate(over="ignore", invalid="ignore"):
        cascade(portfolio(), [STILL], scenarios=scenarios(), borrowers=huge)


def test_a_loan_of_dollars_that_fails_now_is_in_the_ladder() -> None:
    """No underlying moves it: its rung is today's, in dollars."""
    ours = portfolio(borrower("dollars", 10_000, 9_000, of="USDC", owes="DAI"))
    [rung] = ladder(ours, families=FAMILIES, scenarios=scenarios())
    assert (rung.account_id, rung.underlying, rung.price_usd, rung.distance) == ("dollars", "USD", 1.0, 0.0)
    assert rung.liquidated_usd > 0.0


def test_the_ladder_says_whose_rung_it_does_not_know() -> None:
    """No rule, or one that has no answer today; of others nothing is said."""
    rule = borrower("blind", 10, 30_000).rule
    assert isinstance(rule, PlainRule)
    blind = Blind(**{one.name: getattr(rule, one.name) for one in fields(rule)})
    ours = portfolio(
        borrower("known", 10, 30_000),
        replace(borrower("unknown", 10, 30_000), rule=None),
        replace(borrower("blind", 10, 30_000), rule=blind),
        replace(
            account("venue", supply("USD", 1), kind="perp"),
            reported=Reported(WAD // 2, True, None, "venue"),  # noqa: FBT003
        ),
    )
    told = unknown_rungs(ours)
    assert [sentence.partition(":")[0] for sentence in told] == ["unknown", "blind", "venue"]


def test_market_risk_keeps_what_single_cascades_say() -> None:
    """With how many said it: a mean over cascades that did not end is none, in silence."""
    slow = replace(rows([(100.0, 310_000.0)], 4_000.0), part=np.array([1e-4]), part_from=np.array([0.0]))
    paused = borrower("paused", 10, 39_000, refusal="ReservePaused")
    terms = Terms(impacts.none, rounds=3)
    done = [
        cascade(portfolio(paused), [one], scenarios=scenarios(), terms=terms, borrowers=slow).cascade
        for one in (fall(-0.2), STILL)
    ]
    told = market_risk(done).told
    assert told[0] == "paused: fails and is not liquidated (in 2 of 2)"
    assert "after 3 rounds something could still be liquidated (in 1 of 2)" in told
    assert market_risk(done[:1] * 3).told[0].endswith("(in 3 of 3)")


def test_what_only_a_table_has_can_be_shocked() -> None:
    """By a scenario, a path and the framework's draws alike."""
    ours = portfolio()
    loan = dict(zip(COLUMNS, ("x", "DOGE", 1e6, "USD", 150_000, 0.83, 0.05, "full"), strict=True))
    columns: dict[str, list[object]] = {name: [value] for name, value in loan.items()}
    loans = borrowers_of(columns | {"collateral_price_usd": [0.2]}, ours, scenarios(), "loans")
    terms, down = Terms(impacts.none), CustomScenario("down", {"DOGE": -0.3})
    for path in ([down], [STILL, down]):
        found = cascade(ours, path, scenarios=scenarios(), terms=terms, borrowers=loans).cascade
        assert [step.sold_usd for step in found.steps] == [pytest.approx({"DOGE": 140_000.0})]
    risk = over_draws(ours, 32, scenarios=few_draws(), terms=terms, borrowers=loans)
    assert risk.liquidated_es_usd > 0.0
    with pytest.raises(BadConfiguration, match="moves 'DOGE', which nothing is"):
        cascade(ours, [down], scenarios=scenarios())


@pytest.mark.parametrize("first", [True, False])
def test_what_is_lent_beside_the_same_collateral_stays(first: bool) -> None:
    """Half of a debt is paid out of the collateral alone, whichever position stands first."""
    lent = Supply(COINS["ETH"].asset, raw(3), is_collateral=False, origin="lent")
    one = borrower("mine", 10, 33_500)
    positions = (lent, *one.positions) if first else (*one.positions, lent)
    found = cascade(
        portfolio(replace(one, positions=positions)),
        [STILL],
        scenarios=scenarios(),
        terms=Terms(impacts.none, rounds=1),
    )
    [step], [left] = found.cascade.steps, found.final.accounts
    assert (step.liquidated_usd, step.bad_debt_usd) == pytest.approx((16_750 * 1.05, 0.0))
    kept = {p.is_collateral: p.raw / 1e18 for p in left.positions if isinstance(p, Supply)}
    assert kept == pytest.approx({False: 3.0, True: 10 - 16_750 * 1.05 / 4_000})
