"""A borrower's actions as calls of Morpho, unsigned.

Source: Morpho.sol of npm @morpho-org/morpho-blue 1.0.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from adapters.morpho_blue.liquidation import Position
from adapters.morpho_blue.venue import Venue
from aggregator.contract import Function, approval, token_address, with_margin
from aggregator.model.actions import NO_DERIVATIVES, Action, Deposit, Repay, Trade, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.calls import Hands, Permits, UnsignedCall

_PARAMS = "(address,address,address,address,uint256)"
REPAY: Function[tuple[int, int]] = Function(
    f"repay({_PARAMS},uint256,uint256,address,bytes)(uint256,uint256)"
)
SUPPLY_COLLATERAL: Function[None] = Function(f"supplyCollateral({_PARAMS},uint256,address,bytes)()")
WITHDRAW_COLLATERAL: Function[None] = Function(f"withdrawCollateral({_PARAMS},uint256,address,address)()")
AUTHORIZE: Function[None] = Function("setAuthorization(address,bool)()")

NO_VENUE = Untold("the contract's address was not read: read the account again")


@dataclass(frozen=True, slots=True)
class Side:
    """An account's market; `owed` is the debt in assets when it was read."""

    venue: Venue
    loan: AssetId
    collateral: AssetId
    lltv: int
    position: Position
    owed: int


def calls_of(side: Side, action: Action, hands: Hands) -> tuple[UnsignedCall, ...] | Untold:
    """See CallableRule; all of a debt is repaid by the shares that were read, which do not grow."""
    morpho = side.venue.morpho
    loan, collateral = token_address(side.loan), token_address(side.collateral)
    params = (loan, collateral, side.venue.oracle, side.venue.irm, side.lltv)
    match action:
        case Repay(asset, raw) if asset == side.loan:
            whole = raw is None
            most = with_margin(side.owed) if raw is None else raw
            shares = side.position.borrow_shares if whole else 0
            data = REPAY.at(morpho, params, 0 if whole else raw, shares, hands.holder, b"").data
            said = f"Repay {'all' if whole else raw} of {loan} to Morpho"
            calls = (approval(asset, morpho, most), UnsignedCall(morpho, data, 0, said))
            return (*calls, approval(asset, morpho, 0)) if whole else calls
        case Deposit(asset, raw) if asset == side.collateral:
            data = SUPPLY_COLLATERAL.at(morpho, params, raw, hands.holder, b"").data
            said = f"Supply {raw} of {collateral} to Morpho as collateral"
            return approval(asset, morpho, raw), UnsignedCall(morpho, data, 0, said)
        case Withdraw(asset, raw) if asset == side.collateral:
            amount = side.position.collateral if raw is None else raw
            data = WITHDRAW_COLLATERAL.at(morpho, params, amount, hands.holder, hands.sender).data
            return (UnsignedCall(morpho, data, 0, f"Withdraw {amount} of {collateral} from Morpho"),)
        case Trade():
            return NO_DERIVATIVES
        case Repay() | Deposit() | Withdraw():
            return Untold(
                f"the market lends {side.loan} against {side.collateral}: {action.asset} is neither"
            )
        case _:
            assert_never(action)


def permits_of(side: Side, action: Action, hands: Hands) -> Permits | Untold:
    """See DelegatedRule: Morpho authorises for all markets and any amount, so it is taken back."""
    if isinstance(action, Trade):
        return NO_DERIVATIVES
    if not isinstance(action, Withdraw) or hands.sender == hands.holder:
        return Permits((), ())
    morpho, other = side.venue.morpho, hands.sender
    grant, revoke = (AUTHORIZE.at(morpho, other, allowed).data for allowed in (True, False))
    return Permits(
        (UnsignedCall(morpho, grant, 0, f"Let {other} act for {hands.holder} in all of Morpho"),),
        (UnsignedCall(morpho, revoke, 0, f"Let {other} act for {hands.holder} no more in Morpho"),),
    )
