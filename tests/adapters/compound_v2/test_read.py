"""The read, fed by hand: Compound V2 as its contracts answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.compound_v2 import calls
from adapters.compound_v2.adapter import build
from adapters.compound_v2.margin import CompoundRule
from aggregator.contract import Deployments
from aggregator.model.assets import native_id, token_id
from aggregator.model.errors import (
    BadConfiguration,
    CallReverted,
    ReadError,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.positions import Debt, Supply
from aggregator.model.rules import WAD, Oracle
from tests.adapters.by_hand import Reply, drive_by_hand
from tests.adapters.compound_v2.hand import (
    BLOCK,
    C_ETH,
    C_USDC,
    CHAIN,
    COMPTROLLER,
    HERE,
    MISSING,
    NUMBER,
    START,
    UNITS,
    USDC,
    WALLET,
    Compound,
    read,
)


def test_a_loan_on_compound_takes_three_rounds() -> None:
    """Positions have interest of the 100 blocks since the last accrual; the report is by what is stored."""
    driven = read(Compound())
    assert len(driven.rounds) == 3
    [account] = driven.result.accounts
    assert account.id == f"compound_v2:1:{COMPTROLLER}:{WALLET}"
    supply, debt = account.positions
    assert isinstance(supply, Supply)
    assert isinstance(debt, Debt)
    # 1e-8 a block: half of the supply earns a millionth, less a tenth.
    assert (supply.asset.id, supply.raw) == (native_id(CHAIN), 10 * 10**18 + 45 * 10**11)
    assert (debt.asset.id, debt.raw) == (token_id(CHAIN, USDC), 12_000 * 10**6 + 12_000)
    assert debt.apr == pytest.approx(1e-8 * 2_628_000)
    assert supply.apr == pytest.approx(1e-8 * 2_628_000 * 0.5 * 0.9)
    assert supply.is_collateral
    assert account.reported is not None
    assert (account.reported.health, account.reported.liquidatable) == (16_000 * WAD // 12_000, False)
    rule = account.rule
    assert isinstance(rule, CompoundRule)
    assert [leg.seize_share for leg in rule.legs] == [0, 28 * 10**15]
    assert [leg.native for leg in rule.legs] == [True, False]
    assert driven.result.receipts == (token_id(CHAIN, C_ETH), token_id(CHAIN, C_USDC))
    assert [(q.price, q.decimals) for q in driven.result.quotes] == [(2_000 * WAD, 18), (10**30, 30)]
    assert driven.result.warnings == ()


def test_nothing_is_asked_of_the_native_market_that_it_may_not_have() -> None:
    """cETH takes a call that it does not know for a deposit, which changes what later calls answer."""
    asked = frozenset().union(*read(Compound()).rounds)
    for function in (calls.UNDERLYING, calls.SEIZE_SHARE):
        assert (C_ETH, function.at(C_ETH).data) not in asked


def test_a_wallet_without_anything_has_no_account() -> None:
    """Quotes and receipts are there all the same."""
    empty = Compound((), {C_ETH: 0, C_USDC: 0}, {C_ETH: 0, C_USDC: 0}, liquidity=(0, 0, 0))
    reading = read(empty).result
    assert (reading.accounts, len(reading.quotes), len(reading.receipts)) == ((), 2, 2)


def test_a_supply_that_is_not_entered_has_no_rule() -> None:
    """Nothing can liquidate it."""
    idle = Compound((), owed={C_ETH: 0, C_USDC: 0}, liquidity=(0, 0, 0))
    [account] = read(idle).result.accounts
    assert (account.rule, account.reported) == (None, None)
    [supply] = account.positions
    assert isinstance(supply, Supply)
    assert not supply.is_collateral


@pytest.mark.parametrize("price", [(0,), CallReverted("x", "no config")])
def test_a_supply_without_a_price_does_not_take_the_debts_along(price: Reply) -> None:
    """Anybody can send a cToken of a dead market; an account that holds what nobody prices is not counted."""
    entered = Compound((C_USDC,), price={C_ETH: price, C_USDC: (10**30,)}, liquidity=(0, 0, 12_000 * WAD))
    main, alone = read(entered).result.accounts
    assert [type(position) for position in main.positions] == [Debt]
    assert main.rule is not None
    assert main.reported is not None
    assert main.reported.liquidatable
    assert (alone.id, alone.rule) == (f"{main.id}:{C_ETH}", None)
    [supply] = alone.positions
    assert isinstance(supply, Supply)
    assert (supply.raw, supply.is_collateral) == (10 * 10**18 + 45 * 10**11, False)


def test_a_deprecated_market_makes_its_debts_liquidatable() -> None:
    """Compound lets anybody close them at any health; the user is told."""
    deprecated = Compound(more={calls.DEPRECATED.at(COMPTROLLER, C_USDC): (True,)})
    reading = read(deprecated).result
    [account] = reading.accounts
    assert account.rule is not None
    assert account.reported is not None
    assert account.reported.liquidatable
    assert "at any health" in reading.warnings[0]


def test_a_fork_without_deprecation_or_shares() -> None:
    """Both are younger than many forks."""
    old = {calls.DEPRECATED.at(COMPTROLLER, market): MISSING for market in UNITS}
    [account] = read(Compound(more={**old, calls.SEIZE_SHARE.at(C_USDC): MISSING})).result.accounts
    assert isinstance(account.rule, CompoundRule)
    assert [leg.seize_share for leg in account.rule.legs] == [0, 0]
    assert not account.rule.forced


def test_a_fork_that_pays_no_comp() -> None:
    """By configuration: of such a market the comptroller tells a word less, as Moonwell's."""
    compound = Compound()
    said = compound.replies()
    for market in UNITS:
        del said[calls.MARKET.at(COMPTROLLER, market)]
        said[calls.MARKET_OF_TWO.at(COMPTROLLER, market)] = (True, 80 * 10**16)
    here = replace(HERE, options={**HERE.options, "market_words": 2})
    [account] = drive_by_hand(build(Deployments((here,), ())).read(here, WALLET, BLOCK), said).result.accounts
    assert account.reported is not None
    assert account.reported.health == 16_000 * WAD // 12_000


def test_a_fork_that_counts_seconds() -> None:
    """By configuration: the accrual is a time, the rate per second."""
    here = replace(HERE, options={"clock": "timestamp"})
    compound = Compound()
    for market in UNITS:
        compound.more |= {
            calls.ACCRUAL_TIME.at(market): (START - 100,),
            calls.RATE_PER_SECOND.at(market): (10**10,),
        }
    [account] = read(compound, here).result.accounts
    assert isinstance(account.rule, CompoundRule)
    _, debt = account.positions
    assert isinstance(debt, Debt)
    assert debt.raw == 12_000 * 10**6 + 12_000
    assert debt.apr == pytest.approx(1e-8 * 31_536_000)
    later = account.rule.accrued(START + 1).legs[1].owed
    assert later == 12_000 * 10**6 + 12_120


def test_blocks_are_counted_as_contracts_see_them() -> None:
    """Not as the endpoint numbers them: on Arbitrum contracts see Ethereum's number."""
    block = replace(BLOCK, number=300_000_000)
    adapter = build(Deployments((HERE,), ()))
    [account] = drive_by_hand(adapter.read(HERE, WALLET, block), Compound().replies()).result.accounts
    assert isinstance(account.rule, CompoundRule)
    assert account.rule.clock.at == NUMBER


def test_a_market_that_counts_by_another_clock_is_refused() -> None:
    """Seconds where blocks are expected: no interest would ever be added."""
    with pytest.raises(Unsupported, match="another clock"):
        read(Compound(more={calls.ACCRUAL_BLOCK.at(C_USDC): (START - 100,)}))


def test_an_oracle_kind_from_the_configuration() -> None:
    """A price that the market pins or multiplies is said to be one."""
    here = replace(HERE, options={**HERE.options, "oracle": {USDC: "fixed"}})
    [account] = read(Compound(), here).result.accounts
    assert account.rule is not None
    assert [feed.oracle for feed in account.rule.feeds] == [Oracle.MARKET, Oracle.FIXED]


@pytest.mark.parametrize(
    ("price", "error"),
    [((0,), UnusablePrice), (CallReverted("x", "no config"), CallReverted)],
)
def test_an_asset_without_a_price_fails_who_has_entered_it(price: Reply, error: type[ReadError]) -> None:
    """The comptroller refuses there itself; a wallet that has nothing of it is read as usual."""
    bad = Compound(price={C_ETH: (2_000 * WAD,), C_USDC: price}, liquidity=(13, 0, 0))
    with pytest.raises(error):
        read(bad)
    other = replace(bad, owed={C_ETH: 0, C_USDC: 0}, entered=(C_ETH,), liquidity=(0, 16_000 * WAD, 0))
    reading = read(other).result
    assert len(reading.accounts) == len(reading.quotes) == 1


def test_an_empty_market_without_a_price_is_named() -> None:
    """Compound's comptroller fails on it although nothing is in it."""
    bad = Compound(
        price={C_ETH: (2_000 * WAD,), C_USDC: (0,)}, owed={C_ETH: 0, C_USDC: 0}, liquidity=(13, 0, 0)
    )
    with pytest.raises(UnusablePrice, match="USDC"):
        read(bad)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, "seconds_per_block"),
        ({"seconds_per_block": "soon"}, "seconds_per_block"),
        ({"seconds_per_block": "0"}, "seconds_per_block"),
        ({"seconds_per_block": "-3"}, "seconds_per_block"),
        ({"seconds_per_block": "nan"}, "seconds_per_block"),
        ({"seconds_per_block": "inf"}, "seconds_per_block"),
        ({"seconds_per_block": "0.0001"}, "seconds_per_block"),
        ({"clock": "moon"}, "clock"),
        ({"seconds_per_block": 12, "market_words": 4}, "market_words"),
        ({"seconds_per_block": 12, "market_words": "2"}, "market_words"),
        ({"seconds_per_block": 12, "oracle": "x"}, "oracle"),
        ({"seconds_per_block": 12, "oracle": {USDC: "x"}}, "oracle"),
    ],
)
def test_options_that_can_not_be_used(options: dict[str, Any], why: str) -> None:
    """BadConfiguration names the option."""
    with pytest.raises(BadConfiguration, match=why):
        build(Deployments((replace(HERE, options=options),), ()))


def test_a_comptroller_must_be_given() -> None:
    """BadConfiguration names the role."""
    with pytest.raises(BadConfiguration, match="comptroller"):
        build(Deployments((replace(HERE, addresses={}),), ()))


def test_probe_tells_what_there_is() -> None:
    """Kind, markets, and which of them have no price."""
    adapter = build(Deployments((HERE,), ()))
    said = drive_by_hand(adapter.probe(HERE, BLOCK), Compound(price={C_ETH: (1,), C_USDC: (0,)}).replies())
    text = " ".join(said.result)
    assert "Compound V2" in text
    assert "2 markets, 1 without" in text
    assert "USDC" in text
