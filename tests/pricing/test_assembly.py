"""Readings put together: what is counted, what is missing, and that nothing counts twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from aggregator.model.accounts import Account, Observation, ProtocolKind, Reported
from aggregator.model.assets import Asset, AssetId, TokenList, token_id
from aggregator.model.errors import (
    CallReverted,
    NativeUnknown,
    ReadError,
    Unpriced,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Supply
from aggregator.model.readings import AccountFailure, Block, Failure, Quote, Reading
from aggregator.model.rules import Feed, Health, JsonValue
from aggregator.model.units import Address, ChainId
from aggregator.pricing.assembly import assemble

CHAIN = ChainId(1)
WALLET = Address("0x" + "11" * 20)
BLOCK = Block(CHAIN, 1, "0x1", "0x0", 1_700_000_000)
PRICED = token_id(CHAIN, Address("0x" + "aa" * 20))
UNPRICED = token_id(CHAIN, Address("0x" + "bb" * 20))


def account(number: str, *assets: AssetId, kind: ProtocolKind = "lending") -> Account:
    supplies = tuple(Supply(Asset(asset, "X", 18), 1, is_collateral=True, origin="o") for asset in assets)
    return Account(number, "a", kind, CHAIN, f"account {number}", (WALLET,), supplies, None, None)


def reading(*accounts: Account) -> Reading:
    return Reading(accounts, (Quote(PRICED, 1, 0, "oracle"),), BLOCK)


def failure(error: ReadError) -> Failure:
    return Failure("a", "elsewhere", CHAIN, WALLET, error)


def assembled(*readings: Reading, failures: tuple[Failure, ...] = ()) -> Portfolio:
    return assemble(WALLET, readings, failures, blocks={CHAIN: BLOCK}, tokens=TokenList(()))


def counts(portfolio: Portfolio) -> tuple[int, int, int]:
    coverage = portfolio.coverage
    return coverage.expected, coverage.ok, coverage.failed


def test_everything_read_is_complete() -> None:
    found = assembled(reading(account("1", PRICED)), reading())
    assert counts(found) == (2, 2, 0)
    assert found.coverage.complete
    assert [a.id for a in found.accounts] == ["1"]


def test_a_reading_of_a_venue_marks_its_accounts() -> None:
    """One that has no block at all; its prices count, and no account of a block is marked."""
    said = Observation(1_700_000_050, "desk", "0x" + "ab" * 32)
    found = assembled(replace(reading(account("1", PRICED)), source=said), reading(account("2", PRICED)))
    assert [(one.id, one.observed) for one in found.accounts] == [("1", said), ("2", None)]
    assert found.coverage.complete


def test_a_failed_read_is_expected_and_failed_whatever_its_error() -> None:
    """An adapter may call something Unpriced itself: its deployment was not read all the same."""
    for error in (Unsupported("a version", "install a newer release"), Unpriced("coin", "vault")):
        found = assembled(reading(account("1", PRICED)), failures=(failure(error),))
        assert counts(found) == (2, 1, 1)
        assert not found.coverage.complete


def test_an_unpriced_account_is_left_out_whole_and_its_deployment_fails_once() -> None:
    found = assembled(
        reading(account("1", PRICED, UNPRICED), account("2", UNPRICED), account("3", PRICED)), reading()
    )
    assert [a.id for a in found.accounts] == ["3"]
    assert counts(found) == (2, 1, 1)
    assert [str(f.error) for f in found.failures] == [
        str(Unpriced(UNPRICED, "1")),
        str(Unpriced(UNPRICED, "2")),
    ]


def test_an_account_that_was_not_read_fails_its_deployment_and_leaves_the_others() -> None:
    """Two failures of one deployment are one failed deployment; the errors are all told."""
    errors = [CallReverted("price()@0x1", "no"), Unsupported("a version", "install a newer release")]
    unread = tuple(AccountFailure(str(i), "a", CHAIN, f"market {i}", e) for i, e in enumerate(errors, 7))
    found = assembled(
        replace(reading(account("1", PRICED), account("2", UNPRICED)), failures=unread),
        reading(account("3", PRICED)),
        failures=(failure(errors[1]),),
    )
    assert [a.id for a in found.accounts] == ["1", "3"]
    assert counts(found) == (3, 1, 2)
    assert not found.coverage.complete
    assert not found.nothing_read
    assert [(f.adapter, f.deployment, f.chain, f.wallet) for f in found.failures] == [
        ("a", "elsewhere", CHAIN, WALLET),
        ("a", "market 7", CHAIN, WALLET),
        ("a", "market 8", CHAIN, WALLET),
        ("a", "account 2", CHAIN, WALLET),
    ]
    assert [f.error for f in found.failures][1:3] == errors


def test_nothing_is_read_where_all_that_is_there_failed() -> None:
    """One failed account is not nothing where another of the same deployment stands."""
    unread = (AccountFailure("7", "a", CHAIN, "market 7", CallReverted("price()@0x1", "no")),)
    assert assembled(replace(reading(), failures=unread)).nothing_read
    assert not assembled(replace(reading(account("1", PRICED)), failures=unread)).nothing_read
    assert not assembled(replace(reading(), failures=unread), reading()).nothing_read


def test_the_wallets_own_coins_stay_where_another_has_no_price() -> None:
    found = assembled(reading(account("w", PRICED, UNPRICED, kind="wallet")))
    assert [p.asset.id for p in found.accounts[0].positions if isinstance(p, Supply)] == [PRICED]
    assert counts(found) == (1, 0, 1)


def test_an_account_that_two_deployments_answer_counts_once() -> None:
    """The user's configuration may name a market that ships already: its money is there once."""
    found = assembled(reading(account("1", PRICED)), reading(account("1", PRICED), account("2", PRICED)))
    assert [a.id for a in found.accounts] == ["1", "2"]
    assert found.coverage.complete
    [warning] = [w for w in found.warnings if "counts once" in w]
    assert warning.startswith("account 1 is read by two deployments of a on chain 1")


@dataclass(frozen=True)
class Raising:
    """A rule that has no answer: `error` is what it raises."""

    error: Exception
    family: ClassVar[str] = "raising"
    feeds: tuple[Feed, ...] = ()

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:  # noqa: ARG002  # the protocol's
        """None."""
        raise self.error

    def to_json(self) -> dict[str, JsonValue]:
        """Nothing."""
        return {}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UnusablePrice("X", "oracle", 0), "the price of X from oracle is 0"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
        (KeyError(PRICED), "KeyError"),
        (RecursionError("too deep"), "RecursionError"),
    ],
)
def test_a_rule_that_raises_costs_its_own_account_alone(error: Exception, told: str) -> None:
    """Its positions count, what the protocol says of it too; its own health is a failure."""
    said = Reported(health=2 * 10**18, liquidatable=False, liquidation_price=None, origin="o")
    broken = replace(account("1", PRICED), rule=Raising(error), reported=said)
    found = assembled(reading(broken, account("2", PRICED)), reading(account("3", PRICED)))
    assert [(one.id, one.rule, one.reported) for one in found.accounts] == [
        ("1", None, said),
        ("2", None, None),
        ("3", None, None),
    ]
    [failure] = found.failures
    assert isinstance(failure.error, NativeUnknown)
    assert told in str(failure.error)
    assert (failure.deployment, counts(found)) == ("account 1", (2, 1, 1))
    assert not found.coverage.complete
