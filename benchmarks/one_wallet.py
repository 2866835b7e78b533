"""One wallet over all adapters of the local chain at 50 ms: dependent rounds, requests and wall time.

The goal is about reading: connecting, the pin and all rounds. A round trip is what a bare request takes on a
kept connection through the same proxy in the same round: the delay, and what the proxy itself takes. The
whole of `app.read`, which also loads the adapters, opens the cache and assembles the portfolio, is printed
beside it.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import tempfile
import time
import tomllib
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from aggregator import app, settings
from aggregator.app.caching import opened_cache
from aggregator.app.readers import live_readers
from aggregator.model.readings import Reading
from aggregator.model.units import Address, parse_address
from aggregator.reading import registry
from aggregator.reading.run import Job, Run, run
from aggregator.settings import Settings
from benchmarks.delaying_proxy import HOST, DelayingProxy
from tests.devnet.world import World

DELAY_S = 0.05
WANTED_ROUND_TRIPS = 3.3
WANTED_ROUNDS = 2  # after the pin
WANTED_ROUNDS_COLD = 3  # where nothing is cached
WALLET = "hedged"


@dataclass(frozen=True)
class _Read:
    seconds: float
    rounds: int


def _bare(connection: HTTPConnection) -> float:
    """Seconds of a request that the node answers at once."""
    body = b'{"jsonrpc":"2.0","id":0,"method":"eth_chainId","params":[]}'
    start = time.perf_counter()
    connection.request("POST", "/", body, {"content-type": "application/json"})
    answer = connection.getresponse().read()
    seconds = time.perf_counter() - start
    assert b'"result"' in answer, answer
    return seconds


async def _read(config: Settings, wallet: Address) -> _Read:
    selection = app.Selection((wallet,))
    built = registry.adapters(config)
    with opened_cache(config) as cache:
        async with live_readers(selection, config, built, cache) as live:
            jobs = [
                Job(adapter, deployment, wallet)
                for adapter in built
                for deployment in adapter.deployments
                if deployment.chain in live
            ]
            gc.collect()
            start = time.perf_counter()
            outcome = await run(jobs, dict(live), "latest", cache)
            seconds = time.perf_counter() - start
    _check(outcome)
    [rounds] = outcome.rounds.values()
    return _Read(seconds, rounds)


def _check(outcome: Run) -> None:
    results = [one.result for one in outcome.outcomes]
    assert all(isinstance(result, Reading) for result in results), results
    assert any(result.accounts for result in results if isinstance(result, Reading))


def one_wallet(rounds: int) -> tuple[dict[str, list[float]], dict[str, object]]:
    """Seconds per round, and what was reached of the goal."""
    bare: list[float] = []
    reading: list[float] = []
    whole: list[float] = []
    with (
        World.start() as world,
        DelayingProxy(world.node.port) as proxy,
        tempfile.TemporaryDirectory() as folder,
        ExitStack() as stack,
    ):
        wallet = parse_address(world.wallets[WALLET])
        given = tomllib.loads(world.config().replace(world.node.url, proxy.url))
        config = settings.build({**given, "cache": str(Path(folder) / "reading.sqlite")}, "local")
        proxy.reset(delay_s=DELAY_S)
        cold = asyncio.run(_read(config, wallet))  # warms up imports and compiled signatures, too
        connection = stack.enter_context(closing(HTTPConnection(HOST, proxy.port)))
        for _ in range(rounds):
            proxy.reset(delay_s=DELAY_S)
            bare.append(_bare(connection))
            proxy.reset(delay_s=DELAY_S)
            warm = asyncio.run(_read(config, wallet))
            sent = proxy.reset(delay_s=DELAY_S)
            reading.append(warm.seconds)
            gc.collect()
            start = time.perf_counter()
            answer = app.read(app.Selection((wallet,)), config)
            whole.append(time.perf_counter() - start)
            assert not any(portfolio.failures for portfolio in answer.portfolios)
    trip_s = statistics.median(bare)
    trips = statistics.median(reading) / trip_s
    print(f"\none wallet over all adapters at {1e3 * DELAY_S:.0f} ms")
    print(f"a bare request takes {1e3 * trip_s:.1f} ms")
    print(f"rounds after the pin: {warm.rounds}, wanted {WANTED_ROUNDS}")
    print(f"with nothing cached: {cold.rounds}, wanted {WANTED_ROUNDS_COLD}")
    print(f"{sent.requests} HTTP requests, at most {sent.most_open} at once")
    met = "met" if trips <= WANTED_ROUND_TRIPS else "MISSED"
    print(f"reading {trips:.2f} round trips, wanted {WANTED_ROUND_TRIPS}  {met}")
    print(f"all of app.read {statistics.median(whole) / trip_s:.2f} round trips")
    reached = {
        "round_trips": {"reached": round(trips, 2), "wanted": WANTED_ROUND_TRIPS},
        "rounds_after_pin": {"reached": warm.rounds, "wanted": WANTED_ROUNDS},
        "rounds_cold": {"reached": cold.rounds, "wanted": WANTED_ROUNDS_COLD},
        "requests": sent.requests,
    }
    return {"bare request": bare, "one wallet, reading": reading, "one wallet, app.read": whole}, reached
