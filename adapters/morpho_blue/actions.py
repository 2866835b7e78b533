"""What a borrower's own actions do on Morpho Blue, wei by wei.

Source: `repay`, `supplyCollateral` and `withdrawCollateral` of Morpho.sol, npm @morpho-org/morpho-blue 1.0.0.
"""

from __future__ import annotations

from dataclasses import replace

from adapters.morpho_blue.liquidation import INCONSISTENT, MOST, TOO_LARGE, UNDERFLOW, Position, max_borrow
from adapters.morpho_blue.market_state import MarketState
from aggregator.model.rules import Refused

ZERO = Refused("zero assets")
UNHEALTHY = Refused("insufficient collateral")


def repaid(
    market: MarketState, position: Position, assets: int | None
) -> tuple[int, MarketState, Position] | Refused:
    """So many assets repaid, or all shares where None: what is paid, market and position afterwards.

    `market` has its interest added. Assets buy whole shares, rounded down, and may buy none.
    """
    if assets is None:
        shares, assets = position.borrow_shares, market.owed(position.borrow_shares)
        if not shares:
            return INCONSISTENT
    else:
        if not assets:
            return INCONSISTENT
        shares = market.repaid_shares(assets)
    if shares > position.borrow_shares:
        return UNDERFLOW
    # Rounded up, the last repayment may be one unit more than the market's total.
    after = replace(
        market,
        borrow_assets=max(market.borrow_assets - assets, 0),
        borrow_shares=market.borrow_shares - shares,
    )
    return assets, after, replace(position, borrow_shares=position.borrow_shares - shares)


def deposited(position: Position, assets: int) -> Position | Refused:
    """Collateral added; the market is not touched, and adds no interest."""
    if not assets:
        return ZERO
    total = position.collateral + assets
    return TOO_LARGE if total > MOST else replace(position, collateral=total)


def withdrawn(
    market: MarketState, position: Position, assets: int, price: int, lltv: int
) -> Position | Refused:
    """Collateral taken out, where what is left covers the debt; `market` has its interest added."""
    if not assets:
        return ZERO
    if assets > position.collateral:
        return UNDERFLOW
    left = replace(position, collateral=position.collateral - assets)
    owed = market.owed(left.borrow_shares)
    return UNHEALTHY if left.borrow_shares and max_borrow(left.collateral, price, lltv) < owed else left
