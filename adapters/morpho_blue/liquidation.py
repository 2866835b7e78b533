"""What `Morpho.liquidate` does, wei by wei, for either of its two arguments: shares repaid or assets seized.

Source: Morpho.sol of npm @morpho-org/morpho-blue 1.0.0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.morpho_blue.market_state import MarketState, mul_div_up
from aggregator.model.rules import WAD, Refused

ORACLE_PRICE_SCALE = 10**36
CURSOR = 3 * WAD // 10
MAX_INCENTIVE = 115 * WAD // 100
MOST = 2**128 - 1  # totals and positions are uint128

INCONSISTENT = Refused("inconsistent input")
HEALTHY = Refused("position is healthy")
UNDERFLOW = Refused("Panic(0x11)")
TOO_LARGE = Refused("max uint128 exceeded")


@dataclass(frozen=True, slots=True)
class Position:
    """A borrower in one market: shares owed, collateral in its smallest unit."""

    borrow_shares: int
    collateral: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What a liquidation moved, in smallest units, and what is left; `market` has its interest added."""

    repaid_shares: int
    repaid_assets: int
    seized: int
    bad_debt: int
    market: MarketState
    position: Position


def incentive(lltv: int) -> int:
    """What a liquidator gets per unit repaid, 18 decimals: min(1.15, 1 / (1 - 0.3 (1 - lltv)))."""
    return min(MAX_INCENTIVE, WAD * WAD // (WAD - CURSOR * (WAD - lltv) // WAD))


def max_borrow(collateral: int, price: int, lltv: int) -> int:
    """What may be owed against collateral, in the loan asset's smallest unit, rounded down twice."""
    return collateral * price // ORACLE_PRICE_SCALE * lltv // WAD


def seizable(market: MarketState, shares: int, price: int, lltv: int) -> int:
    """Collateral that repaying so many shares takes; `market` has its interest added, `price` > 0."""
    return market.owed_down(shares) * incentive(lltv) // WAD * ORACLE_PRICE_SCALE // price


def settle(
    market: MarketState, position: Position, price: int, lltv: int, *, seized: int = 0, repaid_shares: int = 0
) -> Settled | Refused:
    """A liquidation with the contract's own arguments, of which one must be zero; `price` > 0.

    `market` has its interest added. Refuses as the contract reverts, in its order: also a repayment of more
    shares than are owed, and a seizure of more collateral than there is. Collateral of zero afterwards
    writes off the rest of the debt.
    """
    if (seized == 0) == (repaid_shares == 0):
        return INCONSISTENT
    if max_borrow(position.collateral, price, lltv) >= market.owed(position.borrow_shares):
        return HEALTHY
    if seized:
        quoted = mul_div_up(seized, price, ORACLE_PRICE_SCALE)
        repaid_shares = market.repaid_shares_up(mul_div_up(quoted, WAD, incentive(lltv)))
    else:
        seized = seizable(market, repaid_shares, price, lltv)
    repaid_assets = market.owed(repaid_shares)
    if repaid_shares > MOST:
        return TOO_LARGE
    if repaid_shares > position.borrow_shares:
        return UNDERFLOW
    if seized > MOST:
        return TOO_LARGE
    if seized > position.collateral:
        return UNDERFLOW
    # Rounded up, the last repayment may be one unit more than the market's total.
    owed_assets = max(market.borrow_assets - repaid_assets, 0)
    left = Position(position.borrow_shares - repaid_shares, position.collateral - seized)
    after = replace(market, borrow_assets=owed_assets, borrow_shares=market.borrow_shares - repaid_shares)
    if left.collateral:
        return Settled(repaid_shares, repaid_assets, seized, 0, after, left)
    bad = min(after.borrow_assets, after.owed(left.borrow_shares))
    after = replace(
        after,
        borrow_assets=after.borrow_assets - bad,
        supply_assets=after.supply_assets - bad,
        borrow_shares=after.borrow_shares - left.borrow_shares,
    )
    return Settled(repaid_shares, repaid_assets, seized, bad, after, Position(0, 0))
