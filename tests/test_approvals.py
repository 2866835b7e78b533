"""Allowances as calls: what they encode, and what has none."""

from __future__ import annotations

import pytest

from aggregator.contract import Function, approval, token_address
from aggregator.model.assets import AssetId, index_id, native_id, token_id
from aggregator.model.units import Address, ChainId

TOKEN = Address("0x" + "a1" * 20)
SPENDER = Address("0x" + "b2" * 20)


@pytest.mark.parametrize("raw", [0, 1, 2**256 - 1])
def test_an_approval_is_the_token_s_own_call(raw: int) -> None:
    call = approval(token_id(ChainId(10), TOKEN), SPENDER, raw)
    assert (call.to, call.value, call.later) == (TOKEN, 0, None)
    approve = Function[bool]("approve(address,uint256)(bool)")
    assert call.data == approve.selector + bytes(12) + b"\xb2" * 20 + raw.to_bytes(32, "big")
    assert {SPENDER, TOKEN} <= set(call.description.split())
    assert ("no more" in call.description) is (raw == 0)


@pytest.mark.parametrize(
    "asset",
    [
        native_id(ChainId(1)),
        index_id("ETH"),
        AssetId("eip155:1/erc20:0x12"),
        AssetId(f"index:/erc20:{TOKEN}"),
    ],
)
def test_what_is_no_token_has_no_address(asset: AssetId) -> None:
    assert token_address(asset) is None
    with pytest.raises(ValueError, match="no ERC-20 token"):
        approval(asset, SPENDER, 1)


def test_more_than_a_word_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit uint256"):
        approval(token_id(ChainId(1), TOKEN), SPENDER, 2**256)
