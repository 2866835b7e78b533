"""The random books that `python -m tests.risk.many` tries: some of them, and that it would notice."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from aggregator.model.positions import Option
from tests.risk.builders import few_draws
from tests.risk.many import MOST_ACCOUNTS, MOST_LEGS, Case, accounts, case, violations

BOOKS = 25


def one(number: int) -> Case:
    return case(Random(f"1/{number}"), few_draws(), again=number % 5 == 0)


def test_books_are_large_and_of_all_kinds() -> None:
    """Up to the limits, with options in more than a third, the same from the same seed."""
    made = [accounts(Random(i)) for i in range(200)]
    legs = [sum(len(account.positions) for account in book) for book in made]
    assert max(len(book) for book in made) == MOST_ACCOUNTS
    assert 25 < max(legs) <= MOST_LEGS
    with_options = [b for b in made if any(isinstance(p, Option) for a in b for p in a.positions)]
    assert len(with_options) > len(made) / 3
    assert accounts(Random(7)) == accounts(Random(7))


def test_nothing_is_violated() -> None:
    """In the first books of the command, several of which the draws decide."""
    cases = [one(number) for number in range(BOOKS)]
    assert [violations(tried) for tried in cases] == [[]] * BOOKS
    binding = [tried.whole.binding for tried in cases]
    assert any(scenario is not None and scenario.name.startswith("worst") for scenario in binding)


def test_violations_are_noticed() -> None:
    """Each property, where a figure is altered so that it can't hold."""
    good = one(0)
    whole, (a, b) = good.whole, good.halves
    assert 0.0 < whole.kappa < 20.0
    large = 10.0 * whole.gross_usd
    broken = {
        "1": replace(good, more=replace(good.more, kappa=whole.kappa / 2)),
        "2": replace(good, larger=replace(good.larger, kappa=whole.kappa * 2)),
        "3": replace(good, halves=(replace(a, requirement_usd=0.0), replace(b, requirement_usd=0.0))),
        "4": replace(good, halves=(replace(a, kappa=whole.kappa * 2), replace(b, kappa=whole.kappa * 2))),
        "5": replace(good, whole=replace(whole, equity_usd=whole.requirement_usd - large)),
        "6": replace(good, twice=(whole, replace(whole, score=0.0))),
        "M": replace(good, whole=replace(whole, requirement_usd=-large)),
    }
    for name, case_ in broken.items():
        assert any(said.startswith(name) for said in violations(case_)), name
    worse = replace(whole, multiples=replace(whole.multiples, native=9.0, operational=1.0))
    assert any(said.startswith("nesting") for said in violations(replace(good, whole=worse, nested=True)))
