"""An owner's actions as calls of the pool and its tokens, unsigned.

Source: Pool and AToken of the releases named in versions.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.aave_v3.margin import Leg
from adapters.aave_v3.versions import Maths
from aggregator.contract import Function, approval, token_address, with_margin
from aggregator.model.actions import Action, AssetAction, Deposit, Repay, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.calls import Hands, Permits, UnsignedCall
from aggregator.model.units import Address

SUPPLY: Function[None] = Function("supply(address,uint256,address,uint16)()")
WITHDRAW: Function[int] = Function("withdraw(address,uint256,address)(uint256)")
REPAY: Function[int] = Function("repay(address,uint256,uint256,address)(uint256)")
USE_AS_COLLATERAL: Function[None] = Function("setUserUseReserveAsCollateral(address,bool)()")
TRANSFER_FROM: Function[bool] = Function("transferFrom(address,address,uint256)(bool)")
ALL = 2**256 - 1
STABLE, VARIABLE = 1, 2
# Up to V3.4 a transfer of aTokens rounds half up: so much more is taken for what it may lack.
SLACK = 2

UNTOLD_ALL = Untold("somebody else can't take all of a supply that grows: name an amount")
NO_POOL = Untold("the pool's address was not read: read the account again")


@dataclass(frozen=True, slots=True)
class Side:
    """Where the calls of one reserve go; `leg` is the account's, None where it has none there.

    `enables`: what is supplied is collateral only once the owner says so.
    """

    pool: Address
    a_token: Address | None
    leg: Leg | None
    maths: Maths
    read_at: int
    enables: bool = False


def calls_of(side: Side, action: AssetAction, hands: Hands) -> tuple[UnsignedCall, ...] | Untold:
    """See CallableRule; a holder withdraws to itself, another sender takes aTokens and withdraws those."""
    token = token_address(action.asset)
    if token is None:
        return Untold(f"{action.asset} is no token of the pool")
    if isinstance(action, Repay):
        return _repayments(side, token, action, hands)
    if isinstance(action, Deposit):
        supply = SUPPLY.at(side.pool, token, action.raw, hands.holder, 0)
        call = UnsignedCall(side.pool, supply.data, 0, f"Supply {action.raw} of {token} to Aave")
        given = approval(action.asset, side.pool, action.raw)
        if not side.enables:
            return given, call
        if hands.sender != hands.holder:
            return Untold("only the holder itself can say that a new asset is to count as collateral")
        counted = USE_AS_COLLATERAL.at(side.pool, token, True)  # noqa: FBT003
        return given, call, UnsignedCall(side.pool, counted.data, 0, f"Count {token} as collateral on Aave")
    raw = ALL if action.raw is None else action.raw
    withdraw = WITHDRAW.at(side.pool, token, raw, hands.sender)
    whole = "all" if action.raw is None else action.raw
    call = UnsignedCall(side.pool, withdraw.data, 0, f"Withdraw {whole} of {token} from Aave")
    if hands.sender == hands.holder:
        return (call,)
    taken = _taken(side, action)
    if isinstance(taken, Untold):
        return taken
    a_token, amount = taken
    pull = TRANSFER_FROM.at(a_token, hands.holder, hands.sender, amount)
    said = f"Take {amount} of the aToken {a_token} from {hands.holder}"
    return UnsignedCall(a_token, pull.data, 0, said), call


def permits_of(side: Side, action: Action, hands: Hands) -> Permits | Untold:
    """See DelegatedRule: an allowance of aTokens for a withdrawal."""
    if not isinstance(action, Withdraw) or hands.sender == hands.holder:
        return Permits((), ())
    taken = _taken(side, action)
    if isinstance(taken, Untold):
        return taken
    a_token, amount = taken
    chain, _, _ = action.asset.partition("/")
    receipt = AssetId(f"{chain}/erc20:{a_token}")
    return Permits((approval(receipt, hands.sender, amount),), ())


def _taken(side: Side, action: Withdraw) -> tuple[Address, int] | Untold:
    """The aToken, and how much of it another sender takes."""
    if action.raw is None:
        return UNTOLD_ALL
    if side.a_token is None:
        return Untold("the aToken's address was not read: read the account again")
    return side.a_token, action.raw if side.maths is Maths.V3_5 else action.raw + SLACK


def _repayments(side: Side, token: Address, action: Repay, hands: Hands) -> tuple[UnsignedCall, ...] | Untold:
    """One repayment for each kind of debt, the variable one first; the pool caps each at what is owed."""
    leg = side.leg
    if leg is None:
        return Untold(f"the account owes no {action.asset}")
    owed = leg.owed(side.maths, side.read_at)
    modes = [mode for mode, some in ((VARIABLE, leg.owed_scaled), (STABLE, leg.stable)) if some]
    if not modes:
        return Untold(f"the account owes no {action.asset}")
    if action.raw is not None and len(modes) > 1:
        variable = leg.accrual.owed(side.maths, leg.owed_scaled, side.read_at)
        if action.raw > variable:
            return Untold(
                "a part of a debt at both rates: repay what is owed at the variable rate, then the rest"
            )
        modes = [VARIABLE]
    most = with_margin(owed) if action.raw is None else action.raw
    # The pool takes "all of it" from the debtor only; from others a number, of which it takes what is owed.
    whole = ALL if hands.sender == hands.holder else most
    raw = whole if action.raw is None else action.raw
    said = "all" if action.raw is None else str(action.raw)
    repayments = tuple(
        UnsignedCall(
            side.pool,
            REPAY.at(side.pool, token, raw, mode, hands.holder).data,
            0,
            f"Repay {said} of {token} to Aave" + (" at the stable rate" if mode == STABLE else ""),
        )
        for mode in modes
    )
    calls = (approval(action.asset, side.pool, most), *repayments)
    # What may exceed the debt leaves an allowance.
    return calls if action.raw is not None and most < owed else (*calls, approval(action.asset, side.pool, 0))
