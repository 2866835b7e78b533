"""One wallet over all adapters of the local chain at 50 ms: dependent rounds, requests and wall time.

The wall time is that of `app.read`: connecting, the pin, all rounds and the assembly of the portfolio.
"""

from __future__ import annotations

import gc
import statistics
import time
import tomllib

from aggregator import app, settings
from aggregator.model.units import parse_address
from benchmarks.delaying_proxy import DelayingProxy
from tests.devnet.world import World

DELAY_S = 0.05
WANTED_ROUND_TRIPS = 3.3
WANTED_ROUNDS = 2  # after the pin
WALLET = "hedged"


def one_wallet(rounds: int) -> tuple[dict[str, list[float]], dict[str, object]]:
    """Seconds per round, and what was reached of the goal."""
    times: list[float] = []
    with World.start() as world, DelayingProxy(world.node.port) as proxy:
        config = settings.build(tomllib.loads(world.config().replace(world.node.url, proxy.url)), "local")
        selection = app.Selection((parse_address(world.wallets[WALLET]),))
        for number in range(-1, rounds):  # one round to warm up: imports, compiled signatures
            gc.collect()
            proxy.reset(delay_s=DELAY_S)
            start = time.perf_counter()
            answer = app.read(selection, config)
            seconds = time.perf_counter() - start
            [portfolio] = answer.portfolios
            assert not portfolio.failures
            assert portfolio.accounts
            if number >= 0:
                times.append(seconds)
        sent = proxy.reset()
    [stages] = answer.rounds.values()
    trips = statistics.median(times) / DELAY_S
    met = "met" if trips <= WANTED_ROUND_TRIPS else "MISSED"
    print(f"\none wallet over all adapters at {1e3 * DELAY_S:.0f} ms: pin and {stages} rounds, wanted 2")
    print(
        f"{sent.requests} HTTP requests, at most {sent.most_open} at once; {len(portfolio.accounts)} accounts"
    )
    print(f"wall time {trips:.2f} round trips, wanted {WANTED_ROUND_TRIPS}  {met}")
    reached = {
        "round_trips": {"reached": round(trips, 2), "wanted": WANTED_ROUND_TRIPS},
        "rounds_after_pin": {"reached": stages, "wanted": WANTED_ROUNDS},
        "requests": sent.requests,
        "most_at_once": sent.most_open,
    }
    return {"one wallet": times}, reached
