"""Twins: which of them are run again, and what for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aggregator.contract import Read, ask, both
from aggregator.model.readings import Block
from aggregator.model.units import Address
from aggregator.reading import foresight
from aggregator.reading.decoding import decoded
from aggregator.reading.foresight import Foresight
from aggregator.reading.run import run
from aggregator.reading.source import Asked, Raw
from tests.reading.contracts import ECHO, HEIGHT, VALUE
from tests.reading.foreseen import HERE, LIST, OF, Memory, World, addresses
from tests.reading.kit import CHAIN, WALLETS, SmallAdapter, jobs

LISTED, FIGURE = LIST.at(HEIGHT), VALUE.at(HEIGHT, 777)
OWN = OF.at(HEIGHT, WALLETS[0])


class Counted:
    """A twin that counts how often it was made; what it asks for depends on all that it is answered."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, _: Block) -> Read[Any]:
        self.made += 1
        return self._read()

    def _read(self) -> Read[Any]:
        [members], [figure] = yield from both(ask([LISTED]), ask([FIGURE]))
        [number] = yield from ask([OWN])
        return (yield from ask([VALUE.at(ECHO, 1_000 * figure + 100 * len(members) + number)]))


def told(members: int, figure: int, number: int) -> dict[Asked, Raw]:
    """What a block answers."""
    return {LISTED: addresses(members), FIGURE: figure.to_bytes(32), OWN: number.to_bytes(32)}


@pytest.mark.parametrize(
    ("now", "made", "next_asked"),
    [
        pytest.param(told(3, 1, 0), 1, [], id="the same"),
        pytest.param(told(3, 2, 0), 1, [], id="another figure"),
        pytest.param(told(4, 1, 0), 2, [VALUE.at(ECHO, 1_400)], id="a longer list"),
        pytest.param(told(3, 1, 5), 2, [VALUE.at(ECHO, 1_305)], id="a wallet that has something"),
    ],
)
def test_twins_are_rerun_only_where_something_was_not_foreseen(
    now: dict[Asked, Raw], made: int, next_asked: list[Asked]
) -> None:
    """What differs from an earlier block in figures only is no reason; the read asks for itself then."""
    cache, twin = Memory(), Counted()
    earlier = Foresight(CHAIN, [Counted()], WALLETS[:1], cache)
    earlier.learn(told(3, 1, 0))
    earlier.keep(HERE)
    foresight_now = Foresight(CHAIN, [twin], WALLETS[:1], cache)
    assert foresight_now.ahead(HERE, {}, [LISTED, FIGURE]) == [OWN, VALUE.at(ECHO, 1_300)]
    assert twin.made == 1
    foresight_now.learn(now)
    known = {request: decoded(request, raw) for request, raw in now.items()}
    asked = foresight_now.ahead(HERE, known, [VALUE.at(ECHO, 1_300)])
    assert (twin.made, asked) == (made, next_asked)


def test_what_the_bound_cuts_off_is_still_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twins that are to be rerun, and for which there was no room: once more when there is."""
    monkeypatch.setattr(foresight, "MAX_CALLS", 15)

    def wide(_: Block) -> Read[Any]:
        [members] = yield from ask([LISTED])
        return (yield from ask([VALUE.at(ECHO, 5_000 + i) for i in range(10 * len(members))]))

    def narrow(_: Block) -> Read[Any]:
        [members] = yield from ask([LISTED])
        return (yield from ask([VALUE.at(ECHO, 100 * len(members))]))

    cache = Memory()
    earlier = Foresight(CHAIN, [], (), cache)
    earlier.learn({LISTED: addresses(1)})
    earlier.keep(HERE)
    found = Foresight(CHAIN, [wide, narrow], (), cache)
    assert VALUE.at(ECHO, 100) in found.ahead(HERE, {}, [LISTED])
    answered: dict[Asked, Raw] = {LISTED: addresses(4)}
    found.learn(answered)
    known = {request: decoded(request, raw) for request, raw in answered.items()}
    assert VALUE.at(ECHO, 400) not in found.ahead(HERE, known, [])
    answered = {VALUE.at(ECHO, 5_000 + i): (5_000 + i).to_bytes(32) for i in range(40)}
    found.learn(answered)
    known |= {request: decoded(request, raw) for request, raw in answered.items()}
    assert found.ahead(HERE, known, []) == [VALUE.at(ECHO, 400)]


def test_what_the_bound_cuts_off_is_asked_for_early_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twin that was not run, or not to its end, is still due."""
    monkeypatch.setattr(foresight, "MAX_CALLS", 30)

    def wide(wallet: Address, _: Block) -> Read[Any]:
        yield from ask([OF.at(HEIGHT, wallet)])
        for first in (5_000, 6_000):
            yield from ask([VALUE.at(ECHO, first + i) for i in range(40)])

    def deep(wallet: Address, _: Block) -> Read[Any]:
        [number] = yield from ask([OF.at(HEIGHT, wallet)])
        for i in range(5 if number else 0):
            yield from ask([VALUE.at(ECHO, i)])

    def rounds(cache: Memory) -> int:
        work = [*jobs(SmallAdapter("a", wide)), *jobs(SmallAdapter("b", deep))]
        return asyncio.run(run(work, {CHAIN: World()}, "latest", cache)).rounds[CHAIN]

    cache = Memory()
    assert rounds(cache) > rounds(cache) == 3
