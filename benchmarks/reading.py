"""Reads through the local node: ours, the floors, multicall.py, viem and web3.py, in turn, over one proxy.

`balanceOf` of wallets x tokens at one block, results as Python integers with success flags; clients, their
connections and what they know of the chain are warm. Requests are built anew in each round. A floor is the
node answering the very bodies that ours sent, as many at once. Goals against peers are about work, so they
are judged without delay: with it, every contender waits for the same round trip.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.balances import Balances, balances
from benchmarks.decoding import decode
from benchmarks.delaying_proxy import DelayingProxy
from benchmarks.measure import ROUNDS, report
from benchmarks.one_wallet import one_wallet
from benchmarks.ours import READER, Ours
from benchmarks.peers.processes import Peer, Round
from benchmarks.peers.worker import Task, digest
from benchmarks.replay import Replay
from tests.devnet.multicall3 import MULTICALL3

SHAPES = {5_000: (100, 50), 100_000: (1_000, 100)}
WEB3_LIMIT = 5_000  # above it a round takes minutes
AGGREGATE3 = "ours, aggregate3"
FLOOR = "floor of "
PEERS = ("multicall.py", "viem", "viem 100000")
WEB3 = ("web3.py batch", "web3.py aggregate3")

Contender = Callable[[], Round]


@dataclass(frozen=True)
class Setting:
    """What one table is about."""

    reads: int
    delay_ms: int

    @property
    def name(self) -> str:
        """As it is printed."""
        return f"{self.reads} reads, {self.delay_ms} ms"


def contenders(
    stack: ExitStack, given: Balances, setting: Setting, proxy: DelayingProxy, runner: asyncio.Runner
) -> dict[str, Contender]:
    """All that take part in a setting, each warmed up by a round of its own."""
    delay_s = setting.delay_ms / 1e3
    found: dict[str, Contender] = {}
    for name, overrides in ((AGGREGATE3, False), (READER, True)):
        ours = runner.run(Ours.start(proxy.url, given, overrides=overrides))
        stack.callback(lambda one: runner.run(one.stop()), ours)
        found[name] = ours_rounds(runner, ours)
        # The second round: sizes that are learned are learned in the first.
        found[name]()
        proxy.reset(delay_s=delay_s, keep=True)
        found[name]()
        sent = proxy.reset(delay_s=delay_s)
        ours.check(sent.bodies)
        replay = Replay(proxy.port, sent.bodies, sent.most_open)
        stack.callback(lambda one: runner.run(one.close()), replay)
        found[FLOOR + name] = floor(runner, replay)
    task = Task(proxy.url, MULTICALL3, given.block, list(given.tokens), list(given.wallets))
    names = PEERS + (WEB3 if setting.reads <= WEB3_LIMIT and setting.delay_ms == 0 else ())
    for name in names:
        found[name] = stack.enter_context(Peer(name, task)).run
    return found


def ours_rounds(runner: asyncio.Runner, ours: Ours) -> Contender:
    """Our rounds, timed as the peers time theirs."""

    def run() -> Round:
        start = time.perf_counter()
        values = runner.run(ours.read())
        seconds = time.perf_counter() - start
        return Round(seconds, digest((True, value) for value in values))

    return run


def floor(runner: asyncio.Runner, replay: Replay) -> Contender:
    """Rounds of premade bodies; there is nothing to compare."""

    def run() -> Round:
        start = time.perf_counter()
        runner.run(replay.run())
        return Round(time.perf_counter() - start, "")

    return run


def measure(
    given: Balances, setting: Setting, proxy: DelayingProxy, rounds: int
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Seconds per contender and round, and HTTP requests of a round. Raises where results differ."""
    expected = digest((True, value) for value in given.expected())
    delay_s = setting.delay_ms / 1e3
    seconds: dict[str, list[float]] = {}
    requests: dict[str, int] = {}
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        found = contenders(stack, given, setting, proxy, runner)
        for number in range(-1, rounds):  # one round to warm up
            for name, contender in found.items():
                gc.collect()
                proxy.reset(delay_s=delay_s)
                done = contender()
                requests[name] = proxy.reset(delay_s=delay_s).requests
                if done.digest not in ("", expected):
                    raise AssertionError(f"{name} found other balances, or failures")
                if number >= 0:
                    seconds.setdefault(name, []).append(done.seconds)
    return seconds, requests


@dataclass(frozen=True)
class Goal:
    """A ratio of medians and what is wanted of it, None where it is only shown."""

    name: str
    reached: float
    wanted: float | None

    @property
    def verdict(self) -> str:
        """As it is printed."""
        if self.wanted is None:
            return ""
        return f", wanted {self.wanted:5.1f}  {'met' if self.reached >= self.wanted else 'MISSED'}"


def goals(setting: Setting, seconds: Mapping[str, list[float]]) -> list[Goal]:
    """viem counts at its faster setting."""
    median = {name: statistics.median(times) for name, times in seconds.items()}
    aggregate3, reader, multicall_py = median[AGGREGATE3], median[READER], median["multicall.py"]
    viem = min(median["viem"], median["viem 100000"])
    peers = setting.delay_ms == 0
    return [
        Goal("aggregate3: share of its floor's throughput", median[FLOOR + AGGREGATE3] / aggregate3, 0.7),
        Goal("aggregate3: times multicall.py", multicall_py / aggregate3, 5.0 if peers else None),
        Goal("aggregate3: times viem", viem / aggregate3, 4.0 if peers else None),
        Goal("reader contract: times multicall.py", multicall_py / reader, 10.0 if peers else None),
        Goal("reader contract: times viem", viem / reader, None),
        Goal("reader contract: share of its floor's throughput", median[FLOOR + READER] / reader, None),
    ]


def show(
    setting: Setting, seconds: Mapping[str, list[float]], requests: Mapping[str, int]
) -> dict[str, object]:
    """Print a setting's table; the same as data."""
    reached = goals(setting, seconds)
    least = statistics.median(seconds[FLOOR + AGGREGATE3])
    print(f"\n{setting.name}")
    print(f"{'':34}{'median ms':>11}{'least ms':>11}{'x floor':>9}{'requests':>10}")
    for name, times in sorted(seconds.items(), key=lambda item: statistics.median(item[1])):
        median = statistics.median(times)
        figures = f"{1e3 * median:11.1f}{1e3 * min(times):11.1f}{median / least:9.2f}{requests[name]:10}"
        print(f"{name:34}{figures}")
    for goal in reached:
        print(f"{goal.name:50}{goal.reached:7.2f}{goal.verdict}")
    return {
        "median_s": {name: round(statistics.median(times), 5) for name, times in seconds.items()},
        "requests": dict(requests),
        "goals": {goal.name: {"reached": round(goal.reached, 2), "wanted": goal.wanted} for goal in reached},
    }


def settings(reads: Sequence[int], delays_ms: Sequence[int]) -> Iterator[Setting]:
    """All combinations."""
    for count in reads:
        for delay_ms in delays_ms:
            yield Setting(count, delay_ms)


def main() -> None:
    """Measure every setting, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reads", type=int, nargs="+", choices=sorted(SHAPES), default=sorted(SHAPES))
    parser.add_argument("--delays-ms", type=int, nargs="+", default=[0, 50])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", choices=["bulk", "decode", "one-wallet"], help="only this part")
    given = parser.parse_args()
    seconds: dict[str, list[float]] = {}
    found: dict[str, object] = {}
    if given.only in (None, "bulk"):
        wallets, tokens = (max(SHAPES[reads][axis] for reads in given.reads) for axis in (0, 1))
        with balances(wallets, tokens) as everything, DelayingProxy(everything.node.port) as proxy:
            for setting in settings(given.reads, given.delays_ms):
                part = everything.part(*SHAPES[setting.reads])
                times, requests = measure(part, setting, proxy, given.rounds)
                found[setting.name] = show(setting, times, requests)
                seconds.update({f"{setting.name}: {name}": s for name, s in times.items()})
    if given.only in (None, "decode"):
        times, found["decode"] = decode(given.rounds)
        seconds.update(times)
    if given.only in (None, "one-wallet"):
        times, found["one wallet"] = one_wallet(given.rounds)
        seconds.update(times)
    print()
    report("reading", seconds, settings=found)


if __name__ == "__main__":
    main()
