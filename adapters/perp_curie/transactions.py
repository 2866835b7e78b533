"""The transactions of a trader's actions, unsigned.

Source: Vault.sol and ClearingHouse.sol of npm `@perp/curie-contract` 2.8.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.perp_curie import calls, trading
from adapters.perp_curie.actions import repayment
from adapters.perp_curie.market import DAY_SECONDS, DUST, MILLION
from aggregator.contract import approval, token_address
from aggregator.model.actions import Action, Repay, Trade, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.calls import UnsignedCall
from aggregator.model.rules import Refused
from aggregator.model.units import Address

if TYPE_CHECKING:
    from adapters.perp_curie.access import Access
    from adapters.perp_curie.margin import CurieRule

TOLERANCE = 5_000
"""Millionths of the quote that a trade may bring less, or cost more, than at the block."""
NO_REFERRAL = bytes(32)
NO_LIMIT = (
    0  # of the pool's price: a trade that reaches one is done in part, while the bound of quote reverts
)


def calls_of(rule: CurieRule, action: Action) -> Sequence[UnsignedCall] | Untold:
    """See CurieRule.calls."""
    if rule.access is None:
        return Untold("where the trader acts was not read")
    if isinstance(action, Trade):
        return _trade(rule, rule.access, action)
    token = token_address(action.asset)
    if token is None:
        return Untold(f"{action.asset} is no token that the vault could take")
    if isinstance(action, Withdraw):
        return [_withdrawal(rule.access, token, action.raw)]
    if isinstance(action, Repay):
        if action.asset != rule.settlement or not repayment(rule, action):
            return Untold("nothing of it is owed")
        return _deposit(rule.access, action.asset, token, repayment(rule, action))
    return _deposit(rule.access, action.asset, token, action.raw)


def _deposit(access: Access, asset: AssetId, token: Address, raw: int) -> list[UnsignedCall]:
    data = calls.DEPOSIT.at(access.vault, token, raw).data
    said = f"Deposit {raw} of the smallest unit of the token {token} into the Curie vault"
    return [approval(asset, access.vault, raw), UnsignedCall(access.vault, data, 0, said)]


def _withdrawal(access: Access, token: Address, raw: int | None) -> UnsignedCall:
    if raw is None:
        data = calls.WITHDRAW_ALL.at(access.vault, token).data
        return UnsignedCall(
            access.vault, data, 0, f"Withdraw all that is free of the token {token} from the Curie vault"
        )
    data = calls.WITHDRAW.at(access.vault, token, raw).data
    said = f"Withdraw {raw} of the smallest unit of the token {token} from the Curie vault"
    return UnsignedCall(access.vault, data, 0, said)


def _trade(rule: CurieRule, access: Access, action: Trade) -> Sequence[UnsignedCall] | Untold:
    found = rule.market(action.market)
    if found is None:
        return Untold(f"the trader has nothing in {action.market}, and such a market was not read")
    filled = trading.fill(rule, found, found.feed.price, rule.time, action.size_raw)
    if isinstance(filled, Untold):
        return filled
    if isinstance(filled, Refused):
        return Untold(f"the market would refuse it at the block: {filled.reason}")
    sells, size = action.size_raw < 0, abs(action.size_raw)
    bound = _bound(filled.quote)
    deadline = rule.time + DAY_SECONDS
    if action.size_raw == -found.size and size >= DUST:
        # The contract takes that share of the bound that it closes, in millionths.
        share = abs(filled.base) * MILLION // size
        if not share:
            return Untold("the market would close next to nothing of it at once")
        bound = bound * MILLION // share if sells else -(-bound * MILLION // share)
        closing = (found.base, NO_LIMIT, bound, deadline, NO_REFERRAL)
        data, what = calls.CLOSE_POSITION.at(access.clearing_house, closing).data, "Close the position"
    else:
        order = (found.base, sells, sells, size, bound, deadline, NO_LIMIT, NO_REFERRAL)
        data = calls.OPEN_POSITION.at(access.clearing_house, order).data
        what = f"{'Sell' if sells else 'Buy'} {size} of the smallest unit"
    said = f"{what} in {found.name}, for at {'least' if sells else 'most'} {bound} of quote (18 decimals)"
    return [UnsignedCall(access.clearing_house, data, 0, said)]


def _bound(quote: int) -> int:
    """What a sale must bring at least, or a purchase may cost at most; 0 would be no bound at all."""
    if quote > 0:
        return max(1, quote * (MILLION - TOLERANCE) // MILLION)
    return -(quote * (MILLION + TOLERANCE) // MILLION)
