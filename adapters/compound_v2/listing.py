"""The columns of all markets of a comptroller: totals, prices, parameters by its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.compound_v2.calls import (
    ACCRUAL_BLOCK,
    ACCRUAL_TIME,
    ACTION_PAUSED,
    BORROW_INDEX,
    CASH,
    CORE_INCENTIVE,
    DEPRECATED,
    EXCHANGE_RATE,
    FORCED,
    LIQUIDATE,
    MARKET,
    MARKET_OF_TWO,
    PRICE,
    RATE_PER_BLOCK,
    RATE_PER_SECOND,
    REPAY,
    RESERVE_FACTOR,
    SEIZE,
    SEIZE_SHARE,
    TOTAL_BORROWS,
    TOTAL_RESERVES,
    TOTAL_SUPPLY,
    UNDERLYING,
)
from adapters.compound_v2.comptroller import Comptroller, absent, column, outcomes
from adapters.compound_v2.interest import Totals
from aggregator.contract import Deployment, Read, ask, join
from aggregator.model.errors import ReadError
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class Listing:
    """The columns of all markets, before it is known what their underlyings are."""

    underlyings: Mapping[Address, Address]
    prices: Sequence[int | ReadError]
    totals: Sequence[Totals]
    factors: Sequence[int]
    core_incentives: Sequence[int]
    seize_shares: Sequence[int]
    forced: Sequence[bool]
    repay_paused: Sequence[bool]
    seize_paused: Sequence[bool]
    liquidate_paused: Sequence[bool]


def read_listing(deployment: Deployment, comptroller: Comptroller) -> Read[Listing]:
    """One round: totals, prices and parameters of all markets."""
    markets, native = list(comptroller.markets), deployment.addresses.get("native_market")
    tokens = [market for market in markets if market != native]
    read = _venus_columns if comptroller.venus else _compound_columns
    totals, underlyings, prices, parameters = yield from join(
        [
            _totals(deployment, markets),
            column(UNDERLYING, tokens),
            outcomes(PRICE, comptroller.oracle, markets),
            read(deployment, comptroller, tokens),
        ]
    )
    factors, core_incentives, seize_shares, forced, *paused = parameters
    return Listing(
        dict(zip(tokens, underlyings, strict=True)),
        prices,
        totals,
        factors,
        core_incentives,
        seize_shares,
        forced,
        *paused,
    )


def _totals(deployment: Deployment, markets: list[Address]) -> Read[list[Totals]]:
    by_time = deployment.options.get("clock") == "timestamp"
    fields = [
        RATE_PER_SECOND if by_time else RATE_PER_BLOCK,
        BORROW_INDEX,
        ACCRUAL_TIME if by_time else ACCRUAL_BLOCK,
        TOTAL_BORROWS,
        TOTAL_RESERVES,
        CASH,
        TOTAL_SUPPLY,
        EXCHANGE_RATE,
        RESERVE_FACTOR,
    ]
    columns = yield from join([column(field, markets) for field in fields])
    return [Totals(*row) for row in zip(*columns, strict=True)]


def _compound_columns(
    deployment: Deployment, comptroller: Comptroller, tokens: list[Address]
) -> Read[Sequence[Sequence[int]]]:
    """Factors, incentives, seize shares, forced; repayment, seizure and liquidation paused."""
    markets = list(comptroller.markets)
    function = MARKET_OF_TWO if deployment.options.get("market_words") == 2 else MARKET
    listed, deprecated, shares = yield from join(
        [
            ask([function.each(comptroller.address, markets)]),
            outcomes(DEPRECATED, comptroller.address, markets),
            outcomes(SEIZE_SHARE, tokens),
        ]
    )
    [parameters] = listed
    # Markets from before 2021 have no share, the comptroller of some forks no deprecation.
    share = dict(zip(tokens, (absent(one) or 0 for one in shares), strict=True))
    none = [False] * len(markets)
    return (
        parameters.values(1),
        [comptroller.incentive or 0] * len(markets),
        [share.get(market, 0) for market in markets],
        [bool(absent(one)) for one in deprecated],
        none,
        [comptroller.paused] * len(markets),
        none,
    )


def _venus_columns(
    deployment: Deployment,  # noqa: ARG001
    comptroller: Comptroller,
    tokens: list[Address],  # noqa: ARG001
) -> Read[Sequence[Sequence[int]]]:
    """As for Compound; factors are the account's."""
    markets, at = list(comptroller.markets), comptroller.address
    incentives, forced, *paused = yield from join(
        [
            column(CORE_INCENTIVE, at, markets),
            column(FORCED, at, markets),
            *(column(ACTION_PAUSED, at, markets, action) for action in (REPAY, SEIZE, LIQUIDATE)),
        ]
    )
    none = [0] * len(markets)
    return (none, incentives, none, forced, *paused)
