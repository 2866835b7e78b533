"""Feeds with months of rounds on the local chain, and what is asked of `history` there."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aggregator.pricing.returns import DAY_S
from tests.cli.runner import crossmargin
from tests.devnet.artifacts import compiled
from tests.devnet.chain import Contract
from tests.devnet.world import World
from tests.docs.test_schema import errors

DAYS = 120
PRICES = {"ETH": 2_000.0, "BTC": 40_000.0}


def deployed(world: World) -> dict[str, Contract]:
    """A proxy for each underlying: an old feed up to a month ago, then a new one, two rounds a day each."""
    rng, chain, artifacts = random.Random(1), world.chain, compiled("feed_proxy")
    begin = (world.node.timestamp // DAY_S - DAYS - 1) * DAY_S
    common = [rng.gauss(0.0, 0.05) for _ in range(2 * DAYS + 4)]
    found = {}
    for name, begun in PRICES.items():
        prices, times, price = [], [], begun
        for i, step in enumerate(common):
            price *= math.exp(step + rng.gauss(0.0, 0.01))
            prices.append(round(price * 10**8))
            times.append(min(begin + i * DAY_S // 2 + 3_600, world.node.timestamp))
        found[name] = chain.deploy(artifacts["StandInFeedProxy"])
        for part in (slice(0, -60), slice(-60, None)):
            pair = f"{name} / USD"
            feed = chain.deploy(artifacts["StandInPastFeed"], pair, prices[part], times[part])
            found[name].send("follow", feed.address)
    world.node.mine(100)
    return found


def configure(world: World, feeds: Mapping[str, Contract], path: Path, **pairs: str) -> None:
    """Write a configuration with these feeds, which call themselves by other `pairs`."""
    entries = [
        f'[[price_feeds]]\nunderlying = "{name}"\nchain = 31337\nfeed = "{feed.address}"\n'
        + (f'pair = "{pairs[name]}"\n' if name in pairs else "")
        for name, feed in feeds.items()
    ]
    path.write_text("history_days = 119\n" + world.config() + "\n" + "\n".join(entries), encoding="utf-8")


def updated(*arguments: str) -> dict[str, Any]:
    """The data of an update that succeeds."""
    result = crossmargin("history", "update", "--json", *arguments)
    assert result.code == 0, result.err
    document = result.json()
    assert errors("history-update.json", document) == []
    data: dict[str, Any] = document["data"]
    return data


def by_name(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The lines of a report."""
    return {line["underlying"]: line for line in data["underlyings"]}


def health(world: World, *arguments: str) -> Any:
    """What health says of a wallet with positions."""
    result = crossmargin("health", world.wallets["hedged"], "--json", *arguments)
    assert result.code == 0, result.err
    return result.json()
