"""An owner's actions as calls of a market, or of the VAI controller, unsigned.

A market may answer an error code instead of reverting: its transaction then succeeds and does nothing.
Source: CToken and CEther of Compound V2, VToken and VAIController of Venus (npm
@venusprotocol/venus-protocol 10.3.0).
"""

from __future__ import annotations

from adapters.compound_v2.position import Leg, VaiDebt
from aggregator.contract import Function, approval, token_address, with_margin
from aggregator.model.actions import AssetAction, Deposit, Repay, Untold
from aggregator.model.assets import AssetId
from aggregator.model.calls import Hands, UnsignedCall
from aggregator.model.units import Address

REPAY: Function[int] = Function("repayBorrow(uint256)(uint256)")
REPAY_COINS: Function[None] = Function("repayBorrow()()")
MINT: Function[int] = Function("mint(uint256)(uint256)")
MINT_COINS: Function[None] = Function("mint()()")
REDEEM: Function[int] = Function("redeem(uint256)(uint256)")
REDEEM_UNDERLYING: Function[int] = Function("redeemUnderlying(uint256)(uint256)")
REPAY_VAI: Function[tuple[int, int]] = Function("repayVAI(uint256)(uint256,uint256)")
ALL = 2**256 - 1

NOT_ITS_HOLDER = Untold("a market is only told what an account's own holder sends")
ALL_COINS = Untold("a market of coins takes no word for all of a debt: name an amount")
NO_CONTROLLER = Untold("the VAI controller's address was not read: read the account again")


def calls_of(part: Leg | VaiDebt, action: AssetAction, hands: Hands) -> tuple[UnsignedCall, ...] | Untold:
    """See CallableRule; `part` is the market or the debt in VAI, with its interest up to the reading."""
    if hands.sender != hands.holder:
        return NOT_ITS_HOLDER
    if isinstance(part, VaiDebt):
        return _vai(part, action.asset, action.raw)
    market = token_address(part.c_token)
    if market is None:
        return Untold(f"{part.c_token} is no market's token")
    if isinstance(action, Repay):
        return _repayment(part, market, action)
    if isinstance(action, Deposit):
        said = f"Supply {action.raw} of {action.asset} to {market}"
        if part.native:
            return (UnsignedCall(market, MINT_COINS.at(market).data, action.raw, said),)
        mint = MINT.at(market, action.raw).data
        return approval(part.feed.asset, market, action.raw), UnsignedCall(market, mint, 0, said)
    redeem = (
        REDEEM.at(market, part.tokens) if action.raw is None else REDEEM_UNDERLYING.at(market, action.raw)
    )
    said = f"Withdraw {'all' if action.raw is None else action.raw} of {action.asset} from {market}"
    return (UnsignedCall(market, redeem.data, 0, said),)


def _repayment(leg: Leg, market: Address, action: Repay) -> tuple[UnsignedCall, ...] | Untold:
    raw = action.raw
    said = f"Repay {'all' if raw is None else raw} of {action.asset} to {market}"
    if leg.native:
        if raw is None:
            return ALL_COINS
        return (UnsignedCall(market, REPAY_COINS.at(market).data, raw, said),)
    most = with_margin(leg.owed) if raw is None else raw
    repay = REPAY.at(market, ALL if raw is None else raw).data
    calls = (approval(leg.feed.asset, market, most), UnsignedCall(market, repay, 0, said))
    return calls if most < leg.owed else (*calls, approval(leg.feed.asset, market, 0))


def _vai(vai: VaiDebt, asset: AssetId, raw: int | None) -> tuple[UnsignedCall, ...] | Untold:
    if vai.controller is None:
        return NO_CONTROLLER
    # The controller takes what is owed of a larger amount, and a little less than a smaller one.
    most = with_margin(vai.debt.owed) if raw is None else raw
    said = f"Repay {'all' if raw is None else raw} of the debt in VAI"
    repay = UnsignedCall(vai.controller, REPAY_VAI.at(vai.controller, most).data, 0, said)
    return approval(asset, vai.controller, most), repay, approval(asset, vai.controller, 0)
