"""An owner's actions as calls of a comet, unsigned.

Source: Comet.sol, github compound-finance/comet at d5a30b0.
"""

from __future__ import annotations

from aggregator.contract import Function, approval, with_margin
from aggregator.contract import token_address as address_of
from aggregator.model.actions import AssetAction, Repay, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.calls import Hands, UnsignedCall
from aggregator.model.units import Address

SUPPLY: Function[None] = Function("supply(address,uint256)()")
WITHDRAW: Function[None] = Function("withdraw(address,uint256)()")
ALL = 2**256 - 1

NO_COMET = Untold("the comet's address was not read: read the account again")
NOT_ITS_HOLDER = Untold("a comet is only told what an account's own holder sends")


def calls_of(
    comet: Address, base: AssetId, owed: int, balance: int | None, action: AssetAction, hands: Hands
) -> tuple[UnsignedCall, ...] | Untold:
    """See CallableRule; `owed` is the debt when it was read, `balance` what there is of a collateral.

    All of the base is the largest number, of a collateral its balance.
    """
    if hands.sender != hands.holder:
        return NOT_ITS_HOLDER
    token = address_of(action.asset)
    if token is None:
        return Untold(f"{action.asset} is no token of the comet")
    if isinstance(action, Withdraw):
        whole = ALL if action.asset == base else balance
        raw = whole if action.raw is None else action.raw
        if raw is None:
            return Untold(f"the account has no {action.asset}")
        said = f"Withdraw {'all' if action.raw is None else raw} of {token} from Compound"
        return (UnsignedCall(comet, WITHDRAW.at(comet, token, raw).data, 0, said),)
    if action.raw is None:
        calls = (
            approval(action.asset, comet, with_margin(owed)),
            UnsignedCall(comet, SUPPLY.at(comet, token, ALL).data, 0, f"Repay all of {token} to Compound"),
        )
        return (*calls, approval(action.asset, comet, 0))
    verb = "Repay" if isinstance(action, Repay) else "Supply"
    supply = SUPPLY.at(comet, token, action.raw).data
    said = f"{verb} {action.raw} of {token} to Compound"
    return approval(action.asset, comet, action.raw), UnsignedCall(comet, supply, 0, said)
