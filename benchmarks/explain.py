"""`health --explain` of one wallet with a hundred positions: what the assessment takes, and the explanation.

Coins, loans and perps over many accounts, without and with options: changes of every position are judged in
full. Times are of this process on what else the machine does; CPU time is given beside.
"""

from __future__ import annotations

import argparse
import statistics
import time
from functools import partial
from random import Random

from aggregator.model.accounts import Account
from aggregator.model.portfolio import Portfolio
from aggregator.risk.assess import assess
from aggregator.risk.explain import explain
from benchmarks.measure import interleaved, report
from benchmarks.risk_wallet import options
from tests.risk.builders import holding, portfolio, scenarios, wallet
from tests.risk.linear import FAMILIES, lending, margined

GOAL_S = 5.0
COINS = ("ETH", "wstETH", "weETH", "BTC", "WBTC", "LINK", "USDC", "DAI")


def accounts(positions: int, seed: int = 5) -> tuple[Account, ...]:
    """Loans of four legs, perps with margin, and a wallet of eight coins, until there are so many."""
    random, found, count = Random(seed), [wallet(*(holding(coin, 1.0) for coin in COINS))], len(COINS)
    while count < positions:
        if count % 3:
            size = {coin: random.uniform(1e4, 5e4) / 4_000.0 for coin in ("ETH", "wstETH")}
            size |= {"WBTC": random.uniform(0.05, 0.5), "USDC": -random.uniform(1e4, 3e4)}
            found.append(lending(f"loan {count}", size))
            count += 4
        else:
            underlying, spot = random.choice((("ETH", 4_000.0), ("BTC", 100_000.0)))
            units = random.choice((1.0, -1.0)) * random.uniform(5e3, 3e4) / spot
            found.append(margined(f"perp {count}", underlying, units, random.uniform(4e3, 9e3)))
            count += 2
    return tuple(found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    ours = scenarios()
    books = {
        "100 positions": portfolio(*accounts(100)),
        "100 positions, 20 options": portfolio(*accounts(80), options(20)),
        "100 positions, 90 options": portfolio(*accounts(10), options(90)),
    }
    results = {name: assess(of, families=FAMILIES, scenarios=ours) for name, of in books.items()}
    cpu: dict[str, list[float]] = {}

    def both(name: str, of: Portfolio) -> None:
        start = time.process_time()
        risk = assess(of, families=FAMILIES, scenarios=ours)
        explain(of, risk, families=FAMILIES, scenarios=ours)
        cpu.setdefault(name, []).append(time.process_time() - start)

    runs = {name: partial(both, name, of) for name, of in books.items()}
    seconds = interleaved(runs, asked.rounds)
    report(
        "explain",
        seconds,
        cpu_median_s={name: round(statistics.median(times), 3) for name, times in cpu.items()},
        positions={name: sum(len(a.positions) for a in of.accounts) for name, of in books.items()},
        drawn={name: bool(r.binding and r.binding.name.startswith("worst")) for name, r in results.items()},
        goal_s=GOAL_S,
    )


if __name__ == "__main__":
    main()
