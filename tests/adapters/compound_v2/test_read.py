"""The read, fed by hand: Compound V2 as its contracts answer, and what is made of odd replies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from adapters.compound_v2 import calls
from adapters.compound_v2.adapter import build
from adapters.compound_v2.comptroller import MULTICALL3
from adapters.compound_v2.margin import CompoundRule
from aggregator.contract import Call, Deployment, Deployments, Function
from aggregator.model.assets import native_id, token_id
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
from aggregator.model.positions import Debt, Supply
from aggregator.model.readings import Block, Reading
from aggregator.model.rules import WAD, Oracle
from aggregator.model.units import Address, ChainId
from tests.adapters.by_hand import Driven, Reply, drive_by_hand

CHAIN, START, NUMBER = ChainId(1), 1_793_491_200, 20_000_000


def _address(digit: str) -> Address:
    return Address("0x" + digit * 40)


COMPTROLLER, ORACLE, WALLET, C_ETH, C_USDC, USDC = (_address(digit) for digit in "123abc")
BLOCK = Block(CHAIN, NUMBER, "0x" + "1" * 64, "0x" + "2" * 64, START)
HERE = Deployment(
    "compound_v2",
    CHAIN,
    "Compound V2",
    {"comptroller": COMPTROLLER, "native_market": C_ETH},
    "a test",
    options={"seconds_per_block": "12"},
)
MISSING = CallReverted("a call", "")
# A million tokens, half of them lent; a cToken with 8 decimals is worth 0.02.
UNITS = {C_ETH: 10**18, C_USDC: 10**6}
SUPPLY = 50_000_000 * 10**8


@dataclass
class Compound:
    """A comptroller with 10 ETH of the wallet at 2000 and 12,000 USDC of debt, and how it may be odd."""

    entered: tuple[Address, ...] = (C_ETH, C_USDC)
    tokens: dict[Address, int] = field(default_factory=lambda: {C_ETH: 500 * 10**8, C_USDC: 0})
    owed: dict[Address, int] = field(default_factory=lambda: {C_ETH: 0, C_USDC: 12_000 * 10**6})
    price: dict[Address, Reply] = field(default_factory=lambda: {C_ETH: (2_000 * WAD,), C_USDC: (10**30,)})
    liquidity: tuple[int, int, int] = (0, 4_000 * WAD, 0)
    more: dict[Call[Any], Reply] = field(default_factory=dict)

    def replies(self) -> dict[Call[Any], Reply]:
        """What these contracts answer."""
        at = COMPTROLLER
        said: dict[Call[Any], Reply] = {
            calls.BLOCK_NUMBER.at(MULTICALL3): (NUMBER,),
            calls.ALL_MARKETS.at(at): ([C_ETH, C_USDC],),
            calls.ORACLE.at(at): (ORACLE,),
            calls.CLOSE_FACTOR.at(at): (WAD // 2,),
            calls.INCENTIVE.at(at): (108 * 10**16,),
            calls.VAI_CONTROLLER.at(at): MISSING,
            calls.LIQUIDATOR.at(at): MISSING,
            calls.PROTOCOL_PAUSED.at(at): MISSING,
            calls.SEIZE_PAUSED.at(at): (False,),
            calls.ASSETS_IN.at(at, WALLET): (list(self.entered),),
            calls.ACCOUNT_LIQUIDITY.at(at, WALLET): self.liquidity,
            calls.UNDERLYING.at(C_USDC): (USDC,),
            calls.SEIZE_SHARE.at(C_USDC): (28 * 10**15,),
            calls.DECIMALS.at(USDC): (6,),
            calls.SYMBOL.at(USDC): ("USDC",),
        }
        for market, unit in UNITS.items():
            said |= {
                calls.MARKET.at(at, market): (True, 80 * 10**16, True),
                calls.DEPRECATED.at(at, market): (False,),
                calls.PRICE.at(ORACLE, market): self.price[market],
                calls.ACCRUAL_BLOCK.at(market): (NUMBER - 100,),
                calls.RATE_PER_BLOCK.at(market): (10**10,),
                calls.BORROW_INDEX.at(market): (WAD,),
                calls.TOTAL_BORROWS.at(market): (500_000 * unit,),
                calls.TOTAL_RESERVES.at(market): (0,),
                calls.CASH.at(market): (500_000 * unit,),
                calls.TOTAL_SUPPLY.at(market): (SUPPLY,),
                calls.EXCHANGE_RATE.at(market): (10**6 * unit * WAD // SUPPLY,),
                calls.RESERVE_FACTOR.at(market): (WAD // 10,),
                calls.SNAPSHOT.at(market, WALLET): (
                    *(0, self.tokens[market], self.owed[market], 10**6 * unit * WAD // SUPPLY),
                ),
            }
        return said | self.more


def _read(compound: Compound, here: Deployment = HERE) -> Driven[Reading]:
    return drive_by_hand(build(Deployments((here,), ())).read(here, WALLET, BLOCK), compound.replies())


def test_a_loan_on_compound_takes_three_rounds() -> None:
    """Positions have interest of the 100 blocks since the last accrual; the report is by what is stored."""
    driven = _read(Compound())
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
    asked = frozenset().union(*_read(Compound()).rounds)
    for function in (calls.UNDERLYING, calls.SEIZE_SHARE):
        assert (C_ETH, function.at(C_ETH).data) not in asked


def test_a_wallet_without_anything_has_no_account() -> None:
    """Quotes and receipts are there all the same."""
    empty = Compound((), {C_ETH: 0, C_USDC: 0}, {C_ETH: 0, C_USDC: 0}, liquidity=(0, 0, 0))
    reading = _read(empty).result
    assert (reading.accounts, len(reading.quotes), len(reading.receipts)) == ((), 2, 2)


def test_a_supply_that_is_not_entered_has_no_rule() -> None:
    """Nothing can liquidate it."""
    idle = Compound((), owed={C_ETH: 0, C_USDC: 0}, liquidity=(0, 0, 0))
    [account] = _read(idle).result.accounts
    assert (account.rule, account.reported) == (None, None)
    [supply] = account.positions
    assert isinstance(supply, Supply)
    assert not supply.is_collateral


@pytest.mark.parametrize("price", [(0,), CallReverted("x", "no config")])
def test_a_supply_without_a_price_does_not_take_the_debts_along(price: Reply) -> None:
    """Anybody can send a cToken of a dead market; an account that holds what nobody prices is not counted."""
    entered = Compound((C_USDC,), price={C_ETH: price, C_USDC: (10**30,)}, liquidity=(0, 0, 12_000 * WAD))
    main, alone = _read(entered).result.accounts
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
    reading = _read(deprecated).result
    [account] = reading.accounts
    assert account.rule is not None
    assert account.reported is not None
    assert account.reported.liquidatable
    assert "at any health" in reading.warnings[0]


def test_a_fork_without_deprecation_or_shares() -> None:
    """Both are younger than many forks."""
    old = {calls.DEPRECATED.at(COMPTROLLER, market): MISSING for market in UNITS}
    [account] = _read(Compound(more={**old, calls.SEIZE_SHARE.at(C_USDC): MISSING})).result.accounts
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
    [account] = _read(compound, here).result.accounts
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
        _read(Compound(more={calls.ACCRUAL_BLOCK.at(C_USDC): (START - 100,)}))


def test_an_oracle_kind_from_the_configuration() -> None:
    """A price that the market pins or multiplies is said to be one."""
    here = replace(HERE, options={**HERE.options, "oracle": {USDC: "fixed"}})
    [account] = _read(Compound(), here).result.accounts
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
        _read(bad)
    other = replace(bad, owed={C_ETH: 0, C_USDC: 0}, entered=(C_ETH,), liquidity=(0, 16_000 * WAD, 0))
    reading = _read(other).result
    assert len(reading.accounts) == len(reading.quotes) == 1


def test_an_empty_market_without_a_price_is_named() -> None:
    """Compound's comptroller fails on it although nothing is in it."""
    bad = Compound(
        price={C_ETH: (2_000 * WAD,), C_USDC: (0,)}, owed={C_ETH: 0, C_USDC: 0}, liquidity=(13, 0, 0)
    )
    with pytest.raises(UnusablePrice, match="USDC"):
        _read(bad)


def test_an_error_code_of_the_comptroller_is_no_figure() -> None:
    """Without a price that explains it."""
    with pytest.raises(CallReverted, match="error code 9"):
        _read(Compound(liquidity=(9, 0, 0)))


@pytest.mark.parametrize("liquidity", [(0, 4_000 * WAD + 1, 0), (0, 0, 0), (0, 0, 1)])
def test_another_difference_than_the_comptrollers_is_a_fault(liquidity: tuple[int, int, int]) -> None:
    """To the wei: a market that was missed shows there."""
    with pytest.raises(AdapterFault, match="4000"):
        _read(Compound(liquidity=liquidity))


def test_a_market_that_is_not_listed_is_a_fault() -> None:
    """What was entered counts for the comptroller."""
    with pytest.raises(AdapterFault, match="does not list"):
        _read(Compound(entered=(C_ETH, C_USDC, _address("9"))))


def test_a_debt_in_a_market_that_is_not_entered_is_a_fault() -> None:
    """The contracts do not let that happen."""
    with pytest.raises(AdapterFault, match="without entering"):
        _read(Compound(entered=(C_ETH,)))


def test_an_exchange_rate_of_another_kind_is_refused() -> None:
    """Interest could not be added to it."""
    snapshot: dict[Call[Any], Reply] = {calls.SNAPSHOT.at(C_ETH, WALLET): (0, 500 * 10**8, 0, WAD)}
    with pytest.raises(Unsupported, match="exchange rate"):
        _read(Compound(more=snapshot))


def test_a_snapshot_that_fails_is_no_zero() -> None:
    """An error code, as of a maths error, beside zeros."""
    with pytest.raises(Unsupported, match="error code 9"):
        _read(Compound(more={calls.SNAPSHOT.at(C_USDC, WALLET): (9, 0, 0, 0)}))


@pytest.mark.parametrize(
    "more",
    [
        {calls.VAI_CONTROLLER.at(COMPTROLLER): (_address("8"),)},
        {calls.INCENTIVE.at(COMPTROLLER): MISSING},
        {calls.SEIZE_PAUSED.at(COMPTROLLER): MISSING},
        {calls.PROTOCOL_PAUSED.at(COMPTROLLER): (False,)},
    ],
)
def test_a_comptroller_of_another_kind_is_refused(more: dict[Call[Any], Reply]) -> None:
    """Such as Venus' of before its risk pools."""
    with pytest.raises(Unsupported, match="comptroller"):
        _read(Compound(more=more))


def _every_call() -> list[Call[Any]]:
    optional: list[Function[Any]] = [
        calls.INCENTIVE,
        calls.VAI_CONTROLLER,
        calls.LIQUIDATOR,
        calls.DEPRECATED,
    ]
    optional += [calls.PROTOCOL_PAUSED, calls.SEIZE_PAUSED, calls.SEIZE_SHARE, calls.SYMBOL]
    asked = frozenset().union(*_read(Compound()).rounds)
    return [
        call
        for call in Compound().replies()
        if call.function not in optional and (call.target, call.data) in asked
    ]


@pytest.mark.parametrize("call", _every_call(), ids=lambda call: call.origin)
def test_whatever_fails_fails_the_read(call: Call[Any]) -> None:
    """A revert, an endpoint that is gone and no contract are errors, never a smaller number."""
    for error in (CallReverted(call.origin, "no"), NoContract(call.origin), ProviderUnavailable("x", "gone")):
        with pytest.raises(type(error)):
            _read(Compound(more={call: error}))


@pytest.mark.parametrize(
    "function",
    [calls.INCENTIVE, calls.VAI_CONTROLLER, calls.SEIZE_PAUSED, calls.DEPRECATED, calls.SEIZE_SHARE],
)
def test_an_endpoint_that_is_gone_is_not_taken_for_an_absent_function(function: Function[Any]) -> None:
    """Only a revert says that the contract has none."""
    said = [call for call in Compound().replies() if call.function == function]
    gone: dict[Call[Any], Reply] = {call: ProviderUnavailable("x", "gone") for call in said}
    with pytest.raises(ProviderUnavailable):
        _read(Compound(more=gone))


def test_decimals_that_no_token_has_are_malformed() -> None:
    """A price has 36 decimals less the token's."""
    with pytest.raises(MalformedReply, match="decimals"):
        _read(Compound(more={calls.DECIMALS.at(USDC): (37,)}))


def test_a_token_without_a_text_as_symbol_is_called_by_its_address() -> None:
    """As MKR, whose symbol is bytes32."""
    reading = _read(Compound(more={calls.SYMBOL.at(USDC): MalformedReply("symbol()", "bytes32")})).result
    assert [p.asset.symbol for a in reading.accounts for p in a.positions][1] == USDC  # type: ignore[union-attr]


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
