"""Closes from rounds: those that looking at every round finds, in few rounds of requests, or a failure."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.errors import CallReverted, MalformedReply, ProviderUnavailable
from aggregator.pricing.returns import DAY_S, Close
from aggregator.reading import history
from tests.reading.feeds import Answered, StandInFeed, expected

BEGIN = 20_000 * DAY_S
PRICE = 2_000 * 10**8


def table(rng: random.Random, begin: int, count: int, gap_s: int) -> dict[int, Answered]:
    """Rounds at random times, the first after `begin`, `gap_s` apart on average."""
    rounds, time = {}, begin
    for number in range(1, count + 1):
        time += rng.randint(1, 2 * gap_s)
        rounds[number] = time, rng.randint(PRICE // 2, 2 * PRICE)
    return rounds


def days_to(end: int, count: int) -> list[int]:
    """The last days that have ended at a time."""
    last = end // DAY_S - 1
    return list(range(last - count + 1, last + 1))


@settings(max_examples=40, deadline=None)
@given(
    st.randoms(use_true_random=False),
    st.integers(1, 3),
    st.integers(0, 1_500),
    st.integers(60, 40_000),
    st.integers(1, 60),
)
def test_every_day_has_the_round_that_looking_at_all_finds(
    rng: random.Random, phases: int, most: int, gap_s: int, days: int
) -> None:
    """Phases that overlap or leave a gap, dense and sparse, days before the first round among them."""
    rounds: dict[int, dict[int, Answered]] = {}
    begin = BEGIN
    for phase in range(1, phases + 1):
        rounds[phase] = table(rng, begin, rng.randint(1, most + 1), gap_s)
        begin = max(0, rounds[phase][len(rounds[phase])][0] + rng.randint(-5, 5) * DAY_S)
    feed = StandInFeed(rounds, len(rounds[phases]))
    wanted = days_to(max(time for of in rounds.values() for time, _ in of.values()) + DAY_S, days)
    assert feed.closes(wanted) == [expected(feed, day) for day in wanted]


@pytest.mark.parametrize(("count", "gap_s", "rounds"), [(40_000, 1_800, 5), (900, 80_000, 4)])
def test_two_years_take_few_rounds(count: int, gap_s: int, rounds: int) -> None:
    """A feed of Ethereum, and one that is due daily; a second read of one day asks for little."""
    feed = StandInFeed({4: table(random.Random(1), BEGIN, count, gap_s)}, count)
    found = feed.closes(days_to(feed.phases[4][count][0], 730))  # type: ignore[index]
    assert len([close for close in found if close.price is not None]) > 500
    assert feed.rounds <= rounds
    assert feed.calls < 15_000
    assert len(feed.asked) == len(set(feed.asked))
    feed.rounds = feed.calls = 0
    assert feed.closes([found[-2].day]) == [found[-2]]
    assert feed.rounds <= 6
    assert feed.calls < 150


def test_a_million_rounds_in_two_phases() -> None:
    """A feed of a rollup with one every minute, whose old phase is as long; nobody tells where that ended."""

    def minutely(begin: int, count: int) -> Callable[[int], Answered | None]:
        return lambda n: (begin + 60 * n + (n * 7919) % 59, PRICE + n) if 0 < n <= count else None

    half = 500_000
    feed = StandInFeed({1: minutely(BEGIN, half), 2: minutely(BEGIN + 60 * half, half)}, half)
    wanted = days_to(BEGIN + 2 * 60 * half, 690)
    found = feed.closes(wanted)
    for close in found:
        end = (close.day + 1) * DAY_S
        rounds = minutely(BEGIN + 60 * half, half) if end > BEGIN + 60 * half + 119 else minutely(BEGIN, half)
        number = int(close.price * 10**8) - PRICE if close.price else 0
        this, following = rounds(number), rounds(number + 1)
        assert this is not None
        assert this[0] <= end
        assert following is None or following[0] > end
    assert feed.rounds <= 10
    assert feed.calls < 40_000


def test_a_feed_without_phases() -> None:
    """Its rounds are counted from 1 without a phase."""
    feed = StandInFeed({0: table(random.Random(2), BEGIN, 300, 20_000)}, 300)
    wanted = days_to(BEGIN + 60 * DAY_S, 50)
    assert feed.closes(wanted) == [expected(feed, day) for day in wanted]


def test_holes_and_rounds_that_nobody_answered() -> None:
    """A round that reverts or has no time is none: the one before it counts, where it is found."""
    rounds = {n: (BEGIN + 20_000 * n, PRICE + n) for n in range(1, 200)}
    for n in (1, 50, 51, 120):
        del rounds[n]
    rounds[80] = rounds[81] = (0, 0)
    feed = StandInFeed({1: rounds}, 199)
    found = feed.closes(days_to(BEGIN + 199 * 20_000, 40))
    for close in found:
        allowed = [
            Decimal(answer).scaleb(-8)
            for time, answer in rounds.values()
            if time and 0 <= (close.day + 1) * DAY_S - time <= history.LONGEST_SILENCE_S
        ]
        assert close.price is None or close.price in allowed
    assert sum(close.price is None for close in found) <= 2


def test_a_silent_feed_and_an_impossible_price_are_gaps() -> None:
    """26 hours are the limit; zero, a negative number and an absurd one are no prices."""
    limit = history.LONGEST_SILENCE_S
    end = (BEGIN // DAY_S + 40) * DAY_S
    for time, answer, price in (
        (end, PRICE, Decimal(2_000)),
        (end - limit, PRICE, Decimal(2_000)),
        (end - limit - 1, PRICE, None),
        (end, 0, None),
        (end, -PRICE, None),
        (end, 2**255 - 1, None),
        (end + 1, PRICE, None),
    ):
        feed = StandInFeed({1: {1: (time, answer)}}, 1)
        [close] = feed.closes([end // DAY_S - 1])
        assert close == Close(end // DAY_S - 1, price)


def test_a_new_phase_that_was_only_tried_does_not_hide_the_old_one() -> None:
    """It had one round months before it took over: until then the old one is asked."""
    old = {n: (BEGIN + 20_000 * n, PRICE + n) for n in range(1, 1_000)}
    new = {1: (BEGIN + 5 * DAY_S, 7), **{n: (BEGIN + 20_000 * (900 + n), PRICE) for n in range(2, 90)}}
    feed = StandInFeed({1: old, 2: new}, 89)
    wanted = days_to(BEGIN + 20_000 * 980, 200)
    found = feed.closes(wanted)
    assert found == [expected(feed, day) for day in wanted]
    assert sum(close.price is not None for close in found) > 195


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 2**32 - 1), st.integers(1, 40))
def test_times_without_order_end_in_bounded_rounds(seed: int, last: int, days: int) -> None:
    """A feed that answers anything at all to billions of rounds: only rounds that are in time, and an end."""

    def anything(number: int) -> Answered | None:
        rng = random.Random(f"{seed} {number}")
        kind = rng.random()
        if kind < 0.2:
            return None
        return rng.choice([0, BEGIN, 2**256 - 1, BEGIN + rng.randrange(100 * DAY_S)]), rng.randrange(2**200)

    feed = StandInFeed({3: anything, 2: anything}, last)
    found = feed.closes(days_to(BEGIN + 100 * DAY_S, days))
    assert feed.rounds <= 30
    for close in found:
        assert close.price is None or Decimal("1e-15") < close.price < Decimal("1e15")


@pytest.mark.parametrize("newest", [0, 2**32, 2**64 - 1])
def test_a_latest_round_that_none_has(newest: int) -> None:
    """Zero, or more than aggregators count: nothing is asked for."""
    feed = StandInFeed({1: lambda _: (BEGIN, PRICE)}, newest)
    with pytest.raises(MalformedReply, match="which none has"):
        feed.closes([20_000])
    assert feed.rounds == 1


@pytest.mark.parametrize(
    "said", ["ETH / USD", "ETH/USD", " ETH / USD ", "Synced rate", CallReverted("x", "")]
)
def test_a_feed_of_the_same_pair_or_of_none(said: str | CallReverted) -> None:
    """Spelt with and without spaces; one that has another kind of name, or none, is believed."""
    feed = StandInFeed({1: {1: (BEGIN, PRICE)}}, 1, description=said)
    assert feed.closes([BEGIN // DAY_S - 1]) == [Close(BEGIN // DAY_S - 1, Decimal(2_000))]


def test_a_feed_of_something_else_is_refused() -> None:
    """Before any round is asked for; what it says is cut."""
    for said in ("BTC / USD", "ETH / BTC", "X" * 500 + " / USD"):
        feed = StandInFeed({1: {1: (BEGIN, PRICE)}}, 1, description=said)
        with pytest.raises(MalformedReply, match="correct the feed of ETH") as caught:
            feed.closes([20_000])
        assert len(str(caught.value)) < 300
        assert feed.rounds == 1


def test_an_endpoint_that_fails_is_a_failure_and_no_gap() -> None:
    """A call that nobody answered proves nothing about its round."""
    feed = StandInFeed({1: {n: (BEGIN + n * 3_600, PRICE) for n in range(1, 900)}}, 899)
    read = feed.source.closes([20_010])
    requests = next(read)
    requests = read.send([feed.reply(one) for one in requests])
    column = feed.reply(requests[0])
    failed = type(column)(
        column.origin, column.outputs, column.raw, {0: ProviderUnavailable("own", "is down")}
    )
    with pytest.raises(ProviderUnavailable):
        read.send([failed])
