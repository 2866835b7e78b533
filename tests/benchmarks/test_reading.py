"""The measuring kit of the reading benchmark, on a handful of balances."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from benchmarks.balances import Balances, balances
from benchmarks.delaying_proxy import DelayingProxy
from benchmarks.ours import READER, Ours
from benchmarks.peers.worker import digest
from benchmarks.reading import AGGREGATE3, FLOOR, Setting, goals
from benchmarks.replay import Replay

DELAY_S = 0.1


@pytest.fixture(scope="module")
def given() -> Iterator[Balances]:
    """30 wallets x 20 tokens."""
    with balances(30, 20) as everything:
        yield everything


@pytest.mark.parametrize("overrides", [False, True])
def test_ours_its_floor_and_the_counts(given: Balances, *, overrides: bool) -> None:
    """Balances are right, the kept bodies are the requests, and the floor sends just those again."""
    with DelayingProxy(given.node.port) as proxy, asyncio.Runner() as runner:
        ours = runner.run(Ours.start(proxy.url, given, overrides=overrides))
        assert runner.run(ours.read()) == given.expected()
        proxy.reset(keep=True)
        assert runner.run(ours.read()) == given.expected()
        sent = proxy.reset()
        runner.run(ours.stop())
        ours.check(sent.bodies)
        assert len(sent.bodies) == sent.requests > 0
        assert all(b"eth_call" in body for body in sent.bodies)
        assert 0 < sent.most_open <= sent.requests
        replay = Replay(proxy.port, sent.bodies, sent.most_open)
        answered = runner.run(replay.run())
        runner.run(replay.close())
        assert answered > 2 * 32 * len(given)
        assert proxy.reset().requests == sent.requests


def test_a_contender_under_another_name_is_refused(given: Balances) -> None:
    """What is called the reader contract must have placed it."""
    with DelayingProxy(given.node.port) as proxy, asyncio.Runner() as runner:
        ours = runner.run(Ours.start(proxy.url, given, overrides=True))
        runner.run(ours.stop())
    with pytest.raises(AssertionError, match="state overrides in 0 of 1"):
        ours.check([b'{"method":"eth_call"}'])


def test_the_delay_is_one_round_trip(given: Balances) -> None:
    """Once per request, not per direction; requests at once wait together."""
    with DelayingProxy(given.node.port) as proxy, asyncio.Runner() as runner:
        body = b'{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'
        replay = Replay(proxy.port, [body] * 6, 3)
        runner.run(replay.run())
        proxy.reset(delay_s=DELAY_S)
        start = time.perf_counter()
        runner.run(replay.run())
        waited = time.perf_counter() - start
        sent = proxy.reset()
        runner.run(replay.close())
    assert waited >= 2 * DELAY_S
    assert (sent.requests, sent.most_open) == (6, 3)


def test_a_failure_that_reads_as_zero_has_another_digest() -> None:
    """A peer that takes failures for empty balances is not equal."""
    assert digest([(True, 0), (True, 5)]) != digest([(False, 0), (True, 5)])
    assert digest([(True, 5), (True, 0)]) != digest([(True, 0), (True, 5)])


def test_goals_count_the_faster_viem_and_only_without_delay() -> None:
    """Ratios of medians."""
    seconds = {
        AGGREGATE3: [2.0, 1.0, 3.0], FLOOR + AGGREGATE3: [1.5], READER: [1.0], FLOOR + READER: [0.5],
        "multicall.py": [9.0], "viem": [20.0], "viem 100000": [8.0],
    }  # fmt: skip
    found = {goal.name: goal for goal in goals(Setting(5_000, 0), seconds)}
    assert found["aggregate3: times viem"].reached == 4.0
    assert "met" in found["aggregate3: times viem"].verdict
    assert "MISSED" in found["aggregate3: times multicall.py"].verdict
    assert "met" in found["aggregate3: share of its floor's throughput"].verdict
    waiting = {goal.name: goal for goal in goals(Setting(5_000, 50), seconds)}
    assert waiting["aggregate3: times multicall.py"].verdict == ""
