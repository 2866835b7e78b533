"""Newport: the same selectors with other structs, tokens of other decimals and its own prices."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.lyra_v1 import calls, newport_calls
from adapters.lyra_v1.calls import HeldPosition, Settlement
from adapters.lyra_v1.margin import ShortOptionRule
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
)
HERE: dict[Function[Any], Any] = {
    function: reply for function, reply in ANSWERS.items() if function not in AVALON_ALONE
} | {
    newport_calls.RATE: WAD // 50,
    newport_calls.SPOT: 1_500 * WAD,
    newport_calls.NEWPORT_SETTLEMENT: Settlement(2_000 * WAD, 0, 0, WAD),
    newport_calls.SYMBOL: "USDC",
    newport_calls.DECIMALS: 6,
}


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
    assert type(short.rule) is ShortOptionRule
    assert short.rule.collateral == odd.collateral
    assert prices_of(short.rule) == {"index:ETH": 1_500 * WAD}
    assert short.reported is not None
    assert longs.rule is None
    # The stablecoin's price is nobody's word here; the base token's is.
    base = token_id(NEWPORT.chain, NEWPORT.addresses["base_asset"])
    assert {quote.asset for quote in reading.quotes} == {"index:ETH", base}
    assert ["does not tell what a liquidation takes" in sentence for sentence in reading.warnings] == [True]


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


def test_tokens_of_more_decimals_are_refused() -> None:
    """The contracts count in 18."""
    with pytest.raises(Unsupported, match="19 decimals"):
        asked({**HERE, newport_calls.DECIMALS: 19}, at=NEWPORT)


def test_avalons_structs_do_not_decode() -> None:
    """One word less in the settlement: an error, never a scale of zero."""
    with pytest.raises(MalformedReply):
        newport_calls.NEWPORT_SETTLEMENT.decode(bytes(32 * 3), "here")
