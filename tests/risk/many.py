"""Thousands of random books against the properties of RISK.md sections 5 and 6: `python -m tests.risk.many`.

Books of up to 40 legs over up to 6 accounts. Every violation is printed with the number of its book, which
together with the seed makes it again.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass, replace
from random import Random

from aggregator.model.accounts import Account
from aggregator.model.positions import Perp, Position
from aggregator.model.results import RiskResult
from aggregator.risk.assess import assess_all
from aggregator.risk.scenarios import ScenarioSet, scenario_set
from tests.risk.books import BORROWED, COLLATERAL, USD_PER_TOKEN, times
from tests.risk.builders import (
    CHAIN,
    OTHER_CHAIN,
    TOKENS,
    account,
    defaults,
    holding,
    option,
    perp,
    portfolio,
    spot,
    supply,
    wallet,
)
from tests.risk.linear import FAMILIES, lending, margined

MOST_LEGS, MOST_ACCOUNTS = 40, 6
RELATIVE = 1e-9
PROTOCOLS = ("aave_v3", "some_fork", "lyra_v1")


@dataclass(frozen=True, slots=True)
class Case:
    """A book, the same with more collateral and many times as large, its two halves; and it twice alone."""

    whole: RiskResult
    more: RiskResult
    larger: RiskResult
    halves: tuple[RiskResult, RiskResult]
    twice: tuple[RiskResult, RiskResult]
    scale: int
    nested: bool
    """Whether no account's own test can see more than the market leaves."""


def accounts(random: Random) -> tuple[Account, ...]:
    """Lending, perps, options and coins in several silos of several tiers, up to the limits."""
    kinds = (_lending, _perp, _perps, _options, _wallet)
    found, legs = [], 0
    for i in range(random.randint(1, MOST_ACCOUNTS)):
        made = random.choice(kinds)(random, f"a{i}")
        if legs + len(made.positions) > MOST_LEGS:
            break
        found.append(made)
        legs += len(made.positions)
    return tuple(found)


def case(random: Random, scenarios: ScenarioSet, *, again: bool) -> Case:
    """A random book, assessed with its variants; and `again`, to compare bytes."""
    ours = accounts(random)
    scale = random.randint(2, 1_000)
    cut = random.randint(0, len(ours))
    variants = (
        ours,
        _more(random, ours),
        tuple(replace(a, positions=tuple(times(p, scale) for p in a.positions), rule=None) for a in ours),
        ours[:cut],
        ours[cut:],
    )
    whole, more, larger, *halves = assess_all(
        [portfolio(*variant) for variant in variants], families=FAMILIES, scenarios=scenarios
    )
    first, second = (_assess(scenarios, ours) for _ in range(2)) if again else (whole, whole)
    return Case(
        whole=whole,
        more=more,
        larger=larger,
        halves=(halves[0], halves[1]),
        twice=(first, second),
        scale=scale,
        nested=not any(risk.oracle_blind for risk in whole.accounts)
        and all(p.settlement.symbol == "USD" for a in ours for p in a.positions if isinstance(p, Perp)),
    )


def violations(of: Case) -> list[str]:
    """What does not hold, in words with figures; empty where everything does."""
    whole, (one, two) = of.whole, of.halves
    slack = RELATIVE * whole.gross_usd
    excess = whole.equity_usd - whole.requirement_usd
    apart = one.requirement_usd + two.requirement_usd
    step = 0.25 if whole.multiples.operational > 5.0 else 0.05
    m = whole.multiples
    claims = {
        f"1 collateral lowers kappa {whole.kappa} to {of.more.kappa}": _at_least(of.more.kappa, whole.kappa),
        f"2 kappa {whole.kappa} is {of.larger.kappa} at {of.scale} times the size": _at_least(
            whole.kappa, of.larger.kappa, 1e-7
        )
        and _at_least(of.larger.kappa, whole.kappa, 1e-7),
        f"3 together {whole.requirement_usd}, apart {apart}": whole.requirement_usd <= apart + slack,
        f"3 together {whole.requirement_usd}, by account {whole.isolated_requirement_usd}": (
            whole.requirement_usd <= whole.isolated_requirement_usd + slack
        ),
        f"4 kappa {whole.kappa}, of parts {one.kappa} and {two.kappa}": _at_least(
            whole.kappa, min(one.kappa, two.kappa)
        ),
        f"5 kappa {whole.kappa} where {excess} is left": (
            abs(excess) <= slack or (whole.kappa >= 1.0) == (excess >= 0.0)
        ),
        "6 the same book gives other bytes": repr(of.twice[0]) == repr(of.twice[1]),
        f"nesting {m.native} {m.operational} {m.solvency}": not of.nested
        or (m.native <= m.operational + step and m.operational <= m.solvency + step),
        f"M below nothing: {whole.requirement_usd}": whole.requirement_usd >= -slack,
    }
    return [claim for claim, holds in claims.items() if not holds]


def main() -> int:
    """Try many books; the exit code is 1 where a property is violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("books", type=int, nargs="?", default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first book")
    parser.add_argument("--draws", type=int, default=1_024, help="a power of 2; 16384 is what ships")
    asked = parser.parse_args()
    ours = defaults()
    draws = replace(ours.draws, log2_count=asked.draws.bit_length() - 1)
    scenarios = scenario_set(replace(ours, draws=draws), TOKENS)
    start, bad, by_draws, by_kappa = time.perf_counter(), 0, 0, 0
    for number in range(asked.first, asked.first + asked.books):
        tried = case(Random(f"{asked.seed}/{number}"), scenarios, again=number % 10 == 0)
        by_draws += tried.whole.binding is not None and tried.whole.binding.name.startswith("worst")
        by_kappa += math.isfinite(tried.whole.kappa)
        found = violations(tried)
        bad += bool(found)
        for violation in found:
            print(f"book {number}: {violation}")
        done = number - asked.first + 1
        if done % 250 == 0 or done == asked.books:
            seconds = time.perf_counter() - start
            print(
                f"{done} books in {seconds:.0f} s, {bad} with a violation; expected shortfall decides M in "
                f"{by_draws}, {by_kappa} survive a finite stress",
                flush=True,
            )
    return 1 if bad else 0


def _assess(scenarios: ScenarioSet, of: tuple[Account, ...]) -> RiskResult:
    return assess_all([portfolio(*of)], families=FAMILIES, scenarios=scenarios)[0]


def _at_least(larger: float, smaller: float, relative: float = RELATIVE) -> bool:
    return larger >= smaller or math.isclose(larger, smaller, rel_tol=relative, abs_tol=relative)


def _usd(random: Random) -> float:
    return math.exp(random.uniform(math.log(100.0), math.log(200_000.0)))


def _lending(random: Random, name: str) -> Account:
    amounts = {s: _usd(random) / USD_PER_TOKEN[s] for s in random.sample(COLLATERAL, random.randint(1, 4))}
    total = sum(amount * USD_PER_TOKEN[symbol] for symbol, amount in amounts.items())
    for symbol in random.sample(BORROWED, random.randint(0, 3)):
        if symbol not in amounts:
            amounts[symbol] = -random.uniform(0.02, 0.4) * total / USD_PER_TOKEN[symbol]
    threshold = random.choice((0.7, 0.83, 0.93))
    return lending(name, amounts, threshold=threshold, protocol=random.choice(PROTOCOLS))


def _perp(random: Random, name: str) -> Account:
    margin, underlying = _usd(random), random.choice(("ETH", "BTC"))
    return margined(
        name,
        underlying,
        random.choice((1, -1)) * random.uniform(0.1, 20.0) * margin / USD_PER_TOKEN[underlying],
        margin,
        settlement=random.choice(("USD", "sUSD")),
        pnl=random.uniform(-0.05, 0.05) * margin,
        funding_24h=random.uniform(-0.001, 0.001) * margin,
        chain=random.choice((CHAIN, OTHER_CHAIN)),
    )


def _perps(random: Random, name: str) -> Account:
    """A cross account with several perps that nothing liquidates here."""
    margin, settlement = _usd(random), random.choice(("USD", "sUSD", "ETH"))
    legs: list[Position] = [supply(settlement, margin / USD_PER_TOKEN.get(settlement, 1.0))]
    for _ in range(random.randint(1, 6)):
        underlying = random.choice(("ETH", "BTC"))
        size = random.choice((1, -1)) * random.uniform(0.1, 4.0) * margin / USD_PER_TOKEN[underlying]
        if settlement == "ETH":
            size /= 4_000.0
        legs.append(perp(underlying, size, settlement=settlement))
    return account(name, *legs, kind="perp", protocol=random.choice(PROTOCOLS))


def _options(random: Random, name: str) -> Account:
    collateral = random.choice(("USDC", "sUSD", "ETH"))
    legs: list[Position] = [supply(collateral, 20.0 * _usd(random) / USD_PER_TOKEN[collateral])]
    for _ in range(random.randint(1, 12)):
        underlying = random.choice(("ETH", "BTC"))
        spot_usd = USD_PER_TOKEN[underlying]
        legs.append(
            option(
                underlying,
                random.choice((1, -1)) * _usd(random) / spot_usd,
                random.choice(("call", "put")),
                round(spot_usd * random.uniform(0.6, 1.6)),
                years=random.choice((0.0, 0.003, 0.02, 0.08, 0.3, 1.0)),
                iv=random.uniform(0.3, 1.5),
                settlement=random.choice(("USD", "sUSD")),
                mark=random.choice((None, random.uniform(0.0, 0.2) * spot_usd)),
            )
        )
    return account(name, *legs, kind="option", protocol=random.choice(PROTOCOLS))


def _wallet(random: Random, name: str) -> Account:
    symbols = random.sample(COLLATERAL, random.randint(1, 4))
    return wallet(*(holding(s, _usd(random) / USD_PER_TOKEN[s]) for s in symbols), name=name)


def _more(random: Random, ours: tuple[Account, ...]) -> tuple[Account, ...]:
    symbol = random.choice(COLLATERAL)
    extra = spot(symbol, _usd(random) / USD_PER_TOKEN[symbol])
    at = random.randint(0, len(ours))
    if at == len(ours):
        return (*ours, account("more", extra, protocol=random.choice(PROTOCOLS)))
    return (*ours[:at], replace(ours[at], positions=(*ours[at].positions, extra)), *ours[at + 1 :])


if __name__ == "__main__":
    sys.exit(main())
