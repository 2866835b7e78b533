"""The transactions of a trader's actions.

Trades are off-chain delayed orders, never `modifyPosition`: the latter takes the higher of two fees and is
filled at the chain's own price, which lags. So the effect of a trade waits for a keeper.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.synthetix_perps_v2.closing import ClosablePerpsV2Rule
from adapters.synthetix_perps_v2.fills import fill_price
from adapters.synthetix_perps_v2.margin import DECIMALS
from aggregator.contract import Function
from aggregator.model.actions import Action, Deposit, Trade, Untold, Withdraw
from aggregator.model.calls import UnsignedCall
from aggregator.model.units import Address, plain, scaled

TRANSFER_MARGIN: Function[tuple[()]] = Function("transferMargin(int256)()")
WITHDRAW_ALL: Function[tuple[()]] = Function("withdrawAllMargin()()")
SUBMIT: Function[tuple[()]] = Function("submitOffchainDelayedOrder(int256,uint256)()")
SUBMIT_CLOSE: Function[tuple[()]] = Function("submitCloseOffchainDelayedOrderWithTracking(uint256,bytes32)()")
_NO_TRACKING = bytes(32)

TOLERANCE_BPS = 100
"""By how much the price may have moved against the trader until a keeper executes an order."""


def calls_of(rule: ClosablePerpsV2Rule, market: Address, action: Action) -> Sequence[UnsignedCall] | Untold:
    """One call to the market; sUSD is burnt and issued by the system, so that nothing is to be approved.

    An order's limit is the fill at the price that was read with TOLERANCE_BPS against the trader, rounded
    against him too. Closing the whole is asked for as such: a position that is gone by then is not turned
    around.
    """
    settlement, key = rule.closing.settlement, rule.closing.market
    match action:
        case Deposit(asset, raw) if asset == settlement:
            data = TRANSFER_MARGIN.at(market, raw).data
            return (UnsignedCall(market, data, 0, f"deposit {_amount(raw)} sUSD as margin of {key}"),)
        case Withdraw(asset, None) if asset == settlement:
            data = WITHDRAW_ALL.at(market).data
            return (UnsignedCall(market, data, 0, f"withdraw all accessible margin of {key}"),)
        case Withdraw(asset, raw) if asset == settlement and raw is not None:
            data = TRANSFER_MARGIN.at(market, -raw).data
            return (UnsignedCall(market, data, 0, f"withdraw {_amount(raw)} sUSD of the margin of {key}"),)
        case Trade(name, size) if name == key and size:
            return _order(rule, market, size)
    return Untold(f"the account is for sUSD and trades of {key} alone")


def order_limit(rule: ClosablePerpsV2Rule, size_delta: int) -> int:
    """The worst price at which an order may be filled."""
    fill = max(fill_price(rule.market, size_delta, rule.feed.price), 0)
    if size_delta > 0:
        return -(-fill * (10_000 + TOLERANCE_BPS) // 10_000)
    return fill * (10_000 - TOLERANCE_BPS) // 10_000


def _order(rule: ClosablePerpsV2Rule, market: Address, size: int) -> Sequence[UnsignedCall]:
    limit = order_limit(rule, size)
    if size == -rule.size:
        data = SUBMIT_CLOSE.at(market, limit, _NO_TRACKING).data
        what = f"order to close {_amount(rule.size)} of {rule.closing.market}"
    else:
        data = SUBMIT.at(market, size, limit).data
        what = f"order of {_amount(size)} of {rule.closing.market}"
    worst = "at most" if size > 0 else "at least"
    return (UnsignedCall(market, data, 0, f"{what} at {worst} {_amount(limit)} USD", later="a keeper"),)


def _amount(raw: int) -> str:
    return plain(scaled(raw, DECIMALS))
