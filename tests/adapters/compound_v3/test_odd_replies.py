"""The read, fed by hand with odd replies: an error by name, never a smaller number."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.compound_v3 import calls
from adapters.compound_v3.interest import INDEX_SCALE
from adapters.compound_v3.market import PAUSES
from aggregator.contract import Call, Function
from aggregator.model.errors import (
    AdapterFault,
    CallReverted,
    MalformedReply,
    NoContract,
    UnusablePrice,
)
from aggregator.model.positions import Debt
from aggregator.model.rules import WAD
from aggregator.model.units import Address
from tests.adapters.by_hand import Reply
from tests.adapters.compound_v3.hand import (
    COMET,
    FEEDS,
    REVERTED,
    USDC,
    USED,
    WALLET,
    WBTC,
    WETH,
    Comet,
    read,
)
from tests.adapters.compound_v3.kit import START


@pytest.mark.parametrize("flags", [0b10, 0b11, 0b100])
def test_flags_that_are_not_those_of_the_balances_are_an_error(flags: int) -> None:
    """The comet only counts what is flagged."""
    with pytest.raises(AdapterFault, match="flags"):
        read(Comet(user=(-12_000 * 10**6, 0, 0, flags, 0)))


@pytest.mark.parametrize(
    "comet",
    [
        Comet(owed=12_000 * 10**6 + 1),
        Comet(supplied=1),
        Comet(more={calls.COLLATERAL.at(COMET, WALLET, WETH): (10 * WAD - 1,)}),
        Comet(liquidatable=(True,)),
        Comet(owed=12_000 * 10**6 - 1, user=(-12_000 * 10**6, 0, 0, 1, 0)),
    ],
    ids=["owed", "supplied", "collateral", "liquidatable", "less owed"],
)
def test_what_the_comet_itself_says_otherwise_is_an_error(comet: Comet) -> None:
    """By one unit."""
    with pytest.raises(AdapterFault):
        read(comet)


def test_reverting_price_is_explained_by_its_feed() -> None:
    """One more round finds the feed's own answer, with its sign."""
    comet = Comet(liquidatable=REVERTED)
    comet.price[WETH] = REVERTED
    call = calls.LATEST_ROUND.at(FEEDS[WETH])
    comet.more = {call: (1, -5, 0, 0, 1)}
    with pytest.raises(UnusablePrice, match="WETH listed") as caught:
        read(comet)
    assert (caught.value.price, caught.value.origin) == (-5, f"latestRoundData()@{FEEDS[WETH]}")
    for why in ((1, 10**8, 0, 0, 1), CallReverted("latestRoundData()", "broken")):
        comet.more[call] = why
        with pytest.raises(CallReverted) as other:
            read(comet)
        assert other.value is REVERTED


def test_base_without_a_price_is_explained_too() -> None:
    """It is owed."""
    comet = Comet(liquidatable=REVERTED, more={calls.LATEST_ROUND.at(FEEDS[USDC]): (1, 0, 0, 0, 1)})
    comet.price[USDC] = REVERTED
    with pytest.raises(UnusablePrice, match="USDC"):
        read(comet)


def test_price_of_zero_is_unusable() -> None:
    """A comet reverts; whoever answers zero is no better."""
    comet = Comet()
    comet.price[WETH] = (0,)
    with pytest.raises(UnusablePrice):
        read(comet)


def test_bad_price_of_what_is_not_held_only_lacks_its_quote() -> None:
    """It does not touch health."""
    comet = Comet()
    comet.price[WBTC] = REVERTED
    reading = read(comet).result
    assert [quote.price for quote in reading.quotes] == [10**8, 2_000 * 10**8]
    assert len(reading.accounts) == 1


def test_flag_that_reverts_although_all_prices_are_there_is_an_error() -> None:
    """Without the comet's own word nothing checks ours."""
    refused = CallReverted("isLiquidatable(address)@0x…", "why")
    with pytest.raises(CallReverted, match="why"):
        read(Comet(liquidatable=refused))


MARKET: tuple[Function[Any], ...] = (
    calls.BASE_TOKEN,
    calls.BASE_FEED,
    calls.BASE_SCALE,
    calls.ASSET_COUNT,
    calls.UTILIZATION,
    calls.TOTALS,
    *PAUSES,
)
OF_WALLET: tuple[Function[Any], ...] = (calls.USER_BASIC, calls.SUPPLIED, calls.OWED, calls.LIQUIDATABLE)


@pytest.mark.parametrize(
    "call",
    [
        *(function.at(COMET) for function in MARKET),
        *(function.at(COMET, WALLET) for function in OF_WALLET),
        *(function.at(COMET, USED) for function in (calls.SUPPLY_RATE, calls.BORROW_RATE)),
        calls.USER_COLLATERAL.at(COMET, WALLET, WBTC),
        calls.COLLATERAL.at(COMET, WALLET, WBTC),
        calls.ASSET_INFO.at(COMET, 1),
    ],
    ids=lambda call: call.function.canonical,
)
def test_any_missing_figure_is_an_error(call: Call[Any]) -> None:
    """No figure is taken for zero."""
    with pytest.raises(NoContract):
        read(Comet(more={call: NoContract(call.origin)}))


def _info(i: int, asset: Address, scale: int) -> dict[Call[Any], Reply]:
    return {calls.ASSET_INFO.at(COMET, i): (i, asset, FEEDS[WETH], scale, 0, WAD // 2, WAD, 0)}


@pytest.mark.parametrize(
    "comet",
    [
        Comet(scale=3),
        Comet(scale=0),
        Comet(scale=10**30),
        Comet(totals=(INDEX_SCALE - 1, INDEX_SCALE, 0, 0, 0, 0, START, 0)),
        Comet(totals=(INDEX_SCALE, 0, 0, 0, 0, 0, START, 0)),
        Comet(totals=(INDEX_SCALE, INDEX_SCALE, 0, 0, 0, 0, START + 1, 0)),
        Comet(more=_info(0, WETH, 7)),
        Comet(more=_info(1, WETH, WAD)),
        Comet(more=_info(1, USDC, WAD)),
        Comet(more={calls.ASSET_INFO.at(COMET, 1): (0, WBTC, FEEDS[WBTC], 10**8, 0, 1, 1, 0)}),
        Comet(more={Function[Any]("isAbsorbPaused()(uint256)").at(COMET): (2,)}),
        Comet(
            more={
                Function[Any]("userBasic(address)(int256,uint64,uint64,uint16,uint8)").at(COMET, WALLET): (
                    -(2**103) - 1,
                    0,
                    0,
                    1,
                    0,
                )
            }
        ),
    ],
    ids=[
        *("scale", "no scale", "large scale", "supply index", "borrow index", "future", "unit", "twice"),
        *("base as collateral", "offset", "boolean", "principal"),
    ],
)
def test_replies_that_no_comet_gives_are_malformed(comet: Comet) -> None:
    """By name, and never a number."""
    with pytest.raises(MalformedReply):
        read(comet)


def test_symbol_that_is_no_text_leaves_the_address() -> None:
    """Some old tokens answer bytes32."""
    comet = Comet(more={calls.SYMBOL.at(USDC): MalformedReply("symbol()", "bytes32")})
    [account] = read(comet).result.accounts
    debt = account.positions[0]
    assert isinstance(debt, Debt)
    assert debt.asset.symbol == USDC
