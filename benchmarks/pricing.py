"""Prices with Greeks a second: ours on one and two threads, numpy with scipy's cdf, QuantLib, vollib.

All six figures of every option are asserted equal. Interleaved rounds; the loops take fewer options, and
rates are per option. Other processes on the machine slow down all: trust the ratios.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import venv
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.special import ndtr

from aggregator.pricing import black76
from benchmarks.measure import ROUNDS, interleaved, report
from tests.devnet.cache import build_once, digest

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"

_PEERS = Path(__file__).resolve().parent / "peers"
NAMES = ("price", "delta", "gamma", "vega", "theta", "rho")
TERMS = ("spot", "strike", "years", "iv", "rate", "sign")
LOOPS = {"QuantLib": 20_000, "vollib": 5_000}
GOALS = {"options_per_second": 20e6, "against_quantlib": 100.0}
THREADS = 2
_BLOCK = 8_192


def options(count: int, seed: int = 7) -> Floats:
    """Made-up options as an array (6, count): a week to two years, strikes of half to twice the spot."""
    rng = np.random.default_rng(seed)
    spot = 3_000.0 * rng.uniform(0.5, 2.0, count)
    strike = spot * rng.uniform(0.5, 2.0, count)
    years, iv = rng.uniform(0.02, 2.0, count), rng.uniform(0.2, 1.5, count)
    return np.array([spot, strike, years, iv, rng.uniform(-0.02, 0.1, count), rng.choice([1.0, -1.0], count)])


def ours(given: Floats, threads: int) -> list[Floats]:
    """Our six figures."""
    found = black76.greeks(**dict(zip(TERMS, given, strict=True)), threads=threads)
    return [getattr(found, name) for name in NAMES]


def textbook(given: Floats) -> Floats:
    """The closed forms as usually written in numpy, with scipy's distribution function, in blocks."""
    out = np.empty_like(given)
    for start in range(0, given.shape[1], _BLOCK):
        part = slice(start, start + _BLOCK)
        S, K, T, vol, r, w = given[:, part]
        root, discount = np.sqrt(T), np.exp(-r * T)
        d1 = (np.log(S / K) + r * T) / (vol * root) + 0.5 * vol * root
        d2 = d1 - vol * root
        n1, n2 = ndtr(w * d1), ndtr(w * d2)
        slope = np.exp(-0.5 * d1 * d1) / math.sqrt(2 * math.pi)
        paid = K * discount
        out[0, part] = w * (S * n1 - paid * n2)
        out[1, part] = w * n1
        out[2, part] = slope / (S * vol * root)
        out[3, part] = S * slope * root
        out[4, part] = -S * slope * vol / (2 * root) - w * r * paid * n2
        out[5, part] = w * T * paid * n2
    return out


class Loop:
    """A peer's process over the first options of a file."""

    def __init__(self, peer: str, python: Path, folder: Path, given: Floats) -> None:
        self.results = folder / f"{peer}.results.npy"
        np.save(folder / f"{peer}.options.npy", given)
        task = {"peer": peer, "options": str(folder / f"{peer}.options.npy"), "results": str(self.results)}
        self._process = subprocess.Popen(
            [python, _PEERS / "option_loops.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._ask(json.dumps(task))

    def _ask(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def round(self) -> float:
        """Seconds of a round. Raises RuntimeError where the peer has failed; it has said why."""
        assert self._process.stdout is not None
        self._ask("{}")
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a peer has ended")
        return float(json.loads(line)["seconds"])

    def close(self) -> None:
        """End the process."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()


def peers_python() -> Path:
    """The interpreter of an environment with the peers, installed on first use into the cache folder."""
    wanted = _PEERS / "option_requirements.txt"

    def build(work: Path) -> None:
        venv.create(work / "venv", with_pip=True)
        python = work / "venv" / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "-qq", "--no-deps", "-r", wanted], check=True)

    return build_once(f"option-peers-{digest(wanted.read_bytes(), sys.version)}", build) / "venv/bin/python"


def check(found: list[Floats] | Floats, expected: list[Floats] | Floats, spot: Floats, who: str) -> None:
    """Assert that all figures agree: 1e-9 of themselves, or 1e-11 of what one unit costs."""
    for name, one, other in zip(NAMES, found, expected, strict=True):
        allowed = 1e-9 * np.abs(other) + 1e-11 * np.maximum(spot[: len(other)], 1.0)
        worst = float(np.max(np.abs(one[: len(other)] - other) - allowed))
        if not worst <= 0.0:
            raise AssertionError(f"{who}: {name} differs by {worst:.3g} more than allowed")


def main() -> None:
    """Measure, check that the answers are equal, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--options", type=int, default=1_000_000, help="options in a round of numpy")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    given = options(max(asked.options, *LOOPS.values()))
    with TemporaryDirectory() as name, ExitStack() as stack:
        loops = {}
        for peer, count in LOOPS.items():
            loops[peer] = Loop(peer, peers_python(), Path(name), given[:, :count])
            stack.callback(loops[peer].close)
            loops[peer].round()
        expected = ours(given, 1)
        assert all((a == b).all() for a, b in zip(ours(given, THREADS), expected, strict=True))
        check(expected, textbook(given), given[0], "scipy")
        for peer, loop in loops.items():
            check(expected, np.load(loop.results), given[0], peer)
        seconds = interleaved(
            {
                "ours, one thread": partial(ours, given, 1),
                "ours, two threads": partial(ours, given, THREADS),
                "numpy, scipy": partial(textbook, given),
                **{f"{peer} loop": loop.round for peer, loop in loops.items()},
            },
            asked.rounds,
        )
    counts = {f"{peer} loop": count for peer, count in LOOPS.items()}
    everything = int(given.shape[1])
    rates = {who: counts.get(who, everything) / statistics.median(times) for who, times in seconds.items()}
    for who, rate in rates.items():
        print(f"{who:32}{rate / 1e6:10.3f} million options a second")
    best = rates["ours, two threads"]
    more: dict[str, Any] = {
        "options_per_second": {who: round(rate) for who, rate in rates.items()},
        "against": {who: round(best / rate, 2) for who, rate in rates.items()},
        "goals": {
            "options_per_second": {"reached": round(best), "wanted": GOALS["options_per_second"]},
            "against_quantlib": {
                "reached": round(best / rates["QuantLib loop"], 1),
                "wanted": GOALS["against_quantlib"],
            },
        },
    }
    report("pricing", seconds, **more)


if __name__ == "__main__":
    main()
