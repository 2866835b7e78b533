"""Newport: the same selectors with other structs, tokens of other decimals and its own prices."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.lyra_v1 import calls, closing_calls, newport_calls
from adapters.lyra_v1.adjusting import AdjustableShortRule
from adapters.lyra_v1.base_exchange import BaseRate
from adapters.lyra_v1.calls import HeldPosition, MarketAddresses, Settlement
from adapters.lyra_v1.closing import ClosableShortRule
from adapters.lyra_v1.closing_calls import GlobalGreeks
from adapters.lyra_v1.margin import ShortOptionRule
from adapters.lyra_v1.newport_calls import Future, Futures, Liquidity
from adapters.lyra_v1.pool_state import NO_HEDGER
from adapters.lyra_v1.pool_value import NEGATIVE_ASSETS, NewportPool, WorthlessPool
from aggregator.contract import Function
from aggregator.model.assets import token_id
from aggregator.model.errors import (
    CallReverted,
    MalformedReply,
    ProviderUnavailable,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.positions import Option, Supply
from aggregator.model.rules import prices_of
from tests.adapters.lyra_v1.test_read import ANSWERS, LONG, NEWPORT, SHORT, WAD, asked

AVALON_ALONE = (
    calls.CACHE_PARAMETERS,
    calls.SETTLEMENT,
    calls.BASE_KEY,
    calls.QUOTE_KEY,
    calls.EXCHANGE_RATES,
    calls.RATE_AND_INVALID,
    closing_calls.EXCHANGER,
    closing_calls.EXCHANGE_FEE,
    closing_calls.HEDGE,
    closing_calls.NET_VALUE,
)
ON_GMX: dict[Function[Any], Any] = {
    newport_calls.FUTURES: Futures(
        Future(30_000 * WAD, 9_000 * WAD, 3_000 * WAD), Future(12_000 * WAD, 5_000 * WAD, -1_000 * WAD)
    ),
    newport_calls.PERP_MARGIN: CallReverted("getCurrentPositionMargin", "no such function"),
    newport_calls.PERP_SIZE: 0,
}
ON_SYNTHETIX: dict[Function[Any], Any] = {
    newport_calls.FUTURES: CallReverted("getPositions", "no such function"),
    newport_calls.PERP_MARGIN: 16_000 * WAD,
    newport_calls.PERP_SIZE: -14 * WAD,
}
HERE: dict[Function[Any], Any] = (
    {function: reply for function, reply in ANSWERS.items() if function not in AVALON_ALONE}
    | {
        newport_calls.RATE: WAD // 50,
        newport_calls.SPOT: 1_500 * WAD,
        newport_calls.NEWPORT_SETTLEMENT: Settlement(2_000 * WAD, 0, 0, WAD),
        newport_calls.SYMBOL: "USDC",
        newport_calls.DECIMALS: 6,
        newport_calls.BASE_FOR_QUOTE: newport_calls.PROBE // 1_400,
        newport_calls.USUAL_IV_PERIOD: 86_400,
        newport_calls.LIQUIDITY: Liquidity(16_500 * WAD, 900_000 * WAD, WAD),
        newport_calls.PROTECTED: 100_000 * WAD,
        closing_calls.GLOBAL_GREEKS: GlobalGreeks(-WAD, 50_000 * WAD),
        calls.BALANCE: 0,
    }
    | ON_GMX
)


def test_collateral_counts_in_the_tokens_own_decimals() -> None:
    """The contracts count in 18 decimals, the token has six; rule and view keep the 18."""
    odd = SHORT._replace(collateral=900 * WAD + WAD // 10**6 + 7)
    reading, batches = asked({**HERE, calls.OWNER_POSITIONS: (odd, LONG)}, at=NEWPORT)
    assert len(batches) == 3
    short, longs = reading.accounts
    option, collateral = short.positions
    assert isinstance(option, Option)
    assert isinstance(collateral, Supply)
    assert (option.size_raw, option.size_decimals, option.rate) == (-2 * WAD, 18, 0.02)
    assert (collateral.raw, collateral.asset.decimals, collateral.asset.symbol) == (900_000_001, 6, "USDC")
    assert type(short.rule) is AdjustableShortRule
    assert (short.rule.closing.collateral_decimals, short.rule.closing.quote_decimals) == (6, 6)
    assert short.rule.closing.exchange == BaseRate(newport_calls.PROBE // 1_400, 1_500 * WAD)
    assert short.rule.collateral == odd.collateral
    assert prices_of(short.rule) == {"index:ETH": 1_500 * WAD}
    assert short.reported is not None
    assert longs.rule is None
    # The stablecoin's price is nobody's word here; the base token's is.
    base = token_id(NEWPORT.chain, NEWPORT.addresses["base_asset"])
    assert {quote.asset for quote in reading.quotes} == {"index:ETH", base}
    assert reading.warnings == ()


def pool_of(answers: dict[Function[Any], Any]) -> NewportPool:
    """The pool as a short's liquidation is reckoned with."""
    reading, _ = asked(answers, at=NEWPORT)
    rule = reading.accounts[0].rule
    assert isinstance(rule, ClosableShortRule)
    assert isinstance(rule.closing.buy_back.pool, NewportPool)
    return rule.closing.buy_back.pool


def test_hedges_are_worth_what_they_are_and_move_by_their_size() -> None:
    """On GMX by dollars at today's price, on Synthetix by tokens; not below nothing."""
    on_gmx = pool_of(HERE)
    assert (on_gmx.long_value, on_gmx.short_value) == (12_000 * WAD, 4_000 * WAD)
    assert (on_gmx.long_delta, on_gmx.short_delta) == (22 * WAD, -(13_000 * WAD // 1_500))
    on_synthetix = pool_of({**HERE, **ON_SYNTHETIX})
    assert (on_synthetix.short_value, on_synthetix.short_delta) == (16_000 * WAD, -14 * WAD)
    for pool in (on_gmx, on_synthetix):
        # At the block it is the contract's own figure.
        assert pool.value(1_500 * WAD) == 900_000 * WAD
    assert on_gmx.total(1_600 * WAD) - on_gmx.total(1_500 * WAD) == 2_200 * WAD - 13_000 * WAD // 1_500 * 100
    # The short on Synthetix is gone from 1,500 + 16,000 / 14 on.
    assert on_synthetix.total(3_000 * WAD) == on_synthetix.total(5_000 * WAD)
    longer = pool_of({**HERE, **ON_SYNTHETIX, newport_calls.PERP_SIZE: WAD})
    assert (longer.long_delta, longer.short_delta) == (WAD, 0)
    nobody = pool_of({**HERE, **NO_HEDGE})
    assert nobody.hedges == ((0, 0), (0, 0))


NO_HEDGE: dict[Function[Any], Any] = {
    calls.MARKET_ADDRESSES: MarketAddresses(*HERE[calls.MARKET_ADDRESSES])._replace(pool_hedger=NO_HEDGER),
    closing_calls.POOL_HEDGER: NO_HEDGER,
}


def test_what_traders_are_owed_is_cut_to_what_is_not_protected() -> None:
    """Each case of the contract's own."""
    pool = NewportPool(assets=1_000 * WAD, base=0, debt=300 * WAD, protected=500 * WAD, at=WAD)
    assert pool.value(WAD) == 700 * WAD
    assert pool._replace(debt=600 * WAD).value(WAD) == 500 * WAD + 200
    assert pool._replace(protected=1_001 * WAD).value(WAD) == 1_000 * WAD
    assert pool._replace(debt=-50 * WAD).value(WAD) == 1_050 * WAD
    with pytest.raises(WorthlessPool, match=NEGATIVE_ASSETS):
        pool._replace(assets=-1).value(WAD)


@pytest.mark.parametrize(
    "bad",
    [
        {**ON_SYNTHETIX, newport_calls.FUTURES: ON_GMX[newport_calls.FUTURES]},
        {**ON_SYNTHETIX, newport_calls.PERP_MARGIN: CallReverted("getCurrentPositionMargin", "no")},
        {**ON_SYNTHETIX, newport_calls.PERP_MARGIN: 0},
        {closing_calls.POOL_HEDGER: NO_HEDGER},
        {newport_calls.BASE_FOR_QUOTE: 0},
        {newport_calls.BASE_FOR_QUOTE: CallReverted("estimateExchangeToExactQuote", "suspended")},
        {newport_calls.LIQUIDITY: CallReverted("getLiquidity", "no")},
    ],
)
def test_without_a_known_hedger_or_exchange_there_is_no_close_out(bad: dict[Function[Any], Any]) -> None:
    """Neither kind, both, one without margin, another than listed: said, and the test of solvency stands."""
    reading, _ = asked({**HERE, **bad}, at=NEWPORT)
    assert type(reading.accounts[0].rule) is ShortOptionRule
    assert reading.accounts[0].reported is not None
    [sentence] = reading.warnings
    assert "does not tell what a liquidation takes" in sentence


@pytest.mark.parametrize(
    ("position", "settlement", "raw"),
    [
        (HeldPosition(8, 3, 0, 3 * WAD, 0, 1), Settlement(2_000 * WAD, 2_300 * WAD, 0, WAD), 900_000_000),
        (
            HeldPosition(8, 3, 0, 3 * WAD, 0, 1),
            Settlement(2_000 * WAD, 2_300 * WAD, 0, WAD // 3),
            299_999_999,
        ),
        (
            HeldPosition(8, 3, 1, 3 * WAD, 0, 1),
            Settlement(2_000 * WAD, 1_900 * WAD, 0, WAD // 2),
            150_000_000,
        ),
        (
            HeldPosition(8, 3, 3, WAD, 400 * WAD, 1),
            Settlement(2_000 * WAD, 2_300 * WAD, 0, WAD // 2),
            100_000_000,
        ),
        (HeldPosition(8, 3, 4, WAD, 50 * WAD, 1), Settlement(2_000 * WAD, 1_900 * WAD, 0, WAD), 0),
    ],
)
def test_longs_of_a_pool_that_can_not_pay_get_their_part(
    position: HeldPosition, settlement: Settlement, raw: int
) -> None:
    """The scale is of longs alone, applied to the amount; what is below the token's unit is cut off."""
    answers = {**HERE, calls.OWNER_POSITIONS: (position,), newport_calls.NEWPORT_SETTLEMENT: settlement}
    reading, _ = asked(answers, at=NEWPORT)
    [account] = reading.accounts
    [claim] = account.positions
    assert isinstance(claim, Supply)
    assert claim.raw == raw
    assert "is settled at" in reading.warnings[0]


def test_a_price_of_zero_or_none_is_no_number() -> None:
    """The adapter refuses while paused or stale; nobody's answer is never taken for a refusal."""
    with pytest.raises(UnusablePrice):
        asked({**HERE, newport_calls.SPOT: 0}, at=NEWPORT)
    with pytest.raises(CallReverted):
        asked({**HERE, newport_calls.SPOT: CallReverted("spot", "MarketIsPaused")}, at=NEWPORT)
    empty = {**HERE, calls.OWNER_POSITIONS: ()}
    reading, _ = asked({**empty, newport_calls.SPOT: CallReverted("spot", "MarketIsPaused")}, at=NEWPORT)
    assert (reading.accounts, reading.quotes, len(reading.warnings)) == ((), (), 1)
    with pytest.raises(ProviderUnavailable):
        asked({**empty, newport_calls.SPOT: ProviderUnavailable("one", "timed out")}, at=NEWPORT)


def test_a_token_without_a_symbol_that_is_text_is_called_by_its_address() -> None:
    """As old tokens answer, with bytes32: the market can be read all the same."""
    odd = MalformedReply("symbol()", "no text")
    reading, _ = asked({**HERE, newport_calls.SYMBOL: odd}, at=NEWPORT)
    assert reading.failures == ()
    assert reading.accounts


def test_tokens_of_more_decimals_are_refused() -> None:
    """The contracts count in 18."""
    with pytest.raises(Unsupported, match="19 decimals"):
        asked({**HERE, newport_calls.DECIMALS: 19}, at=NEWPORT)


def test_avalons_structs_do_not_decode() -> None:
    """One word less in the settlement: an error, never a scale of zero."""
    with pytest.raises(MalformedReply):
        newport_calls.NEWPORT_SETTLEMENT.decode(bytes(32 * 3), "here")
