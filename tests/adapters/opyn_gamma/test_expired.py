"""After expiry: pending and disputable prices are named, final ones make a claim."""

from __future__ import annotations

import pytest

from aggregator.model.accounts import Account
from aggregator.model.errors import Unsupported, UnusablePrice
from aggregator.model.positions import Supply
from aggregator.model.readings import Reading
from aggregator.model.units import Address
from tests.adapters.opyn_gamma.world import CALL, DAY, PUT, Gamma

DAYS = 3


def expire(gamma: Gamma, price: int | None = None, *, final: bool = True) -> None:
    """Pass the expiry of options of `DAYS` days, with a price in whole USDC where there is one."""
    gamma.node.warp((DAYS + 1) * DAY)
    if price is not None:
        gamma.oracle.send("setExpiryPrice", gamma.at("WETH"), gamma.day + DAYS * DAY, price * 10**8, final)


def claim(account: Account) -> int:
    """What it is paid."""
    [supply] = account.positions
    assert isinstance(supply, Supply)
    assert not supply.is_collateral
    assert (account.rule, account.reported) == (None, None)
    return supply.raw


def hold_all(gamma: Gamma, me: Address) -> None:
    """A naked vault with a put at 1,800, a call spread, and one of each option."""
    put, call = gamma.otoken(PUT, 1_800, DAYS), gamma.otoken(CALL, 2_000, DAYS)
    above = gamma.otoken(CALL, 2_500, DAYS)
    gamma.open(me, 1, short=(put, 5 * 10**8), collateral=("USDC", 2_000 * 10**6))
    gamma.open(me, 0, short=(call, 10**8), long=(above, 10**8), collateral=("WETH", 2 * 10**17))
    for option in (put, call):
        gamma.contract(option).send("mint", me, 3 * 10**8)


@pytest.mark.parametrize(("price", "state"), [(None, "is not there yet"), (1_700, "can still be disputed")])
def test_what_is_not_settled_is_named(gamma: Gamma, me: Address, price: int | None, state: str) -> None:
    """Opyn itself reverts: each account fails by name, none counts as zero, and none is a holding either."""
    hold_all(gamma, me)
    expire(gamma, price, final=False)
    reading = gamma.read(me)
    assert reading.accounts == ()
    assert len(reading.failures) == 4
    for failure in reading.failures:
        with pytest.raises(Unsupported, match=state):
            raise failure.error
    assert len(reading.receipts) == 2


def test_final_prices_make_claims(gamma: Gamma, me: Address) -> None:
    """At 1,700 five puts take 500 of the naked vault's 2,000; the calls are worth nothing."""
    hold_all(gamma, me)
    expire(gamma, 1_700)
    reading = gamma.read(me)
    assert reading.failures == ()
    vault, spread, held = reading.accounts
    assert claim(vault) == 1_500 * 10**6
    assert claim(spread) == 2 * 10**17
    assert claim(held) == 300 * 10**6
    assert [quote.asset for quote in reading.quotes] == [gamma.asset("USDC"), gamma.asset("WETH")]
    assert len(reading.warnings) == 3
    assert all("has expired" in warning for warning in reading.warnings)


def test_calls_are_paid_in_the_underlying(gamma: Gamma, me: Address) -> None:
    """At 4,000: 2,000 of 4,000 per call, less 1,500 by the long: 0.125 of the spread's 0.2."""
    hold_all(gamma, me)
    expire(gamma, 4_000)
    naked, spread, held = gamma.read(me).accounts
    assert claim(naked) == 2_000 * 10**6
    assert claim(spread) == 75 * 10**15
    assert claim(held) == 15 * 10**17


def test_a_vault_that_owes_more_than_it_has_is_told(gamma: Gamma, me: Address) -> None:
    """It can't be settled: no account is left, and a sentence says whose loss it is."""
    put = gamma.otoken(PUT, 1_800, DAYS)
    gamma.open(me, 1, short=(put, 5 * 10**8), collateral=("USDC", 2_000 * 10**6))
    expire(gamma, 1_000)
    reading: Reading = gamma.read(me)
    assert (reading.accounts, reading.failures) == ((), ())
    [warning] = reading.warnings
    assert "owed more than it had" in warning
    assert "margin pool" in warning


def test_a_strike_asset_below_a_dollar_counts_at_expiry(gamma: Gamma, me: Address) -> None:
    """At 0.80 a unit of USDC, an underlying of 1,200 USD is 1,500 USDC: 300 a put."""
    put = gamma.otoken(PUT, 1_800, DAYS)
    gamma.contract(put).send("mint", me, 10**8)
    gamma.oracle.send("setStablePrice", gamma.at("USDC"), 8 * 10**7)
    expire(gamma, 1_200)
    assert claim(gamma.account(me)) == 300 * 10**6


def test_a_final_price_of_zero_is_no_price(gamma: Gamma, me: Address) -> None:
    """Though the contract would pay the whole strike."""
    put = gamma.otoken(PUT, 1_800, DAYS)
    gamma.contract(put).send("mint", me, 10**8)
    expire(gamma, 0)
    [failure] = gamma.read(me).failures
    with pytest.raises(UnusablePrice):
        raise failure.error
