"""Delayed orders: what the adapter says of them against what the real contracts let keepers do."""

from __future__ import annotations

import pytest

from adapters.synthetix_perps_v2.orders import DelayedOrder, OrderState, Windows
from aggregator.model.positions import Supply
from aggregator.model.rules import WAD
from tests.adapters.synthetix_perps_v2.live import ETH_MARKET, Site
from tests.devnet.simulated import simulate
from tests.devnet.synthetix_pyth import OffchainPrices

WORDS = {"waits": OrderState.WAITING, "is executable": OrderState.EXECUTABLE, "expired": OrderState.EXPIRED}
WINDOWS = Windows(min_age=2, max_age=60, confirm_seconds=120, confirm_rounds=2, current_round=8)


def order_of(target_round: int, executable_at: int, *, is_offchain: bool) -> DelayedOrder:
    """An order to buy one, of second 1,000."""
    return DelayedOrder(is_offchain, WAD, 0, target_round, 0, 2 * WAD, executable_at, 1_000, bytes(32))


def told(site: Site, user: str, kind: str) -> OrderState:
    """What the reading's warning says of the user's order."""
    [warning] = site.read(user).warnings
    assert warning.startswith(f"{ETH_MARKET}: {kind} of -0.5 is pending: ")
    [state] = [
        state for word, state in WORDS.items() if f"it {word}" in warning or f"it has {word}" in warning
    ]
    return state


def test_delayed_order_by_time(site: Site) -> None:
    """Waiting for its time, executable through its window, then only to be cancelled: to the second."""
    user, perps, node = site.world.spare[0], site.world.synthetix, site.world.node
    perps.open(user, ETH_MARKET, margin=1_000, size="1.5")
    perps.submit_delayed_order(user, ETH_MARKET, "-0.5", delay_seconds=60)
    since, market, seen = node.timestamp, perps.markets[ETH_MARKET], []
    for age in (1, 59, 60, 61, 179, 180, 181, 5_000):
        node.warp(since + age - node.timestamp)
        state = told(site, user, "a delayed order")
        [execute] = simulate(site.world.chain, [(market, "executeDelayedOrder", (user,))])
        [cancel] = simulate(site.world.chain, [(market, "cancelDelayedOrder", (user,))])
        by_words = {
            None: OrderState.EXECUTABLE,
            "executability not reached": OrderState.WAITING,
            "order too old, use cancel": OrderState.EXPIRED,
        }
        assert state is by_words[execute.refused]
        assert (cancel.refused is None) is (state is OrderState.EXPIRED)
        seen.append(state)
    assert seen == [OrderState.WAITING] * 2 + [OrderState.EXECUTABLE] * 4 + [OrderState.EXPIRED] * 2


def test_delayed_order_by_rounds(site: Site) -> None:
    """A new round of the price makes it executable before its time; two more, and it has expired."""
    user, perps = site.world.spare[0], site.world.synthetix
    perps.open(user, ETH_MARKET, margin=1_000, size="1.5")
    perps.submit_delayed_order(user, ETH_MARKET, "-0.5", delay_seconds=6_000)
    market, seen = perps.markets[ETH_MARKET], []
    for _ in range(5):
        [execute] = simulate(site.world.chain, [(market, "executeDelayedOrder", (user,))])
        state = told(site, user, "a delayed order")
        assert (execute.refused is None) is (state is OrderState.EXECUTABLE)
        seen.append(state)
        perps.set_rate(ETH_MARKET, 2_000 * WAD)
    assert seen == [OrderState.WAITING] + [OrderState.EXECUTABLE] * 3 + [OrderState.EXPIRED]


def test_offchain_order(site: Site) -> None:
    """By its age and a price of that moment, handed in with the execution; its deposit is no margin."""
    user, perps, node = site.world.spare[0], site.world.synthetix, site.world.node
    prices = OffchainPrices(perps)
    perps.open(user, ETH_MARKET, margin=1_000, size="1.5")
    perps.submit_offchain_order(user, ETH_MARKET, "-0.5")
    since, market, seen = node.timestamp, perps.markets[ETH_MARKET], []
    locked = site.account(user, ETH_MARKET).positions[-1]
    assert isinstance(locked, Supply)
    assert (locked.raw, locked.is_collateral) == (2 * WAD, False)
    for age in (1, 2, 29, 30, 31):
        node.warp(since + age - node.timestamp)
        fresh = prices.published(ETH_MARKET, 2_000, node.timestamp)
        [execute] = simulate(site.world.chain, [(market, "executeOffchainDelayedOrder", (user, [fresh]))])
        [cancel] = simulate(site.world.chain, [(market, "cancelOffchainDelayedOrder", (user,))])
        state = told(site, user, "an off-chain delayed order")
        by_words = {
            None: OrderState.EXECUTABLE,
            "executability not reached": OrderState.WAITING,
            "order too old, use cancel": OrderState.EXPIRED,
        }
        assert state is by_words[execute.refused]
        assert (cancel.refused is None) is (age == 31)
        seen.append(state)
    assert seen == [OrderState.WAITING] + [OrderState.EXECUTABLE] * 2 + [OrderState.EXPIRED] * 2
    perps.markets[ETH_MARKET].send("cancelOffchainDelayedOrder", user, sender=user)
    assert site.read(user).warnings == ()


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (0, "waits for a price from after"),
        (3, "whoever brings a price"),
        (60, "only be cancelled, by anybody"),
    ],
)
def test_words_for_an_offchain_order(age: int, words: str) -> None:
    """The sentence tells the moments."""
    assert words in WINDOWS.sentence(order_of(0, 0, is_offchain=True), 1_000 + age)


def test_moments_that_no_calendar_has_are_told_in_seconds() -> None:
    """A contract may answer any number."""
    order = order_of(9, 2**255, is_offchain=False)
    assert f"second {2**255}" in WINDOWS.sentence(order, 1_000)
