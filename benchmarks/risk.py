"""Scan requirements of many wallets: ours in bulk, numpy wallet by wallet, a QuantLib loop, and the limit.

20 positions a wallet, half of them options out of 600 listed ones, over 33 rays at all 21 stress multiples:
693 scenarios. All contenders that revalue are asserted equal. The limit is what the multiply-adds of the
legs alone take at the speed of this machine's dgemm. The slower contenders take fewer wallets; all figures
are microseconds a wallet. With `--memory` so many wallets are made and required once, and the peak of the
process is printed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from aggregator.pricing import black76
from aggregator.risk.bulk import scan_requirements
from aggregator.risk.grid import STANDARD
from benchmarks.holdings import LINEAR, OPTIONS, holdings
from benchmarks.measure import ROUNDS, interleaved, report
from benchmarks.pricing import Loop, peers_python
from tests.memory import peak_kib

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aggregator.risk.holdings import Holdings
    from aggregator.risk.rays import Rays

    Floats = NDArray[np.float64]

RAYS = 33
GOAL_US = 5.0
GOAL_GIB = 8.0
NUMPY_WALLETS, LOOP_WALLETS = 50, 2


def by_numpy(held: Holdings, rays: Rays, wallets: range) -> Floats:
    """M_scan of these wallets one by one, each array of a wallet worked out in numpy."""
    legs, contracts = held.legs, held.contracts
    base, peg = held.axes.loadings(held.factors)
    log_factor = base @ np.log1p(rays.base).T + peg @ np.log1p(rays.peg).T
    log_iv = contracts.log_iv_factors(held.scenarios.parameters.volatility)[:, rays.vol]
    multiples = np.exp(STANDARD[:, None] * log_factor[:, None, :])
    found = np.empty(len(wallets))
    for at, wallet in enumerate(wallets):
        mine = slice(LINEAR * wallet, LINEAR * (wallet + 1))
        options = slice(OPTIONS * wallet, OPTIONS * (wallet + 1))
        which, quantity = legs.contract[options], legs.quantity[options]
        spot = contracts.spot[which, None, None] * multiples[contracts.price_factor[which]]
        iv = contracts.iv[which, None, None] * np.exp(STANDARD[:, None] * log_iv[which][:, None, :])
        terms = (contracts.strike[which, None, None], contracts.years[which, None, None])
        value = black76.price(
            forward=spot,
            strike=terms[0],
            years=terms[1],
            iv=iv,
            rate=0.0,
            sign=contracts.sign[which, None, None],
        )
        value *= multiples[contracts.payment_factor[which]]
        moved = legs.exposure_usd[mine, None, None] * multiples[legs.factor[mine]]
        first = legs.account[mine][0]
        silos = [moved[legs.account[mine] == first + k].sum(axis=0) for k in (0, 1)]
        silos.append((quantity[:, None, None] * value).sum(axis=0))
        kept, whole, today = held.kept[held.account_start[wallet] :], 0.0, 0.0
        for k, silo in enumerate(silos):
            weighted = silo[0, 0] + rays.weight * (silo - silo[0, 0])
            whole = whole + np.where(weighted > 0.0, kept[k] * weighted, weighted)
            today += silo[0, 0]
        found[at] = today - np.min(whole)
    return found


def option_rows(held: Holdings, rays: Rays, wallets: int) -> Floats:
    """The options of the first wallets in every scenario, (6, options) as the loops take them."""
    contracts, legs = held.contracts, held.legs
    base, _ = held.axes.loadings(held.factors)
    log_spot = base @ np.log1p(rays.base).T
    log_iv = contracts.log_iv_factors(held.scenarios.parameters.volatility)[:, rays.vol]
    which = legs.contract[: wallets * OPTIONS]
    levels = STANDARD[:, None]
    spot = contracts.spot[which, None, None] * np.exp(
        levels * log_spot[contracts.price_factor[which]][:, None, :]
    )
    iv = contracts.iv[which, None, None] * np.exp(levels * log_iv[which][:, None, :])
    rest = (contracts.strike, contracts.years, contracts.rate, contracts.sign)
    strike, years, rate, sign = (np.broadcast_to(x[which, None, None], spot.shape) for x in rest)
    return np.stack([spot, strike, years, iv, rate, sign]).reshape(6, -1)


class Limit:
    """As many multiply-adds as the legs of some wallets need, by dgemm of square blocks."""

    SIZE = 512

    def __init__(self, scenarios: int, wallets: int) -> None:
        rng = np.random.default_rng(1)
        self._a, self._b = rng.normal(size=(2, self.SIZE, self.SIZE))
        self._times = max(1, round(wallets * (LINEAR + OPTIONS) * scenarios / self.SIZE**3))

    def __call__(self) -> None:
        for _ in range(self._times):
            self._a @ self._b


def main() -> None:
    """Measure, check that the answers are equal, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wallets", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--memory", type=int, metavar="WALLETS", help="only make and require so many once")
    asked = parser.parse_args()
    if asked.memory:
        measure_memory(asked.memory)
        return
    held = holdings(asked.wallets)
    rays = held.scenarios.rays(held.axes, options=True)
    some, scenarios = rays.take(np.arange(RAYS)), RAYS * len(STANDARD)
    found = scan_requirements(held, rays=some)
    compared = found.scan_usd[:NUMPY_WALLETS]
    assert np.allclose(by_numpy(held, some, range(NUMPY_WALLETS)), compared, rtol=1e-9, atol=1e-6)
    rows = option_rows(held, some, LOOP_WALLETS)
    with TemporaryDirectory() as name:
        loop = Loop("QuantLib values", peers_python(), Path(name), rows)
        try:
            loop.round()
            spot, strike, years, iv, rate, sign = rows
            ours = black76.price(forward=spot, strike=strike, years=years, iv=iv, rate=rate, sign=sign)
            assert np.allclose(np.load(loop.results)[0], ours, rtol=1e-9, atol=1e-8)
            seconds = interleaved(
                {
                    "ours, two threads": partial(scan_requirements, held, rays=some),
                    "ours, one thread": partial(scan_requirements, held, rays=some, threads=1),
                    "ours, all rays": partial(scan_requirements, held, rays=rays),
                    "numpy by wallet": partial(by_numpy, held, some, range(NUMPY_WALLETS)),
                    "QuantLib loop": loop.round,
                    "limit: dgemm": Limit(scenarios, asked.wallets),
                },
                asked.rounds,
            )
        finally:
            loop.close()
    counts = {"numpy by wallet": NUMPY_WALLETS, "QuantLib loop": LOOP_WALLETS}
    cost = {
        who: 1e6 * statistics.median(times) / counts.get(who, asked.wallets) for who, times in seconds.items()
    }
    for who, microseconds in cost.items():
        print(f"{who:32}{microseconds:12.3f} us a wallet")
    best = cost["ours, two threads"]
    more: dict[str, Any] = {
        "us_per_wallet": {who: round(value, 3) for who, value in cost.items()},
        "against": {who: round(value / best, 2) for who, value in cost.items()},
        "scenarios": scenarios,
        "all_rays": len(rays),
        "wallets": asked.wallets,
        "goals": {"us_per_wallet": {"reached": round(best, 3), "wanted": GOAL_US}},
    }
    report("risk", seconds, **more)


def measure_memory(wallets: int) -> None:
    """So many wallets in this process, once."""
    held = holdings(wallets)
    begun = time.perf_counter()
    found = scan_requirements(held)
    seconds = time.perf_counter() - begun
    assert np.isfinite(found.scan_usd).all()
    gib = peak_kib() / 2**20
    print(f"{wallets:,} wallets, {len(found.rays)} rays: {seconds:.1f} s, at most {gib:.2f} GiB")
    goals = {"gib": {"reached": round(gib, 2), "wanted": GOAL_GIB}}
    print(json.dumps({"benchmark": "risk memory", "wallets": wallets, "seconds": seconds, "goals": goals}))


if __name__ == "__main__":
    main()
