"""Addresses and replies that lie: a failure by name, never a number; and how many rounds a read takes."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.opyn_gamma import calls
from adapters.opyn_gamma.adapter import MAX_VAULTS, ROLES, build
from aggregator.contract import Deployment, Deployments
from aggregator.model.errors import (
    AdapterFault,
    BadConfiguration,
    CallReverted,
    MalformedReply,
    NoContract,
    ProviderUnavailable,
    ReadError,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.readings import Reading
from aggregator.model.units import Address, ChainId
from tests.adapters.opyn_gamma.test_assessed import checked
from tests.adapters.opyn_gamma.world import CALL, PUT, Gamma, owner_of
from tests.reading_kit import altered, instead, pin, run_read

NOBODY = Address("0x" + "00" * 20)


@pytest.fixture
def naked(gamma: Gamma, me: Address) -> Gamma:
    """A naked vault and an option held."""
    put = gamma.otoken(PUT, 1_800, 50)
    gamma.open(me, 1, short=(put, 5 * 10**8), collateral=("USDC", 4_100 * 10**6))
    gamma.contract(put).send("mint", me, 7)
    return gamma


def errors(naked: Gamma, me: Address, function: Any, said: Any) -> list[ReadError]:
    """What fails where a function is answered so: accounts by name, or the whole read."""
    try:
        reading: Reading = naked.run(altered(naked.generator(me), instead(function.signature, said)))
    except ReadError as error:
        return [error]
    assert len(reading.accounts) + len(reading.failures) == 2
    return [failure.error for failure in reading.failures]


def vault(*lists: tuple[Any, ...], kind: int = 1) -> calls.StoredVault:
    """What the controller would answer."""
    return calls.StoredVault(lists, kind, 0)


TOKEN, OTHER = Address("0x" + "aa" * 20), Address("0x" + "bb" * 20)


@pytest.mark.parametrize(
    ("function", "said", "error"),
    [
        (calls.PRICE, 0, UnusablePrice),
        (calls.DECIMALS, 28, Unsupported),
        (calls.TIMES_TO_EXPIRY, (), Unsupported),
        (calls.TIMES_TO_EXPIRY, (60,), Unsupported),
        (calls.TIMES_TO_EXPIRY, (10**9, 10**8), MalformedReply),
        (calls.TIMES_TO_EXPIRY, tuple(range(10**8, 10**8 + 256)), MalformedReply),
        (calls.LATEST_ROUND, calls.Round(1, 1, 1, 2**40, 1), MalformedReply),
        (calls.EXCESS, CallReverted("getExcessCollateral", "no"), CallReverted),
        (calls.VAULT, CallReverted("getVaultWithDetails", "no"), CallReverted),
        (calls.VAULT, vault((), (), (), (), (), (), kind=3), Unsupported),
        (calls.VAULT, vault((TOKEN,), (), (), (), (), ()), MalformedReply),
        (calls.VAULT, vault((TOKEN, OTHER), (), (), (1, 1), (), ()), MalformedReply),
        (calls.VAULT, vault((NOBODY,), (), (), (5,), (), ()), MalformedReply),
        (calls.VAULT, vault((TOKEN,), (), (), (0,), (), ()), MalformedReply),
        (calls.VAULT, vault((TOKEN,), (), (), (5,), (), ()), Unsupported),
        (calls.VAULT_COUNT, MAX_VAULTS + 1, Unsupported),
        (calls.VAULT_COUNT, 2**255, Unsupported),
        (calls.ORACLE, OTHER, Unsupported),
        (calls.ADDRESS_BOOK, OTHER, Unsupported),
        (calls.OTOKEN_COUNT, 2, MalformedReply),
        (calls.OTOKEN_COUNT, 0, MalformedReply),
        (calls.CALCULATOR, NoContract("calculator"), NoContract),
        (calls.SPOT_SHOCK, CallReverted("getSpotShock", "no"), CallReverted),
        (calls.BALANCE, ProviderUnavailable("node", "gone"), ProviderUnavailable),
        (calls.VAULT, ProviderUnavailable("node", "gone"), ProviderUnavailable),
        (calls.AGGREGATOR, ProviderUnavailable("node", "gone"), ProviderUnavailable),
        (calls.LATEST_ROUND, ProviderUnavailable("node", "gone"), ProviderUnavailable),
        (calls.EXCESS, ProviderUnavailable("node", "gone"), ProviderUnavailable),
    ],
)
def test_each_lie_has_a_name(
    naked: Gamma, me: Address, function: Any, said: Any, error: type[ReadError]
) -> None:
    """Zero prices, huge counts, wrong lengths, other oracles, refusals, silence."""
    found = errors(naked, me, function, said)
    assert found
    assert all(type(one) is error for one in found), found


def test_a_bound_of_zero_is_no_bound(naked: Gamma, me: Address) -> None:
    """The contracts never keep one."""
    naked.set_product(PUT, ((60 * 86_400, 0),))
    [failure] = naked.read(me).failures
    with pytest.raises(MalformedReply, match="bound of zero"):
        raise failure.error


def test_the_calculators_word_must_be_ours(gamma: Gamma, me: Address) -> None:
    """Of a vault without a rule nothing else would show that its contents were misread."""
    put = gamma.otoken(PUT, 1_800, 50)
    gamma.open(me, 0, short=(put, 10**8), collateral=("USDC", 1_800 * 10**6))
    read = altered(gamma.generator(me), instead(calls.EXCESS.signature, calls.Excess(1, is_excess=True)))
    [failure] = gamma.run(read).failures
    with pytest.raises(AdapterFault, match="getExcessCollateral"):
        raise failure.error


def test_options_that_do_not_belong_together_are_refused(gamma: Gamma, me: Address) -> None:
    """Another expiry, another product, other collateral, a long in a naked vault: each alone, by name."""
    short, later, call = (
        gamma.otoken(PUT, 1_800, 20),
        gamma.otoken(PUT, 1_700, 21),
        gamma.otoken(CALL, 1_700, 20),
    )
    fellow = gamma.otoken(PUT, 1_600, 20)
    for long in (later, call):
        gamma.open(me, 0, short=(short, 10**8), long=(long, 10**8), collateral=("USDC", 10**10))
    gamma.open(me, 0, short=(short, 10**8), collateral=("WETH", 10**19))
    gamma.open(me, 1, short=(short, 10**8), long=(fellow, 10**8), collateral=("USDC", 10**10))
    gamma.open(me, 0, short=(short, 10**8), collateral=("USDC", 10**10))
    reading = gamma.read(me)
    assert len(reading.accounts) == 1
    assert [type(failure.error) for failure in reading.failures] == [MalformedReply] * 4


def test_a_token_that_breaks_hides_no_other(gamma: Gamma, me: Address) -> None:
    """Its balance is unknown and named; where none answers, the read fails."""
    good, bad = gamma.otoken(PUT, 1_800, 20), gamma.otoken(PUT, 1_900, 20)
    gamma.contract(good).send("mint", me, 5)
    gamma.contract(bad).send("breakIt")
    reading = gamma.read(me)
    assert len(reading.accounts) == 1
    [failure] = reading.failures
    assert failure.id.endswith(bad.lower())
    gamma.contract(good).send("breakIt")
    with pytest.raises(CallReverted):
        gamma.read(me)


def test_an_option_that_nothing_values_hides_no_other(gamma: Gamma, me: Address) -> None:
    """Anybody can make one of the far future, or without a strike, and give it away."""
    far, free = gamma.otoken(PUT, 1_800, 101 * 365), gamma.otoken(CALL, 0, 20)
    for option in (far, free):
        gamma.contract(option).send("mint", me, 1)
    gamma.contract(gamma.otoken(CALL, 2_500, 20)).send("mint", me, 1)
    one = checked(gamma, me)
    assert len(one.portfolio.accounts) == 1
    failed = [failure.error for failure in one.portfolio.failures if failure.adapter == "opyn_gamma"]
    assert [type(error) for error in failed] == [Unsupported] * 2
    assert "100 years" in str(failed[0])
    assert "no strike" in str(failed[1])


def test_a_factory_from_too_late_a_block_is_noticed(naked: Gamma, me: Address) -> None:
    """The factory counts what its logs no longer tell."""
    at = naked.deployment
    late = Deployment(at.adapter, at.chain, at.name, at.addresses, at.source, first_block=10**6)
    read = naked.adapter().read(late, me, pin(naked.node.url))
    with pytest.raises(MalformedReply, match="earlier `first_block`"):
        run_read(naked.node.url, ChainId(31337), read)


def test_three_rounds_and_two_without_anything(naked: Gamma, me: Address) -> None:
    """What names no wallet is shared."""
    rounds: list[int] = []
    naked.run(altered(naked.generator(me), rounds=rounds))
    assert len(rounds) == 3
    rounds.clear()
    other = owner_of(naked, 9)
    reading = naked.run(altered(naked.generator(other), rounds=rounds))
    assert (len(rounds), reading.accounts, reading.failures) == (2, (), ())


def test_no_options_at_all_take_one_round(gamma: Gamma, me: Address) -> None:
    """A deployment on which nothing was ever made."""
    rounds: list[int] = []
    assert gamma.run(altered(gamma.generator(me), rounds=rounds)).accounts == ()
    assert len(rounds) == 1


def test_the_probe_tells_what_there_is(naked: Gamma) -> None:
    """And refuses addresses that are not of one system."""
    adapter, block = naked.adapter(), pin(naked.node.url)
    assert naked.run(adapter.probe(naked.deployment, block)) == ("1 options, 1 of them not expired", "open")
    foreign = Gamma(naked.node).oracle.address
    with pytest.raises(Unsupported, match="oracle"):
        naked.run(adapter.probe(naked.deployed({"oracle": foreign}), block))


@pytest.mark.parametrize("role", ROLES)
def test_a_deployment_needs_its_addresses(role: str) -> None:
    """The message names what is missing."""
    addresses = {one: Address(f"0x{i:040x}") for i, one in enumerate(ROLES, 1) if one != role}
    entry = Deployment("opyn_gamma", ChainId(1), "test", addresses, "a test")
    with pytest.raises(BadConfiguration, match=role):
        build(Deployments((entry,), ()))
