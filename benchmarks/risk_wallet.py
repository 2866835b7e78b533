"""One wallet in full, warm: rays, draws, value at risk, Greeks, liquidation prices; without and with options.

Also cold, when the draws of a configuration are made for the first time. Times are of this process on what
else the machine does; CPU time is given beside, which others disturb less.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from itertools import count
from random import Random

from aggregator.model.accounts import Account
from aggregator.model.portfolio import Portfolio
from aggregator.risk.assess import assess
from aggregator.risk.scenarios import ScenarioSet, scenario_set
from benchmarks.measure import ROUNDS, interleaved, report
from tests.risk.builders import TOKENS, account, holding, option, portfolio, scenarios, supply, wallet
from tests.risk.linear import FAMILIES, lending, margined

GOALS_S = {"without options": 0.1, "20 options": 0.3}
INDEX_USD = {"ETH": 4_000.0, "BTC": 100_000.0}


def linear() -> tuple[Account, ...]:
    """Lending in three assets, a hedge, and coins of which one has no name in the table: 8 legs."""
    return (
        lending("aave", {"ETH": 25.0, "WBTC": 0.5, "USDC": -80_000.0}),
        margined("perp", "ETH", -10.0, 8_000.0, settlement="sUSD"),
        wallet(holding("ETH", 3.3), holding("USDC", 6_000.0), holding("LINK", 50.0)),
    )


def options(number: int, seed: int = 3) -> Account:
    """Long and short calls and puts on two underlyings, from four days to ten months, with collateral."""
    random = Random(seed)
    legs = []
    for i in range(number):
        underlying = ("ETH", "BTC")[i % 2]
        spot = INDEX_USD[underlying]
        size = random.choice((1, -1)) * random.uniform(0.1, 5.0) * 4_000.0 / spot
        strike, years = round(spot * random.uniform(0.7, 1.4)), random.uniform(0.01, 0.8)
        kind, iv = ("call", "put")[i // 2 % 2], random.uniform(0.4, 1.0)
        legs.append(option(underlying, size, kind, strike, years=years, iv=iv))
    return account("options", supply("sUSD", 40_000.0), *legs, protocol="lyra_v1", kind="option")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    ours, numbers = scenarios(), count()
    books = {
        "without options": portfolio(*linear()),
        "20 options": portfolio(*linear(), options(20)),
        "20 options, next to no risk": portfolio(
            *linear(), options(20), wallet(holding("USDC", 1e7), name="w")
        ),
    }
    cpu: dict[str, list[float]] = {name: [] for name in (*books, "cold, without options")}

    def run(name: str, of: Portfolio, scenarios: ScenarioSet = ours) -> None:
        start = time.process_time()
        assess(of, families=FAMILIES, scenarios=scenarios)
        cpu[name].append(time.process_time() - start)

    def cold() -> None:
        # Draws of a seed that nobody has asked for.
        known = ours.parameters
        other = replace(known, draws=replace(known.draws, seed=f"cold {next(numbers)}"))
        run("cold, without options", books["without options"], scenario_set(other, TOKENS))

    for name, of in books.items():
        run(name, of)
    first = {name: assess(of, families=FAMILIES, scenarios=ours) for name, of in books.items()}
    contenders = {name: lambda name=name, of=of: run(name, of) for name, of in books.items()}
    seconds = interleaved({**contenders, "cold, without options": cold}, asked.rounds)
    again = {name: assess(of, families=FAMILIES, scenarios=ours) for name, of in books.items()}
    assert repr(first) == repr(again)
    report(
        "risk_wallet",
        seconds,
        cpu_least_s={name: round(min(times), 5) for name, times in cpu.items()},
        cpu_median_s={name: round(statistics.median(times), 5) for name, times in cpu.items()},
        kappa={name: round(result.kappa, 4) for name, result in first.items()},
        goals_s=GOALS_S,
    )


if __name__ == "__main__":
    main()
