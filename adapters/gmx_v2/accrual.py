"""Borrowing fees and funding since they were last settled: what the contracts would settle first.

Source: `getNextCumulativeBorrowingFactor` and `getNextFundingAmountPerSize` of MarketUtils.sol of github
gmx-io/gmx-synthetics, with all of their switches.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.gmx_v2.fixed_point import FLOAT, FLOAT_ROOT, apply_exponent, apply_factor, round_up, to_factor
from adapters.gmx_v2.state import Market, Prices, Side

PER_SIZE = FLOAT * FLOAT_ROOT
"""Funding for one USD of size is kept with 15 decimals more."""


def elapsed(since: int, time: int) -> int:
    """Seconds since something was updated; none where it never was. Raises ValueError on a time before."""
    if since > time:
        raise ValueError(f"updated at {since}, which is after {time}")
    return time - since if since else 0


def borrowing_per_second(market: Market, prices: Prices, is_long: bool) -> int:
    """The factor of a position's size that a side pays a second; raises ArithmeticError on an empty pool."""
    side = market.side(is_long)
    reserved = market.tokens(is_long) * prices.index.high if is_long else market.open_interest(is_long)
    if reserved == 0 or _skipped(market, prices, is_long):
        return 0
    pool_usd = market.pool_usd(is_long, prices)
    if pool_usd == 0:
        raise ZeroDivisionError("UnableToGetBorrowingFactorEmptyPoolUsd")
    if side.optimal_usage:
        return _kinked(side, reserved, pool_usd)
    powered = apply_exponent(reserved, side.borrowing_exponent)
    return apply_factor(to_factor(powered, pool_usd), side.borrowing_factor)


def _skipped(market: Market, prices: Prices, is_long: bool) -> bool:
    if not market.skip_smaller:
        return False
    mid = prices.index.mid
    return market.balance(is_long, mid) < market.balance(not is_long, mid)


def _kinked(side: Side, reserved: int, pool_usd: int) -> int:
    usage = to_factor(reserved, apply_factor(pool_usd, side.reserve_factor))
    per_second = apply_factor(usage, side.base_borrowing)
    if usage > side.optimal_usage and side.optimal_usage < FLOAT:
        more = max(0, side.above_optimal_borrowing - side.base_borrowing)
        per_second += more * (usage - side.optimal_usage) // (FLOAT - side.optimal_usage)
    return per_second


def cumulative_borrowing(market: Market, prices: Prices, is_long: bool, time: int) -> int:
    """The cumulative factor of a side as of a time."""
    side = market.side(is_long)
    seconds = elapsed(side.borrowing_updated_at, time)
    return side.cumulative_borrowing + seconds * borrowing_per_second(market, prices, is_long)


def funding_per_second(market: Market, price: int, seconds: int) -> tuple[int, bool]:
    """The factor that the paying side pays a second after so many, and whether the longs pay."""
    terms = market.funding
    longs, shorts = market.balance(True, price), market.balance(False, price)  # noqa: FBT003
    imbalance = abs(longs - shorts)
    if imbalance == 0 and terms.increase == 0:
        return 0, True
    if longs + shorts == 0:
        raise ZeroDivisionError("UnableToGetFundingFactorEmptyOpenInterest")
    skew = to_factor(apply_exponent(imbalance, terms.exponent), longs + shorts)
    if terms.increase == 0:
        return min(apply_factor(skew, terms.factor), terms.maximum), longs > shorts
    following = _bounded(_adapted(market, longs - shorts, skew, seconds), 0, terms.maximum)
    bounded = _bounded(following, terms.minimum, terms.maximum)
    return abs(bounded), bounded > 0


def _adapted(market: Market, imbalance: int, skew: int, seconds: int) -> int:
    terms = market.funding
    saved = terms.saved
    same_way = (saved > 0 and imbalance > 0) or (saved < 0 and imbalance < 0)
    if not same_way or skew > terms.stable_threshold:
        change = apply_factor(skew, terms.increase) * seconds
        return saved - change if imbalance < 0 else saved + change
    if skew < terms.decrease_threshold and saved:
        sign = 1 if saved > 0 else -1
        # It stops one above nothing, so that its direction is kept.
        return sign * max(abs(saved) - terms.decrease * seconds, 1)
    return saved


def _bounded(value: int, least: int, most: int) -> int:
    magnitude = min(max(abs(value), least), most)
    return -magnitude if value < 0 else magnitude


@dataclass(frozen=True, slots=True)
class FundingDelta:
    """What is added to one side's funding for a unit of size, of positions with one collateral.

    `fee` is in that collateral, the claims are in the long and the short token; all with 45 decimals.
    """

    fee: int = 0
    claim_long: int = 0
    claim_short: int = 0


def funding_delta(
    market: Market,
    prices: Prices,
    is_long: bool,
    collateral_is_long: bool,
    time: int,
) -> FundingDelta:
    """Funding of a position's side since it was last settled."""
    longs, shorts = market.open_interest(True), market.open_interest(False)  # noqa: FBT003
    if longs == 0 or shorts == 0:
        return FundingDelta()
    seconds = elapsed(market.funding.updated_at, time)
    per_second, longs_pay = funding_per_second(market, prices.index.mid, seconds)
    payers, received = (longs, shorts) if longs_pay else (shorts, longs)
    paying = market.side(longs_pay)
    usd = apply_factor(payers, seconds * per_second) // market.parts
    by_long, by_short = paying.open_interest_long // market.parts, paying.open_interest_short // market.parts
    of_long, of_short = usd * by_long // payers, usd * by_short // payers
    # A single token's two halves are both added to one value.
    times = market.parts
    if is_long == longs_pay:
        if collateral_is_long:
            return FundingDelta(fee=times * _per_size_up(of_long, by_long, prices.long.high))
        return FundingDelta(fee=times * _per_size_up(of_short, by_short, prices.short.high))
    return FundingDelta(
        claim_long=times * _per_size(of_long, received, prices.long.high),
        claim_short=times * _per_size(of_short, received, prices.short.high),
    )


def _per_size(usd: int, size: int, price: int) -> int:
    return usd * PER_SIZE // size // price if usd and size else 0


def _per_size_up(usd: int, size: int, price: int) -> int:
    return round_up(round_up(usd * PER_SIZE, size), price) if usd and size else 0
