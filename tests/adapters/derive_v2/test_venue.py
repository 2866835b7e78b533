"""The chain, a stand-in of the venue, or both: which of them answers, and what is said of that."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from adapters.derive_v2 import calls
from adapters.derive_v2.adapter import build
from aggregator.contract import Call, Deployments, Request
from aggregator.model.errors import (
    BadConfiguration,
    CallReverted,
    ReadError,
    Unsupported,
    VenueRefused,
)
from aggregator.model.positions import Debt, Option, Perp, Supply
from aggregator.model.readings import Reading
from aggregator.reading.run import drive
from aggregator.reading.source import ChainSource
from tests.adapters.derive_v2 import real
from tests.adapters.derive_v2.stand_in import USER, VENUE, StandInDerive, beside, number_of, read, told
from tests.reading.servers import Reply
from tests.reading_kit import altered

ACCOUNTS = real.said()["accounts"]
STANDARD, BORROWER = ACCOUNTS["standard"], ACCOUNTS["borrower"]
STALE = {STANDARD, BORROWER, ACCOUNTS["portfolio_2"]}
LOST, OTHER = real.said()["lost"][:2]
"""Accounts that were the wallet's on the chain, and are another's."""


def by_number(reading: Reading) -> dict[int, Any]:
    """The accounts of a reading."""
    return {number_of(one): one for one in reading.accounts}


def failed(reading: Reading) -> dict[int, ReadError]:
    """Why accounts are missing."""
    return {int(one.id.rsplit(":", 1)[1]): one.error for one in reading.failures}


def down(_: Any) -> Reply:
    """A venue that is not there for anybody."""
    return Reply(404)


def test_without_a_configured_venue_nothing_changes() -> None:
    """Though the deployment names one."""
    venue = StandInDerive(told("first"))
    at = real.deployment(venue="another")

    async def work(source: ChainSource) -> Reading:
        block = real.block_of("first")
        return (await drive(real.adapter(at).read(at, USER, block), source, block))[0]

    with beside(venue, "first") as use:
        assert use(work) == real.read("first")
    assert not venue.asked


def test_where_both_agree_the_chain_answers() -> None:
    """Without a word, in as many rounds; each account is asked for once."""
    venue = StandInDerive(told("first"))
    reading = read(venue)
    assert reading == real.read("first")
    assert all(one.observed is None for one in reading.accounts)
    asked = Counter(one.get("subaccount_id") for one in venue.asked)  # together: they arrive in any order
    assert asked == Counter([None, *ACCOUNTS.values()])


def test_the_venue_costs_no_round() -> None:
    """It is asked beside what the chain is asked anyway."""
    rounds: list[int] = []
    at = real.deployment(venue=VENUE)

    async def work(source: ChainSource) -> Reading:
        block = real.block_of("first")
        return (await drive(altered(real.adapter(at).read(at, USER, block), rounds=rounds), source, block))[0]

    with beside(StandInDerive(told("first")), "first") as use:
        use(work)
    assert len(rounds) == real.replayed("first")[1]


def _resize(document: dict[str, Any], row: dict[str, Any], amount: str) -> None:
    """Another amount, at the same price, in an account that is worth what it holds."""
    worth = Decimal(amount) * Decimal(row["mark_price"])
    document["subaccount_value"] = str(
        Decimal(document["subaccount_value"]) + worth - Decimal(row["mark_value"])
    )
    row.update(amount=amount, mark_value=str(worth))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(maintenance_margin="1.5"), "maintenance margin (11,245.8523 and 1.5000)"),
        (lambda d: d.update(initial_margin="-7"), "initial margin (9,841.2908 and -7.0000)"),
        (lambda d: d["positions"][0].update(amount="-7"), "ETH-PERP (-6.0000 and -7.0000)"),
        (lambda d: d["positions"].pop(0), "ETH-PERP (-6.0000 and 0.0000)"),
        (lambda d: _resize(d, d["positions"][1], "5"), "ETH 2026-11-04 2200 call (-5.0000 and 5.0000)"),
        (lambda d: _resize(d, d["collaterals"][0], "11000"), "USDC (12,000.0000 and 11,000.0000)"),
    ],
)
def test_where_both_differ_it_is_said_and_the_chain_stays(change: Any, words: str) -> None:
    """Neither averaged nor added: every account is the chain's."""
    documents = told("first")
    change(documents[STANDARD])
    reading = read(StandInDerive(documents))
    assert (reading.accounts, reading.quotes, reading.failures) == (
        real.read("first").accounts,
        real.read("first").quotes,
        (),
    )
    [warning] = reading.warnings
    assert warning.startswith(f"Derive V2 account {STANDARD}: the chain at block")
    assert words in warning
    assert "the chain's figures are used" in warning


def test_prices_that_moved_a_little_are_no_difference() -> None:
    """The venue answers of another moment."""
    documents = told("first")
    documents[STANDARD]["maintenance_margin"] = "11240.1"
    assert not read(StandInDerive(documents)).warnings


def test_where_the_chain_can_not_the_venue_answers() -> None:
    """At stale feeds `getMargin` reverts: those are the venue's, marked so, the others the chain's."""
    reading = read(StandInDerive(told("first")), "stale")
    found = by_number(reading)
    assert set(found) == set(ACCOUNTS.values())
    assert not reading.failures
    assert {number for number, one in found.items() if one.observed is not None} == STALE
    account = found[STANDARD]
    assert (account.observed.endpoint, account.observed.time) == (VENUE, real.block_of("stale").timestamp)
    assert account.rule is None
    said = {number_of(one): one for one in real.read("first").accounts}[STANDARD]
    assert account.id == said.id
    assert account.reported is not None
    assert said.reported is not None
    assert account.reported.health is not None
    assert said.reported.health is not None
    assert abs(account.reported.health - said.reported.health) < 10
    assert account.reported.origin == "/public/margin_watch@venue derive"
    for kind in (Perp, Option):
        ours = {p.size_raw for p in account.positions if isinstance(p, kind)}
        assert ours == {p.size_raw for p in said.positions if isinstance(p, kind)}
    [cash, weth] = [one for one in account.positions if isinstance(one, Supply)]
    assert (cash.asset.id, cash.raw) == (real.token("USDC"), 12_000 * 10**6)
    assert weth.raw == 25 * 10**17
    [debt] = [one for one in found[BORROWER].positions if isinstance(one, Debt)]
    assert 2_500_000_000 <= debt.raw <= 2_500_001_000
    warnings = [one for one in reading.warnings if "venue derive answers, whose API is not verified" in one]
    assert len(warnings) == len(STALE)
    assert all("data that is too old" in one for one in warnings)


def test_volatilities_are_implied_by_the_venues_marks() -> None:
    """Near those of the chain's feeds: the forward is not told, and the index price stands for it."""
    there = {p.strike_raw: p for p in real.account("first", STANDARD).positions if isinstance(p, Option)}
    found = by_number(read(StandInDerive(told("first")), "stale"))[STANDARD].positions
    for option in (p for p in found if isinstance(p, Option)):
        known = there[option.strike_raw]
        assert option.mark_raw == known.mark_raw
        assert option.iv is not None
        assert known.iv is not None
        assert abs(option.iv - known.iv) < 0.1
        assert "index price" in str(option.iv_source)


def test_an_account_that_the_venue_alone_has() -> None:
    """It counts, and says that the chain does not have it as the wallet's."""
    documents = told("first")
    documents[LOST] = {**deepcopy(documents[STANDARD]), "subaccount_id": LOST}
    documents[OTHER] = {
        **deepcopy(documents[STANDARD]),
        "subaccount_id": OTHER,
        "collaterals": [],
        "positions": [],
    }
    documents[OTHER] |= dict.fromkeys(("subaccount_value", "maintenance_margin", "initial_margin"), "0")
    reading = read(StandInDerive(documents))
    found = by_number(reading)
    assert set(found) == {*ACCOUNTS.values(), LOST}
    assert found[LOST].observed is not None
    [warning] = reading.warnings
    assert f"account {LOST}: venue derive answers" in warning
    assert "it counts there, too" in warning


def test_an_account_that_the_venue_does_not_list() -> None:
    """It stays the chain's, and may have moved."""
    documents = told("first")
    del documents[STANDARD]
    reading = read(StandInDerive(documents))
    assert reading.accounts == real.read("first").accounts
    [warning] = reading.warnings
    assert warning.endswith(
        f"account {STANDARD}: the chain has it, and venue derive does not list it: it may have moved"
    )


def test_a_venue_that_is_down_is_said() -> None:
    """Where the chain answers that is a warning; where it does not, the account is missing."""
    reading = read(down)
    assert (reading.accounts, reading.failures) == (real.read("first").accounts, ())
    [warning] = reading.warnings
    assert "venue derive does not answer" in warning
    assert "HTTP 404" in warning
    reading = read(down, "stale")
    assert set(failed(reading)) == STALE
    assert all(isinstance(error, Unsupported) for error in failed(reading).values())


def test_an_account_that_the_venue_refuses() -> None:
    """Compared with nothing where the chain answers, a failure where nobody does."""

    def refuse(_: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": None,
            "jsonrpc": "2.0",
            "error": {"code": 14000, "message": "not \x1b[31mnow", "data": None},
        }

    reading = read(StandInDerive(told("first"), change=refuse))
    assert reading.accounts == real.read("first").accounts
    assert len(reading.warnings) == len(ACCOUNTS)
    assert all("could not be compared with venue derive" in one for one in reading.warnings)
    assert all("code 14000" in one and one.isprintable() for one in reading.warnings)
    reading = read(StandInDerive(told("first"), change=refuse), "stale")
    assert set(failed(reading)) == STALE
    documents = {**told("first"), LOST: {**told("first")[STANDARD], "subaccount_id": LOST}}
    alone = failed(read(StandInDerive(documents, change=refuse)))
    assert {number: type(error) for number, error in alone.items()} == {LOST: VenueRefused}


def test_a_chain_that_does_not_answer_at_all() -> None:
    """What the venue says is shown, and that the chain's part is missing; without it the read fails."""
    at, block = real.deployment(venue=VENUE), real.block_of("first")

    def change(request: Request[Any], reply: Any) -> Any:
        broken = isinstance(request, Call) and request.function is calls.WRAPPED
        return CallReverted("a call", "paused") if broken else reply

    async def work(source: ChainSource) -> Reading:
        return (await drive(altered(real.adapter(at).read(at, USER, block), change), source, block))[0]

    with beside(StandInDerive(told("first")), "first") as use:
        reading = use(work)
    assert {one.observed is None for one in reading.accounts} == {False}
    [failure] = reading.failures
    assert isinstance(failure.error, CallReverted)
    assert failure.label == "Derive local on its chain"
    with beside(down, "first") as use, pytest.raises(CallReverted):
        use(work)


def test_what_the_venue_says_of_its_figures_is_told() -> None:
    """That they are old, or that it is lenient for a while."""
    documents = told("first")
    documents[STANDARD]["valuation_timestamp"] = real.block_of("stale").timestamp - 3_600
    documents[BORROWER]["is_delayed_liquidation"] = True
    warnings = read(StandInDerive(documents), "stale").warnings
    assert any(f"account {STANDARD}: what venue derive says is of 20" in one for one in warnings)
    assert any(f"account {BORROWER}: its maintenance margin is lowered" in one for one in warnings)


@pytest.mark.parametrize("later_s", [3_601, -3_601])
def test_figures_of_another_time_are_none(later_s: int) -> None:
    """Of last week or of tomorrow: an account that only they tell of is missing."""
    documents = told("first")
    documents[STANDARD]["valuation_timestamp"] = real.block_of("stale").timestamp + later_s
    reading = read(StandInDerive(documents), "stale")
    assert set(failed(reading)) == {STANDARD}
    [warning] = [one for one in reading.warnings if "venue derive says of account" in one]
    assert "try again later" in warning


@pytest.mark.parametrize("later_s", [3_601, -3_601])
def test_of_another_time_the_venue_says_nothing(later_s: int) -> None:
    """It answers of now: beside a block of long ago it is no comparison, and stands in for nothing."""
    venue = StandInDerive(told("first"))
    reading = read(venue, "stale", later_s)
    assert set(failed(reading)) == STALE
    assert all(one.observed is None for one in reading.accounts)
    [warning] = [one for one in reading.warnings if "venue derive" in one]
    assert "answers of now" in warning
    assert len(venue.asked) == 1


def test_one_that_can_be_liquidated_is_flagged() -> None:
    """By the venue's own word."""
    documents = told("first")
    documents[STANDARD]["maintenance_margin"] = "-0.0000000000000000000001"
    account = by_number(read(StandInDerive(documents), "stale"))[STANDARD]
    assert account.reported is not None
    assert account.reported.liquidatable is True


def test_a_newer_version_that_is_read_is_not_said_to_be_missing() -> None:
    """The warning of a superseded deployment goes where the venue answers."""
    words = "which is not read"
    assert not any(words in one for one in read(StandInDerive(told("first")), superseded=True).warnings)
    assert any(words in one for one in read(down, superseded=True).warnings)


def test_doctor_tells_of_the_venue() -> None:
    """Whether it answers, or why not."""
    at, block = real.deployment(venue=VENUE), real.block_of("first")

    async def work(source: ChainSource) -> str:
        return "; ".join((await drive(real.adapter(at).probe(at, block), source, block))[0])

    with beside(StandInDerive({}), "first") as use:
        assert "venue derive answers" in use(work)
    with beside(down, "first") as use:
        assert "venue derive does not answer" in use(work)


def test_a_venue_is_a_name() -> None:
    """Anything else is told before anything is read."""
    with pytest.raises(BadConfiguration, match=r"options\.venue"):
        build(Deployments((real.deployment(venue=5),), ()))
