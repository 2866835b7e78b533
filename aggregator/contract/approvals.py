"""Allowances and transfers of ERC-20 tokens as unsigned calls: exact amounts, never without a limit."""

from __future__ import annotations

from aggregator.abi.function import Function
from aggregator.model.assets import AssetId
from aggregator.model.calls import UnsignedCall
from aggregator.model.errors import InvalidAddress
from aggregator.model.units import Address, parse_address

_APPROVE: Function[bool] = Function("approve(address,uint256)(bool)")
_TRANSFER: Function[bool] = Function("transfer(address,uint256)(bool)")


def token_address(asset: AssetId) -> Address | None:
    """The contract of an ERC-20 token; None for a native coin, an index, and whatever has none."""
    chain, _, rest = asset.partition("/")
    kind, _, address = rest.partition(":")
    if not chain.startswith("eip155:") or kind != "erc20":
        return None
    try:
        return parse_address(address)
    except InvalidAddress:
        return None


def approval(token: AssetId, spender: Address, raw: int) -> UnsignedCall:
    """Let `spender` take exactly `raw` of an ERC-20 token, in its smallest unit; 0 takes the allowance back.

    It replaces the allowance that is there. Some tokens, such as USDT on Ethereum, refuse to change one that
    is not zero into another: what leaves a rest (a whole debt's repayment has a margin) is followed by
    `approval(token, spender, 0)`. Raises ValueError on an asset that is no ERC-20 token.
    """
    address = token_address(token)
    if address is None:
        raise ValueError(f"{token} is no ERC-20 token, and nobody can be allowed to take it")
    data = _APPROVE.at(address, spender, raw).data
    said = f"Let {spender} take {raw} of the smallest unit of the token {address}"
    if not raw:
        said = f"Let {spender} take no more of the token {address}"
    return UnsignedCall(address, data, 0, said)


def transfer(token: Address, to: Address, raw: int) -> UnsignedCall:
    """Send so much of an ERC-20 token, in its smallest unit."""
    return UnsignedCall(token, _TRANSFER.at(token, to, raw).data, 0, f"send {raw} units of {token} to {to}")


def with_margin(raw: int) -> int:
    """What is allowed for the repayment of all of a debt, which grows until it is mined: 1% above `raw`.

    What of it is not used is to be taken back, see `approval`.
    """
    return raw + raw // 100 + 1
