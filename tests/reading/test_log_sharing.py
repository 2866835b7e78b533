"""Logs of many wallets: one filter for all of them, and each still has its own, with or without a cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from aggregator.abi.logs import Logs
from aggregator.model.errors import ProviderUnavailable
from aggregator.model.units import Address
from aggregator.reading.log_sharing import MOST_WORDS
from aggregator.reading.sqlite_cache import SqliteCache
from tests.reading.contracts import LOGGER
from tests.reading.log_chain import ELSEWHERE, NOTED, LogChain, numbers, read_logs
from tests.reading.servers import Refusal, Reply, Server

PEOPLE = [Address(f"0x{i + 1:040x}") for i in range(250)]


@dataclass
class Crowd(LogChain):
    """Log `i` of a block is of person `i` modulo `people`; the endpoint looks at topics.

    `filters` are the sizes of the lists of people so far.
    """

    people: int = len(PEOPLE)
    filters: list[int] = field(default_factory=list)
    _wanted: set[str] | None = None
    _lock: Lock = field(default_factory=Lock)

    def log(self, number: int, index: int) -> dict[str, Any]:
        found = super().log(number, index)
        who = int(PEOPLE[index % self.people], 16)
        return found | {"topics": [found["topics"][0], f"0x{who:064x}"]}

    def logs(self, first: int, last: int) -> list[dict[str, Any]]:
        found = super().logs(first, last)
        return [log for log in found if self._wanted is None or log["topics"][1] in self._wanted]

    def result(self, method: str, params: list[Any]) -> Any:
        if method != "eth_getLogs":
            return super().result(method, params)
        topics = params[0].get("topics", [])
        with self._lock:  # several threads answer
            self._wanted = set(topics[1]) if len(topics) > 1 and topics[1] is not None else None
            self.filters.append(0 if self._wanted is None else len(self._wanted))
            return super().result(method, params)

    def of(self, person: int, first: int = 0) -> list[int]:
        """What is true of a person."""
        return [
            1_000 * number + i
            for number in sorted(self.counts)
            for i in range(self.counts[number])
            if number >= first and i % self.people == person
        ]


def of_each(count: int, first: int = 0) -> list[Logs]:
    """A request for each of the first people."""
    return [NOTED.logs(LOGGER, person, from_block=first) for person in PEOPLE[:count]]


def test_a_crowd_takes_as_many_requests_as_filters_are_needed() -> None:
    """Two hundred and fifty wallets are three filters; those of another contract are their own."""
    chain = Crowd(300, {7: 600, 250: 333})
    with Server(chain.answer) as server:
        found = read_logs([server.url], *of_each(250), NOTED.logs(ELSEWHERE, PEOPLE[0]))
    assert [numbers(logs) for logs in found[:-1]] == [chain.of(i) for i in range(250)]
    assert sorted(chain.filters) == [1, 50, MOST_WORDS, MOST_WORDS]


@hypothesis_settings(max_examples=15)
@given(
    counts=st.dictionaries(st.integers(0, 200), st.integers(1, 40), max_size=12),
    people=st.integers(1, 30),
    most_blocks=st.none() | st.integers(1, 250),
    most_logs=st.none() | st.integers(40, 120),
    firsts=st.lists(st.integers(0, 210), min_size=1, max_size=30),
)
def test_everybody_has_what_they_have_alone(
    counts: dict[int, int], people: int, most_blocks: int | None, most_logs: int | None, firsts: list[int]
) -> None:
    """However ranges and results are limited, and wherever each request begins."""
    chain = Crowd(200, counts, most_blocks=most_blocks, most_logs=most_logs, people=people)
    requests = [NOTED.logs(LOGGER, PEOPLE[i], from_block=first) for i, first in enumerate(firsts)]
    with Server(chain.answer) as server:
        found = read_logs([server.url], *requests)
    assert [numbers(logs) for logs in found] == [chain.of(i, first) for i, first in enumerate(firsts)]


def test_a_block_with_too_many_logs_of_all_is_asked_for_fewer() -> None:
    """No narrower range is left, but each wallet alone has few."""
    chain = Crowd(20, {9: 500}, most_logs=20)
    with Server(chain.answer) as server:
        found = read_logs([server.url], *of_each(100))
    assert [numbers(logs) for logs in found] == [chain.of(i) for i in range(100)]
    assert max(chain.filters) == MOST_WORDS


def test_what_is_cached_is_each_wallets_own(tmp_path: Path) -> None:
    """A wallet that was read among others needs only what is new when it is read alone, and the other way."""
    chain = Crowd(200, {7: 600, 150: 333}, finalized=180)
    with Server(chain.answer) as server, SqliteCache(tmp_path / "cache.sqlite") as cache:
        read_logs([server.url], *of_each(50), cache=cache)
        chain.asked.clear()
        [alone] = read_logs([server.url], of_each(50)[3], cache=cache)
        assert numbers(alone) == chain.of(3)
        assert chain.asked == [(181, 200)]
        chain.asked.clear()
        found = read_logs([server.url], *of_each(60), cache=cache)
        assert [numbers(logs) for logs in found] == [chain.of(i) for i in range(60)]
        assert sorted(chain.asked) == [(0, 200), (181, 200)]  # the ten new ones, and what is new


@pytest.mark.parametrize(
    "broken",
    [lambda _: Refusal(-32601, "no such method"), lambda log: [{**log, "topics": ["0x" + "00" * 32] * 2}]],
)
def test_a_failure_is_everybodys(broken: Callable[[Any], Any]) -> None:
    """It is told to each, and other requests of the round stand."""
    chain = Crowd(50, {7: 30})

    def change(method: str, params: list[Any], result: Any) -> Any:
        listed = method == "eth_getLogs" and len(params[0]["topics"][1] or []) > 1
        return broken(chain.log(7, 0)) if listed else result

    alone = replace(of_each(1)[0], addresses=(LOGGER, ELSEWHERE))
    with Server(chain.changed(change)) as server:
        *found, other = read_logs([server.url], *of_each(8), alone)
    assert all(isinstance(error, Exception) for error in found)
    assert len({str(error) for error in found}) == 1
    assert numbers(other) == chain.of(0)


def test_the_deadline_ends_a_crowd_too() -> None:
    """Nobody waits for an endpoint that is silent, and nothing goes on behind their backs."""
    chain = Crowd(50)

    def silent(body: Any) -> Reply:
        asked = body if isinstance(body, list) else [body]
        return Reply(silent=True) if asked[0]["method"] == "eth_getLogs" else chain.answer(body)

    with Server(silent) as server:
        found = read_logs([server.url], *of_each(4), deadline_s=0.5)
    assert {type(error) for error in found} == {ProviderUnavailable}
    assert all("longer than 0.5 s" in str(error) for error in found)
