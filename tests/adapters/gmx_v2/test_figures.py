"""Against what the real contracts answered, and against liquidation prices that were found by asking them."""

from __future__ import annotations

import pytest

from adapters.gmx_v2.fixed_point import FLOAT, apply_exponent
from adapters.gmx_v2.margin import GmxRule
from adapters.gmx_v2.position import Position
from adapters.gmx_v2.state import Fees, Funding, Impact, Market, Pool, Side, Token
from aggregator.model.assets import index_id, token_id
from aggregator.model.close_outs import CloseOut, LossBearer
from aggregator.model.rules import Feed, Oracle, Refused, prices_of
from tests.adapters.gmx_v2.drawn import CHAIN, USDC, WETH, drawn
from tests.adapters.gmx_v2.figures import INSOLVENT, PAID, REMAINING


@pytest.mark.parametrize("seed", REMAINING)
def test_what_is_left_is_what_the_contracts_say(seed: int) -> None:
    """To the last digit, settled at the same prices and time."""
    one = drawn(seed)
    health = one.rule.health(one.prices, one.time)
    assert health.power == REMAINING[seed]
    assert health.liquidatable == (seed in PAID or seed in INSOLVENT)


@pytest.mark.parametrize("seed", PAID)
def test_a_close_out_pays_what_the_contracts_paid(seed: int) -> None:
    """To the owner, the pool and the protocol."""
    one = drawn(seed)
    done = one.rule.close_out(one.prices, one.time)
    assert isinstance(done, CloseOut)
    fees = {fee.receiver: fee.amount.raw for fee in done.fees}
    assert (sum(one.raw for one in done.returned), fees["pool"], fees["protocol"]) == PAID[seed]
    assert not done.bad_debt
    assert done.successor is None
    [closed] = done.closed
    assert abs(closed.size_raw) == one.rule.position.size_tokens


@pytest.mark.parametrize("seed", INSOLVENT)
def test_an_insolvent_close_out_leaves_a_debt_to_the_pool(seed: int) -> None:
    """As the contracts say that it is insolvent; nothing is paid out."""
    one = drawn(seed)
    done = one.rule.close_out(one.prices, one.time, "drawn")
    assert isinstance(done, CloseOut)
    assert done.bad_debt
    assert done.borne_by == (LossBearer.POOL,)
    assert not done.returned


@pytest.mark.parametrize(("seed", "claimable"), [(1463, 20741739443436262), (2303, 4157915)])
def test_what_is_left_may_all_go_to_what_can_be_claimed_later(seed: int, claimable: int) -> None:
    """Where it is less than the impact beyond the limit: the contracts call it insolvent, but nobody loses.

    Figures of the DataStore of the real contracts after such closes.
    """
    one = drawn(seed)
    done = one.rule.close_out(one.prices, one.time)
    assert isinstance(done, CloseOut)
    assert [amount.raw for amount in done.forfeited] == [claimable]
    assert not done.returned
    assert not done.bad_debt
    assert not done.borne_by
    assert done.fees


def test_what_can_not_be_closed_says_why() -> None:
    """In the words of the contract where it has some."""
    one = drawn(next(seed for seed in REMAINING if seed not in PAID and seed not in INSOLVENT))
    refused = one.rule.close_out(one.prices, one.time)
    assert refused == Refused("PositionShouldNotBeLiquidated")
    other = one.rule.close_out(one.prices, one.time, "another")
    assert isinstance(other, Refused)
    assert other.reason.startswith("EmptyPosition")


def test_powers_are_the_librarys() -> None:
    """Figures of PRBMathUD60x18.pow of npm prb-math 2.4.3: fractions are cut off as it cuts them."""
    assert apply_exponent(FLOAT - 1, 2 * FLOAT) == 0
    assert apply_exponent(7 * FLOAT, FLOAT) == 7 * FLOAT
    assert apply_exponent(50_000 * FLOAT, 2 * FLOAT) == 2_499_999_999_999_999_953_675_116_958 * 10**12
    with pytest.raises(OverflowError):
        apply_exponent(10**35 * FLOAT, 2 * FLOAT)


# Eight positions of one ETH/USD market: long or not, with WETH as collateral or USDC, size, collateral,
# impact that is pending, and pending borrowing fees; then the price at which `isPositionLiquidatable` of the
# real contracts begins to say yes, found by bisection with index and WETH moved together.
# Source: a run of github gmx-io/gmx-synthetics on a local node, handed on as figures.
BISECTED = (
    (
        True,
        False,
        50_000,
        4_970_000_000,
        -50_000_000_000_000,
        432011308773505985908625800000,
        4555.043201099999,
    ),
    (
        *(False, True, 20_000, 1_998_400_000_000_000_000, 15_999_999_999_999),
        *(69121585268088410669292800000, 9885.655819798085),
    ),
    (True, False, 10_000, 994_000_000, -14_000_000_000_000, 1399996080010975969260000, 4555.0000005),
    (
        *(True, True, 10_000, 98_800_000_000_000_000, -18_000_000_000_000),
        *(1399996080010975969260000, 4814.179531827709),
    ),
    (False, False, 10_000, 196_000_000, 8_999_999_999_999, 599995200038399692800000, 5044.787611544252),
    (False, True, 10_000, 99_200_000_000_000_000, 6_999_999_999_999, 0, 5204.948576725608),
    (True, False, 90, 9_946_000, -108_162_000_001, 0, 4505.0),
    (True, True, 200_000, 3_976_000_000_000_000_000, -1_040_720_000_000_000, 0, 4595.283350083866),
)


@pytest.mark.parametrize("number", range(len(BISECTED)))
def test_liquidation_prices_are_those_found_by_asking_the_contracts(number: int) -> None:
    """Within what the bisection resolved: a millionth of a dollar."""
    is_long, by_weth, usd, collateral, pending, borrowing, expected = BISECTED[number]
    rule = _rule(is_long, by_weth, usd, collateral, pending, borrowing)
    index = rule.market.index.feed
    below, above = rule.liquidation_prices(prices_of(rule), rule.time, index.asset)
    found = below if is_long else above
    assert found is not None
    assert found / 10**index.decimals == pytest.approx(expected, abs=1.5e-6)


def _rule(is_long: bool, by_weth: bool, usd: int, collateral: int, pending: int, borrowing: int) -> GmxRule:
    """All eight positions are the market's open interest: 270,090 USD long, 40,000 short, opened at 5,000."""
    index = Token(Feed(index_id("ETH"), Oracle.MARKET, 5_000 * 10**12, 12, "a test"), 0)
    usdc = Token(Feed(token_id(CHAIN, USDC), Oracle.MARKET, 10**24, 24, "a test"), 0)
    size = usd * FLOAT
    factor = -(-borrowing * FLOAT // size)
    sides = {
        side: Side(
            open_interest_long=0,
            open_interest_short=total * FLOAT,
            tokens_long=0,
            tokens_short=total * 10**18 // 5_000,
            cumulative_borrowing=factor,
            borrowing_updated_at=0,
            borrowing_factor=0,
            borrowing_exponent=FLOAT,
            optimal_usage=0,
            base_borrowing=0,
            above_optimal_borrowing=0,
            reserve_factor=FLOAT,
            max_trader_pnl=FLOAT,
            max_adl_pnl=FLOAT,
            max_withdrawal_pnl=FLOAT,
            total_borrowing=0,
        )
        for side, total in ((True, 270_090), (False, 40_000))
    }
    market = Market(
        address=WETH,
        name="ETH/USD",
        index=index,
        long=index,
        short=usdc,
        single=False,
        longs=sides[True],
        shorts=sides[False],
        pool=Pool(1_000 * 10**18, 5_000_000 * 10**6, 0, 0, 0, 0, 0, 0, 0),
        funding=Funding(0, FLOAT, 0, 0, 0, 0, 0, 0, 0, 0),
        impact=Impact(
            positive_factor=5 * 10**19,
            negative_factor=10**20,
            positive_exponent=2 * FLOAT,
            negative_exponent=2 * FLOAT,
            max_positive=2 * 10**28,
            max_negative=2 * 10**28,
            max_for_liquidations=5 * 10**27,
            virtual=None,
        ),
        fees=Fees(4 * 10**26, 6 * 10**26, 0, 10**28, FLOAT, 0, 0, 0),
        tokens_for_balance=False,
        skip_smaller=False,
        disabled=False,
    )
    held = token_id(CHAIN, WETH if by_weth else USDC)
    position = Position(is_long, by_weth, size, usd * 10**18 // 5_000, collateral, pending, 0, 0, 0, 0, 0)
    return GmxRule(1, market, position, held, token_id(CHAIN, WETH if is_long else USDC))
