"""Loops of QuantLib and vollib over single options, in a process of their own: JSON lines in and out.

The first line names the peer and a file of options as an array of shape (6, options): spot, strike, years,
iv, rate, sign. Every further line asks for one round, which answers its seconds; results of the last round
are in the file that it names: shape (6, options), price, delta, gamma, vega, theta, rho as ours; of the peer
"QuantLib values" of shape (1, options), prices alone.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

Row: TypeAlias = tuple[float, float, float, float, float, float]
Figures: TypeAlias = tuple[float, ...]


def quantlib() -> Callable[[Row], Figures]:
    """One option by QuantLib's BlackCalculator."""
    ql: Any = importlib.import_module("QuantLib")

    def one(option: Row) -> Figures:
        spot, strike, years, iv, rate, sign = option
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if sign > 0 else ql.Option.Put, strike)
        discount = math.exp(-rate * years)
        made = ql.BlackCalculator(payoff, spot / discount, iv * math.sqrt(years), discount)
        return (
            made.value(),
            made.delta(spot),
            made.gamma(spot),
            made.vega(years),
            made.theta(spot, years),
            made.rho(years),
        )

    return one


def quantlib_values() -> Callable[[Row], Figures]:
    """One option's value by QuantLib's blackFormula, its fastest way."""
    ql: Any = importlib.import_module("QuantLib")

    def one(option: Row) -> Figures:
        spot, strike, years, iv, rate, sign = option
        kind, discount = ql.Option.Call if sign > 0 else ql.Option.Put, math.exp(-rate * years)
        return (ql.blackFormula(kind, strike, spot / discount, iv * math.sqrt(years), discount),)

    return one


def vollib() -> Callable[[Row], Figures]:
    """One option by vollib's analytical functions, in our units."""
    pricing: Any = importlib.import_module("vollib.black_scholes")
    greeks: Any = importlib.import_module("vollib.black_scholes.greeks.analytical")

    def one(option: Row) -> Figures:
        spot, strike, years, iv, rate, sign = option
        given = ("c" if sign > 0 else "p", spot, strike, years, rate, iv)
        return (
            pricing.black_scholes(*given),
            greeks.delta(*given),
            greeks.gamma(*given),
            greeks.vega(*given) * 100.0,
            greeks.theta(*given) * 365.0,
            greeks.rho(*given) * 100.0,
        )

    return one


def main() -> None:
    """Answer rounds until standard input ends."""
    task = json.loads(sys.stdin.readline())
    peers = {"QuantLib": quantlib, "QuantLib values": quantlib_values, "vollib": vollib}
    one = peers[task["peer"]]()
    options = [tuple(row) for row in np.load(task["options"]).T.tolist()]
    for _ in sys.stdin:
        start = time.perf_counter()
        results = [one(option) for option in options]
        seconds = time.perf_counter() - start
        np.save(task["results"], np.array(results).T)
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
