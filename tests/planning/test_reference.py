"""The engine beside a slow model in fractions: made-up books, several venues, late oracles, thin markets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from random import Random

import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from aggregator.model.accounts import Account
from aggregator.model.positions import Debt, Supply
from aggregator.planning.cascade import Terms, cascade
from aggregator.planning.tables import COLUMNS, borrowers_of
from aggregator.risk.scenarios import CustomScenario
from tests.planning.basket import basket
from tests.planning.reference import CENT, Ended, Loan, OnTheEdge, Token, run
from tests.risk.builders import COINS, portfolio, scenarios
from tests.volume import volume

SYMBOLS = ("ETH", "wstETH", "BTC", "LINK", "USDC", "DAI")
BASES = ("USD", "ETH", "BTC", "LINK")
VENUES = ("aave_v3", "compound_v2", "morpho_blue")
TOKENS = {
    s: Token(COINS[s].underlying, Fraction(COINS[s].usd) / Fraction(COINS[COINS[s].underlying].usd))
    for s in SYMBOLS
}
EXACT = 1e-9


@dataclass(frozen=True)
class Book:
    """A wallet's loans, and a table's, as drawn."""

    own: tuple[tuple[str, dict[str, tuple[float, int, int]], dict[str, float], bool], ...]
    table: tuple[tuple[str, float, str, float, int, int, bool], ...]
    shock: dict[str, float]
    lags: dict[str, int]
    slopes: dict[str, float]

    def accounts(self) -> tuple[Account, ...]:
        return tuple(
            basket(f"account {i}", held, owed, venue=venue, halves=halves)
            for i, (venue, held, owed, halves) in enumerate(self.own)
        )

    def loans(self) -> list[Loan]:
        """The same for the slow model, the table's rows last."""
        own = [
            Loan(
                venue,
                {s: nano(one[0]) for s, one in held.items()},
                {s: nano(units) for s, units in owed.items()},
                {s: Fraction(one[1], 10_000) for s, one in held.items()},
                {s: Fraction(one[2], 10_000) for s, one in held.items()},
                halves,
            )
            for venue, held, owed, halves in self.own
        ]
        rows = [
            Loan(
                "table",
                {held: Fraction(units)},
                {owes: Fraction(owed)},
                {held: Fraction(lt, 10_000)},
                {held: Fraction(bonus, 10_000)},
                halves,
                dust=CENT,
            )
            for held, units, owes, owed, lt, bonus, halves in self.table
        ]
        return own + rows

    def rows(self) -> dict[str, list[object]]:
        found = [
            ("t", held, units, owes, owed, lt / 1e4, bonus / 1e4, "aave_v3" if halves else "full")
            for held, units, owes, owed, lt, bonus, halves in self.table
        ]
        return {name: [row[i] for row in found] for i, name in enumerate(COLUMNS)}


def nano(units: float) -> Fraction:
    """As `raw` rounds it."""
    return Fraction(round(units * 10**9), 10**9)


@st.composite
def books(draw: st.DrawFn) -> Book:
    """Loans of up to three collaterals and debts each, most of them near their limit after the shock."""
    usd, bonus = st.floats(300.0, 3e5), st.integers(50, 1_500)
    shock = {u: draw(st.floats(-0.7, 0.6)) for u in ("ETH", "BTC", "LINK")}
    after = {s: COINS[s].usd * (1.0 + shock.get(COINS[s].underlying, 0.0)) for s in SYMBOLS}

    def loan(most: int) -> tuple[dict[str, tuple[float, int, int]], dict[str, float], bool]:
        names = draw(st.permutations(SYMBOLS))
        count, owing = draw(st.integers(1, most)), draw(st.integers(1, most))
        held = {
            s: (draw(usd) / after[s], draw(st.integers(6_000, 9_300)), draw(bonus)) for s in names[:count]
        }
        power = sum(units * after[s] * lt / 10_000 for s, (units, lt, _) in held.items())
        shares = [draw(st.floats(0.1, 1.0)) for _ in range(owing)]
        health = draw(st.floats(0.6, 1.15))
        owed = {
            s: power / health * share / sum(shares) / after[s]
            for s, share in zip(names[count : count + owing], shares, strict=True)
        }
        return held, owed, draw(st.booleans())

    own = tuple((draw(st.sampled_from(VENUES)), *loan(3)) for _ in range(draw(st.integers(1, 4))))
    table = []
    for _ in range(draw(st.integers(0, 3))):
        held, owed, halves = loan(1)
        [(s, (units, lt, extra))], [(t, debt)] = held.items(), owed.items()
        table.append((s, units, t, debt, lt, extra, halves))
    return Book(
        own,
        tuple(table),
        shock,
        {venue: draw(st.integers(0, 2)) for venue in (*VENUES, "table")},
        {u: draw(st.sampled_from([0.0, 1e-4, 2e-3])) * COINS[u].usd / 4_000 for u in ("ETH", "BTC", "LINK")},
    )


def terms_of(book: Book) -> Terms:
    return Terms(
        lambda u, price, units: price * math.exp(-book.slopes.get(u, 0.0) * units),
        lag=book.lags["table"],
        lags={venue: book.lags[venue] for venue in VENUES},
    )


def slow(book: Book) -> Ended:
    start = {u: Fraction(COINS[u].usd) * (1 + Fraction(book.shock.get(u, 0.0))) for u in BASES}
    try:
        return run(book.loans(), start, TOKENS, book.lags, book.slopes)
    except OnTheEdge:
        reject()


@settings(max_examples=volume(60, 2_000), deadline=None)
@given(books())
def test_the_engine_does_what_the_slow_model_does(book: Book) -> None:
    """Who is liquidated in which round, what each has left, and every sum: to 1e-9."""
    told = slow(book)
    ours = portfolio(*book.accounts())
    table = borrowers_of(book.rows(), ours, scenarios(), "t") if book.table else None
    shock = CustomScenario("shock", book.shock)
    found = cascade(ours, [shock], scenarios=scenarios(), terms=terms_of(book), borrowers=table)
    one = found.cascade
    assert one.converged
    own = [(r, f"account {i}") for r, i in told.acts if i < len(book.own)]
    assert [(s.round, s.account_id) for s in one.steps if not s.account_id.startswith("borrowers")] == own
    others = [r for r, i in told.acts if i >= len(book.own)]
    counted = [r for s in one.steps if s.account_id.startswith("borrowers") for r in [s.round] * s.accounts]
    assert counted == others
    left = {account.id: account for account in found.final.accounts}
    for i, loan in enumerate(told.loans[: len(book.own)]):
        account = left.get(f"account {i}")
        for kind, units in ((Supply, loan.collateral), (Debt, loan.debt)):
            ours_left = {
                p.asset.symbol: p.raw / 1e18
                for p in (account.positions if account else ())
                if isinstance(p, kind)
            }
            wanted = {s: float(u) for s, u in units.items() if u > Fraction(1, 10**12)}
            ours_left = {s: u for s, u in ours_left.items() if s in wanted or u > 1e-12}
            assert ours_left == pytest.approx(wanted, rel=EXACT, abs=1e-12)
    gross = float(sum(abs(u) for u in (told.before, told.after))) + sum(
        float(loan.held(_at(told)) + loan.owed(_at(told))) for loan in told.loans
    )
    size = EXACT * (gross + float(told.sums.liquidated) + float(told.sums.bad_debt))
    sums = told.sums
    for mine, theirs in (
        (one.penalties_usd, sums.bonuses),
        (one.bad_debt_usd, sums.bad_debt),
        (one.liquidated_usd, sums.liquidated),
        (one.impact_usd, sums.impact),
        (one.value_before_usd, told.before),
        (one.value_after_usd, told.after),
    ):
        assert mine == pytest.approx(float(theirs), abs=size, rel=EXACT)
    for base in ("ETH", "BTC", "LINK"):
        assert one.final_prices_usd[base] == pytest.approx(float(told.prices[base]), rel=EXACT)
    # By the slow model's own count nothing is made or lost either.
    assert told.before - told.after == sums.bonuses + sums.impact - sums.bad_debt


def _at(told: Ended) -> dict[str, Fraction]:
    return {name: told.prices[token.base] * token.rate for name, token in TOKENS.items()}


@settings(max_examples=volume(25, 400), deadline=None)
@given(books())
def test_a_cascade_of_where_one_ended_does_nothing(book: Book) -> None:
    """All that can be is liquidated, and all that was sold is in the prices: what is refused stays so."""
    ours, terms = portfolio(*book.accounts()), terms_of(book)
    found = cascade(ours, [CustomScenario("shock", book.shock)], scenarios=scenarios(), terms=terms)
    assume(found.cascade.converged)
    again = cascade(found.final, [CustomScenario("still", {})], scenarios=scenarios(), terms=terms)
    assert (again.cascade.steps, again.cascade.rounds) == ((), 1)
    failing = {one.account_id: one.reason for one in found.cascade.refusals}
    assert {one.account_id: one.reason for one in again.cascade.refusals} == failing
    assert again.final.accounts == found.final.accounts
    value = again.cascade.value_before_usd
    assert value == again.cascade.value_after_usd == pytest.approx(found.cascade.value_after_usd, abs=1e-6)


@settings(max_examples=volume(25, 400), deadline=None)
@given(books(), st.randoms(use_true_random=False))
def test_the_order_of_accounts_means_nothing(book: Book, random: Random) -> None:
    """All of a round happen at the same prices: whoever is listed first has no advantage."""
    accounts = list(book.accounts())
    random.shuffle(accounts)
    shock, terms = CustomScenario("shock", book.shock), terms_of(book)
    one = cascade(portfolio(*book.accounts()), [shock], scenarios=scenarios(), terms=terms).cascade
    other = cascade(portfolio(*accounts), [shock], scenarios=scenarios(), terms=terms).cascade
    steps = [sorted((s.round, s.account_id) for s in found.steps) for found in (one, other)]
    assert steps[0] == steps[1]
    assert other.final_prices_usd == pytest.approx(one.final_prices_usd, rel=EXACT)
    for name in ("penalties_usd", "bad_debt_usd", "impact_usd", "liquidated_usd"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-7, abs=1e-3)
