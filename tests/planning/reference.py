"""A slow model of the cascade in fractions, written from RISK.md section 8 and not from the engine.

It knows loans with several collaterals and debts, oracles that lag by venue, and markets of one depth each.
Whatever hangs on a hair (a health of just one, two pairs that pay the same) raises OnTheEdge: there rounding
decides, and an exact model has nothing to say about it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

ONE, ZERO = Fraction(1), Fraction(0)
HAIR = Fraction(1, 10**7)
NOTHING_LEFT = Fraction(1, 10**6)
"""Collateral of less than this part of a debt pays nobody (docs/plans.md)."""
CENT = Fraction(1, 100)
MOST_ROUNDS = 100

Prices = Mapping[str, Fraction]


class OnTheEdge(Exception):
    """A decision so close that rounding makes it."""


def below(one: Fraction, other: Fraction) -> bool:
    """Whether one is less; raises OnTheEdge where they are as good as equal."""
    if abs(one - other) <= HAIR * max(abs(one), abs(other)) and (one or other):
        raise OnTheEdge
    return one < other


@dataclass(frozen=True, slots=True)
class Token:
    """What an asset moves with, and how many of that it is worth."""

    base: str
    rate: Fraction


@dataclass(slots=True)
class Loan:
    """Units by asset; threshold and bonus by collateral. `halves`: half at once from a health of .95 on.

    `dust` is a debt in USD that nobody touches.
    """

    venue: str
    collateral: dict[str, Fraction]
    debt: dict[str, Fraction]
    threshold: dict[str, Fraction]
    bonus: dict[str, Fraction]
    halves: bool
    dust: Fraction = ZERO

    def held(self, prices: Prices) -> Fraction:
        return sum((units * prices[a] for a, units in self.collateral.items()), ZERO)

    def owed(self, prices: Prices) -> Fraction:
        return sum((units * prices[a] for a, units in self.debt.items()), ZERO)


@dataclass(slots=True)
class Sums:
    """USD of everybody; `sold` are units of the base, bought below zero."""

    bonuses: Fraction = ZERO
    bad_debt: Fraction = ZERO
    liquidated: Fraction = ZERO
    impact: Fraction = ZERO
    sold: dict[str, Fraction] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """Where a cascade ends: `acts` are the round and the number of each loan that was liquidated."""

    loans: Sequence[Loan]
    prices: Prices
    acts: Sequence[tuple[int, int]]
    sums: Sums
    before: Fraction
    after: Fraction
    rounds: int


def run(
    loans: Sequence[Loan],
    start: Prices,
    tokens: Mapping[str, Token],
    lags: Mapping[str, int],
    slopes: Mapping[str, float],
) -> Ended:
    """The cascade from bases' shocked prices; a base's price is `start * exp(-slope * units sold)`."""
    history, sums, acts = [dict(start)], Sums(), list[tuple[int, int]]()

    def at(bases: Prices) -> dict[str, Fraction]:
        return {name: bases[token.base] * token.rate for name, token in tokens.items()}

    def worth(bases: Prices) -> Fraction:
        now = at(bases)
        return sum((loan.held(now) - loan.owed(now) for loan in loans), ZERO)

    before, longest = worth(start), max(lags.values())
    for number in range(1, MOST_ROUNDS + 1):
        market, sold = at(history[-1]), dict[str, Fraction]()
        for i, loan in enumerate(loans):
            oracle = at(history[max(0, len(history) - 1 - lags[loan.venue])])
            if liquidated(loan, oracle, market, sums, sold):
                acts.append((number, i))
        for name, usd in sold.items():
            base = tokens[name].base
            if base != "USD":
                sums.sold[base] = sums.sold.get(base, ZERO) + usd / history[-1][base]
        still = not any(act[0] == number for act in acts)
        if still and all(one == history[-1] for one in history[-longest - 1 :]):
            return Ended(loans, history[-1], acts, sums, before, worth(history[-1]), number)
        moved = {
            base: price * Fraction(math.exp(-slopes.get(base, 0.0) * float(sums.sold.get(base, ZERO))))
            for base, price in start.items()
        }
        sums.impact += worth(history[-1]) - worth(moved)
        history.append(moved)
    raise OnTheEdge  # the cap was met


def liquidated(loan: Loan, oracle: Prices, market: Prices, sums: Sums, sold: dict[str, Fraction]) -> bool:
    """Liquidate a loan once if it fails at its oracle's prices; whether anything happened."""
    power = sum((u * oracle[a] * loan.threshold[a] for a, u in loan.collateral.items()), ZERO)
    owed = loan.owed(oracle)
    if owed <= loan.dust or not below(power, owed):
        return False
    part = ONE if not loan.halves or below(power, owed * Fraction(95, 100)) else Fraction(1, 2)
    offers = []
    for debt, owes in loan.debt.items():
        for held, units in loan.collateral.items():
            if not owes or not units:
                continue
            paid = owes * part
            seized = paid * oracle[debt] * (1 + loan.bonus[held]) / oracle[held]
            if not below(seized, units):
                paid, seized = units * oracle[held] / oracle[debt] / (1 + loan.bonus[held]), units
            gain = seized * market[held] - paid * market[debt]
            offers.append((gain, debt, paid, held, seized))
    offers.sort(key=lambda offer: offer[0], reverse=True)
    if len(offers) > 1:
        below(offers[1][0], offers[0][0])
    done = False
    if offers and below(ZERO, offers[0][0]):
        gain, debt, paid, held, seized = offers[0]
        loan.debt[debt] -= paid
        loan.collateral[held] -= seized
        sums.bonuses += gain
        sums.liquidated += seized * market[held]
        sold[held] = sold.get(held, ZERO) + seized * market[held]
        sold[debt] = sold.get(debt, ZERO) - paid * market[debt]
        done = True
    rest = loan.owed(market)
    if rest and below(loan.held(market), NOTHING_LEFT * rest):
        sums.bad_debt += rest
        loan.debt = {}
        done = True
    return done
