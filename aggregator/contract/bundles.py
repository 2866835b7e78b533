"""The calls of a flash bundle's executor: see tests/devnet/contracts/FlashExecutor.sol, which is ours."""

from __future__ import annotations

from collections.abc import Sequence

from aggregator.abi.function import Function
from aggregator.contract.approvals import token_address
from aggregator.model.assets import AssetId
from aggregator.model.calls import UnsignedCall
from aggregator.model.units import Address

_RUN: Function[None] = Function("run(address,bytes,address[])()")
# What the lender hands back to the executor, encoded as arguments are.
_NOTE: Function[None] = Function("note(address,(address,uint256,bytes)[])()")
_TRANSFER_FROM: Function[bool] = Function("transferFrom(address,address,uint256)(bool)")


def bundle_note(token: Address, inner: Sequence[UnsignedCall]) -> bytes:
    """What an executor is told through its lender: the token that is lent, and the calls to send with it."""
    rows = [(call.to, call.value, call.data) for call in inner]
    return _NOTE.at(token, token, rows).data[4:]


def bundle_call(
    executor: Address, lender: Address, loan: bytes, inner: Sequence[UnsignedCall], left: Sequence[AssetId]
) -> UnsignedCall:
    """What an executor's owner sends: `loan` is the call of the lender, which must hand `bundle_note` back.

    The tokens of `left`, and those that `inner` takes from somebody, go to the owner in the end. Raises
    ValueError where one of `left` is no ERC-20 token and no native coin.
    """
    tokens: dict[Address, None] = {}
    for asset in left:
        address = token_address(asset)
        if address is not None:
            tokens[address] = None
        elif not asset.endswith("/native"):
            raise ValueError(f"{asset} is no token that an executor can have")
    pulled = (call.to for call in inner if call.data[:4] == _TRANSFER_FROM.selector)
    tokens |= dict.fromkeys(pulled)
    value = sum(call.value for call in inner)
    data = _RUN.at(executor, lender, loan, list(tokens)).data
    steps = "; ".join(call.description for call in inner)
    return UnsignedCall(executor, data, value, f"Borrow from {lender} for one transaction: {steps}; pay back")
