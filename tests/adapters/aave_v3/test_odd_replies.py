"""The read, fed by hand with odd replies: an error by name, never a smaller number."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.aave_v3 import calls
from adapters.aave_v3.interest import RAY
from adapters.aave_v3.user import NO_DEBT
from aggregator.contract import Call, Function
from aggregator.model.errors import (
    AdapterFault,
    CallReverted,
    MalformedReply,
    NoContract,
    ReadError,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.positions import Debt
from tests.adapters.aave_v3.hand import (
    ORACLE,
    POOL,
    PROVIDER,
    USDC,
    WALLET,
    WETH,
    Pool,
    a_token,
    address,
    debt_token,
    read,
)
from tests.adapters.aave_v3.kit import START
from tests.adapters.by_hand import Reply


@pytest.mark.parametrize(
    ("answer", "error"), [((0,), UnusablePrice), (CallReverted("getAssetPrice(address)", ""), CallReverted)]
)
def test_emode_price_that_is_missing(answer: Reply, error: type[ReadError]) -> None:
    """Fails the account that counts by it, by name; one without a position is none the worse."""
    source = address("7")
    pool = Pool(revision=1, emode=3)
    pool.more = {
        calls.EMODE_SINGLE.at(POOL, 3): ((9_000, 9_300, 10_100, source, "ETH"),),
        calls.PRICE.at(ORACLE, source): answer,
    }
    for asset in (WETH, USDC):
        pool.configuration[asset] |= 3 << 168
    with pytest.raises(error):
        read(pool)
    pool.flags, pool.supplied, pool.owed = 0, {WETH: 0, USDC: 0}, {WETH: 0, USDC: 0}
    assert read(pool).result.accounts == ()


@pytest.mark.parametrize("times", [0, 1.0002, 0.9998])
def test_totals_that_differ_from_the_pools_are_an_error(times: float) -> None:
    """More than a basis point apart is something missed, never shown as a figure."""
    with pytest.raises(AdapterFault, match="collateral"):
        read(Pool(collateral=int(20_000 * 10**8 * times)))
    with pytest.raises(AdapterFault, match="debt"):
        read(Pool(debt=int(12_000 * 10**8 * times)))


def test_totals_within_a_basis_point_are_left_to_the_comparison() -> None:
    """Rounding of a release nobody has seen shows as check_bps."""
    [account] = read(Pool(collateral=20_001 * 10**8, debt=12_001 * 10**8)).result.accounts
    assert account.reported is not None


def test_price_of_zero_is_unusable_where_it_counts() -> None:
    """The account can't be valued."""
    pool = Pool()
    pool.price[WETH] = (0,)
    with pytest.raises(UnusablePrice) as caught:
        read(pool)
    assert caught.value.price == 0


def test_reverting_price_is_explained_by_its_source() -> None:
    """Two more rounds find the source's own answer, with its sign."""
    source = address("9")
    reverted = CallReverted("getAssetPrice(address)@0x…", "")
    pool = Pool()
    pool.price[WETH] = reverted
    pool.more = {calls.SOURCE.at(ORACLE, WETH): (source,), calls.LATEST_ANSWER.at(source): (-5,)}
    with pytest.raises(UnusablePrice, match="WETH listed") as caught:
        read(pool)
    assert (caught.value.price, caught.value.origin) == (-5, f"latestAnswer()@{source}")
    for why in ((10**8,), CallReverted("latestAnswer()", "broken")):
        pool.more[calls.LATEST_ANSWER.at(source)] = why
        with pytest.raises(CallReverted) as other:
            read(pool)
        assert other.value is reverted


def test_bad_price_of_what_does_not_count_only_lacks_its_quote() -> None:
    """A supply that is no collateral does not touch health."""
    pool = Pool(flags=0b01_00_00, collateral=0, health=0)
    pool.price[WETH] = CallReverted("getAssetPrice(address)@0x…", "")
    reading = read(pool).result
    assert [quote.price for quote in reading.quotes] == [10**8]
    [account] = reading.accounts
    assert len(account.positions) == 2


def test_pools_own_word_missing_is_an_error() -> None:
    """Without it nothing checks ours."""
    pool = Pool()
    pool.more = {calls.ACCOUNT_DATA.at(POOL, WALLET): CallReverted("getUserAccountData", "why")}
    with pytest.raises(CallReverted, match="why"):
        read(pool)


@pytest.mark.parametrize(
    "call",
    [
        calls.REVISION.at(POOL),
        calls.RESERVES.at(POOL),
        calls.PRICE_ORACLE.at(PROVIDER),
        calls.SENTINEL.at(PROVIDER),
        calls.GRACE_UNTIL.at(POOL, WETH),
        calls.USER_CONFIGURATION.at(POOL, WALLET),
        calls.USER_EMODE.at(POOL, WALLET),
        calls.RESERVE_DATA.at(POOL, USDC),
        calls.BASE_CURRENCY.at(ORACLE),
        calls.SCALED_BALANCE.at(a_token(WETH), WALLET),
        calls.SCALED_BALANCE.at(debt_token(USDC), WALLET),
    ],
    ids=lambda call: call.function.canonical,
)
def test_any_missing_figure_is_an_error(call: Call[Any]) -> None:
    """No figure is taken for zero."""
    pool = Pool()
    pool.more = {call: NoContract(call.origin)}
    with pytest.raises(NoContract):
        read(pool)


@pytest.mark.parametrize(
    ("word", "value", "why"),
    [
        (calls.ReserveWord.UPDATED_AT, START + 10**6, "no reserve has these indices"),
        (calls.ReserveWord.LIQUIDITY_INDEX, 0, "no reserve has these indices"),
        (calls.ReserveWord.BORROW_INDEX, RAY - 1, "no reserve has these indices"),
        (calls.ReserveWord.ID, 2, "two reserves have one id"),
    ],
)
def test_a_supply_that_counts_for_nothing_is_not_made_smaller(word: int, value: int, why: str) -> None:
    """The pool's totals do not tell of what is no collateral: nothing else would notice."""
    pool = Pool(flags=0, collateral=0, debt=0, health=NO_DEBT, owed={WETH: 0, USDC: 0})
    data = list(pool.replies()[calls.RESERVE_DATA.at(POOL, WETH)])  # type: ignore[arg-type]
    data[word] = value
    pool.more = {calls.RESERVE_DATA.at(POOL, WETH): tuple(data)}
    with pytest.raises(MalformedReply, match=why):
        read(pool)


def test_reserve_data_outside_its_types_is_malformed() -> None:
    """An address with more than 160 bits is another layout."""
    pool = Pool()
    bits = (1, 2**128 - 1, 0, RAY, 0, 0, 2**256 - 1, 0, 0, 0, 0, 0, 0, 0, 0)
    words = Function[Any](f"getReserveData(address)({','.join(['uint256'] * 15)})")
    pool.more = {words.at(POOL, USDC): bits}
    with pytest.raises(MalformedReply, match="getReserveData"):
        read(pool)


def test_unit_of_no_decimals_is_refused() -> None:
    """Its prices have no decimals to give."""
    pool = Pool()
    pool.more = {calls.BASE_UNIT.at(ORACLE): (12 * 10**7,)}
    with pytest.raises(Unsupported, match="power of ten"):
        read(pool)


def test_symbol_that_is_no_text_leaves_theaddress() -> None:
    """Some old tokens answer bytes32."""
    pool = Pool()
    pool.more = {calls.SYMBOL.at(USDC): MalformedReply("symbol()", "bytes32")}
    [account] = read(pool).result.accounts
    debt = account.positions[1]
    assert isinstance(debt, Debt)
    assert debt.asset.symbol == USDC
