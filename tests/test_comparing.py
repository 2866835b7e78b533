"""What may lie between a position by contracts and by a second source."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.app.comparing import YEAR_S, Ours, Theirs, Verdict, judge
from aggregator.app.crosscheck_sides import Pair
from aggregator.app.owning import Belongings
from aggregator.app.places import places
from aggregator.contract import Read, ask
from aggregator.model.accounts import Account
from aggregator.model.holders import Holder
from aggregator.model.readings import Block, Reading
from aggregator.model.sightings import SightingKind, Sightings
from aggregator.model.units import Address, ChainId
from aggregator.reading.owners import Held, Part
from aggregator.reading.run import Run
from aggregator.settings import SubgraphSettings
from tests.reading.kit import SmallAdapter

NOW = 2 * YEAR_S


def ours(amount: str, apr: float | None = None) -> Ours:
    """By contracts."""
    return Ours(("account",), "X", Decimal(amount), 6, apr)


def theirs(amount: str, since: int | None = NOW - YEAR_S) -> Theirs:
    """By a second source, a year old."""
    return Theirs("X", Decimal(amount), since, ("row",))


def verdict(
    kind: SightingKind, mine: Ours | None, other: Theirs | None, *, lag: int = 0, unseen: str = ""
) -> Verdict:
    """What it comes to."""
    return judge(kind, mine, other, now=NOW, lag=lag, unseen=unseen).verdict


@pytest.mark.parametrize(
    ("mine", "other", "expected"),
    [
        (ours("100"), theirs("100.000000"), Verdict.EQUAL),
        (ours("100"), theirs("100.000002"), Verdict.ROUNDING),
        (ours("100"), theirs("100.000003"), Verdict.DIFFERENT),
        (ours("105"), theirs("100"), Verdict.INTEREST),
        (ours("271"), theirs("100"), Verdict.INTEREST),  # e: 100% a year, compounded
        (ours("272"), theirs("100"), Verdict.DIFFERENT),
        (ours("105"), theirs("100", None), Verdict.DIFFERENT),
        (ours("105"), theirs("100", NOW), Verdict.DIFFERENT),
        (ours("105"), theirs("100", NOW + 1), Verdict.DIFFERENT),
        (ours("105", 0.013), theirs("100"), Verdict.INTEREST),  # ln 1.05 = 4.9%
        (ours("105", 0.012), theirs("100"), Verdict.DIFFERENT),
        (ours("102", 0.0), theirs("100"), Verdict.INTEREST),
        (ours("103", 0.0), theirs("100"), Verdict.DIFFERENT),
        (ours("99"), theirs("100"), Verdict.DIFFERENT),
        (ours("100"), None, Verdict.DIFFERENT),
        (None, theirs("100"), Verdict.DIFFERENT),
        (ours("0"), None, Verdict.EQUAL),
    ],
)
def test_lending(mine: Ours | None, other: Theirs | None, expected: Verdict) -> None:
    """Interest grows, at a believable rate; nothing else is explained."""
    for kind in ("supply", "debt"):
        assert verdict(kind, mine, other) is expected
        excused = Verdict.BEHIND if expected is Verdict.DIFFERENT else expected
        assert verdict(kind, mine, other, lag=3) is excused


def test_sizes_bear_no_interest() -> None:
    """A perp or option that grew by itself is another one."""
    assert verdict("perp", ours("105"), theirs("100")) is Verdict.DIFFERENT
    assert verdict("option", ours("105"), theirs("100")) is Verdict.DIFFERENT
    assert verdict("perp", ours("-8"), theirs("8")) is Verdict.DIFFERENT


def test_what_a_schema_does_not_know_is_no_difference() -> None:
    """Unless it speaks of it all the same."""
    assert verdict("option", ours("-4"), None, unseen="who wrote it") is Verdict.UNSEEN
    assert verdict("option", ours("-4"), theirs("4"), unseen="who wrote it") is Verdict.DIFFERENT


@given(st.decimals(1, 10**12, places=6), st.floats(-0.5, 3), st.integers(1, YEAR_S))
def test_the_rate_is_what_the_difference_is(amount: Decimal, growth: float, seconds: int) -> None:
    """A rate is told only for growth, and is the one that makes one amount of the other."""
    grown = (amount * (1 + Decimal(growth))).quantize(Decimal("0.000001"))
    found = judge("debt", ours(f"{grown:f}"), theirs(f"{amount:f}", NOW - seconds), now=NOW, lag=0, unseen="")
    if found.rate is None:
        assert grown <= amount or found.verdict is Verdict.ROUNDING
    else:
        assert float(amount) * 2.718281828459045 ** (found.rate * seconds / YEAR_S) == pytest.approx(
            float(grown)
        )
        assert (found.rate <= 1) == (found.verdict is Verdict.INTEREST)


def test_everyone_through_whom_a_wallet_holds_is_asked_for() -> None:
    """An account of a proxy is the proxy's in a subgraph."""
    wallet, proxy = Address("0x" + "11" * 20), Address("0x" + "22" * 20)
    account = Account("a", "aave_v3", "lending", ChainId(1), "A", (wallet, proxy), (), None, None)
    reading = Reading((account,), (), Block(ChainId(1), 7, "0x", "0x", 0))
    asked: list[Address] = []

    class Source:
        schema = "s"
        kinds: Collection[SightingKind] = ()

        def unseen(self, kind: SightingKind, amount: Decimal) -> str:
            """See SecondSource."""
            raise NotImplementedError

        def read(self, subgraph: str, chain: ChainId, owner: Address) -> Read[Sightings]:
            """See SecondSource."""
            assert (subgraph, chain) == ("sub", 1)
            asked.append(owner)
            yield from ask([])
            return Sightings((), 7, 0)

    entry = SubgraphSettings.model_validate({"name": "sub", "chain": 1, "schema": "s", "url": "http://h"})
    read = Pair(entry, Source(), "A").sightings(wallet, reading)
    with pytest.raises(StopIteration) as done:
        next(read)
    assert asked == [wallet, proxy]
    assert len(done.value.value) == 2


@pytest.mark.parametrize("mine", [None, ours("40")])
def test_an_account_that_was_not_read_is_why_contracts_say_less(mine: Ours | None) -> None:
    """It stays a difference, with that as its reason; what agrees agrees."""
    found = judge("supply", mine, theirs("100"), now=NOW, lag=0, unseen="", lacking="market 7")
    assert found.verdict is Verdict.DIFFERENT
    assert found.reason == "the contracts could not be read of market 7"
    same = judge("supply", ours("100"), theirs("100"), now=NOW, lag=0, unseen="", lacking="market 7")
    assert same.verdict is Verdict.EQUAL
    alone = judge("supply", ours("40"), None, now=NOW, lag=0, unseen="", lacking="market 7")
    assert "says nothing" in alone.reason


def test_what_a_finder_said_is_no_side_of_a_comparison() -> None:
    """Even where it bears the name of the adapter whose accounts it finds: its reading is empty."""
    chain, wallet, proxy = ChainId(1), Address("0x" + "11" * 20), Address("0x" + "22" * 20)
    reading = Reading((), (), Block(chain, 7, "0x", "0x", 0))
    adapter = SmallAdapter("small", lambda *_: ask([]))
    [deployment] = adapter.deployments
    parts = Part("small", deployment, proxy, reading, adapter), Part("small", deployment, proxy, reading)
    held = Held(Holder(chain, (wallet, proxy), ("proxy",), proven=True, counted=True), parts)
    [place] = places(Run((), {}, {}), {wallet: Belongings(held=[held])})
    assert (place.path, place.how, place.job.adapter) == ((wallet, proxy), "proxy", adapter)
